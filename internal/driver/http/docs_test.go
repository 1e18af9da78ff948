package httpdriver_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/sim/webplug"
)

var update = flag.Bool("update", false, "write the tables of docs/http.md")

// TestPage holds the tables of docs/http.md to what the profiles and the types say.
func TestPage(t *testing.T) {
	const page = "../../../docs/http.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for name, table := range map[string]string{"profiles": profileTable(t), "definition": definitionTables()} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, found := strings.Cut(got, begin)
		_, after, ends := strings.Cut(rest, end)
		if !found || !ends {
			t.Fatalf("%s has no %s", page, begin)
		}
		got = before + begin + "\n" + table + "\n" + end + after
	}
	switch {
	case got == string(text):
	case *update:
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is behind: go test ./internal/driver/http -run TestPage -update", page)
	}
}

// profileTable tells the profiles, as they are used.
func profileTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| Profile | For | Plugs | Log-in | Can |\n|---|---|---|---|---|\n")
	for _, name := range httpdriver.Profiles() {
		d, err := httpdriver.ProfileOf(name)
		if err != nil {
			t.Fatal(err)
		}
		traits, err := (&httpdriver.Settings{Address: "http://box", Profile: name}).Traits(nil)
		if err != nil {
			t.Fatal(err)
		}
		var can []string
		for _, op := range traits.Verbs {
			word := op.String()
			if op == room.Cycle && d.Cycle == nil {
				word += " (off, rest, on)"
			}
			can = append(can, word)
		}
		for _, m := range d.Measure {
			for _, v := range m.Values {
				if q := strings.ReplaceAll(v.Quantity, "_", " "); !slices.Contains(can, q) {
					can = append(can, q)
				}
			}
		}
		plugs := traits.Plugs[0]
		if n := len(traits.Plugs); n > 1 {
			plugs += " to " + traits.Plugs[n-1]
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, d.About, plugs, login(d), strings.Join(can, ", "))
	}
	return b.String()
}

// login says how a profile lets in.
func login(d *httpdriver.Definition) string {
	how := d.Auth
	switch {
	case len(d.Login) > 0:
		how = "form"
		if d.Login[len(d.Login)-1].JSON != "" {
			how = "session"
		}
	case how == "" || how == "none":
		how = "in the query"
	case how == "asked":
		how = "digest or basic"
	}
	if d.Protected {
		how += ", must be asked for"
	}
	if d.PasswordOptional {
		how += ", or none"
	}
	return how
}

// definitionTables tells the keys of a definition.
func definitionTables() string {
	var b strings.Builder
	for _, part := range []struct {
		title string
		of    any
	}{
		{"The definition", httpdriver.Definition{}},
		{"A request: each of `login`, and `logout`, `probe`, `on`, `off`, `cycle`, `reset`, `beacon-on`, `beacon-off`", httpdriver.Request{}},
		{"A read is a request with these: `status`, `status-soft`, `temp`, `beacon`", httpdriver.Read{}},
		{"Where a text is found: in a read, a claim, `take`, a value; the whole answer, if nothing is said", httpdriver.Find{}},
		{"A claim also has: each of `denied`, `expect`, `refused`", httpdriver.Claim{}},
		{"Each of `measure` is a request with", httpdriver.Measure{}},
		{"Each of its values also has", httpdriver.Value{}},
		{"Each of `describe` is a request with", httpdriver.Describe{}},
	} {
		fmt.Fprintf(&b, "**%s:**\n\n| Key | Meaning |\n|---|---|\n", part.title)
		for _, f := range reflect.VisibleFields(reflect.TypeOf(part.of)) {
			key := f.Tag.Get("yaml")
			if len(f.Index) > 1 || f.Anonymous || key == "" {
				continue // told by its own table
			}
			doc := f.Tag.Get("doc")
			text := strings.ToUpper(doc[:1]) + doc[1:] + "."
			if enum := f.Tag.Get("enum"); enum != "" {
				text += " One of `" + strings.ReplaceAll(enum, ",", "`, `") + "`."
			}
			if def := f.Tag.Get("default"); def != "" {
				text += " Default: `" + def + "`."
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", key, strings.ReplaceAll(text, "|", `\|`))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// TestEachProfileHasABox: there is none that nobody has tried.
func TestEachProfileHasABox(t *testing.T) {
	if got := webplug.Models(); !slices.Equal(got, httpdriver.Profiles()) {
		t.Errorf("there are boxes of %q and profiles of %q", got, httpdriver.Profiles())
	}
	field, _ := reflect.TypeFor[httpdriver.Settings]().FieldByName("Profile")
	if got := strings.Split(field.Tag.Get("enum"), ","); !slices.Equal(got, httpdriver.Profiles()) {
		t.Errorf("the setting names the profiles %q, and there are %q", got, httpdriver.Profiles())
	}
	if _, err := webplug.New("toaster", nil, "", ""); err == nil {
		t.Error("there is a toaster")
	}
}

var _ driver.Settings = (*httpdriver.Settings)(nil)
