package plmpower

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"millwright.dev/millwright/internal/applet/prompt"
)

// shell carries out commands.
type shell struct {
	modem     *modem // nil in test mode
	attempts  int
	level     byte // of the simulated switch
	lost      error
	out, errs io.Writer
}

func (s *shell) say(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// command carries out one line.
func (s *shell) command(ctx context.Context, words []string) (more bool) {
	var err error
	switch words[0] {
	case "help":
		s.say(help)
	case "quit":
		return false
	case "info", "reset", "ping":
		err = s.onModem(ctx, words)
	case "on", "off", "status":
		err = s.onDevice(ctx, words)
	default:
		s.say(prompt.Unknown)
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, errAddress), errors.Is(err, errNoAnswer), errors.Is(err, errRefused):
		fmt.Fprintf(s.errs, "plmpower: %v\n", err)
		return true
	default:
		s.lost = err
		return false
	}
}

// onModem does what there is in no test mode.
func (s *shell) onModem(ctx context.Context, words []string) error {
	switch {
	case s.modem == nil:
		s.say("Unavailable in test mode\n")
		return nil
	case words[0] == "info":
		i, err := s.modem.info(ctx)
		if err == nil {
			s.say("id=%s dev=%.2X.%.2X vers=%d\n", i.id, i.category, i.subcategory, i.firmware)
		}
		return err
	case words[0] == "reset":
		err := s.modem.reset(ctx)
		if err == nil {
			s.say("PLM reset complete\n")
		}
		return err
	default:
		return s.ping(ctx, words)
	}
}

func (s *shell) ping(ctx context.Context, words []string) error {
	if len(words) != 2 {
		s.say("Usage: ping addr\n")
		return nil
	}
	a, err := parseAddress(words[1])
	if err != nil {
		return err
	}
	if a.x10 {
		fmt.Fprintf(s.errs, "plmpower: ping is only for Insteon devices\n")
		return nil
	}
	begin := time.Now()
	r, err := s.modem.insteon(ctx, a.id, cmdPing, 0)
	if err == nil {
		s.say("PING from %s: retries=%d time=%.2f ms\n", words[1], r.retries, float64(time.Since(begin).Microseconds())/1000)
	}
	return err
}

func (s *shell) onDevice(ctx context.Context, words []string) error {
	if len(words) != 2 {
		s.say("Usage: %s addr\n", words[0])
		return nil
	}
	a, err := parseAddress(words[1])
	if err != nil {
		return err
	}
	switch verb := words[0]; {
	case verb == "status" && a.x10:
		s.say("%s: unknown\n", strings.ToLower(words[1]))
		return nil
	case verb == "status":
		return s.status(ctx, words[1], a)
	case s.modem == nil:
		if !a.x10 {
			s.level = map[string]byte{"on": 1}[verb]
		}
		return nil
	case a.x10:
		return s.modem.x10(ctx, a, map[string]byte{"on": x10On, "off": x10Off}[verb], s.attempts)
	case verb == "on":
		_, err = s.modem.insteon(ctx, a.id, cmdOnFast, 0xff)
	default:
		_, err = s.modem.insteon(ctx, a.id, cmdOffFast, 0)
	}
	return err
}

func (s *shell) status(ctx context.Context, typed string, a address) error {
	level := s.level
	if s.modem != nil {
		r, err := s.modem.insteon(ctx, a.id, cmdStatus, 0)
		if errors.Is(err, errRefused) {
			s.say("%s: unknown\n", typed)
		}
		if err != nil {
			return err
		}
		level = r.level
	}
	s.say("%s: %.2X\n", typed, level)
	return nil
}
