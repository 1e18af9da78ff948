// Package getopt reads command lines as getopt_long of the GNU library does:
// short options may be joined ("-qx"), long ones shortened to what is unique
// ("--exp"), and options may stand behind other words until a "--". The programs
// that Millwright stands in for are called that way, and Go's flag libraries
// cannot abbreviate.
//
// Start at [Parse].
package getopt

import (
	"errors"
	"fmt"
	"strings"
)

// Option is one row of a program's option table.
type Option struct {
	Short byte   // 0 for none
	Long  string // "" for none
	Arg   bool   // it takes a value
}

// Errors of [Parse]; they come wrapped with the option that they are about.
var (
	ErrUnknown = errors.New("unknown option")
	ErrValue   = errors.New("the option needs a value")
	ErrNoValue = errors.New("the option takes no value")
)

// Parse calls set for each option, in order, and gives the other words.
func Parse(args []string, table []Option, set func(o Option, value string) error) (words []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(words, args...), nil
		case strings.HasPrefix(arg, "--"):
			args, err = long(arg[2:], args, table, set)
		case len(arg) > 1 && arg[0] == '-':
			args, err = shorts(arg[1:], args, table, set)
		default:
			words = append(words, arg)
		}
		if err != nil {
			return words, err
		}
	}
	return words, nil
}

func long(text string, rest []string, table []Option, set func(Option, string) error) ([]string, error) {
	name, value, attached := strings.Cut(text, "=")
	o, err := find(name, table)
	switch {
	case err != nil:
		return rest, err
	case attached && !o.Arg:
		return rest, fmt.Errorf("--%s: %w", o.Long, ErrNoValue)
	case o.Arg && !attached:
		if len(rest) == 0 {
			return rest, fmt.Errorf("--%s: %w", o.Long, ErrValue)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, set(o, value)
}

// find gives the option of that name, or the only one that begins like it.
func find(name string, table []Option) (found Option, err error) {
	n := 0
	for _, o := range table {
		if o.Long == name && name != "" {
			return o, nil
		}
		if name != "" && strings.HasPrefix(o.Long, name) {
			found = o
			n++
		}
	}
	if n != 1 {
		return found, fmt.Errorf("--%s: %w", name, ErrUnknown)
	}
	return found, nil
}

func shorts(letters string, rest []string, table []Option, set func(Option, string) error) ([]string, error) {
	for letters != "" {
		letter := letters[0]
		letters = letters[1:]
		o, ok := short(letter, table)
		if !ok {
			return rest, fmt.Errorf("-%c: %w", letter, ErrUnknown)
		}
		value := ""
		if o.Arg {
			switch {
			case letters != "":
				value, letters = letters, ""
			case len(rest) > 0:
				value, rest = rest[0], rest[1:]
			default:
				return rest, fmt.Errorf("-%c: %w", letter, ErrValue)
			}
		}
		if err := set(o, value); err != nil {
			return rest, err
		}
	}
	return rest, nil
}

func short(letter byte, table []Option) (Option, bool) {
	for _, o := range table {
		if o.Short == letter {
			return o, true
		}
	}
	return Option{}, false
}
