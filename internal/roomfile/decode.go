package roomfile

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/room"
)

// decoder puts values into Go structs by their yaml tags, strictly: what has no
// place is an error with a hint, and every error has its place. The same tags
// make the schema, see schema.go; the two must agree.
type decoder struct {
	fail  func(at place, format string, args ...any)
	types map[reflect.Type][]attribute // what is known of them already
}

// attributes is the function of this name, once for each type.
func (d *decoder) attributes(t reflect.Type) []attribute {
	known, found := d.types[t]
	if !found {
		known = attributes(t)
		if d.types == nil {
			d.types = make(map[reflect.Type][]attribute)
		}
		d.types[t] = known
	}
	return known
}

// texts is one text or a list of them.
type texts []string

// never is the word for a time that does not come.
const never = "never"

// timeOrNever is a duration that may be "never", which is negative here.
type timeOrNever time.Duration

// UnmarshalText reads "never" or a duration.
func (t *timeOrNever) UnmarshalText(text []byte) error {
	if string(text) == never {
		*t = -1
		return nil
	}
	d, err := parseDuration(string(text))
	if err == nil && d == 0 {
		d = -1
	}
	*t = timeOrNever(d)
	return err
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a time; write a number with a unit, such as 250ms, 30s or 2m", text)
	case d < 0:
		return 0, fmt.Errorf("a time cannot be negative")
	case d > 1000*time.Hour:
		return 0, fmt.Errorf("%s is too long; the limit is 1000h", text)
	}
	return d, nil
}

// attribute is one field of a struct as the room file sees it.
type attribute struct {
	name     string
	index    []int
	doc      string
	enum     []string
	def      string
	required bool
}

// attributes gives the fields of a struct type that have a yaml tag.
func attributes(t reflect.Type) []attribute {
	var out []attribute
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if strings.Contains(options, "inline") {
			inner := f.Type
			for _, a := range attributes(inner) {
				a.index = append([]int{i}, a.index...)
				out = append(out, a)
			}
			continue
		}
		if tag == "" || tag == "-" || !f.IsExported() {
			continue
		}
		a := attribute{name: tag, index: f.Index, doc: f.Tag.Get("doc"), def: f.Tag.Get("default"), required: f.Tag.Get("required") == "true"}
		if e := f.Tag.Get("enum"); e != "" {
			a.enum = strings.Split(e, ",")
		}
		out = append(out, a)
	}
	return out
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textsType    = reflect.TypeFor[texts]()
	anythingType = reflect.TypeFor[anything]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonType     = reflect.TypeFor[json.Unmarshaler]()
)

// decode puts v into dst, which is settable. It returns whether all was well.
func (d *decoder) decode(v *value, dst reflect.Value) {
	switch {
	case dst.Kind() == reflect.Pointer:
		if v.shape == nothing {
			return
		}
		dst.Set(reflect.New(dst.Type().Elem()))
		d.decode(v, dst.Elem())
	case dst.Type() == durationType:
		if text, ok := d.scalar(v, "a time such as 30s"); ok {
			t, err := parseDuration(text)
			if err != nil {
				d.fail(v.at, "%s", err)
			}
			dst.SetInt(int64(t))
		}
	case dst.Addr().Type().Implements(textType):
		if text, ok := d.scalar(v, "a text"); ok {
			if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
				d.fail(v.at, "%s", err)
			}
		}
	case dst.Addr().Type().Implements(jsonType): // whoever it is looks at it himself
		if err := json.Unmarshal([]byte(v.json()), dst.Addr().Interface()); err != nil {
			d.fail(v.at, "%s", err)
		}
	case dst.Type() == textsType && v.shape != list:
		if text, ok := d.text(v); ok {
			dst.Set(reflect.ValueOf(texts{text}))
		}
	case dst.Type() == anythingType:
	default:
		d.kind(v, dst)
	}
}

func (d *decoder) kind(v *value, dst reflect.Value) {
	switch dst.Kind() {
	case reflect.String:
		if text, ok := d.text(v); ok {
			dst.SetString(text)
		}
	case reflect.Bool:
		d.boolean(v, dst)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.number(v, "a whole number", func(text string) error {
			n, err := strconv.ParseInt(text, 10, dst.Type().Bits())
			dst.SetInt(n)
			return err
		})
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.number(v, "a whole number, not below zero,", func(text string) error {
			n, err := strconv.ParseUint(text, 10, dst.Type().Bits())
			dst.SetUint(n)
			return err
		})
	case reflect.Float32, reflect.Float64:
		d.number(v, "a number", func(text string) error {
			n, err := strconv.ParseFloat(text, dst.Type().Bits())
			if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
				err = strconv.ErrRange
			}
			dst.SetFloat(n)
			return err
		})
	case reflect.Slice:
		d.slice(v, dst)
	case reflect.Map:
		d.mapping(v, dst)
	case reflect.Struct:
		d.object(v, dst)
	default:
		d.fail(v.at, "this cannot be set from a room file (%s)", dst.Type())
	}
}

// scalar gives the text of a scalar as typed.
func (d *decoder) scalar(v *value, want string) (string, bool) {
	switch v.shape {
	case scalar:
		return v.text, true
	case nothing:
		d.fail(v.at, "%s is missing here", want)
	case list:
		d.fail(v.at, "%s is expected here, not a list", want)
	case mapping:
		d.fail(v.at, "%s is expected here, not keys and values", want)
	}
	return "", false
}

// text is scalar for what is a text to YAML too, or a number used as a name.
func (d *decoder) text(v *value) (string, bool) {
	text, ok := d.scalar(v, "a text")
	if ok && !v.quoted && (text == "true" || text == "false") {
		d.fail(v.at, "%s is not a text; put it in quotes if it is meant as one", text)
		return "", false
	}
	return text, ok
}

func (d *decoder) boolean(v *value, dst reflect.Value) {
	text, ok := d.scalar(v, "yes or no")
	if !ok {
		return
	}
	switch text {
	case "true", "yes":
		dst.SetBool(true)
	case "false", "no":
		dst.SetBool(false)
	default:
		d.fail(v.at, "%q is neither yes nor no", text)
	}
}

func (d *decoder) number(v *value, want string, set func(string) error) {
	text, ok := d.scalar(v, want)
	if !ok {
		return
	}
	if err := set(text); err != nil || v.quoted {
		d.fail(v.at, "%q is not %s", text, strings.TrimSuffix(want, ","))
	}
}

func (d *decoder) slice(v *value, dst reflect.Value) {
	switch v.shape {
	case nothing:
		d.fail(v.at, "a list is missing here")
	case list:
		out := reflect.MakeSlice(dst.Type(), len(v.items), len(v.items))
		for i, item := range v.items {
			d.decode(item, out.Index(i))
		}
		dst.Set(out)
	case scalar, mapping:
		d.fail(v.at, "a list is expected here, such as [a, b]")
	}
}

func (d *decoder) mapping(v *value, dst reflect.Value) {
	if v.shape == nothing {
		return
	}
	if v.shape != mapping {
		d.fail(v.at, "keys and values are expected here")
		return
	}
	d.repeats(v)
	out := reflect.MakeMapWithSize(dst.Type(), len(v.fields))
	for _, f := range v.fields {
		elem := reflect.New(dst.Type().Elem()).Elem()
		d.decode(f.value, elem)
		out.SetMapIndex(reflect.ValueOf(f.key).Convert(dst.Type().Key()), elem)
	}
	dst.Set(out)
}

// repeats complains of keys that are there twice.
func (d *decoder) repeats(v *value) {
	const few = 16 // up to here looking is cheaper than remembering
	var first map[string]place
	if len(v.fields) > few {
		first = make(map[string]place, len(v.fields))
	}
	for i, f := range v.fields {
		at, found := first[f.key]
		for k := 0; first == nil && !found && k < i; k++ {
			at, found = v.fields[k].at, v.fields[k].key == f.key
		}
		switch {
		case found:
			d.fail(f.at, "%q is here twice (first in line %d)", f.key, at.line)
		case first != nil:
			first[f.key] = f.at
		}
	}
}

func (d *decoder) object(v *value, dst reflect.Value) { d.objectPart(v, dst, false) }

// objectPart is object; with some set, required fields may be absent.
func (d *decoder) objectPart(v *value, dst reflect.Value, some bool) {
	if v.shape != mapping && v.shape != nothing {
		d.fail(v.at, "keys and values are expected here")
		return
	}
	d.repeats(v)
	attrs := d.attributes(dst.Type())
	unknown := 0
	for _, f := range v.fields {
		i := slices.IndexFunc(attrs, func(a attribute) bool { return a.name == f.key })
		if i < 0 {
			if unknown++; unknown <= manyUnknown {
				d.fail(f.at, "%s", unknownKey(f.key, attrs))
			}
			continue
		}
		d.decode(f.value, dst.FieldByIndex(attrs[i].index))
		if enum := attrs[i].enum; enum != nil && f.value.shape == scalar && !slices.Contains(enum, f.value.text) {
			d.fail(f.value.at, "%q is not one of %s", f.value.text, strings.Join(enum, ", "))
		}
	}
	for _, a := range attrs {
		if a.required && !some && v.get(a.name) == nil {
			d.fail(v.at, "%s is missing: %s", a.name, a.doc)
		}
	}
}

// manyUnknown is after how many unknown keys in one place no more are told.
const manyUnknown = 20

// unknownKey words the error for a key that is not known.
func unknownKey(key string, attrs []attribute) string {
	names := make([]string, len(attrs))
	for i, a := range attrs {
		names[i] = a.name
	}
	if near := room.Nearest(key, names); len(near) > 0 {
		return fmt.Sprintf("there is no key %q here; did you mean %s?", key, strings.Join(near, " or "))
	}
	slices.Sort(names)
	return fmt.Sprintf("there is no key %q here; there are %s", key, strings.Join(names, ", "))
}
