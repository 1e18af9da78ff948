package bmccli

import (
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
)

// plainly makes of a value what JSON is to have: fields without a name of their own get
// one in small letters, what has a name is told by it rather than by its number, spans of
// time are seconds, and bytes are hexadecimal.
func plainly(v any) any {
	if v == nil {
		return nil
	}
	return plainValue(reflect.ValueOf(v))
}

func plainValue(v reflect.Value) any {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		if v.Kind() == reflect.Interface {
			return plainValue(v.Elem())
		}
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.Seconds()
	case time.Time:
		if x.IsZero() {
			return nil
		}
		return x
	case error:
		return x.Error()
	case json.Marshaler, encoding.TextMarshaler:
		return x
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return plainValue(v.Elem())
	case reflect.Struct:
		m := make(map[string]any)
		plainFields(v, m)
		return m
	case reflect.Map:
		m := make(map[string]any)
		for _, k := range v.MapKeys() {
			m[fmt.Sprint(k.Interface())] = plainValue(v.MapIndex(k))
		}
		return m
	case reflect.Slice, reflect.Array:
		return plainList(v)
	default:
		return v.Interface()
	}
}

func plainList(v reflect.Value) any {
	if v.Type().Elem().Kind() == reflect.Uint8 && v.Type().Elem().PkgPath() == "" {
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return hex.EncodeToString(b)
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = plainValue(v.Index(i))
	}
	return list
}

func plainFields(v reflect.Value, m map[string]any) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "-":
			continue
		case f.Anonymous && name == "" && v.Field(i).Kind() == reflect.Struct:
			plainFields(v.Field(i), m)
			continue
		case rest == "omitempty" && v.Field(i).IsZero():
			continue
		case name == "":
			name = small(f.Name)
		}
		m[name] = plainValue(v.Field(i))
	}
}

// small gives the name of a field in small letters but for the beginnings of words inside:
// HasPeer is hasPeer, and IPMI2 is ipmi2.
func small(name string) string {
	letters := []rune(name)
	for i := range letters {
		if i > 0 && i+1 < len(letters) && unicode.IsLower(letters[i+1]) {
			break
		}
		letters[i] = unicode.ToLower(letters[i])
	}
	return string(letters)
}
