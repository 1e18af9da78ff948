package devspec

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// TraceKind says what a [Trace] shows.
type TraceKind uint8

// What a trace shows: text sent, text consumed by an expect (or left when one timed
// out), a delay that begins, or that there was no connection in time.
const (
	TraceSend TraceKind = iota
	TraceRecv
	TraceDelay
	TraceConnectTimeout
)

// Trace is one line of the telemetry of a conversation. Secrets are masked in it.
type Trace struct {
	Kind  TraceKind
	Text  string        // of TraceSend and TraceRecv, as it was on the wire
	Delay time.Duration // of TraceDelay
}

// Format gives the text of PowerMan's response 305, for example
// "send(d0): 'on 3\n'" with the line end shown as backslash and n.
func (t Trace) Format(device string) string {
	switch t.Kind {
	case TraceSend:
		return "send(" + device + "): '" + printable(t.Text) + "'"
	case TraceRecv:
		return "recv(" + device + "): '" + printable(t.Text) + "'"
	case TraceDelay:
		return fmt.Sprintf("delay(%s): %d.%06d", device, t.Delay/time.Second, t.Delay%time.Second/time.Microsecond)
	}
	return "connect(" + device + "): timeout"
}

// printable shows CR, LF and TAB as \r \n \t, and every other byte that is not
// printing ASCII as three octal digits.
func printable(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 8)
	for _, c := range []byte(s) {
		switch {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Failure is why an action ended without success, as PowerMan's clients are told.
type Failure uint8

// The four reasons of response 308.
const (
	FailConnect Failure = iota // no connection within the script's time
	FailLogin                  // connected, but the login script had not ended
	FailExpect                 // the device did not answer as expected
	FailAborted                // an action before it failed
)

// Text gives the text of PowerMan's response 308.
func (f Failure) Text(device string) string {
	switch f {
	case FailConnect:
		return device + ": connect timeout"
	case FailLogin:
		return device + ": login timeout"
	case FailExpect:
		return device + ": action timed out waiting for expected response"
	}
	return device + ": action aborted due to previous action timeout"
}

// mask is what stands for a secret in everything that is shown.
const mask = "****"

// minSecret is the length from which a value is hidden. Hiding a shorter one
// would garble what is shown, and give away where it stands.
const minSecret = 3

// masker hides secrets. A user's name is none.
type masker struct {
	values [][]byte // longest first, so that no part of a longer one stays
}

func newMasker(secrets map[string]string) masker {
	var m masker
	for key, v := range secrets {
		if key == "user" || len(v) < minSecret {
			continue
		}
		i := 0
		for i < len(m.values) && len(m.values[i]) >= len(v) {
			i++
		}
		m.values = append(m.values, nil)
		copy(m.values[i+1:], m.values[i:])
		m.values[i] = []byte(v)
	}
	return m
}

// hide gives b as a string, with every secret in it replaced.
func (m masker) hide(b []byte) string {
	for _, v := range m.values {
		if bytes.Contains(b, v) {
			b = bytes.ReplaceAll(b, v, []byte(mask))
		}
	}
	return string(b)
}
