package discover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// most is how much a device may say at once, in bytes; one that says more is none of
// those that are known.
const most = 256 << 10

// talk is one conversation. A goroutine reads, until close.
type talk struct {
	ctx  context.Context
	o    *Options
	f    *Finding
	mask *secret.Masker
	conn transport.Conn

	heard chan []byte
	ended chan struct{} // closed when reading has ended

	asked bool   // the device itself asked for a name or a password
	woken string // the key that made it speak
	again string // how it prompts; what it says last
}

// call reaches the device.
func call(ctx context.Context, o *Options, f *Finding) (*talk, error) {
	conn, err := o.reach(ctx)
	if err != nil {
		return nil, err
	}
	t := &talk{
		ctx: ctx, o: o, f: f, mask: secret.NewMasker(o.Password), conn: conn,
		heard: make(chan []byte), ended: make(chan struct{}),
	}
	go t.read()
	return t, nil
}

func (o *Options) reach(ctx context.Context) (transport.Conn, error) {
	return o.Dial(ctx, o.Address, transport.Credentials{User: o.User, Password: o.Password.Reveal()})
}

func (t *talk) read() {
	defer close(t.heard)
	for {
		b := make([]byte, 4096)
		n, err := t.conn.Read(b)
		if n > 0 {
			select {
			case t.heard <- b[:n]:
			case <-t.ended:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// close hangs up and waits for the reader.
func (t *talk) close() {
	close(t.ended)
	_ = t.conn.Close()
	for range t.heard { // until the reader has seen it
	}
}

// hear gives what the device says, up to its silence; nothing if it has nothing to
// say. A prompt makes a shorter silence do.
func (t *talk) hear() (string, error) {
	var text []byte
	timer := time.NewTimer(t.o.Patience)
	defer timer.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return string(text), context.Cause(t.ctx)
		case <-timer.C:
			return string(text), nil
		case b, more := <-t.heard:
			if !more {
				return string(text), t.broke(string(text))
			}
			if text = append(text, b...); len(text) > most {
				return "", fmt.Errorf("it says more than %d bytes at once", most)
			}
			quiet := t.o.Quiet
			if prompts(text) {
				quiet /= 4
			}
			timer.Reset(quiet)
		}
	}
}

// broke is the error for a device that hung up.
func (t *talk) broke(said string) error {
	if busy(said) {
		return fmt.Errorf("%w: it says %q", ErrBusy, t.clean(said))
	}
	if strings.TrimSpace(said) == "" {
		return errBroke
	}
	return fmt.Errorf("%w: it said %q", errBroke, t.clean(said))
}

// prompts says whether a text ends as prompts do.
func prompts(text []byte) bool {
	s := strings.TrimRight(string(text[max(0, len(text)-8):]), " ")
	return s != "" && strings.ContainsRune(">:?#$", rune(s[len(s)-1]))
}

// busy says whether a text tells that somebody else is there.
func busy(text string) bool {
	text = strings.ToLower(text)
	for _, word := range []string{"another session", "already logged on", "already in use", "port in use", "session is active", "too many", "maximum number of"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// say types a text, which is no secret, and gives the answer.
func (t *talk) say(text string) (string, error) {
	if err := t.send(text); err != nil {
		return "", err
	}
	return t.hear()
}

func (t *talk) send(text string) error {
	if _, err := io.WriteString(t.conn, text); err != nil {
		if errors.Is(err, context.Canceled) {
			return err
		}
		return errBroke
	}
	return nil
}

// leave says good-bye; the device hangs up instead of answering.
func (t *talk) leave(words ...string) {
	for _, w := range words {
		if _, err := t.say(w); err != nil {
			return
		}
	}
}

// clean makes the end of what a device said fit to be shown: one line, no secrets.
func (t *talk) clean(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(t.mask.String(text), "?")), " ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	const long = 160
	if len(text) > long {
		text = "…" + text[len(text)-long:]
	}
	return strings.ToValidUTF8(text, "")
}

// lastLine gives the line that a text ends with: a prompt.
func lastLine(text string) string {
	text = strings.TrimRight(text, " \t")
	return strings.TrimSpace(text[strings.LastIndexAny(text, "\r\n")+1:])
}

// matches finds a pattern; the patterns are few, and compiled when needed.
func matches(pattern, text string) []string {
	return regexp.MustCompile(pattern).FindStringSubmatch(text)
}

// blank takes line ends and blanks away.
func blank(text string) string { return strings.Trim(text, " \t\r\n\x00") }
