// Package vpc holds the dialogue of PowerMan's test device, the "virtual power
// controller": the prompt, the commands and their answers, and nothing else.
//
// It exists because the same dialogue is spoken by two programs: the stand-in
// for vpcd(8), which has 16 plugs of its own, and a simulated room, where the
// plugs feed machines. Each hands in its plugs by the interface [Plugs].
//
// Start with [Session.Serve], or with [Session.Prompt] and [Session.Answer] if
// the lines come from elsewhere.
//
// # Source
//
// The behaviour is that of vpcd of PowerMan 2.3.27, compared byte for byte, but
// for what PowerMan 2.4 does otherwise, which rules:
//
//   - on and off take a host list too and print one line "PLUG: OK" or
//     "PLUG: ERROR" for each plug before the final "N OK"; 2.3.27 prints the
//     final line only and answers UNKNOWN to "on [1-3]". reset takes a host
//     list, too.
//   - temp of one plug ends with "N OK"; 2.3.27 ends it with "N UNKNOWN: ...".
//   - plugs can be bad: they read as ERROR and cannot be switched.
package vpc

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
)

// Plugs is what the dialogue is about. Plugs are counted from 0; the name of a
// plug is what is typed and shown. Calls come from one goroutine per session.
type Plugs interface {
	Len() int
	Name(i int) string
	Find(name string) (i int, ok bool)
	// On is what the device believes, which need not be the truth.
	On(i int) bool
	// Bad tells that the plug answers ERROR to everything.
	Bad(i int) bool
	// Switch turns a plug on or off, and tells whether the device thinks it did.
	Switch(i int, on bool) bool
	Beacon(i int) bool
	SetBeacon(i int, on bool)
	// Reset presses the reset button of what hangs on the plug.
	Reset(i int)
}

// resetTime is how long the device keeps the line while it resets nodes.
const resetTime = time.Second

// flushAt is the size in bytes at which a long answer is handed on, so that no
// command can make a session hold much more than that.
const flushAt = 32 << 10

// Session is one user's talk with the device. The zero value needs Plugs and
// Out only. It is not safe for use by several goroutines.
type Session struct {
	Plugs Plugs
	Out   io.Writer
	// Sleep waits; time.Sleep if nil. An error of it ends the session.
	Sleep func(time.Duration) error

	number   int // of the command being typed, from 0
	loggedIn bool
	buf      []byte
	err      error
}

// maxLine is how many bytes of a line are read at once; a longer line counts as
// several, as in the original.
const maxLine = 127

// Serve prompts, reads lines and answers them until "logoff" or the end of
// the input, neither of which is an error.
func (s *Session) Serve(in io.Reader) error {
	r := lineReader{in: in}
	for {
		s.Prompt()
		line, err := r.next()
		if errors.Is(err, io.EOF) {
			return s.err
		}
		if err != nil {
			return err
		}
		if !s.Answer(line) {
			return s.err
		}
	}
}

// Prompt writes the prompt of the next command. It does not wait for a reader.
func (s *Session) Prompt() {
	s.buf = append(strconv.AppendInt(s.buf, int64(s.number), 10), " vpc> "...)
	s.flush()
}

// Err is the first error of writing or sleeping.
func (s *Session) Err() error { return s.err }

// Answer carries out one line and writes the answer, without the next prompt.
// It tells whether the session goes on.
func (s *Session) Answer(line string) bool {
	if i := strings.IndexByte(line, 0); i >= 0 {
		line = line[:i]
	}
	line = strings.TrimRight(line, " \t\r\n\v\f")
	more := s.dispatch(line)
	s.flush()
	s.number++
	return more && s.err == nil
}

func (s *Session) dispatch(line string) (more bool) {
	switch {
	case line == "":
	case line == "logoff":
		s.loggedIn = false
		s.ok()
		return false
	case line == "login":
		s.loggedIn = true
		s.ok()
	case !s.loggedIn:
		s.say("Please login")
	default:
		s.command(line)
	}
	return true
}

// verb is one command with an operand.
type verb struct {
	name       string
	all, lists bool // takes "*"; takes a host list
	each       func(s *Session, plug int)
	after      func(s *Session)
}

// verbs is looked through in order, as the commands are prefixes: "on3" is
// "on 3".
var verbs = [...]verb{
	{name: "stat", all: true, each: func(s *Session, i int) { s.state(i, s.Plugs.On(i)) }},
	{name: "beacon", all: true, each: func(s *Session, i int) { s.state(i, s.Plugs.Beacon(i)) }},
	{name: "temp", all: true, each: (*Session).temperature},
	{name: "on", all: true, lists: true, each: func(s *Session, i int) { s.turn(i, true) }},
	{name: "off", all: true, lists: true, each: func(s *Session, i int) { s.turn(i, false) }},
	{name: "unflash", each: func(s *Session, i int) { s.Plugs.SetBeacon(i, false) }},
	{name: "flash", each: func(s *Session, i int) { s.Plugs.SetBeacon(i, true) }},
	{name: "reset", all: true, lists: true, each: func(s *Session, i int) { s.Plugs.Reset(i) }, after: (*Session).pause},
}

func (s *Session) command(line string) {
	for i := range verbs {
		v := &verbs[i]
		rest, found := strings.CutPrefix(line, v.name)
		if !found {
			continue
		}
		switch {
		case v.all && rest == " *":
			s.forAll(v)
		case v.lists && strings.ContainsAny(rest, "[,"):
			s.forList(v, line, rest)
		default:
			s.forOne(v, line, rest)
		}
		return
	}
	if rest, found := strings.CutPrefix(line, "spew"); found {
		s.spew(line, rest)
		return
	}
	s.unknown(line)
}

func (s *Session) forAll(v *verb) {
	for i := range s.Plugs.Len() {
		v.each(s, i)
		if len(s.buf) >= flushAt && !s.flush() {
			return
		}
	}
	s.finish(v)
}

func (s *Session) forList(v *verb, line, rest string) {
	list, err := hostlist.Parse(rest)
	if err != nil {
		s.unknown(line)
		return
	}
	var plugs []int
	for name := range list.All() {
		i, ok := s.Plugs.Find(name)
		if !ok {
			s.badValue(name)
			return
		}
		plugs = append(plugs, i)
	}
	for _, i := range plugs {
		v.each(s, i)
	}
	s.finish(v)
}

func (s *Session) forOne(v *verb, line, rest string) {
	name := strings.TrimLeft(rest, " \t\v\f")
	i, ok := s.Plugs.Find(name)
	if !ok {
		n, isNumber := scanInt(name)
		if !isNumber {
			s.unknown(line)
			return
		}
		name = strconv.Itoa(int(n))
		if i, ok = s.Plugs.Find(name); !ok {
			s.badValue(name)
			return
		}
	}
	v.each(s, i)
	s.finish(v)
}

func (s *Session) finish(v *verb) {
	if v.after != nil {
		v.after(s)
	}
	s.ok()
}

func (s *Session) state(i int, on bool) {
	word := "OFF"
	switch {
	case s.Plugs.Bad(i):
		word = "ERROR"
	case on:
		word = "ON"
	}
	s.plug(i)
	s.buf = append(append(s.buf, word...), '\n')
}

func (s *Session) temperature(i int) {
	s.plug(i)
	s.buf = append(strconv.AppendInt(s.buf, int64(83+i), 10), '\n')
}

func (s *Session) plug(i int) {
	s.buf = append(s.buf, "plug "...)
	s.buf = append(s.buf, s.Plugs.Name(i)...)
	s.buf = append(s.buf, ": "...)
}

func (s *Session) turn(i int, on bool) {
	word := ": ERROR\n"
	if !s.Plugs.Bad(i) && s.Plugs.Switch(i, on) {
		word = ": OK\n"
	}
	s.buf = append(s.buf, s.Plugs.Name(i)...)
	s.buf = append(s.buf, word...)
}

func (s *Session) pause() {
	if s.Sleep == nil {
		time.Sleep(resetTime)
		return
	}
	if err := s.Sleep(resetTime); err != nil && s.err == nil {
		s.err = err
	}
}

// letters is the first line that spew prints; each line starts one further on.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#$%^&*()-_=+[]"

// spew prints text that is of no use: a test of the reader's buffers.
func (s *Session) spew(line, rest string) {
	count, ok := scanInt(strings.TrimLeft(rest, " \t\v\f"))
	if !ok {
		s.unknown(line)
		return
	}
	if count <= 0 {
		s.badValue(strconv.Itoa(int(count)))
		return
	}
	for i := range int(count) {
		k := i % len(letters)
		s.buf = append(s.buf, letters[k:]...)
		s.buf = append(s.buf, letters[:k]...)
		s.buf = append(s.buf, '\n')
		if len(s.buf) >= flushAt && !s.flush() {
			return
		}
	}
	s.ok()
}

func (s *Session) ok()                   { s.say("OK") }
func (s *Session) unknown(line string)   { s.say("UNKNOWN: ", line) }
func (s *Session) badValue(value string) { s.say("BADVAL: ", value) }

// say writes one line that starts with the number of the command.
func (s *Session) say(words ...string) {
	s.buf = append(strconv.AppendInt(s.buf, int64(s.number), 10), ' ')
	for _, w := range words {
		s.buf = append(s.buf, w...)
	}
	s.buf = append(s.buf, '\n')
}

// flush hands the bytes on and tells whether there is still somebody to talk to.
func (s *Session) flush() bool {
	if s.err == nil && len(s.buf) > 0 {
		_, s.err = s.Out.Write(s.buf)
	}
	s.buf = s.buf[:0]
	return s.err == nil
}

// scanInt reads a decimal number at the start of text and ignores what follows,
// as C's "%d" does; out of range it wraps the way a 64-bit C library does.
func scanInt(text string) (int32, bool) {
	end := 0
	if end < len(text) && (text[end] == '-' || text[end] == '+') {
		end++
	}
	digits := end
	for end < len(text) && '0' <= text[end] && text[end] <= '9' {
		end++
	}
	if end == digits {
		return 0, false
	}
	// Out of range, ParseInt gives the nearest value that fits, as strtol does.
	n, _ := strconv.ParseInt(text[:end], 10, 64)
	return int32(n), true // wrapping is the point
}

// lineReader cuts the input into lines of at most maxLine bytes.
type lineReader struct {
	in   io.Reader
	buf  [512]byte
	r, w int
	err  error
}

func (l *lineReader) next() (string, error) {
	for {
		have := l.buf[l.r:l.w]
		if end := bytes.IndexByte(have, '\n'); end >= 0 && end < maxLine {
			l.r += end + 1
			return string(have[:end]), nil
		}
		if len(have) >= maxLine {
			l.r += maxLine
			return string(have[:maxLine]), nil
		}
		if l.err != nil {
			if len(have) == 0 {
				return "", l.err
			}
			l.r = l.w
			return string(have), nil
		}
		l.w = copy(l.buf[:], have)
		l.r = 0
		n, err := l.in.Read(l.buf[l.w:])
		l.w += n
		l.err = err
	}
}
