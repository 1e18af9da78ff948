package devspec

import (
	"bytes"
	"unicode/utf8"
)

// input is the unread text of a device. Consuming moves an offset; bytes are
// copied rarely.
type input struct {
	data []byte
	off  int // data[off:] is unread

	// scanned bytes of the unread text are known not to hold what the present
	// expect looks for.
	scanned int

	// high counts the unread bytes that the matcher cannot take as they are (see
	// isASCII). While there are any, wide[woff:] holds the unread text as appendWide
	// makes it, or is not built yet.
	high  int
	wide  []byte
	woff  int
	built bool
}

func (in *input) unread() []byte { return in.data[in.off:] }

// add appends what was read, and gives how many of the oldest bytes had to go.
func (in *input) add(b []byte) (lost int) {
	if over := len(in.unread()) + len(b) - InputLimit; over > 0 {
		lost = over
		if n := min(over, len(in.unread())); n > 0 {
			in.consume(n)
			over -= n
		}
		b = b[over:]
	}
	if in.off > 0 && len(in.data)+len(b) > cap(in.data) && in.off >= len(in.data)/2 {
		in.data = in.data[:copy(in.data, in.data[in.off:])]
		in.off = 0
	}
	in.data = append(in.data, b...)
	if !isASCII(b) {
		in.high += countHigh(b)
	}
	if in.built {
		in.wide = appendWide(in.wide, b)
	}
	return lost
}

// countHigh counts the bytes that take two bytes in the wide form.
func countHigh(b []byte) int {
	n := 0
	for _, c := range b {
		if c == 0 || c >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// consume drops the first n unread bytes.
func (in *input) consume(n int) {
	if in.high > 0 {
		high := countHigh(in.data[in.off : in.off+n])
		in.high -= high
		in.woff += n + high
		switch {
		case in.high == 0:
			in.wide, in.woff, in.built = nil, 0, false
		case in.built && in.woff > InputLimit:
			in.wide = in.wide[:copy(in.wide, in.wide[in.woff:])]
			in.woff = 0
		case !in.built:
			in.woff = 0
		}
	}
	in.off += n
	in.scanned = max(0, in.scanned-n)
	if in.off == len(in.data) {
		in.data, in.off = in.data[:0], 0
	}
}

// trim gives memory back when nothing is unread.
func (in *input) trim() {
	if len(in.data) == 0 && cap(in.data) > 4096 {
		in.data = nil
	}
}

// find looks for re in the unread text. It gives the match and its groups as
// FindSubmatchIndex does, in bytes of the unread text, or nil. Until the next call
// of restart it is the same expression that is looked for.
func (in *input) find(re *Regex, into []int) []int {
	text := in.unread()
	if len(text) == 0 || re.never {
		return nil
	}
	if re.lit != nil {
		i := in.search(re.lit)
		if i < 0 {
			return nil
		}
		return append(into[:0], i, i+len(re.lit))
	}
	if re.need != nil && in.search(re.need) < 0 {
		return nil
	}
	if in.high == 0 {
		return re.find(text)
	}
	return in.findWide(re)
}

// search looks for plain text, and remembers how far it has looked.
func (in *input) search(lit []byte) int {
	text := in.unread()
	from := max(0, in.scanned-len(lit)+1)
	if i := bytes.Index(text[from:], lit); i >= 0 {
		in.scanned = from + i
		return from + i
	}
	in.scanned = len(text)
	return -1
}

// restart forgets what was looked for.
func (in *input) restart() { in.scanned = 0 }

// findWide matches against the wide form, and counts runes to come back to bytes.
func (in *input) findWide(re *Regex) []int {
	if !in.built {
		in.wide, in.woff, in.built = appendWide(in.wide[:0], in.unread()), 0, true
	}
	w := in.wide[in.woff:]
	loc := re.find(w)
	for i, at := range loc {
		if at >= 0 {
			loc[i] = utf8.RuneCount(w[:at])
		}
	}
	return loc
}
