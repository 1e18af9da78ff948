package exec

import (
	"slices"
	"strings"
	"testing"
)

func TestTemplate(t *testing.T) {
	names := map[string]string{placePlug: "a b", placePlugs: "n[1-3]", placeDevice: "'dev"}
	for command, want := range map[string][]string{
		"x":                           {"x"},
		" x\t y  z ":                  {"x", "y", "z"},
		`x 'a  b' "c 'd" e' 'f ''`:    {"x", "a  b", "c 'd", "e f", ""},
		"x {plug} -{plug}-{device}":   {"x", "a b", "-a b-'dev"},
		"x '{plugs}'":                 {"x", "n[1-3]"},
		"awk '{ print $1 }' {}":       {"awk", "{ print $1 }", "{}"},
		"d -f {{.State}} {{plug}} {{": {"d", "-f", "{{.State}}", "{{plug}}", "{{"},
		"x {":                         {"x", "{"},
		`x \ "\"`:                     {"x", `\`, `\`},
	} {
		got, err := parseTemplate(command)
		if err != nil {
			t.Errorf("%q: %v", command, err)
			continue
		}
		if argv := got.fill(names); !slices.Equal(argv, want) {
			t.Errorf("%q became %q, want %q", command, argv, want)
		}
	}
}

// FuzzTemplate: no name can change what the arguments are, only what is in them.
func FuzzTemplate(f *testing.F) {
	f.Add("virsh start {plug}", "web 1")
	f.Add("x '{plugs}' {device} {{a}} {", "'\" {plug}")
	f.Fuzz(func(t *testing.T, command, name string) {
		tmpl, err := parseTemplate(command)
		if err != nil {
			return
		}
		marked := tmpl.fill(map[string]string{placePlug: "\x00", placePlugs: "\x00", placeDevice: "\x00"})
		filled := tmpl.fill(map[string]string{placePlug: name, placePlugs: name, placeDevice: name})
		if len(marked) != len(filled) || filled[0] != tmpl.program {
			t.Fatalf("%q with %q became %q", command, name, filled)
		}
		for i := range marked {
			if want := strings.ReplaceAll(marked[i], "\x00", name); filled[i] != want {
				t.Errorf("argument %d of %q is %q, want %q", i, command, filled[i], want)
			}
		}
	})
}
