package dialogue

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = `make "acme"
  start main
screen main
  say "{unit} {plug:-4}{state On shut~off}> "
  each "{plug}\r\n" 1 2
  ask line
  when "on ([0-9]+)" plug $1 not bad : on ; say "done" ; goto main
  when "" :
`

func TestParse(t *testing.T) {
	makes, err := Parse("acme.talk", good)
	if err != nil {
		t.Fatal(err)
	}
	m := makes[0]
	s := m.Screen(m.Start)
	switch {
	case len(makes) != 1 || m.Name != "acme" || m.Inside != "main":
		t.Errorf("the make is %+v", m)
	case len(s.Show) != 2 || s.Show[1].Span != (Span{1, 2}) || len(s.Rules) != 2:
		t.Errorf("the screen is %+v", s)
	case len(s.Rules[0].Tests) != 2 || !s.Rules[0].Tests[1].Not || len(s.Rules[0].Do) != 3:
		t.Errorf("the rule is %+v", s.Rules[0])
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct{ old, wrong, want string }{
		{"start main", "start man", `2: there is no screen "man"`},
		{"  start main\n", "", "make acme has no start"},
		{"ask line", "ask twice", "6: nothing is asked by"},
		{"  ask line\n", "", "screen main asks nothing"},
		{"plug $1", "plug $2", "7: the pattern has no group $2"},
		{"plug $1", "plugged", `7: there is no test "plugged"`},
		{"not bad", "not", `7: there is no test ":"`},
		{"goto main", "goto there", `7: there is no screen "there"`},
		{"([0-9]+)", "([0-9+)", "7: error parsing regexp"},
		{" : on", " on", `7: there is no test "on"`},
		{"on ;", "up ;", `7: "up" cannot be done`},
		{"{unit} {plug:-4}{state On shut~off}", "{unit", "4: a { has no }"},
		{"{plug:-4}", "{plug:999}", "4: \"999\" is not a number"},
		{"1 2", "2 1", `5: "1" is not a number`},
		{`"done"`, `"done`, "7: a text has no closing quote"},
		{`make "acme"`, ``, `2: a file begins with: make "NAME"`},
		{"screen main", "screen main\n ask line\nscreen main", "5: there are two screens"},
	}
	for _, tt := range tests {
		_, err := Parse("acme.talk", strings.Replace(good, tt.old, tt.wrong, 1))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "acme.talk:") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q for %q: the error is %v, want %s", tt.wrong, tt.old, err, tt.want)
		}
	}
}

// FuzzParse holds that no text breaks the parser, and that what it accepts can be
// played: each screen asks, and each goal is there.
func FuzzParse(f *testing.F) {
	f.Add(good)
	files, err := filepath.Glob("../dialogues/*.talk")
	if err != nil || len(files) == 0 {
		f.Fatal("there are no dialogues", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		names := Names(text)
		makes, err := Parse("fuzz.talk", text)
		if err != nil {
			return
		}
		if len(names) > len(makes) {
			t.Errorf("the names are %q, and the makes are %d", names, len(makes))
		}
		for _, m := range makes {
			for _, at := range []string{m.Start, m.Inside} {
				if m.Screen(at) == nil || m.Screen(at).Ask == 0 {
					t.Fatalf("make %s cannot start at %q", m.Name, at)
				}
			}
			for _, s := range m.screens {
				for _, r := range s.Rules {
					for _, a := range r.Do {
						if a.Kind == ActGoto && m.Screen(a.Target) == nil {
							t.Fatalf("there is no screen %q", a.Target)
						}
					}
				}
			}
		}
	})
}
