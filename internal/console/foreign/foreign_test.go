package foreign_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/console/foreign"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

var update = flag.Bool("update", false, "write what came out to testdata")

// bmc stands in for the driver of service processors.
type bmc struct {
	Address string `yaml:"address"`
}

func (*bmc) Traits(driver.Shelf) (driver.Traits, error) { return driver.Traits{Type: "bmc"}, nil }
func (*bmc) Open(context.Context, driver.Env) (driver.Session, error) {
	return nil, os.ErrInvalid
}

// load reads a room file that was made.
func load(text []byte) (*room.Room, error) {
	o := roomfile.Options{Drivers: []driver.Driver{{Name: "ipmi", New: func() driver.Settings { return &bmc{} }}}}
	o.Open, o.Glob = roomfile.Replay(map[string][]byte{"room.yaml": text})
	read, err := roomfile.Load(context.Background(), "room.yaml", o)
	if err != nil {
		return nil, err
	}
	return read.Room, nil
}

// TestExamples holds what comes of two configurations, and that a room can be made of it.
func TestExamples(t *testing.T) {
	for _, name := range []string{"conman.conf", "conserver.cf"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := foreign.Read(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		out := string(f.Room("schema", name))
		if _, err := load([]byte(out)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for _, n := range f.Notes {
			out += fmt.Sprintf("# line %d: %s\n", n.Line, n.Text)
		}
		if strings.Contains(out, "secret\"") || strings.Contains(out, "P:") {
			t.Errorf("%s: a password came along", name)
		}
		golden := "testdata/" + name + ".want"
		if *update {
			if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || string(want) != out {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "no consoles",
		"# only this":              "no consoles",
		"CONSOLE name=x":           "line 1: a console needs a name and a dev",
		"\nCONSOLE name=\"x":       "line 2: a quote is not closed",
		"CONSOLE name":             "followed by =",
		"nodes: web1":              "none of server, global, console",
		"console a { type host;":   "has no end",
		"console a type host; {":   "a { is missing",
		"console a { include b; }": "no default \"b\"",
		"default a{include a;}console b{include a;}": "include each other",
		"console a { motd \"x\ny\"; }":               "a quote is not closed",
		"{}":                                         "would begin",
	} {
		if _, err := foreign.Read([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestIncludes(t *testing.T) {
	open := func(name string) ([]byte, error) {
		if name == "loop" {
			return []byte("#include loop\n"), nil
		}
		return []byte("default ts { type host; host h; portbase 10; }\n"), nil
	}
	f, err := foreign.Read([]byte("#include /etc/defaults.cf\n#include loop\nconsole a { include ts; port 5; }\n"), open)
	if err != nil || f.Consoles[0].Via != "telnet://h:15" {
		t.Errorf("%+v, %v", f, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"conman.conf", "conserver.cf"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("CONSOLE name=a dev=\"/dev/x\" seropts=1"))
	f.Add([]byte("console a{host [::1];port 99999;}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := foreign.Read(text, func(string) ([]byte, error) { return text, nil })
		if err != nil {
			return
		}
		out := found.Room("schema", "x")
		if _, err := load(out); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}

func TestDefaultsAreBounded(t *testing.T) {
	text := "default d0 { port 1; }\n"
	for i := range 14 {
		text += fmt.Sprintf("default d%d { %s }\n", i+1, strings.Repeat(fmt.Sprintf("include d%d; ", i), 20))
	}
	if _, err := foreign.Read([]byte(text+"console a { include d14; }\n"), nil); err == nil || !strings.Contains(err.Error(), "include each other") {
		t.Errorf("%v", err)
	}
}

func TestIncludesAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"many": strings.Repeat("#include again\n", 50),
		"long": "#include again\n#" + strings.Repeat("x", 1<<20) + "\n#include again\n",
	} {
		open := func(string) ([]byte, error) { return []byte(text), nil }
		if _, err := foreign.Read([]byte(text+"console a { port 5; }\n"), open); err == nil || !strings.Contains(err.Error(), "too much is included") {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}
