package secret

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
)

// minMasked is the shortest secret that is masked, in bytes: to mask "1"
// wherever it stands would ruin the trace and hide nothing.
const minMasked = 3

// Masker replaces known secrets in text by [Mask], the longest first. Secrets
// shorter than three bytes are left. It never changes, so any number of
// goroutines may use it; the zero Masker changes nothing.
type Masker struct {
	secrets  [][]byte // longest first, none twice
	replacer *strings.Replacer
}

// NewMasker returns a Masker for the values; the lines of a value of several
// lines (a key) are masked one by one as well.
func NewMasker(values ...Value) *Masker {
	var texts []string
	for _, v := range values {
		text := v.Reveal()
		texts = append(texts, text)
		if strings.Contains(text, "\n") {
			texts = append(texts, strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })...)
		}
	}
	texts = slices.DeleteFunc(texts, func(s string) bool { return len(s) < minMasked })
	slices.SortFunc(texts, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	texts = slices.Compact(texts)
	m := &Masker{}
	var pairs []string
	for _, s := range texts {
		m.secrets = append(m.secrets, []byte(s))
		pairs = append(pairs, s, Mask)
	}
	if len(pairs) > 0 {
		m.replacer = strings.NewReplacer(pairs...)
	}
	return m
}

// String masks a whole text.
func (m *Masker) String(s string) string {
	if m == nil || m.replacer == nil {
		return s
	}
	return m.replacer.Replace(s)
}

// Bytes masks a whole text. The result shares nothing with b.
func (m *Masker) Bytes(b []byte) []byte { return []byte(m.String(string(b))) }

// Writer masks a stream: a secret is found even when it is cut over several
// writes. What could be the beginning of a secret is held back until the next
// write shows; Close lets it go (and does not close w).
func (m *Masker) Writer(w io.Writer) io.WriteCloser { return &maskWriter{m: m, w: w} }

type maskWriter struct {
	m    *Masker
	w    io.Writer
	held []byte // shorter than the longest secret
}

func (w *maskWriter) Write(p []byte) (int, error) {
	w.held = append(w.held, p...)
	if err := w.flush(false); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w *maskWriter) Close() error { return w.flush(true) }

// flush writes what is sure by now: all of it at the end.
func (w *maskWriter) flush(end bool) error {
	var out []byte
	rest := w.held
	for len(rest) > 0 {
		n, sure := w.m.at(rest, end)
		if !sure {
			break
		}
		if n > 0 {
			out, rest = append(out, Mask...), rest[n:]
		} else {
			out, rest = append(out, rest[0]), rest[1:]
		}
	}
	w.held = append(w.held[:0], rest...)
	if len(out) == 0 {
		return nil
	}
	_, err := w.w.Write(out)
	return err
}

// at returns the length of the longest secret that b begins with, 0 if none,
// and whether more bytes could make no difference.
func (m *Masker) at(b []byte, end bool) (n int, sure bool) {
	if m == nil {
		return 0, true
	}
	for _, s := range m.secrets {
		if bytes.HasPrefix(b, s) {
			return len(s), true
		}
		if !end && len(b) < len(s) && bytes.HasPrefix(s, b) {
			return 0, false
		}
	}
	return 0, true
}
