package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// consoleSession is one talk with a console.
type consoleSession struct {
	p       *program
	c       *client.Console
	node    string
	escapes escapes
	drain   time.Duration
	watch   bool

	in     *os.File // the terminal, nil for a pipe
	before *term.State
	asked  bool // somebody wants to see who is attached
	open   bool // the console can be typed to
	closed string
}

// arrival is what comes from the daemon.
type arrival struct {
	data []byte
	m    *wire.ConsoleMessage
	err  error
}

func (s *consoleSession) arrivals(ctx context.Context) <-chan arrival {
	to := make(chan arrival)
	go func() {
		for {
			data, m, err := s.c.Next(ctx)
			select {
			case to <- arrival{data, m, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return to
}

// steps reads what is typed. It ends with the program at the latest: a read of a terminal
// cannot be broken off.
func (s *consoleSession) steps(ctx context.Context, in io.Reader) <-chan consoleStep {
	const ahead = 1024 // so that an escape is seen while the console does not take what was typed before
	to := make(chan consoleStep, ahead)
	go func() {
		defer close(to)
		buf := make([]byte, 4096)
		for {
			n, err := in.Read(buf)
			for _, step := range s.escapes.feed(buf[:n]) {
				select {
				case to <- step:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return to
}

// typist passes text on in a goroutine of its own. The channel that it gives takes any
// amount that a person types.
func (s *consoleSession) typist(ctx context.Context) chan<- []byte {
	const ahead = 1024
	from := make(chan []byte, ahead)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case text := <-from:
				if s.c.Write(ctx, text) != nil {
					return // the other direction ends too, and says why
				}
			}
		}
	}()
	return from
}

// onTerminal talks until somebody has had enough.
func (s *consoleSession) onTerminal(ctx context.Context) (err error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	s.note("%s: %s", s.node, s.helpLine())
	if err := s.raw(); err != nil {
		return err
	}
	defer s.cooked()
	typed, from := s.typist(ctx), s.arrivals(ctx)
	steps := s.steps(ctx, s.in)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	s.resize(ctx)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-resized:
			s.resize(ctx)
		case a := <-from:
			if err, over := s.take(a); over {
				return err
			}
		case step, ok := <-steps:
			if !ok || step.act == actEnd {
				s.note("%s: left", s.node)
				return nil
			}
			if step.act != actType {
				s.act(ctx, step.act)
				continue
			}
			select {
			case typed <- step.text:
			default:
				s.note("the console does not take what is typed")
			}
		}
	}
}

func (s *consoleSession) helpLine() string {
	if s.escapes.char == 0 {
		return "no escape character; it ends with the console"
	}
	c := showEscape(s.escapes.char)
	return "at the beginning of a line " + c + ". ends, " + c + "? helps"
}

func (s *consoleSession) raw() error {
	before, err := term.MakeRaw(int(s.in.Fd()))
	if err != nil {
		return fmt.Errorf("take the terminal: %w", err)
	}
	s.before = before
	return nil
}

// cooked gives the terminal back as it was.
func (s *consoleSession) cooked() {
	if s.before != nil {
		_ = term.Restore(int(s.in.Fd()), s.before)
		s.before = nil
	}
}

// act does what an escape asks for.
func (s *consoleSession) act(ctx context.Context, act consoleAct) {
	switch act {
	case actBreak:
		s.ask(ctx, wire.ConsoleMessage{Type: wire.ConsoleBreak})
	case actTake:
		s.ask(ctx, wire.ConsoleMessage{Type: wire.ConsoleTake, TakeOver: true})
	case actWatch:
		s.ask(ctx, wire.ConsoleMessage{Type: wire.ConsoleWatch})
	case actHelp:
		s.asked = true
		s.ask(ctx, wire.ConsoleMessage{Type: wire.ConsoleWho})
	case actSuspend:
		s.cooked()
		stand(ctx)
		if err := s.raw(); err != nil {
			s.note("%v", err)
		}
		s.resize(ctx)
	case actPause:
		stand(ctx)
	case actType, actEnd:
	}
}

// stand stops the program until the shell has it go on. The signal may reach another
// thread first, so that this one would go on for a moment.
func stand(ctx context.Context) {
	on := make(chan os.Signal, 1)
	signal.Notify(on, syscall.SIGCONT)
	defer signal.Stop(on)
	if syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) != nil {
		return
	}
	select {
	case <-on:
	case <-ctx.Done():
	}
}

// ask sends a message; if that cannot be done, the other direction says why.
func (s *consoleSession) ask(ctx context.Context, m wire.ConsoleMessage) { _ = s.c.Ask(ctx, m) }

func (s *consoleSession) resize(ctx context.Context) {
	if w, h, err := term.GetSize(int(s.in.Fd())); err == nil && w > 0 && h > 0 {
		s.ask(ctx, wire.ConsoleMessage{Type: wire.ConsoleResize, Columns: w, Rows: h})
	}
}

// note tells something in a line of its own.
func (s *consoleSession) note(format string, args ...any) {
	end := "\n"
	if s.before != nil { // the terminal ends no lines by itself
		end = "\r\n"
	}
	start := ""
	if s.in != nil && s.before != nil {
		start = end
	}
	_, _ = fmt.Fprint(s.p.stderr, start+"["+clean(fmt.Sprintf(format, args...))+"]"+end)
}

// take shows what has come. over says that nothing more will.
func (s *consoleSession) take(a arrival) (err error, over bool) { //nolint:revive // over is more than an error
	switch {
	case errors.Is(a.err, io.EOF) || a.err != nil && s.closed != "":
		return s.ended(), true
	case a.err != nil:
		return a.err, true
	case a.m != nil:
		s.told(a.m)
		return nil, false
	}
	_, err = s.p.stdout.Write(a.data)
	return err, err != nil
}

// ended says why the daemon has closed the console.
func (s *consoleSession) ended() error {
	if s.closed == "" {
		s.closed = "the daemon has closed it"
	}
	return &room.Error{Code: room.CodeDevice, Op: "console", Subject: s.node, Said: s.closed}
}

// told shows a message.
func (s *consoleSession) told(m *wire.ConsoleMessage) {
	switch m.Type {
	case wire.ConsoleAttached:
		s.open = m.State == "open"
		if s.asked {
			s.asked = false
			s.help(m)
			return
		}
		if m.Message != "" {
			s.note("%s", m.Message)
		}
	case wire.ConsoleState:
		s.open = m.State == "open"
		s.state(m)
	case wire.ConsoleWriter:
		switch {
		case m.You:
			s.note("you type")
		case m.By != "":
			s.note("%s types now; you watch", m.By)
		case m.Said != "":
			s.note("%s", m.Said)
		default:
			s.note("nobody types now")
		}
	case wire.ConsoleJoined:
		s.note("%s has attached", m.By)
	case wire.ConsoleLeft:
		s.note("%s has left", m.By)
	case wire.ConsoleBreak:
		s.note("break sent by %s", m.By)
	case wire.ConsoleDropped:
		if m.By != "" { // a break, that somebody wished to send
			s.note("%s: %s", m.By, m.Said)
			break
		}
		s.note("not typed: %s", m.Said)
	case wire.ConsoleLost:
		s.note("%d bytes were missed: too much came too fast", m.Bytes)
	case wire.ConsoleClosed:
		s.closed = m.Said
	}
}

func (s *consoleSession) state(m *wire.ConsoleMessage) {
	switch m.State {
	case "open":
		s.note("the console is open")
	case "lost":
		s.note("the console is not within reach; it is tried again: %s", m.Said)
	default:
		s.note("reaching the console")
	}
}

// help shows the escapes and who is attached.
func (s *consoleSession) help(m *wire.ConsoleMessage) {
	var b strings.Builder
	b.WriteString("\r\n")
	c := showEscape(s.escapes.char)
	for _, line := range [][2]string{
		{".", "end"},
		{"^Z", "suspend"},
		{"^X", "suspend, and leave the terminal as it is"},
		{"B", "send a break"},
		{"T", "type, though somebody else does"},
		{"W", "watch only"},
		{c, "type " + c},
		{"?", "this help"},
	} {
		fmt.Fprintf(&b, "  %s%-3s %s\r\n", c, line[0], line[1])
	}
	fmt.Fprintf(&b, "The console of %s is %s. Attached:\r\n", clean(s.node), clean(m.State))
	for _, g := range m.Who {
		what := "watches"
		if g.Writes {
			what = "types"
		}
		from := ""
		if g.From != "" {
			from = " from " + clean(g.From)
		}
		fmt.Fprintf(&b, "  %s%s, %s, since %s\r\n", clean(g.Who), from, what, g.Since.Local().Format("15:04:05"))
	}
	_, _ = io.WriteString(s.p.stderr, b.String())
}

// onPipe types stdin and writes what the console says, until stdin has ended and the
// console is silent.
func (s *consoleSession) onPipe(ctx context.Context) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	s.escapes.char = 0
	from := s.arrivals(ctx)
	done := make(chan error, 1)
	begun := false
	var silent *time.Timer
	var quiet <-chan time.Time
	for {
		if s.open && !begun && !s.watch {
			begun = true
			go func() { done <- s.pour(ctx) }()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-done:
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			silent = time.NewTimer(s.drain)
			quiet = silent.C
		case <-quiet:
			return nil
		case a := <-from:
			if a.data != nil && silent != nil {
				silent.Reset(s.drain)
			}
			if a.m != nil && a.m.Type == wire.ConsoleDropped {
				return &room.Error{Code: room.CodeDevice, Op: "type", Subject: s.node, Said: a.m.Said}
			}
			if err, over := s.take(a); over {
				return err
			}
		}
	}
}

// pour types all of stdin.
func (s *consoleSession) pour(ctx context.Context) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.p.stdin.Read(buf)
		if n > 0 {
			if failed := s.c.Write(ctx, buf[:n]); failed != nil {
				return failed
			}
		}
		if err != nil {
			return err
		}
	}
}
