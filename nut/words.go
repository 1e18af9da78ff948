package nut

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds of what is read, at either end.
const (
	// MaxLine is the longest line of an answer in bytes, with its end.
	MaxLine = 8 << 10
	// MaxRequest is the longest line of a request in bytes, with its end.
	MaxRequest = 2 << 10
	// MaxList is how many bytes one list may have in all: some thousands of
	// variables, which is more than the largest power strip shows.
	MaxList = 1 << 20
)

// Port is where such daemons listen unless told otherwise.
const Port = 3493

// errUnclosed: a line ends inside quotes or after a backslash.
var errUnclosed = errors.New("the line ends inside a quoted word")

// Split cuts a line, without its end, into words. Blanks and tabs separate
// words; double quotes hold them together; a backslash makes the byte behind it
// an ordinary one, inside of quotes and outside.
func Split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quoted := false, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\':
			if i++; i == len(line) {
				return nil, errUnclosed
			}
			word.WriteByte(line[i])
			inWord = true
		case c == '"':
			quoted, inWord = !quoted, true
		case !quoted && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quoted {
		return nil, errUnclosed
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// Quote writes a word between double quotes, as values are written.
func Quote(word string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(word) {
		if word[i] == '"' || word[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(word[i])
	}
	b.WriteByte('"')
	return b.String()
}

// Join writes words as a line that [Split] cuts into the same words: bare where
// that can be, quoted elsewhere. A word with a control character cannot be said.
func Join(words ...string) (string, error) {
	written := make([]string, len(words))
	for i, word := range words {
		if j := strings.IndexFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }); j >= 0 {
			return "", fmt.Errorf("a word of the protocol cannot hold the control character %q", word[j])
		}
		written[i] = word
		if !bare(word) {
			written[i] = Quote(word)
		}
	}
	return strings.Join(written, " "), nil
}

// bare says whether a word needs no quotes. The set is small on purpose: some
// servers take an equals sign or a hash for more than a character.
func bare(word string) bool {
	for i := range len(word) {
		c := word[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("._-:@/", c) >= 0:
		default:
			return false
		}
	}
	return word != ""
}

// printable makes text fit for a value: control characters become blanks.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
