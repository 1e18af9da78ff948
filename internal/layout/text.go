package layout

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is how many columns of a text are kept where there is room for all.
const longest = 200

// tidy makes text from elsewhere harmless and cuts it to so many columns: no
// control characters, nothing that turns or hides text, no heaps of accents. It
// looks at no more of a text than it keeps.
func tidy(text string, columns int) string {
	var b strings.Builder
	used, accents := 0, 0
	cut := -1 // where the text ends if it turns out to be too long
	for _, r := range text[:min(len(text), 16*columns+64)] {
		r = harmless(r)
		w := columnsOf(r)
		if w == 0 {
			if accents++; accents > 2 || used == 0 {
				continue
			}
		} else {
			accents = 0
			if used+w > columns-1 && cut < 0 {
				cut = b.Len()
			}
			if used+w > columns {
				return strings.TrimRight(b.String()[:cut], " ") + "…"
			}
			used += w
		}
		b.WriteRune(r)
	}
	if len(text) > 16*columns+64 { // little but accents
		if cut < 0 {
			cut = b.Len()
		}
		return b.String()[:cut] + "…"
	}
	return strings.TrimSpace(b.String())
}

// harmless replaces what does more than show itself.
func harmless(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r' || r == 0x2028 || r == 0x2029 || r == 0xa0:
		return ' '
	case r == utf8.RuneError, r == 0xfffe, r == 0xffff:
		return '?'
	case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
		if r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 { // would change the width of what is before it
			return '?'
		}
		return r
	case !unicode.IsPrint(r): // controls, turns of direction, private use, not assigned
		return '?'
	}
	return r
}

// columnsOf is how many columns of a terminal a harmless character takes.
func columnsOf(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
		return 0
	case r >= 0x1160 && r <= 0x11ff: // middles and ends of Hangul syllables
		return 0
	case r < 0x1100:
		return 1
	}
	for _, w := range [...][2]rune{ // East Asian Width W and F, in broad strokes
		{0x1100, 0x115f},
		{0x231a, 0x231b},
		{0x2329, 0x232a},
		{0x23e9, 0x23ec},
		{0x23f0, 0x23f0},
		{0x23f3, 0x23f3},
		{0x25fd, 0x25fe},
		{0x2614, 0x2615},
		{0x2648, 0x2653},
		{0x267f, 0x267f},
		{0x2693, 0x2693},
		{0x26a1, 0x26a1},
		{0x26aa, 0x26ab},
		{0x26bd, 0x26be},
		{0x26c4, 0x26c5},
		{0x26ce, 0x26ce},
		{0x26d4, 0x26d4},
		{0x26ea, 0x26ea},
		{0x26f2, 0x26f3},
		{0x26f5, 0x26f5},
		{0x26fa, 0x26fa},
		{0x26fd, 0x26fd},
		{0x2705, 0x2705},
		{0x270a, 0x270b},
		{0x2728, 0x2728},
		{0x274c, 0x274c},
		{0x274e, 0x274e},
		{0x2753, 0x2755},
		{0x2757, 0x2757},
		{0x2795, 0x2797},
		{0x27b0, 0x27b0},
		{0x27bf, 0x27bf},
		{0x2b1b, 0x2b1c},
		{0x2b50, 0x2b50},
		{0x2b55, 0x2b55},
		{0x2e80, 0x303e},
		{0x3041, 0xa4cf},
		{0xa960, 0xa97f},
		{0xac00, 0xd7a3},
		{0xf900, 0xfaff},
		{0xfe10, 0xfe19},
		{0xfe30, 0xfe6f},
		{0xff00, 0xff60},
		{0xffe0, 0xffe6},
		{0x16fe0, 0x18aff},
		{0x1b000, 0x1b2ff},
		{0x1f004, 0x1f004},
		{0x1f0cf, 0x1f0cf},
		{0x1f18e, 0x1f18e},
		{0x1f191, 0x1f19a},
		{0x1f1e6, 0x1f202},
		{0x1f210, 0x1f23b},
		{0x1f240, 0x1f265},
		{0x1f300, 0x1f64f},
		{0x1f680, 0x1f6ff},
		{0x1f7e0, 0x1f7eb},
		{0x1f900, 0x1faff},
		{0x20000, 0x3fffd},
	} {
		if r >= w[0] && r <= w[1] {
			return 2
		}
	}
	return 1
}

// columns is how many columns of a terminal a harmless text takes.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}
