package ini_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"millwright.dev/millwright/ockle/ini"
)

const web = `# the shop
[server]
outlets = ["o1", "o2"]
Tests: ping
dependencies = ["db",
    # not for ever
    "storage"]

comment = 100%% up
; the left one

[o1]
pdu=left
socket=3

# the right one
[o2]
pdu=right`

func parse(t *testing.T, text string) *ini.Document {
	t.Helper()
	d, err := ini.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReading(t *testing.T) {
	d := parse(t, web)
	for _, c := range []struct{ section, key, want string }{
		{"server", "OUTLETS", `["o1", "o2"]`},
		{"server", "tests", "ping"},
		{"server", "dependencies", "[\"db\",\n\"storage\"]"},
		{"server", "comment", "100% up"},
		{"o1", "socket", "3"},
	} {
		if got, found := d.Get(c.section, c.key); !found || got != c.want {
			t.Errorf("[%s] %s is %q, not %q", c.section, c.key, got, c.want)
		}
	}
	if got := d.Sections(); !slices.Equal(got, []string{"server", "o1", "o2"}) {
		t.Errorf("sections %q", got)
	}
	if got := d.Keys("server"); !slices.Equal(got, []string{"outlets", "tests", "dependencies", "comment"}) {
		t.Errorf("keys %q", got)
	}
	if d.Line("o1", "pdu") != 13 || d.Line("o1", "none") != 12 || d.Line("none", "") != 0 {
		t.Errorf("lines %d, %d, %d", d.Line("o1", "pdu"), d.Line("o1", "none"), d.Line("none", ""))
	}
	if _, found := d.Get("O1", "pdu"); found {
		t.Error("sections have no case")
	}
}

func TestDefaultsAndRepeats(t *testing.T) {
	d := parse(t, "[DEFAULT]\na=1\nb=2\n[s]\nb=3\nb=4\n[t]\n[s]\nc=5\n")
	if got := d.Sections(); !slices.Equal(got, []string{"s", "t"}) {
		t.Errorf("sections %q", got)
	}
	if got := d.Keys("s"); !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("keys %q", got)
	}
	if b, _ := d.Get("s", "b"); b != "4" {
		t.Errorf("b is %q, not the last", b)
	}
	if a, _ := d.Get("t", "a"); a != "1" {
		t.Errorf("a is %q, not the default", a)
	}
	if r := d.Repeated(); len(r) != 1 || r[0].Line != 5 {
		t.Errorf("repeats: %v", r)
	}
}

func TestMistakesHaveLines(t *testing.T) {
	d, err := ini.Parse([]byte("lost = 1\n[s]\n  in = 1\nnothing\n= 1\n[open\nk = 1\n\xff = 2\n[]\n"))
	var all ini.Errors
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var lines []int
	for _, e := range all {
		lines = append(lines, e.Line)
	}
	if want := []int{1, 3, 4, 5, 6, 8, 9}; !slices.Equal(lines, want) {
		t.Errorf("mistakes in lines %v, not %v:\n%v", lines, want, err)
	}
	if k, _ := d.Get("s", "k"); k != "1" {
		t.Error("what can be read is not there")
	}
	if _, err := ini.Parse(make([]byte, ini.MaxBytes+1)); err == nil {
		t.Error("a file of any size is read")
	}
}

func TestEditsTouchTheirLinesOnly(t *testing.T) {
	set := func(section, key, value string) ini.Change {
		return ini.Change{Section: section, Key: key, Value: value}
	}
	drop := func(section, key string) ini.Change {
		return ini.Change{Section: section, Key: key, Delete: true}
	}
	for _, c := range []struct {
		name, from string
		change     ini.Change
		to         string
	}{
		{"nothing new", "[a]\nK :  1\n", set("a", "k", " 1 "), "[a]\nK :  1\n"},
		{"a value", "[a]\n#x\nK :  1\n\n[b]\n", set("a", "k", "2"), "[a]\n#x\nK :  2\n\n[b]\n"},
		{"windows", "[a]\r\nk=1\r\nj=2\r\n", set("a", "k", "2"), "[a]\r\nk=2\r\nj=2\r\n"},
		{"a new key in windows", "[a]\r\nk=1\r\n", set("a", "j", "2"), "[a]\r\nk=1\r\nj=2\r\n"},
		{"no end", "[a]\nk=1", set("a", "k", "2"), "[a]\nk=2"},
		{"a new key without an end", "[a]\nk=1", set("a", "j", "2"), "[a]\nk=1\nj=2"},
		{"a key before comments", "[a]\nk=1\n\n# b\n[b]\n", set("a", "J", "2"), "[a]\nk=1\nj=2\n\n# b\n[b]\n"},
		{"the first key", "[a]\n# x\n[b]\n", set("a", "j", "2"), "[a]\nj = 2\n# x\n[b]\n"},
		{"into an open heading", "[a]", set("a", "j", "2"), "[a]\nj = 2"},
		{"into nothing", "", set("a", "j", "2"), "[a]\nj = 2\n"},
		{"a section", "[a]\nk=1\n", set("b", "j", "2"), "[a]\nk=1\n\n[b]\nj = 2\n"},
		{"a section at an open end", "[a]\nk=1", ini.Change{Section: "b"}, "[a]\nk=1\n\n[b]"},
		{"more lines", "[a]\nk=1\nj=2\n", set("a", "k", "x\n y\n\nz"), "[a]\nk=x\n\ty\n\tz\nj=2\n"},
		{"fewer lines", "[a]\nk=x\n  # c\n  y\nj=2\n", set("a", "k", "1"), "[a]\nk=1\n  # c\nj=2\n"},
		{"per cent", "[a]\n", set("a", "k", "5%"), "[a]\nk = 5%%\n"},
		{"to no value", "[a]\nk = 1\n", set("a", "k", ""), "[a]\nk =\n"},
		{"from no value", "[a]\nk=\n", set("a", "k", "1"), "[a]\nk= 1\n"},
		{"the one that counts", "[a]\nk=1\nk=2\n", set("a", "k", "3"), "[a]\nk=1\nk=3\n"},
		{"without a key", "[a]\nk=1\n #c\n 2\nj=2\nK=3\n", drop("a", "k"), "[a]\n #c\nj=2\n"},
		{"without a section", "[a]\nk=1\n#c\n\n# b\n[b]\nj=1\n[a]\ni=1\n", drop("a", ""), "# b\n[b]\nj=1\n"},
		{"what is not there", "[a]\nk=1\n", drop("b", "k"), "[a]\nk=1\n"},
		{"behind nonsense", "[a]\n  lost\n[b]\n", set("a", "k", "1"), "[a]\n  lost\nk = 1\n[b]\n"},
		{"with a mark", "\ufeff[a]\nk=1\n", set("a", "k", "2"), "\ufeff[a]\nk=2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := ini.Parse([]byte(c.from)) // some are not right, on purpose
			if err := d.Apply(c.change); err != nil {
				t.Fatal(err)
			}
			if got := string(d.Bytes()); got != c.to {
				t.Errorf("%q became\n%q, not\n%q", c.from, got, c.to)
			}
		})
	}
}

func TestWhatCannotBeWrittenIsRefusedWhole(t *testing.T) {
	for _, bad := range []ini.Change{
		{Section: "", Key: "k"},
		{Section: "a]b", Key: "k"},
		{Section: "a\n[b", Key: "k"},
		{Section: "a", Key: "k=j"},
		{Section: "a", Key: "#k"},
		{Section: "a", Key: " k"},
		{Section: "a", Key: "[k"},
		{Section: "a", Key: "k\xff"},
		{Section: "a", Key: "k", Value: "1\n# no"},
		{Section: "a", Key: "k", Value: "1\x00"},
		{Section: "a", Key: "k", Value: "1\r2"},
	} {
		d := parse(t, web)
		if err := d.Apply(ini.Change{Section: "o1", Key: "socket", Value: "9"}, bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
		if string(d.Bytes()) != web {
			t.Errorf("%+v: the change before it was made", bad)
		}
	}
}

func TestNothingChanged(t *testing.T) {
	for _, text := range []string{web, strings.ReplaceAll(web, "\n", "\r\n"), "", "\n", "x", "[a]\n\n\n", "\ufeff"} {
		d, _ := ini.Parse([]byte(text))
		if got := string(d.Bytes()); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

func TestLists(t *testing.T) {
	for _, c := range []struct {
		value string
		want  []string
		bad   bool
	}{
		{"", nil, false},
		{"one two", []string{"one two"}, false},
		{"[]", nil, false},
		{`["a", "\u00e9", 3, true]`, []string{"a", "é", "3", "true"}, false},
		{`["a"`, nil, true},
		{`[["a"]]`, nil, true},
		{`[null]`, nil, true},
		{`[ {} ]`, nil, true},
	} {
		got, err := ini.List(c.value)
		if (err != nil) != c.bad || !slices.Equal(got, c.want) {
			t.Errorf("%q is %q, %v", c.value, got, err)
		}
	}
	if got := ini.FormatList([]string{"a<b", `"é"`}); got != `["a<b", "\"é\""]` {
		t.Error(got)
	}
}

func FuzzEdit(f *testing.F) {
	f.Add(web, "server", "comment", "new\nlines")
	f.Add("[a]\n  x\n", "a", "k", "1")
	f.Fuzz(func(t *testing.T, text, section, key, value string) {
		d, _ := ini.Parse([]byte(text))
		if d == nil {
			return
		}
		if got := string(d.Bytes()); got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
		old := entries(d)
		if key == "" || d.Set(section, key, value) != nil {
			return
		}
		want, _ := d.Get(section, key)
		again, _ := ini.Parse(d.Bytes())
		if again == nil {
			return // it has grown too large
		}
		if got, found := again.Get(section, key); !found || got != want {
			t.Fatalf("%q: [%s] %s is %q, not %q, in %q", text, section, key, got, want, d.Bytes())
		}
		for at, value := range old {
			if at.key == strings.ToLower(key) {
				continue
			}
			if got, _ := again.Get(at.section, at.key); got != value {
				t.Fatalf("%q: [%s] %s became %q, not %q, in %q", text, at.section, at.key, got, value, d.Bytes())
			}
		}
		again.Delete(section, key)
		again.DeleteSection(section)
		if last, _ := ini.Parse(again.Bytes()); last.Has(section) {
			t.Fatalf("%q still has [%s]", again.Bytes(), section)
		}
	})
}

type place struct{ section, key string }

func entries(d *ini.Document) map[place]string {
	all := make(map[place]string)
	for _, section := range d.Sections() {
		for _, key := range d.Keys(section) {
			all[place{section, key}], _ = d.Get(section, key)
		}
	}
	return all
}

// A hostile file must not cost more than its size: quadratic work on files
// of this size would take minutes.
func TestLargeFiles(t *testing.T) {
	fill := func(line string) string { return strings.Repeat(line, ini.MaxBytes/8/len(line)) }
	for _, text := range []string{
		"[s]\na=1\n" + fill(" a\n"),
		"[s]\na=1\n" + fill("\n") + " a\n",
		fill("[s]\n"),
		"[s]\n" + fill("#\n"),
		"[s]\n" + fill("a=\n"),
		"[DEFAULT]\n" + strings.Repeat("a=\n", 100000) + fill("x")[:10],
		fill("x\n"),
	} {
		d, _ := ini.Parse([]byte(text))
		var changes []ini.Change
		for i := range 2000 {
			changes = append(changes, ini.Change{Section: "s", Key: "k" + strconv.Itoa(i)})
		}
		if err := d.Apply(changes...); err != nil {
			t.Fatal(err)
		}
		_ = entries(d)
		d.Repeated()
		d.DeleteSection("s")
	}
}
