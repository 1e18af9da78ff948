package layout_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	. "millwright.dev/millwright/internal/layout"
)

var update = flag.Bool("update", false, "write the drawings in testdata")

// golden compares a drawing with the one in testdata, which was looked at.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it after go test ./internal/layout -update\n%s", file, got)
	}
}

func terminal(t testing.TB, g Graph, o TerminalOptions) []byte {
	t.Helper()
	return terminalOf(t, compute(t, g), o)
}

func terminalOf(t testing.TB, l *Layout, o TerminalOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Terminal(&b, l, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func folded(g Graph, alike bool) Graph {
	g, _ = Fold(g, FoldOptions{Name: fold, Alike: alike})
	return g
}

func TestDrawings(t *testing.T) {
	rooms := map[string]Graph{
		"five": five(), "thirty": thirty(), "hall": hall(200), "hall-alike": folded(hall(1000), true),
		"random": random(20, 30, 1), "hostile": hostile(),
	}
	for name, g := range rooms {
		t.Run(name, func(t *testing.T) {
			golden(t, name+"-80.txt", terminal(t, g, TerminalOptions{Width: 80}))
			golden(t, name+"-120.txt", terminal(t, g, TerminalOptions{Width: 120}))
			golden(t, name+"-ascii.txt", terminal(t, g, TerminalOptions{Width: 80, ASCII: true}))
			if name == "five" || name == "hostile" {
				golden(t, name+"-colour.txt", terminal(t, g, TerminalOptions{Width: 80, Colour: true}))
			}
			var b bytes.Buffer
			if err := DOT(&b, g); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".dot", b.Bytes())
			if name == "hall" {
				return
			}
			b.Reset()
			if err := SVG(&b, compute(t, g), SVGOptions{Title: "Room <" + name + ">"}); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".svg", b.Bytes())
		})
	}
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// decent holds what is true of each drawing for a terminal.
func decent(t testing.TB, l *Layout, o TerminalOptions) {
	t.Helper()
	text := string(terminalOf(t, l, o))
	if !utf8.ValidString(text) {
		t.Error("not UTF-8")
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.TrimRight(line, " ") != line {
			t.Errorf("blanks at the end of %q", line)
		}
		width := 0
		for _, r := range line {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Errorf("a control character in %q", line)
			}
			if r < 0x1100 && !unicode.In(r, unicode.Mn, unicode.Me) {
				width++ // at least
			}
		}
		if width > max(o.Width, 20) {
			t.Errorf("%d columns where there are %d: %q", width, o.Width, line)
		}
	}
	o.Colour = true
	coloured := terminalOf(t, l, o)
	if stripped := colours.ReplaceAllString(string(coloured), ""); stripped != text {
		t.Errorf("colour changes more than colours:\n%s\n%s", stripped, text)
	}
}

func TestTerminalIsDecent(t *testing.T) {
	for name, g := range map[string]Graph{
		"nothing": {}, "five": five(), "thirty": thirty(), "hall": hall(200), "big": hall(400), "hostile": hostile(),
		"folded": folded(hall(200), false), "alone": {Nodes: make([]Node, 50)}, "random": random(30, 50, 1), "tight": random(10, 40, 5),
	} {
		l := compute(t, g)
		for _, width := range []int{1, 80, 130} {
			for _, list := range []bool{false, true} {
				decent(t, l, TerminalOptions{Width: width, List: list})
			}
		}
		if name == "hostile" {
			continue
		}
		for i, c := range terminal(t, g, TerminalOptions{Width: 80, ASCII: true}) {
			if c >= 0x80 {
				t.Fatalf("%s: byte %d is no ASCII", name, i)
			}
		}
	}
}

// TestSigns holds that states can be told apart without colours.
func TestSigns(t *testing.T) {
	signs, ascii := make(map[string]State), make(map[string]State)
	for _, s := range []State{OK, Off, Starting, Stopping, Waiting, Degraded, StartFailed, StopFailed, StartGaveUp, StopGaveUp, ForcedOn, ForcedOff, Maintenance, Unknown} {
		look := s.Look()
		if other, is := signs[look.Sign]; is {
			t.Errorf("%s and %s have the sign %s", s, other, look.Sign)
		}
		if other, is := ascii[look.ASCII]; is {
			t.Errorf("%s and %s have the sign %s", s, other, look.ASCII)
		}
		signs[look.Sign], ascii[look.ASCII] = s, s
	}
	if look := State("odd\x1b").Look(); look.Word != "odd?" || look.Sign != "?" {
		t.Errorf("a state of somebody else's looks like %+v", look)
	}
}

// wellFormed holds that a picture is XML with nothing in it that acts.
func wellFormed(t testing.TB, picture []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, picture)
		}
		if e, ok := token.(xml.StartElement); ok {
			if !strings.Contains(" svg title desc style rect text tspan g path defs marker ", " "+e.Name.Local+" ") {
				t.Errorf("there is an element %q", e.Name.Local)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || strings.Contains(a.Value, "://") && a.Name.Local != "xmlns" {
					t.Errorf("there is an attribute %v", a)
				}
			}
		}
	}
}

func TestSVG(t *testing.T) {
	for _, theme := range []Theme{Auto, Light, Dark} {
		for _, g := range []Graph{{}, five(), thirty(), hostile(), hall(200)} {
			var b bytes.Buffer
			if err := SVG(&b, compute(t, g), SVGOptions{Title: "<&\x00\"", Theme: theme}); err != nil {
				t.Fatal(err)
			}
			wellFormed(t, b.Bytes())
			if auto := strings.Contains(b.String(), "prefers-color-scheme"); auto != (theme == Auto) {
				t.Errorf("theme %d follows the reader: %v", theme, auto)
			}
		}
	}
}

// TestGraphvizReadsDOT holds that dot finds what was meant.
func TestGraphvizReadsDOT(t *testing.T) {
	for name, g := range map[string]Graph{"thirty": thirty(), "hostile": hostile(), "nothing": {}} {
		var file bytes.Buffer
		if err := DOT(&file, g); err != nil {
			t.Fatal(err)
		}
		dot := exec.CommandContext(t.Context(), "dot", "-Tplain")
		dot.Stdin = &file
		var complaints strings.Builder
		dot.Stderr = &complaints
		out, err := dot.Output()
		if err != nil || complaints.String() != "" {
			t.Fatalf("%s: %v, %s", name, err, complaints.String())
		}
		plain := "\n" + string(out)
		if nodes, edges := strings.Count(plain, "\nnode "), strings.Count(plain, "\nedge "); nodes != len(g.Nodes) || edges != len(g.Edges) {
			t.Errorf("%s: dot finds %d nodes and %d edges:\n%s", name, nodes, edges, plain)
		}
	}
}

// full takes only so many bytes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWhoWritesHearsOfIt(t *testing.T) {
	g := hall(200)
	l := compute(t, g)
	for _, room := range []int{0, 1000} {
		if Terminal(&full{room}, l, TerminalOptions{}) == nil || SVG(&full{room}, l, SVGOptions{}) == nil || DOT(&full{room}, g) == nil {
			t.Error("a full disk was not heard of")
		}
	}
}
