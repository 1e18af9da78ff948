package oem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"millwright.dev/millwright/ipmi"
)

// Knob is a setting of a BMC together with the commands that read and write it. Makers'
// code that keeps its settings as knobs has [BMCConfig] from [ReadKnobs] and [TurnKnobs].
type Knob struct {
	Name, Help string
	Choice     Choice // nil: Get and Set say what values there are
	Extended   bool   // people seldom want it
	Get        func(ctx context.Context) (string, error)
	Set        func(ctx context.Context, value string) error // nil: it can only be read
}

// ReadKnobs reads settings. Those that this BMC refuses are left out: boards of one maker
// differ in what they have.
func ReadKnobs(ctx context.Context, knobs []Knob, extended bool) ([]Setting, error) {
	var all []Setting
	for _, k := range knobs {
		if k.Extended && !extended {
			continue
		}
		v, err := k.Get(ctx)
		if Refused(err) {
			continue
		}
		if err != nil {
			return all, fmt.Errorf("read the setting %q: %w", k.Name, err)
		}
		all = append(all, Setting{Name: k.Name, Value: v, Possible: k.Choice.Names(), Help: k.Help, ReadOnly: k.Set == nil})
	}
	return all, nil
}

// TurnKnobs changes settings, in the order of the knobs. Nothing is changed if a name or a
// choice is not known.
func TurnKnobs(ctx context.Context, knobs []Knob, changes map[string]string) error {
	left := maps.Clone(changes)
	for _, k := range knobs {
		v, ok := left[k.Name]
		if !ok {
			continue
		}
		delete(left, k.Name)
		if k.Set == nil {
			return fmt.Errorf("change the setting %q: it can only be read", k.Name)
		}
		if _, known := k.Choice.Value(v); k.Choice != nil && !known {
			return fmt.Errorf("change the setting %q: it cannot be %q: it is one of %s", k.Name, v, strings.Join(k.Choice.Names(), ", "))
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("change settings: there is none called %q", slices.Sorted(maps.Keys(left))[0])
	}
	for _, k := range knobs {
		if v, ok := changes[k.Name]; ok {
			if err := k.Set(ctx, v); err != nil {
				return fmt.Errorf("change the setting %q to %q: %w", k.Name, v, err)
			}
		}
	}
	return nil
}

// Meaning is what one value of a byte means.
type Meaning struct {
	Value byte
	Name  string
}

// Choice is what the values of a byte mean.
type Choice []Meaning

// Switch is the choice between off and on.
func Switch() Choice { return Choice{{0, "disabled"}, {1, "enabled"}} }

// Name gives the meaning of a value, its number if it has none.
func (c Choice) Name(v byte) string {
	for _, m := range c {
		if m.Value == v {
			return m.Name
		}
	}
	return fmt.Sprintf("%#02x", v)
}

// Value gives the value that means name.
func (c Choice) Value(name string) (byte, bool) {
	for _, m := range c {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// Names gives all meanings, nil if there are none.
func (c Choice) Names() []string {
	var names []string
	for _, m := range c {
		names = append(names, m.Name)
	}
	return names
}

// Number reads a number that is at most most, for settings.
func Number(text string, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return 0, fmt.Errorf("%q is no number from 0 to %d", text, most)
	}
	return n, nil
}

// Refused says whether a BMC understood a request and said no, as those do that lack an
// option of their maker's.
func Refused(err error) bool {
	var no *ipmi.CodeError
	return errors.As(err, &no)
}

// After takes the three bytes of a manufacturer's number off the beginning of an answer, as
// answers of network function 2Fh have it (section 5.1). What is left has at least need bytes.
func After(what string, maker uint32, b []byte, need int) ([]byte, error) {
	if err := ipmi.Short(what, b, 3+need); err != nil {
		return nil, err
	}
	if got := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16; got != maker {
		return nil, fmt.Errorf("%s of the manufacturer %d, not %d", what, got, maker)
	}
	return b[3:], nil
}

// Before gives data with the three bytes of a manufacturer's number before it.
func Before(maker uint32, data ...byte) []byte {
	return append([]byte{byte(maker), byte(maker >> 8), byte(maker >> 16)}, data...)
}
