package event

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzCut(f *testing.F) {
	f.Add("plain", 20)
	f.Add("née\x00\xff", 12)
	f.Add(strings.Repeat("é", 100), 33)
	f.Add(strings.Repeat("\xff", 100), 20)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = len(CutMark) + 4 + max(0, limit)%1000
		got := cut(s, limit)
		switch {
		case len(got) > limit, !utf8.ValidString(got), strings.Contains(got, "\x00"):
			t.Errorf("cut(%q, %d) gives %q", s, limit, got)
		case got == clean(s):
		case !strings.HasSuffix(got, CutMark):
			t.Errorf("cut(%q, %d) gives %q", s, limit, got)
		}
	})
}
