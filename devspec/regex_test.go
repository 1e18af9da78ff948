package devspec

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestRegexAsInC compares with what the C library's matcher was seen to do.
func TestRegexAsInC(t *testing.T) {
	data, err := os.ReadFile("testdata/regcomp.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			continue
		}
		n++
		src, _ := strconv.Unquote(fields[0])
		text, _ := strconv.Unquote(fields[1])
		if got := spans(src, text); got != fields[2] {
			t.Errorf("%q on %q gives %s, want %s", src, text, got, fields[2])
		}
	}
	if n < 300 {
		t.Errorf("only %d cases", n)
	}
}

// spans gives the match of src in text the way the test data has it.
func spans(src, text string) string {
	re, err := CompileRegex(src)
	if err != nil {
		return "ERR " + strings.TrimPrefix(err.Error(), "regcomp failed: ")
	}
	var in input
	in.add([]byte(text))
	loc := in.find(re, nil)
	if re.Match([]byte(text)) != (loc != nil) {
		return "Match and find disagree"
	}
	if loc == nil {
		return "NO"
	}
	var out []string
	for i := 0; i < len(loc); i += 2 {
		out = append(out, fmt.Sprintf("%d,%d", loc[i], loc[i+1]))
	}
	return strings.Join(out, " ")
}

func TestRegexMatch(t *testing.T) {
	for _, c := range []struct {
		src, text string
		want      bool
	}{
		{"ON", "xONx", true},
		{"On|Off", "Off", true},
		{"4|5|6|7|C|D|E|F", "3", false},
		{"[4567CDEF]", "E", true},
		{"^on", "xon", false},
		{"on$", "on", false},
		{"a|b$", "b", false},
		{"\xff", "\x00", true},
		{".\xe9.", "a\xe9\x80", true},
	} {
		re, err := CompileRegex(c.src)
		if err != nil {
			t.Fatal(err)
		}
		if got := re.Match([]byte(c.text)); got != c.want {
			t.Errorf("%q in %q: %t", c.src, c.text, got)
		}
	}
}

func TestRegexLimits(t *testing.T) {
	if _, err := CompileRegex(strings.Repeat("a", MaxRegexBytes)); err != nil {
		t.Error(err)
	}
	if _, err := CompileRegex(strings.Repeat("a", MaxRegexBytes+1)); err == nil {
		t.Error("257 bytes were taken")
	}
	re, err := CompileRegex(strings.Repeat("(a)", 30))
	if err != nil || re.Groups() != MaxRegexGroups {
		t.Errorf("%v", err)
	}
	if got := spans(strings.Repeat("(a)", 22), strings.Repeat("a", 22)); strings.Count(got, ",") != 21 {
		t.Errorf("spans %s", got)
	}
	for _, src := range []string{`(a)\1`, `((((a{99}){99}){99}){99})`, strings.Repeat("(", 256)} {
		if _, err := CompileRegex(src); err == nil {
			t.Errorf("%s was taken", src)
		}
	}
}

// TestInputKeepsNewest: whatever the pieces, the newest bytes are there, and the
// matcher's form of them agrees.
func TestInputKeepsNewest(t *testing.T) {
	re, err := CompileRegex("[^x]*")
	if err != nil {
		t.Fatal(err)
	}
	var in input
	var all []byte
	for i := range 300 {
		piece := []byte(strings.Repeat(string([]byte{byte(i), 0, 'a'}), i*3+1))
		in.add(piece)
		all = append(all, piece...)
		if i%3 == 0 {
			n := min(len(in.unread()), i*50)
			in.consume(n)
			all = all[len(all)-len(in.unread()):]
		}
		all = all[max(0, len(all)-InputLimit):]
		in.find(re, nil)
		if string(in.unread()) != string(all) {
			t.Fatalf("piece %d: the unread text is wrong", i)
		}
		if in.high != countHigh(all) || in.built && string(in.wide[in.woff:]) != string(appendWide(nil, all)) {
			t.Fatalf("piece %d: the matcher's form is wrong", i)
		}
	}
	in.add(make([]byte, 3*InputLimit))
	if len(in.unread()) != InputLimit {
		t.Error("a large piece was not cut")
	}
}
