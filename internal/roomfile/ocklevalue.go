package roomfile

import (
	"context"
	"net"
	"strconv"
	"time"

	"millwright.dev/millwright/ockle/ini"
)

// What follows makes values as they are read from a room file, with places in files of
// Ockle's: so all that holds for room files holds for those.

func textAt(at place, text string) *value {
	return &value{at: at, shape: scalar, text: text, quoted: true}
}

// plainAt makes a scalar that may be a number or a truth value.
func plainAt(at place, text string) *value { return &value{at: at, shape: scalar, text: text} }

func timeAt(at place, d time.Duration) *value { return plainAt(at, d.String()) }

func boolAt(at place, b bool) *value {
	return plainAt(at, map[bool]string{true: "yes", false: "no"}[b])
}

func listAt(at place, texts []string) *value {
	v := &value{at: at, shape: list, items: make([]*value, len(texts))}
	for i, text := range texts {
		v.items[i] = textAt(at, text)
	}
	return v
}

// openAt makes a value of a setting of our own that stands in a file of Ockle's.
func openAt(at place, text string) *value {
	if len(text) > 0 && text[0] == '[' {
		if items, err := ini.List(text); err == nil {
			v := &value{at: at, shape: list, items: make([]*value, len(items))}
			for i, item := range items {
				v.items[i] = plainAt(at, item)
			}
			return v
		}
	}
	return plainAt(at, text)
}

func mapAt(at place, fields ...field) *value {
	v := &value{at: at, shape: mapping}
	for _, f := range fields {
		if f.value != nil {
			v.fields = append(v.fields, f)
		}
	}
	return v
}

// key makes a field whose key stands where its value does.
func key(name string, v *value) field {
	f := field{key: name, value: v}
	if v != nil {
		f.at = v.at
	}
	return f
}

// truth reads a truth value that was checked before.
func truth(text string) bool {
	b, _ := ini.Bool(text)
	return b
}

func ockleLoopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func background() context.Context { return context.Background() }
