package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"millwright.dev/millwright/internal/bmccli"
)

// talk joins the terminal with a serial console, with the escapes of millwright console.
func (p *program) talk(ctx context.Context, host string, line bmccli.Line, escape string) error {
	char, err := parseEscape(escape)
	if err != nil {
		return &bmccli.UsageError{Err: err}
	}
	s := &consoleSession{p: p, node: host, escapes: escapes{char: char}, drain: time.Second}
	if in, ok := p.stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		s.in = in
	} else {
		s.escapes.char = 0
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	if s.in != nil {
		s.note("%s: %s", host, s.helpLine())
		if err := s.raw(); err != nil {
			return err
		}
		defer s.cooked()
	}
	return s.join(ctx, line)
}

// join passes on what is typed, and shows what comes, until one of them ends.
func (s *consoleSession) join(ctx context.Context, line bmccli.Line) error {
	shown := make(chan error, 1)
	came := make(chan struct{}, 1)
	go func() { shown <- s.showLine(line, came) }() // ends when the line is closed, by whoever opened it
	steps := s.steps(ctx, s.p.stdin)
	var silent <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-shown:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("the console has ended: %w", err)
		case <-came:
			if silent != nil {
				silent = time.After(s.drain)
			}
		case <-silent:
			return nil
		case step, ok := <-steps:
			switch {
			case !ok && s.in == nil:
				steps, silent = nil, time.After(s.drain)
				continue
			case !ok, step.act == actEnd:
				s.note("%s: left", s.node)
				return nil
			}
			if err := s.actOn(ctx, line, step); err != nil {
				return err
			}
		}
	}
}

// showLine writes what the console says, and tells that something came.
func (s *consoleSession) showLine(line io.Reader, came chan<- struct{}) error {
	buf := make([]byte, 4096)
	for {
		n, err := line.Read(buf)
		if n > 0 {
			select {
			case came <- struct{}{}:
			default:
			}
			if _, failed := s.p.stdout.Write(buf[:n]); failed != nil {
				return failed
			}
		}
		if err != nil {
			return err
		}
	}
}

// actOn types, or does what an escape asks for.
func (s *consoleSession) actOn(ctx context.Context, line bmccli.Line, step consoleStep) error {
	switch step.act {
	case actType:
		_, err := line.Write(step.text)
		return err
	case actBreak:
		return line.Break()
	case actSuspend:
		s.cooked()
		stand(ctx)
		return s.raw()
	case actPause:
		stand(ctx)
	case actHelp:
		s.note("%s", s.helpLine()+", "+showEscape(s.escapes.char)+"B sends a break, "+showEscape(s.escapes.char)+"^Z suspends")
	case actTake, actWatch:
		s.note("several at one console: millwright console")
	case actEnd:
	}
	return nil
}
