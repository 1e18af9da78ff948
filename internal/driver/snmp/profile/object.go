package profile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxArcs bounds an OID (RFC 2578, section 3.5).
const maxArcs = 128

// checkObjects looks at every OID of the profile.
func (p *Profile) checkObjects() error {
	objects := map[string]string{
		"probe": p.Probe, "state: object": p.State.Object, "state: pending": p.State.Pending,
		"command: object": p.Command.Object, "rest": p.Rest, "label": p.Label, "count": p.Count,
		"identity: product": p.Identity.Product, "identity: firmware": p.Identity.Firmware,
		"identity: serial": p.Identity.Serial, "identity: name": p.Identity.Name,
	}
	for name, o := range map[string]*Order{"on": p.Command.On, "off": p.Command.Off, "cycle": p.Command.Cycle} {
		if o != nil {
			objects["command: "+name] = o.Object
		}
	}
	for i, id := range p.ObjectIDs {
		objects[fmt.Sprintf("sysobjectid: number %d", i+1)] = id
	}
	measures := p.Measures
	if p.Temperature != nil {
		measures = append(measures[:len(measures):len(measures)], *p.Temperature)
	}
	for i, m := range measures {
		for name, o := range map[string]string{"object": m.Object, "digits": m.Digits, "names": m.Names, "fahrenheit-if": m.FahrenheitIf} {
			objects[fmt.Sprintf("measures: number %d: %s", i+1, name)] = o
		}
	}
	for name, o := range objects {
		if o == "" {
			continue
		}
		if err := CheckOID(p.Fill(o, Place{Unit: 1, Group: 1, Outlet: 1})); err != nil {
			return fmt.Errorf("%s: %q: %w", name, o, err)
		}
	}
	return nil
}

// CheckOID says what is wrong with a numeric OID, with or without a leading dot.
func CheckOID(text string) error {
	arcs := strings.Split(strings.TrimPrefix(text, "."), ".")
	if len(arcs) < 2 || len(arcs) > maxArcs {
		return fmt.Errorf("an OID has 2 to %d numbers with dots between", maxArcs)
	}
	for i, a := range arcs {
		n, err := strconv.ParseUint(a, 10, 32)
		switch {
		case err != nil || a != strconv.FormatUint(n, 10):
			return fmt.Errorf("%q is no number of an OID", a)
		case i == 0 && n != 1 || i == 1 && n > 39:
			return errors.New("it begins with 1, and its second number is at most 39")
		}
	}
	return nil
}

// Of makes the OID of an object of an outlet.
func (p *Profile) Of(object string, at Place) string {
	if !strings.Contains(object, "{index}") && !strings.Contains(object, "{outlet") {
		object += ".{index}"
	}
	return p.Fill(object, at)
}

// Fill makes an OID of an object, with a dot before it, as the wire's codec has it.
// Of an object of the device as a whole only the place's unit counts.
func (p *Profile) Fill(object string, at Place) string {
	if strings.Contains(object, "{") {
		object = strings.NewReplacer(
			"{index}", p.Index.Format(at),
			"{outlet}", strconv.Itoa(at.Outlet),
			"{outlet+1}", strconv.Itoa(at.Outlet+1),
			"{unit}", strconv.Itoa(at.Unit),
		).Replace(object)
	}
	return "." + strings.TrimPrefix(object, ".")
}

// Index says how outlets are numbered in the device's tables.
type Index struct {
	// Form is outlet, unit.outlet or unit.group.outlet.
	Form  string `yaml:"form"`
	Unit  int    `yaml:"unit"`  // of a plug that names none
	Group int    `yaml:"group"` // of a plug that names none
	First int    `yaml:"first"` // the number of the first outlet
	// Letters says that plugs may be named as the device labels them: AA1, AB12.
	Letters bool `yaml:"letters"`
}

// The forms that an index may have.
const (
	formOutlet = "outlet"
	formUnit   = "unit.outlet"
	formGroup  = "unit.group.outlet"
)

// DefaultIndex is that of a profile that says nothing of it: the outlet's number.
func DefaultIndex() Index { return Index{Form: formOutlet, Unit: 1, Group: 1, First: 1} }

func (x *Index) check() error {
	switch x.Form {
	case formOutlet, formUnit, formGroup:
	default:
		return fmt.Errorf("index: the form %q is none of %s, %s, %s", x.Form, formOutlet, formUnit, formGroup)
	}
	if x.Letters && x.Form != formGroup {
		return errors.New("index: letters are for the form " + formGroup)
	}
	for _, n := range []int{x.Unit, x.Group, x.First} {
		if n < 0 || n > maxNumber {
			return fmt.Errorf("index: %d is not between 0 and %d", n, maxNumber)
		}
	}
	return nil
}

// maxNumber bounds the number of an outlet, a unit or a group.
const maxNumber = 9999

// Place is where an outlet is.
type Place struct{ Unit, Group, Outlet int }

// Format gives the index of a place.
func (x *Index) Format(at Place) string {
	outlet := strconv.Itoa(at.Outlet)
	switch x.Form {
	case formUnit:
		return strconv.Itoa(at.Unit) + "." + outlet
	case formGroup:
		return strconv.Itoa(at.Unit) + "." + strconv.Itoa(at.Group) + "." + outlet
	}
	return outlet
}

// Plug reads a plug's name: the outlet's number, or all numbers of its index with
// dots between, or its letters and number where the device has them.
func (x *Index) Plug(name string) (Place, error) {
	at := Place{Unit: x.Unit, Group: x.Group}
	parts := strings.Split(name, ".")
	if x.Letters && len(name) > 2 && letter(name[0]) > 0 && letter(name[1]) > 0 {
		at.Unit, at.Group, parts = letter(name[0]), letter(name[1]), []string{name[2:]}
	}
	var numbers []int
	for _, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > maxNumber || part != strconv.Itoa(n) {
			return at, fmt.Errorf("%q names no outlet; %s", name, x.hint())
		}
		numbers = append(numbers, n)
	}
	switch {
	case len(numbers) == 1:
	case len(numbers) == 2 && x.Form == formUnit:
		at.Unit = numbers[0]
	case len(numbers) == 3 && x.Form == formGroup:
		at.Unit, at.Group = numbers[0], numbers[1]
	default:
		return at, fmt.Errorf("%q names no outlet; %s", name, x.hint())
	}
	at.Outlet = numbers[len(numbers)-1]
	return at, nil
}

// letter gives the number that a letter stands for: A is 1; 0 if it is none.
func letter(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 1
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 1
	}
	return 0
}

func (x *Index) hint() string {
	switch {
	case x.Letters:
		return "outlets here are numbers, or as the device labels them, AA1"
	case x.Form == formOutlet:
		return "outlets here are numbers"
	}
	return "outlets here are numbers, or " + strings.ToUpper(x.Form)
}
