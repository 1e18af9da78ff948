package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/command"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// session holds what all commands have in common. No process lives between two
// calls of Do.
type session struct {
	*Settings
	env      driver.Env
	programs map[string]string // as written, and where they are
	environ  []string
	masker   *secret.Masker
}

// call is one action: its command, or two, for some plugs.
type call struct {
	job   job
	plugs []int
	start time.Time // of its clock
}

// result is how a call ended.
type result struct {
	call call
	ran  []ran
	err  error // of the last command
}

// ran is a command that was run.
type ran struct {
	argv   []string
	stdout string
	stderr string // the last of it
}

// Errors of a call, beside an [*exitError].
var (
	errTimeout = errors.New("the command took too long")
	errNoTime  = errors.New("no time was left to run the command")
)

// Do implements [driver.Session]. Calls run side by side, as many as at-once says.
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	t := told{session: s, batch: b, sink: sink}
	job, able := s.jobs[b.Op]
	if !able {
		for _, p := range b.Plugs {
			sink.Failed(p, "no command is given for "+b.Op.String())
		}
		return nil
	}
	todo := divide(job, b.Plugs)
	ended := make(chan result)
	running := 0
	start := b.Start
	for running > 0 || len(todo) > 0 && ctx.Err() == nil {
		if len(todo) > 0 && running < s.AtOnce && ctx.Err() == nil {
			c := todo[0]
			if c.start = start; start.IsZero() {
				c.start = time.Now()
			}
			todo = todo[1:]
			running++
			go func() { ended <- s.perform(ctx, c) }()
			continue
		}
		t.result(<-ended)
		running--
		start = time.Time{} // those that follow start now
	}
	for _, c := range todo {
		t.unknown(c.plugs, driver.Waiting, context.Cause(ctx))
	}
	return nil
}

// divide makes the calls that a job takes for these plugs.
func divide(j job, plugs []int) []call {
	if j.many {
		return []call{{job: j, plugs: plugs}}
	}
	calls := make([]call, len(plugs))
	for i := range plugs {
		calls[i] = call{job: j, plugs: plugs[i : i+1]}
	}
	return calls
}

// perform does a call. It runs in a goroutine of its own.
func (s *session) perform(ctx context.Context, c call) result {
	r := result{call: c}
	r.run(ctx, s, c.job.first, c.start)
	if c.job.second == nil || r.err != nil {
		return r
	}
	// The plug is off now. If nobody wants the rest of the cycle any more, the
	// machine has its power back all the sooner; but back it has it.
	rest := time.NewTimer(s.Rest)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
	r.run(context.WithoutCancel(ctx), s, c.job.second, time.Now())
	if r.err != nil {
		r.err = &halfError{r.err}
	}
	return r
}

// halfError is of a cycle that went off and not on.
type halfError struct{ err error }

func (e *halfError) Error() string { return "it was switched off, and then: " + e.err.Error() }
func (e *halfError) Unwrap() error { return e.err }

// run runs one command of the call.
func (r *result) run(ctx context.Context, s *session, t *template, start time.Time) {
	ctx, cancel := context.WithDeadlineCause(ctx, start.Add(s.Timeout), errTimeout)
	defer cancel()
	names := map[string]string{placeDevice: s.env.Device}
	if t.ranged {
		names[placePlugs] = hostlist.Fold(s.names(r.call.plugs))
	} else {
		names[placePlug] = s.env.Plugs[r.call.plugs[0]].Name
	}
	argv := t.fill(names)
	if ctx.Err() != nil {
		r.err = errNoTime
		if cause := context.Cause(ctx); !errors.Is(cause, errTimeout) {
			r.err = cause
		}
		return
	}
	out, err := s.command(ctx, argv)
	r.ran, r.err = append(r.ran, out), err
}

func (s *session) names(plugs []int) []string {
	names := make([]string, len(plugs))
	for i, p := range plugs {
		names[i] = s.env.Plugs[p].Name
	}
	return names
}

// Done implements [driver.Session]: there is no line that could break.
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

// told tells a sink how calls went.
type told struct {
	*session
	batch driver.Batch
	sink  driver.Sink
}

func (t told) result(r result) {
	if t.batch.Trace {
		for _, c := range r.ran {
			t.sink.Trace(devspec.Trace{Kind: devspec.TraceSend, Text: t.masker.String(strings.Join(c.argv, " ")) + "\n"})
			t.sink.Trace(devspec.Trace{Kind: devspec.TraceRecv, Text: t.masker.String(c.stdout) + c.stderr})
		}
	}
	var refused *exitError
	switch {
	case r.err == nil || errors.As(r.err, &refused):
		t.env.Acted()
		t.answer(r)
	case errors.Is(r.err, command.ErrStart): // surely nothing has happened
		for _, p := range r.call.plugs {
			t.sink.Failed(p, t.clean(r.err.Error()))
		}
	case len(r.ran) == 0 && !errors.Is(r.err, errNoTime): // cancelled just before
		t.unknown(r.call.plugs, driver.Waiting, r.err)
	default:
		t.unknown(r.call.plugs, driver.Acting, r.err)
	}
}

// unknown reports a call that did not come to its end.
func (t told) unknown(plugs []int, phase driver.Phase, why error) {
	f := &driver.Fault{Phase: phase, Device: t.env.Device, Err: why}
	t.sink.Fault(f)
	for _, p := range plugs {
		t.sink.Unknown(p, f)
	}
}

// answer reports a call whose commands have ended by themselves.
func (t told) answer(r result) {
	said := ""
	if r.err != nil {
		said = t.clean(r.err.Error())
	}
	text := r.ran[len(r.ran)-1].stdout
	if !r.call.job.lines {
		t.plug(r.call.plugs[0], text, true, said)
		return
	}
	lines := byPlug(text)
	for _, p := range r.call.plugs {
		line, there := lines[t.env.Plugs[p].Name]
		t.plug(p, line, there, said)
	}
}

// plug reports one plug by what was printed for it, if anything was, and by what
// the command complained of, if it did. Lines tell the plugs of a call apart, so
// they count even then.
func (t told) plug(p int, text string, there bool, complaint string) {
	text = t.clean(text)
	lines := t.jobs[t.batch.Op].lines
	if !t.batch.Op.Changes() {
		switch {
		case there && (complaint == "" || lines):
			t.sink.State(p, t.state(text), text)
		case complaint != "":
			t.sink.Failed(p, complaint)
		default:
			t.sink.Failed(p, "the command said nothing of this plug")
		}
		return
	}
	switch {
	case complaint == "", lines && strings.EqualFold(text, "ok"):
		t.sink.Done(p)
	case lines && text != "":
		t.sink.Failed(p, text)
	default:
		t.sink.Failed(p, complaint)
	}
}

// state reads an answer of a read.
func (t told) state(text string) room.State {
	if t.batch.Op == room.Temp {
		return room.StateUnknown
	}
	on, off := t.on.MatchString(text), t.off.MatchString(text)
	switch {
	case on && !off:
		return room.StateOn
	case off && !on:
		return room.StateOff
	}
	return room.StateUnknown
}

// byPlug reads lines "PLUG: TEXT".
func byPlug(text string) map[string]string {
	lines := make(map[string]string)
	for line := range strings.Lines(text) {
		name, said, found := strings.Cut(strings.TrimSpace(line), ": ")
		if !found {
			name, said, found = strings.Cut(strings.TrimSpace(line), ":")
		}
		if found {
			lines[strings.TrimSpace(name)] = strings.TrimSpace(said)
		}
	}
	return lines
}

// maxSaid bounds what is handed on of a command's words, in bytes.
const maxSaid = 1000

// clean makes text of a command fit to be shown.
func (t told) clean(text string) string { return action.Clean(t.masker, text, maxSaid) }

// exitError is a command that ended by itself, and not well.
type exitError struct {
	code int
	said string // the last line of stderr
}

func (e *exitError) Error() string {
	if e.said != "" {
		return e.said
	}
	return fmt.Sprintf("the command ended with exit status %d", e.code)
}

var _ driver.Session = (*session)(nil)
