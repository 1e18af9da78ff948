package devspec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// recordHeader is the first line of every recording.
const recordHeader = "# devspec recording 1"

// Recorder wraps a connection to a device and writes down what goes over it. The
// form is text for people: one line per piece, "> " what was sent and "< " what the
// device said, in Go's quotes; no times, and secrets masked.
//
//	# devspec recording 1
//	> "stat *\n"
//	< "plug 0: ON\n"
type Recorder struct {
	conn io.ReadWriteCloser
	mask masker

	mu   sync.Mutex
	out  io.Writer
	dir  byte   // '<' or '>' of what is held
	held []byte // not written yet: a secret may be cut in two
	err  error
}

// NewRecorder writes the conversation on conn to out. Give the recorder to
// [NewSession] in place of the connection, with the same secrets.
func NewRecorder(conn io.ReadWriteCloser, out io.Writer, secrets map[string]string) *Recorder {
	r := &Recorder{conn: conn, mask: newMasker(secrets), out: out}
	_, r.err = io.WriteString(out, recordHeader+"\n")
	return r
}

// Read reads from the device and notes what it said.
func (r *Recorder) Read(b []byte) (int, error) {
	n, err := r.conn.Read(b)
	r.note('<', b[:n])
	return n, err
}

// Write writes to the device and notes what was sent. It is noted first: the answer
// may come before the write returns.
func (r *Recorder) Write(b []byte) (int, error) {
	r.note('>', b)
	return r.conn.Write(b)
}

// Close closes the connection and writes what was held back. The error is also
// that of a recording that could not be written; the conversation goes on then.
func (r *Recorder) Close() error {
	err := r.conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	return errors.Join(err, r.err)
}

// maxHeld bounds what is held back in one direction.
const maxHeld = 4096

func (r *Recorder) note(dir byte, b []byte) {
	if len(b) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dir != dir {
		r.flush()
	}
	r.dir = dir
	r.held = append(r.held, b...)
	for len(r.held) > maxHeld {
		// Keep the tail, in which a secret may have begun.
		keep := 0
		if len(r.mask.values) > 0 {
			keep = r.mask.partial(r.held)
		}
		if keep >= maxHeld {
			break
		}
		tail := bytes.Clone(r.held[len(r.held)-keep:])
		r.held = r.held[:len(r.held)-keep]
		r.flush()
		r.dir, r.held = dir, tail
	}
}

// partial gives how many bytes at the end of b may be the start of a secret.
func (m masker) partial(b []byte) int {
	longest := 0
	for _, v := range m.values {
		for n := min(len(v)-1, len(b)); n > longest; n-- {
			if bytes.Equal(b[len(b)-n:], v[:n]) {
				longest = n
			}
		}
	}
	return longest
}

// flush writes what is held, one line of the recording per line of text. The caller
// holds the lock.
func (r *Recorder) flush() {
	text := r.mask.hide(r.held)
	r.held = r.held[:0]
	for text != "" {
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line = text[:i+1]
		}
		text = text[len(line):]
		if r.err == nil {
			_, r.err = fmt.Fprintf(r.out, "%c %s\n", r.dir, strconv.QuoteToASCII(latin1(line)))
		}
	}
}

// latin1 makes one rune of each byte, so that quoting shows bytes.
func latin1(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// Turn is one direction's text in a recording, up to where the other side speaks.
type Turn struct {
	Sent bool // by us; otherwise the device said it
	Text string
}

// Limits of a recording that is read.
const (
	maxRecordLine  = 1 << 20
	maxRecordBytes = 64 << 20
)

// ReadRecording reads what a [Recorder] has written. Blank lines and lines that
// start with # are comments.
func ReadRecording(name string, from io.Reader) ([]Turn, error) {
	var turns []Turn
	lines := bufio.NewScanner(io.LimitReader(from, maxRecordBytes))
	lines.Buffer(nil, maxRecordLine)
	n := 1
	for ; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if n == 1 && line != recordHeader {
			return nil, fmt.Errorf("%s:1: this is no recording: the first line must be %q", name, recordHeader)
		}
		if line == "" || line[0] == '#' {
			continue
		}
		dir, quoted, ok := strings.Cut(line, " ")
		if !ok || dir != "<" && dir != ">" {
			return nil, fmt.Errorf("%s:%d: want < or > and a quoted text", name, n)
		}
		text, err := unquoteBytes(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if k := len(turns) - 1; k >= 0 && turns[k].Sent == (dir == ">") {
			turns[k].Text += text
		} else {
			turns = append(turns, Turn{dir == ">", text})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if n == 1 {
		return nil, fmt.Errorf("%s: the recording is empty", name)
	}
	return turns, nil
}

// unquoteBytes reads a quoted text whose runes are bytes.
func unquoteBytes(quoted string) (string, error) {
	s, err := strconv.Unquote(strings.TrimSpace(quoted))
	if err != nil {
		return "", errors.New("the text is not properly quoted")
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return "", fmt.Errorf("%q is not a byte", r)
		}
		out = append(out, byte(r))
	}
	return string(out), nil
}

// Replay plays the device's side of a recording on conn, until the other side
// leaves or says something else than was recorded. Where the recording shows a masked secret,
// any text without a line end is taken. It closes conn.
func Replay(conn io.ReadWriteCloser, turns []Turn) error {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i, t := range turns {
		if !t.Sent {
			if _, err := io.WriteString(conn, t.Text); err != nil {
				return fmt.Errorf("turn %d, saying %q: %w", i+1, t.Text, err)
			}
			continue
		}
		if err := hear(in, t.Text); err != nil {
			return fmt.Errorf("turn %d: %w", i+1, err)
		}
	}
	// A device stays on the line until the other side leaves.
	if c, err := in.ReadByte(); err == nil {
		return fmt.Errorf("the recording ends after turn %d, and %q is said after it", len(turns), c)
	}
	return nil
}

// hear reads the text that must come now.
func hear(in *bufio.Reader, want string) error {
	var got []byte
	for rest := want; rest != ""; {
		if after, ok := strings.CutPrefix(rest, mask); ok {
			if err := hearSecret(in, after); err != nil {
				return fmt.Errorf("after %q: %w", got, err)
			}
			got, rest = append(got, mask...), after
			continue
		}
		c, err := in.ReadByte()
		if err != nil {
			return fmt.Errorf("expected %q, and the connection ended after %q: %w", want, got, err)
		}
		got = append(got, c)
		if c != rest[0] {
			return fmt.Errorf("expected %q, heard %q", want, got)
		}
		rest = rest[1:]
	}
	return nil
}

// hearSecret reads over a secret: all up to the byte that follows it in the
// recording, or to the end of the line.
func hearSecret(in *bufio.Reader, after string) error {
	for {
		next, err := in.Peek(1)
		if err != nil {
			return fmt.Errorf("the connection ended in a secret: %w", err)
		}
		if after != "" && next[0] == after[0] || next[0] == '\n' || next[0] == '\r' {
			return nil
		}
		_, _ = in.Discard(1) // what was peeked at is there
		if after == "" && in.Buffered() == 0 {
			return nil
		}
	}
}
