package powerman

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
)

// session is one client of a server. The goroutine that calls serve reads; a
// second one exists only while a command runs, because input is answered with
// 208 meanwhile.
type session struct {
	srv   *Server
	rwc   io.ReadWriteCloser
	lines lineReader
	out   *outbox
	// gone ends the context of a running query when the client is lost.
	gone      context.CancelFunc
	goneCtx   context.Context
	closeOnce sync.Once

	// Toggles; only the reading goroutine uses them.
	telemetry, exprange bool

	// mu makes "is a command running" and the queueing of what follows from
	// the answer one step: a 208 must never come behind the prompt.
	mu      sync.Mutex
	running bool
	command sync.WaitGroup // the goroutine of the running command
}

func newSession(srv *Server, rwc io.ReadWriteCloser) *session {
	limits := srv.Limits.withDefaults()
	s := &session{
		srv:   srv,
		rwc:   rwc,
		lines: lineReader{r: rwc, limit: limits.Line, timeout: limits.LineTime},
	}
	s.out = newOutbox(rwc, limits.WriteTime, limits.Queue, s.close)
	return s
}

// close closes the stream and gives up a running query. It may be called from
// any goroutine, and is when writing fails.
func (s *session) close() {
	s.closeOnce.Do(func() {
		s.gone()
		_ = s.rwc.Close() // nothing was lost that a flush has not told
	})
}

func (s *session) serve(ctx context.Context) error {
	s.goneCtx, s.gone = context.WithCancel(ctx)
	defer s.out.close()
	defer s.close()
	stop := context.AfterFunc(ctx, s.close)
	defer stop()
	defer s.command.Wait() // a command is finished even if nobody listens

	if err := s.send(appendPrompt(s.appendBanner(nil))); err != nil {
		return err
	}
	for {
		line, err := s.lines.next()
		switch {
		case errors.Is(err, errLineTooLong):
			err = s.refuse(CodeTooLong)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			s.close()
			if cause := s.out.failure(); cause != nil {
				return cause // the stream was closed because writing failed
			}
			return err
		default:
			var quit bool
			if quit, err = s.handle(ctx, line); quit {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) appendBanner(b []byte) []byte {
	version := s.srv.Version
	if version == "" {
		version = DefaultVersion
	}
	return appendLine(b, CodeVersion, version)
}

func appendPrompt(b []byte) []byte { return append(b, Prompt...) }

func (s *session) send(b []byte) error {
	s.out.queue(b)
	return s.out.flush()
}

// busy answers 208 if a command runs.
func (s *session) busy() (bool, error) {
	s.mu.Lock()
	running := s.running
	if running {
		s.out.queue(appendFixed(nil, CodeInProgress))
	}
	s.mu.Unlock()
	if !running {
		return false, nil
	}
	return true, s.out.flush()
}

// refuse answers a line that is no request.
func (s *session) refuse(code Code) error {
	if busy, err := s.busy(); busy {
		return err
	}
	return s.send(appendPrompt(appendFixed(nil, code)))
}

// handle answers one line, or starts the goroutine that will.
func (s *session) handle(ctx context.Context, line []byte) (quit bool, err error) {
	if busy, err := s.busy(); busy {
		return false, err
	}
	req, ok := ParseRequest(string(line))
	if !ok {
		return false, s.refuse(CodeUnknown)
	}
	if req.Command == CmdQuit {
		return true, s.send(appendFixed(nil, CodeGoodbye))
	}
	if req.Command.Power() || req.Command.Query() {
		s.start(ctx, req)
		return false, nil
	}
	return false, s.send(appendPrompt(s.answerNow(ctx, req)))
}

// answerNow answers what needs no device.
func (s *session) answerNow(ctx context.Context, req Request) (b []byte) {
	defer s.recovered(req, &b)
	switch req.Command {
	case CmdTelemetry:
		s.telemetry = !s.telemetry
		return appendToggle(nil, CodeTelemetry, "Telemetry", s.telemetry)
	case CmdExprange:
		s.exprange = !s.exprange
		return appendToggle(nil, CodeExprange, "Hostrange expansion", s.exprange)
	case CmdNodes:
		names, err := s.srv.Handler.Nodes(ctx)
		if err != nil {
			return appendError(nil, err, CodeQueryErrors)
		}
		return appendNodes(nil, names, s.exprange)
	case CmdDevice:
		devices, err := s.srv.Handler.Device(ctx, req.Targets)
		if err != nil {
			return appendError(nil, err, CodeQueryErrors)
		}
		return appendDevices(nil, devices)
	}
	return appendHelp(nil)
}

// start runs a command in a goroutine of its own, which answers it.
func (s *session) start(ctx context.Context, req Request) {
	out := &commandOut{box: s.out, telemetry: s.telemetry}
	exprange := s.exprange
	s.mu.Lock()
	s.running = true
	s.mu.Unlock()
	s.command.Go(func() {
		reply := appendPrompt(s.run(ctx, req, out, exprange))
		s.mu.Lock()
		s.out.queue(reply)
		s.running = false
		s.mu.Unlock()
		_ = s.out.flush() // a failure closes the stream, and the reader reports it
	})
}

// run lets the handler do the work and returns the end of the reply.
func (s *session) run(ctx context.Context, req Request, out *commandOut, exprange bool) (b []byte) {
	defer out.end()
	defer s.recovered(req, &b)
	if req.Command.Power() {
		err := out.verdict(s.srv.Handler.Power(ctx, req.Command, req.Targets, out))
		if err != nil {
			return appendError(nil, err, CodeCommandErrors)
		}
		return appendFixed(nil, CodeCommandDone)
	}
	results, err := s.srv.Handler.Query(s.goneCtx, req.Command, req.Targets, out)
	if err = out.verdict(err); err != nil && !errors.Is(err, ErrWithErrors) {
		return appendError(nil, err, CodeQueryErrors)
	}
	if req.Command == CmdTemp {
		b = appendTemps(nil, results, exprange)
	} else {
		b = appendStates(nil, results, exprange)
	}
	if err != nil {
		return appendFixed(b, CodeQueryErrors)
	}
	return appendFixed(b, CodeQueryDone)
}

// recovered turns a panic of the handler into a 204: a mistake met by one
// request must not take the power away from all others.
func (s *session) recovered(req Request, reply *[]byte) {
	p := recover()
	if p == nil {
		return
	}
	s.srv.log().Error("request failed by a mistake in the program", "request", req.Command.String(),
		"targets", req.Targets, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	*reply = appendError(nil, errors.New("mistake in the program, see its log"), CodeInternal)
}

// commandOut is the [Out] of one command.
type commandOut struct {
	box       *outbox
	telemetry bool

	mu     sync.Mutex
	ended  bool
	failed bool
}

func (o *commandOut) WantTelemetry() bool { return o.telemetry }

func (o *commandOut) Telemetry(text string) {
	if o.telemetry {
		o.line(CodeTelemetryIn, text, false)
	}
}

func (o *commandOut) DeviceError(text string) { o.line(CodeDeviceError, text, true) }

func (o *commandOut) Diagnostic(node, text string) {
	o.line(CodeDiagnostic, strings.Join([]string{node, text}, ": "), true)
}

func (o *commandOut) line(code Code, text string, failed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return
	}
	o.failed = o.failed || failed
	o.box.queue(appendLine(nil, code, text))
	o.box.flushSoon()
}

// verdict adds to the handler's own what it told the client on the way: a
// reported failure is never called a success.
func (o *commandOut) verdict(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && o.failed {
		return ErrWithErrors
	}
	return err
}

// end drops what comes after the handler has returned.
func (o *commandOut) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}
