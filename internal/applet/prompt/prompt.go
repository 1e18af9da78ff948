// Package prompt is the conversation that powermand's helper programs have in
// common: a prompt, a line of words, its answer, the next prompt, until the
// input ends.
//
// It exists so that all of them read lines alike, and hold no more of one than
// they say: what comes in may be anything. Start with [Loop.Serve].
//
// Source: httppower(8), plmpower(8), redfishpower(8), and the bytes that Debian's
// httppower and plmpower give for odd input.
package prompt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
)

// Unknown is the answer to a word that is no command.
const Unknown = "type \"help\" for a list of commands\n"

// Command carries out one line, split at blanks; there is at least one word. It
// says whether there is more to come: false ends the conversation.
type Command func(ctx context.Context, words []string) (more bool)

// Loop is one conversation.
type Loop struct {
	Prompt  string
	MaxLine int // bytes of a line, with its end; what is longer counts as several lines
	Out     io.Writer
	Run     Command
}

// Serve prompts, reads and runs until the input or ctx ends or a command says
// so. A read that is under way outlasts ctx until the next line. The error is
// that of the input or of the prompt's output; the end of the input is none.
func (l Loop) Serve(ctx context.Context, in io.Reader) error {
	r := newReader(in, l.MaxLine)
	for ctx.Err() == nil {
		if _, err := io.WriteString(l.Out, l.Prompt); err != nil {
			return err
		}
		line, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if words := Words(line); len(words) > 0 && !l.Run(ctx, words) {
			return nil
		}
	}
	return ctx.Err()
}

// Words splits a line at blanks, of which there are six as in C. There is no
// quoting. What follows a zero byte is no part of the line.
func Words(line []byte) []string {
	if i := bytes.IndexByte(line, 0); i >= 0 {
		line = line[:i]
	}
	return strings.FieldsFunc(string(line), func(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) })
}

// reader cuts its input into lines of a largest length.
type reader struct {
	in         io.Reader
	buf        []byte // of the largest length
	start, end int    // what is read and not yet given out
}

func newReader(in io.Reader, maxLine int) *reader {
	return &reader{in: in, buf: make([]byte, maxLine)}
}

// next gives the next line with its end, or without it where it is too long or
// the last. The line is good until the next call.
func (r *reader) next() ([]byte, error) {
	for {
		if i := bytes.IndexByte(r.buf[r.start:r.end], '\n'); i >= 0 {
			return r.take(i + 1), nil
		}
		if r.start > 0 {
			r.end = copy(r.buf, r.buf[r.start:r.end])
			r.start = 0
		}
		if r.end == len(r.buf) {
			return r.take(r.end), nil
		}
		n, err := r.in.Read(r.buf[r.end:])
		r.end += n
		if n == 0 && err != nil {
			if r.end > 0 && errors.Is(err, io.EOF) {
				return r.take(r.end), nil
			}
			return nil, err
		}
	}
}

func (r *reader) take(n int) []byte {
	line := r.buf[r.start : r.start+n]
	r.start += n
	return line
}
