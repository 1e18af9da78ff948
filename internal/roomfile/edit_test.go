package roomfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const editable = `# The lab.
room: lab   # for now

devices:
  # the left strip
  pdu1: {driver: script, settings: {spec: vpc, address: "tcp://10.0.0.1:23"}}  # rack 1

  pdu2:
    driver: script
    # replaced in May
    settings:
      spec: vpc          # old firmware
      address: tcp://10.0.0.2:23

nodes:
  n[1-8]: {cords: "pdu1/[1-8]"}
  web:
    cords: [pdu1/9, pdu2/1]
    needs:
    - n1
    - n2
# the end
`

func TestChange(t *testing.T) {
	for _, tt := range []struct {
		name     string
		edit     Edit
		old, new string // what is replaced in the text by what
	}{
		{"a plain value", Edit{[]string{"room"}, "cellar"}, "room: lab   # for now", "room: cellar  # for now"},
		{
			"inside a flow mapping",
			Edit{[]string{"devices", "pdu1", "settings", "address"}, "tcp://10.0.0.9:23"},
			`{driver: script, settings: {spec: vpc, address: "tcp://10.0.0.1:23"}}  #`, `{driver: script, settings: {spec: vpc, address: "tcp://10.0.0.9:23"}}  #`,
		},
		{"inside a block", Edit{[]string{"devices", "pdu2", "settings", "spec"}, "apc"}, "spec: vpc          # old", "spec: apc  # old"},
		{"a new key in a block", Edit{[]string{"devices", "pdu2", "stagger"}, "2s"}, "0.0.2:23\n", "0.0.2:23\n    stagger: 2s\n"},
		{"a member of a range", Edit{[]string{"nodes", "n5", "cords"}, "pdu2/5"}, "    - n2\n", "    - n2\n  n5: {cords: pdu2/5}\n"},
		{
			"a whole entry",
			Edit{[]string{"nodes", "web"}, map[string]any{"cords": "pdu2/2"}},
			"web:\n    cords: [pdu1/9, pdu2/1]\n    needs:\n    - n1\n    - n2\n", "web: {cords: pdu2/2}\n",
		},
		{"a section", Edit{[]string{"groups", "front"}, "n[1-2]"}, "    - n2\n", "    - n2\ngroups: {front: \"n[1-2]\"}\n"},
		{"a key away", Edit{[]string{"nodes", "web", "needs"}, nil}, "    needs:\n    - n1\n    - n2\n", ""},
		{"an entry away", Edit{[]string{"devices", "pdu1"}, nil}, "  pdu1: {driver: script, settings: {spec: vpc, address: \"tcp://10.0.0.1:23\"}}  # rack 1\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.Replace(editable, tt.old, tt.new, 1)
			if want == editable {
				t.Fatal("the text has no such part")
			}
			got, err := Change([]byte(editable), tt.edit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChangeRefuses(t *testing.T) {
	for _, tt := range []struct {
		text string
		edit Edit
		want error
	}{
		{editable, Edit{[]string{"nodes", "n9"}, nil}, ErrNoKey},
		{editable, Edit{[]string{"devices", "pdu1", "settings", "none"}, nil}, ErrNoKey},
		{editable, Edit{[]string{"room", "name"}, "x"}, ErrNoPlace},
		{"a: &x {b: 1}\nc: *x\n", Edit{[]string{"a", "b"}, 2}, ErrNoPlace}, // c would change too
		{"{room: lab}\n", Edit{[]string{"room"}, "x"}, ErrNoPlace},
	} {
		if got, err := Change([]byte(tt.text), tt.edit); !errors.Is(err, tt.want) {
			t.Errorf("%v: %v\n%s", tt.edit, err, got)
		}
	}
}

// Whatever an edit does to whatever text, comments on lines of their own that
// stand between sections stay, and it can be taken back.
func FuzzChange(f *testing.F) {
	f.Add(editable, "nodes", "n5", "pdu2/5")
	f.Add("a:\n  b: |\n    text\n  c: 1\n", "a", "d", "x: y")
	f.Fuzz(func(t *testing.T, text, section, key, value string) {
		if len(text) > 4<<10 {
			return
		}
		path := []string{section, key}
		got, err := Change([]byte(text), Edit{path, value})
		if err != nil {
			return
		}
		if before, after := ownComments(text), ownComments(string(got)); after < before {
			t.Errorf("%d comments became %d:\n%s\n---\n%s", before, after, text, got)
		}
		if _, err := Change(got, Edit{path, nil}); err != nil {
			t.Errorf("%q became %q, and then: %v", text, got, err)
		}
	})
}

func ownComments(text string) (n int) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}
