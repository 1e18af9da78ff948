package profile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver/snmp/profile"
)

const good = `
name: mine
state: {object: 1.3.6.1.4.1.9.1, on: 1, off: [0, 2]}
command: {object: 1.3.6.1.4.1.9.2, on: {value: 1}, off: {value: 0}}
measures:
  - {of: plug, object: 1.3.6.1.4.1.9.3, quantity: power}
`

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"as it should be":           {"", "", ""},
		"a key that nobody knows":   {"name:", "nam:", "nam"},
		"no OID":                    {"1.3.6.1.4.1.9.1", "enterprises.9.1", "enterprises"},
		"an OID of other roots":     {"1.3.6.1.4.1.9.1", "2.3.6.1", "begins with 1"},
		"a number too large":        {"1.3.6.1.4.1.9.1", "1.3.4294967296", "no number"},
		"a place that nobody knows": {"1.3.6.1.4.1.9.1", `"1.3.6.{socket}"`, "{socket}"},
		"a value with two meanings": {"[0, 2]", "[0, 1]", "two meanings"},
		"no values":                 {", off: [0, 2]", "", "on and off"},
		"an order without a value":  {"on: {value: 1}", "on: {wakes: true}", "the value is missing"},
		"an order of text":          {"on: {value: 1}", "on: {value: yes please}", "no number"},
		"a value that is a list":    {"on: 1,", "on: [[1]],", "a value or a list"},
		"no such quantity":          {"power", "horsepower", "horsepower"},
		"a measure of nothing":      {"of: plug", "of: outlet", "none of plug"},
		"not YAML":                  {"name: mine", "name: [mine", ""},
		"no such index":             {"name: mine", "name: mine\nindex: {form: outlet.unit}", "outlet.unit"},
		"pending without values":    {"off: [0, 2]", "off: 0, pending: 1.3.6.1", "belong together"},
		"a type that nobody knows":  {"{object: 1.3.6.1.4.1.9.2,", "{type: float, object: 1.3.6.1.4.1.9.2,", "float"},
	} {
		p, err := profile.Parse([]byte(strings.Replace(good, c.from, c.to, 1)))
		switch wrong := c.from != ""; {
		case (err != nil) != wrong:
			t.Errorf("%s: %v", name, err)
		case wrong && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: it says %v, want something of %q", name, err, c.want)
		case !wrong && (p.Measures[0].Scale != 1 || len(p.State.Off) != 2):
			t.Errorf("%s: %+v", name, p)
		}
	}
	if _, err := profile.Parse([]byte(good + strings.Repeat("#", profile.MaxSize))); err == nil {
		t.Error("a profile longer than may be was taken")
	}
}

// TestBuiltinsAreTold: a profile says what it is, where it is from and how it was tested.
func TestBuiltinsAreTold(t *testing.T) {
	if len(profile.Names()) < 14 {
		t.Errorf("there are %v: one of the files cannot be read", profile.Names())
	}
	for _, name := range profile.Names() {
		p, _ := profile.Builtin(name)
		if p.Title == "" || p.MIB == "" || p.Tested == "" || p.Probe == "" || len(p.ObjectIDs) == 0 {
			t.Errorf("%s lacks a title, a MIB, how it was tested, a probe or a sysObjectID", name)
		}
		if _, err := os.Stat(filepath.Join("profiles", name+".yaml")); err != nil {
			t.Errorf("%s is in a file of another name", name)
		}
	}
}

func TestMatch(t *testing.T) {
	for id, want := range map[string]string{
		".1.3.6.1.4.1.318.1.3.4.6": "apc-rpdu2",
		".1.3.6.1.4.1.318.1.3.4.5": "apc-rpdu",
		"1.3.6.1.4.1.13742.6":      "raritan-px2",
		".1.3.6.1.4.1.1718.4.7":    "sentry4",
		".1.3.6.1.4.1.1718.40":     "",
		".1.3.6.1.4.1.8072.3.2.10": "",
		"":                         "",
	} {
		got := ""
		if list := profile.Match(id); len(list) > 0 {
			got = list[0].Name
		}
		if got != want {
			t.Errorf("%s is taken for %q, want %q", id, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	files, err := filepath.Glob("profiles/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := profile.Parse(text)
		if err != nil {
			return
		}
		// What was taken can be used.
		for _, name := range []string{"1", "2.3", "1.2.3", "AB4", "x"} {
			at, err := p.Index.Plug(name)
			if err != nil {
				continue
			}
			if err := profile.CheckOID(p.Of(p.State.Object, at)); err != nil {
				t.Errorf("plug %s: %v", name, err)
			}
		}
	})
}
