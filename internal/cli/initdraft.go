package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/secret"
)

// draft is a room in the making.
type draft struct {
	room   string
	device draftDevice
	nodes  string
	plugs  string
}

// draftDevice is its device.
type draftDevice struct {
	name     string
	driver   driver.Driver
	fields   []field
	settings map[string]string // by field, as it was typed
	user     string
	password secret.Ref
	secret   secret.Value // what is to be kept in the store; zero for nothing
}

// field is one setting of a driver, as its tags tell.
type field struct {
	name     string
	doc      string
	enum     []string
	usual    string // what it is if nothing is said
	required bool
	kind     reflect.Type
}

// fieldsOf gives a driver's settings in the order of its struct; only those that fit
// on a line.
func fieldsOf(d driver.Driver) []field {
	of := reflect.TypeOf(d.New())
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	var list []field
	for i := range of.NumField() {
		f := of.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" || strings.HasPrefix(name, ",") || !f.IsExported() {
			continue
		}
		it := field{name: name, doc: f.Tag.Get("doc"), usual: f.Tag.Get("default"), required: f.Tag.Get("required") == "true", kind: f.Type}
		if words := f.Tag.Get("enum"); words != "" {
			it.enum = strings.Split(words, ",")
		}
		list = append(list, it)
	}
	return list
}

// written gives a value as a room file has it. Lists and tables are typed as in one.
func (f *field) written(value string) string {
	switch kind := f.kind.Kind(); {
	case kind == reflect.String:
		return strconv.Quote(value)
	case kind == reflect.Slice && !strings.HasPrefix(value, "["):
		return "[" + strconv.Quote(value) + "]"
	case kind == reflect.Slice && !strings.ContainsAny(value, `"', `): // a host list in brackets
		return "[" + strconv.Quote(value) + "]"
	case f.kind == reflect.TypeFor[time.Duration]():
		return strconv.Quote(value)
	default:
		return value
	}
}

// set notes NAME=VALUE.
func (d *draftDevice) set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	i := slices.IndexFunc(d.fields, func(f field) bool { return f.name == name })
	switch {
	case !ok:
		return usagef("a setting is written NAME=VALUE, and not %q", text)
	case i < 0:
		return usagef("the driver %s has no setting %q; there are %s", d.driver.Name, name, strings.Join(each(d.fields, func(f field) string { return f.name }), ", "))
	case strings.ContainsAny(value, "\n\r"):
		return usagef("the setting %s is more than a line", name)
	}
	d.settings[name] = strings.TrimSpace(value)
	return nil
}

// yaml gives the room file.
func (r *draft) yaml() string {
	var b strings.Builder
	d := &r.device
	b.WriteString("# yaml-language-server: $schema=https://millwright.dev/room.schema.json\n")
	b.WriteString("# Made by: millwright init. What else a room can say: man millwright-room\n")
	fmt.Fprintf(&b, "room: %s\n", strconv.Quote(r.room))
	if d.user != "" || !d.password.IsZero() {
		fmt.Fprintf(&b, "\ncredentials:\n  %s:\n", strconv.Quote(d.name))
		if d.user != "" {
			fmt.Fprintf(&b, "    user: %s\n", strconv.Quote(d.user))
		}
		if !d.password.IsZero() {
			fmt.Fprintf(&b, "    password: %s\n", strconv.Quote(d.password.String()))
		}
	}
	fmt.Fprintf(&b, "\ndevices:\n  %s:\n    driver: %s\n", strconv.Quote(d.name), d.driver.Name)
	if d.user != "" || !d.password.IsZero() {
		fmt.Fprintf(&b, "    credential: %s\n", strconv.Quote(d.name))
	}
	if len(d.settings) > 0 {
		b.WriteString("    settings:\n")
		for i := range d.fields {
			f := &d.fields[i]
			if value, said := d.settings[f.name]; said && value != "" {
				fmt.Fprintf(&b, "      %s: %s\n", f.name, f.written(value))
			}
		}
	}
	fmt.Fprintf(&b, "\nnodes:\n  %s: {cords: %s}\n", strconv.Quote(r.nodes), strconv.Quote(d.name+":"+r.plugs))
	return b.String()
}
