package shelf_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/shelf"
)

// parse reads the text of a device file.
func parse(t testing.TB, text []byte) *devspec.Config {
	t.Helper()
	c, err := devspec.ParseConfig("test.dev", func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachFileIsSound(t *testing.T) {
	for _, e := range shelf.All() {
		text, found := shelf.Text(e.Name)
		if !found {
			t.Fatalf("%s is listed, and is not there", e.Name)
		}
		c := parse(t, text)
		spec := c.Spec(e.Name)
		if spec == nil || len(c.Specs) != 1 {
			t.Errorf("%s: the file has %d specifications, and must have the one of its name", e.Name, len(c.Specs))
			continue
		}
		for _, w := range devspec.Check(c) {
			if w.Code != "extension" {
				t.Errorf("%s: %s", e.Name, w)
			}
		}
		for _, op := range []devspec.Op{devspec.OpOn, devspec.OpOff, devspec.OpCycle, devspec.OpStatus} {
			if !spec.Can(op) {
				t.Errorf("%s cannot do %s", e.Name, op)
			}
		}
		if e.Hardware == "" || e.Reached == "" || e.Login == "" || e.Plugs == "" || e.Proof == "" || e.PlayedBy == "" {
			t.Errorf("%s: the head lacks something: %+v", e.Name, e)
		}
		asks := bytes.Contains(text, []byte("%{password}"))
		if asks == (e.Login == "SSH") {
			t.Errorf("%s: the log-in is %q, and the script sends a password: %v", e.Name, e.Login, asks)
		}
	}
}

// TestNamesAreOurOwn: no shipped specification has the name of one that PowerMan
// ships, so that nobody gets another than he means.
func TestNamesAreOurOwn(t *testing.T) {
	files, err := filepath.Glob("/etc/powerman/*.dev")
	if err != nil || len(files) < 50 {
		t.Fatalf("PowerMan's device files are not installed: %d, %v", len(files), err)
	}
	own, defines := shelf.Names(), regexp.MustCompile(`specification\s+"([^"]+)"`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		must(t, err)
		for _, theirs := range defines.FindAllStringSubmatch(string(text), -1) {
			if slices.Contains(own, theirs[1]) {
				t.Errorf("%s has a specification %q, too", name, theirs[1])
			}
		}
	}
}

func TestSizes(t *testing.T) {
	tests := []struct {
		name  string
		plugs int // -1: not there
	}{
		{"apc-menu-13p13", 8},
		{"apc-menu-13p13/24", 24},
		{"raritan-px/1", 1},
		{"apc-menu-13p13/0", -1},
		{"apc-menu-13p13/024", -1},
		{"apc-menu-13p13/1001", -1},
		{"apc-menu-13p13/", -1},
		{"virsh-ssh/4", -1},
		{"hp-ilo/2", -1},
		{"nosuch", -1},
		{"", -1},
		{"../shelf", -1},
	}
	for _, tt := range tests {
		text, found := shelf.Text(tt.name)
		if !found {
			if tt.plugs >= 0 {
				t.Errorf("%q is not there", tt.name)
			}
			continue
		}
		if spec := parse(t, text).Spec(tt.name); spec == nil || len(spec.Plugs) != tt.plugs {
			t.Errorf("%q: got %+v, want %d plugs", tt.name, spec, tt.plugs)
		}
	}
}

func TestExport(t *testing.T) {
	tests := []struct{ name, user, password, want string }{
		{"apc-cli", "apc", `a%s"\b`, `send "a%%s\"\\b\r\n"`},
		{"wti-ips", "", "wti", `send "wti\r\n"`},
		{"hp-ilo", "", "", `timeout 60`},
		{"apc-cli", "apc", "", "wants a password"},
		{"wti-ips", "me", "wti", "does not ask for a user"},
		{"hp-ilo", "", "secret", "does not ask for a password"},
		{"apc-cli", "apc", "a\nb", "control character"},
		{"nosuch", "", "", "there is no specification"},
	}
	for _, tt := range tests {
		text, err := shelf.Export(tt.name, tt.user, tt.password)
		got := string(text)
		if err != nil {
			got = err.Error()
		} else if strings.Contains(got, "%{") {
			t.Errorf("%s: a place is left in the file", tt.name)
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("Export(%q, %q, %q) gives %q, which lacks %q", tt.name, tt.user, tt.password, got, tt.want)
		}
	}
}
