package devspec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/hostlist"
)

// run is one script on its way.
type run struct {
	s      *Session
	call   *Call
	script *Script
	ranged []int  // plugs of a ranged script, over which foreach goes; nil for all
	plug   int    // the plug argument, -1 for none
	arg    string // what %s stands for

	text   []byte // what the last expect consumed
	groups []int  // its groups, as indices into text
	raw    [4]string
	rawPos int
	steps  int // statements run so far

	// Guarded by the session's lock.
	stop    error // ErrTimeout or the context's error: the run must end
	delayed bool  // the present delay is over
}

// noArgument is what printf shows for the argument of a script that has none.
const noArgument = "(null)"

// Run runs one action to its end. It returns nil, or a [*ScriptError]; after an
// error the conversation is out of step and the session should be closed. A nil
// script, such as a login that the specification does not have, does nothing.
//
// The script may take the specification's Limit, counted from c.Start. One session
// runs one script at a time.
func (s *Session) Run(ctx context.Context, a Action, c *Call) error {
	if a.Script == nil {
		return nil
	}
	r := &run{s: s, call: c, script: a.Script}
	r.argument(a)
	if err := s.begin(r); err != nil {
		return r.failed(a.Script.Pos, err)
	}
	defer s.end()
	start := c.Start
	if start.IsZero() {
		start = time.Now()
	}
	left := time.Until(start.Add(s.spec.Limit()))
	if left <= 0 {
		return r.failed(a.Script.Pos, ErrTimeout)
	}
	timer := time.AfterFunc(left, func() { s.interrupt(r, ErrTimeout) })
	defer timer.Stop()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { s.interrupt(r, context.Cause(ctx)) })
		defer stop()
	}
	return r.block(a.Script.Body)
}

// argument sets what the script is run for.
func (r *run) argument(a Action) {
	r.plug, r.arg = -1, noArgument
	table := r.call.plugs
	if a.Script.Name.takesRange() {
		r.ranged = a.Plugs
		names := make([]string, len(a.Plugs))
		for i, p := range a.Plugs {
			names[i] = table.Name(p)
		}
		r.arg = hostlist.Fold(names)
	}
	if len(a.Plugs) == 1 {
		r.setPlug(a.Plugs[0])
	}
}

func (r *run) setPlug(plug int) { r.plug, r.arg = plug, r.call.plugs.Name(plug) }

func (s *Session) begin(r *run) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return s.err
	case s.running != nil:
		return errors.New("the session already runs a script")
	}
	s.running, s.busy = r, true
	s.changed.Broadcast() // the reader may rest
	return nil
}

func (s *Session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.busy, s.waiting = nil, false, false
	s.in.trim()
	s.changed.Broadcast()
}

// interrupt makes a run end. A write that the device does not take can only be
// ended by hanging up, which the caller of Run will do anyway.
func (s *Session) interrupt(r *run, why error) {
	s.mu.Lock()
	if s.running != r || r.stop != nil {
		s.mu.Unlock()
		return
	}
	r.stop = why
	writing := s.writing
	s.changed.Broadcast()
	s.mu.Unlock()
	if writing {
		s.conn.Close()
	}
}

// failed makes the error of a run, and shows what is unread when it is a timeout.
func (r *run) failed(at Pos, why error) *ScriptError {
	e := &ScriptError{Script: r.script.Name, Pos: at, Err: why}
	s := r.s
	s.mu.Lock()
	unread := slices.Clone(s.in.unread())
	s.mu.Unlock()
	e.Unread = s.mask.hide(unread)
	if len(e.Unread) > maxErrorText {
		e.Unread = e.Unread[len(e.Unread)-maxErrorText:]
	}
	if errors.Is(why, ErrTimeout) {
		r.trace(TraceRecv, unread)
	}
	return e
}

// maxErrorText bounds the device's text in an error.
const maxErrorText = 200

func (r *run) trace(kind TraceKind, text []byte) {
	if r.call.Trace && r.call.Sink != nil {
		r.call.Sink.Trace(Trace{Kind: kind, Text: r.s.mask.hide(text)})
	}
}

// maxSteps bounds the statements of one run. Loops in loops that wait for nothing
// would else keep a processor busy until the timeout; 10,000 plugs need some tens of
// thousands.
const maxSteps = 5_000_000

// block runs statements in order.
func (r *run) block(body []Stmt) error {
	for _, st := range body {
		if r.steps++; r.steps > maxSteps {
			return r.failed(st.Place(), ErrEndless)
		}
		if err := r.statement(st); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) statement(st Stmt) error {
	switch st := st.(type) {
	case *Send:
		return r.send(st)
	case *Expect:
		return r.expect(st)
	case *Delay:
		return r.delay(st)
	case *SetPlugState:
		r.setPlugState(st)
	case *SetResult:
		r.setResult(st)
	case *ForEach:
		return r.forEach(st)
	case *If:
		return r.ifState(st)
	}
	return nil
}

// send writes; it ends when the device has taken all.
func (r *run) send(st *Send) error {
	s := r.s
	var text []byte
	for _, p := range st.parts {
		switch p.kind {
		case sendText:
			text = append(text, p.text...)
		case sendPlug:
			text = append(text, r.arg...)
		case sendSecret:
			v, ok := s.opts.Secrets[p.text]
			if !ok {
				return r.failed(st.Pos, fmt.Errorf("there is no secret %q", p.text))
			}
			text = append(text, v...)
		}
	}
	r.trace(TraceSend, text)
	s.mu.Lock()
	if err := r.ended(); err != nil {
		s.mu.Unlock()
		return r.failed(st.Pos, err)
	}
	s.busy, s.writing = false, true
	s.changed.Broadcast()
	s.mu.Unlock()
	_, err := s.conn.Write(text)
	s.mu.Lock()
	s.busy, s.writing = true, false
	s.changed.Broadcast()
	if err != nil {
		s.shut(err)
	}
	err = r.ended()
	s.mu.Unlock()
	if err != nil {
		return r.failed(st.Pos, err)
	}
	return nil
}

// ended says why the run cannot go on. The caller holds the lock.
func (r *run) ended() error {
	if r.stop != nil {
		return r.stop
	}
	return r.s.err
}

// interrupted says whether the run is to end.
func (r *run) interrupted() error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.stop
}

// expect waits for a match and consumes the input to its end.
func (r *run) expect(st *Expect) error {
	s := r.s
	r.groups = r.groups[:0]
	s.mu.Lock()
	s.in.restart()
	for {
		if loc := s.in.find(st.Re, r.groups); loc != nil {
			r.groups = loc
			r.text = append(r.text[:0], s.in.unread()[:loc[1]]...)
			if s.in.high > 0 {
				nulToHigh(r.text)
			}
			s.in.consume(loc[1])
			s.mu.Unlock()
			if r.call.Trace {
				r.trace(TraceRecv, r.text)
			}
			return nil
		}
		if err := r.ended(); err != nil {
			s.mu.Unlock()
			e := r.failed(st.Pos, err)
			e.Waiting = st.Re.String()
			return e
		}
		s.waiting, s.busy = true, false
		s.changed.Broadcast()
		for s.waiting && r.ended() == nil {
			s.changed.Wait()
		}
		s.waiting, s.busy = false, true
	}
}

// nulToHigh makes of NUL what the matcher saw.
func nulToHigh(b []byte) {
	for i, c := range b {
		if c == 0 {
			b[i] = 0xff
		}
	}
}

// delay waits; input is read on meanwhile.
func (r *run) delay(st *Delay) error {
	if r.call.Trace && r.call.Sink != nil {
		r.call.Sink.Trace(Trace{Kind: TraceDelay, Delay: st.Time})
	}
	s := r.s
	d := st.Time
	if s.opts.NoDelays {
		d = 0
	}
	s.mu.Lock()
	r.delayed = d <= 0
	if !r.delayed {
		timer := time.AfterFunc(d, func() {
			s.mu.Lock()
			r.delayed = true
			s.changed.Broadcast()
			s.mu.Unlock()
		})
		defer timer.Stop()
		s.busy = false
		s.changed.Broadcast()
	}
	for !r.delayed && r.ended() == nil {
		s.changed.Wait()
	}
	s.busy = true
	err := r.ended()
	s.mu.Unlock()
	if err != nil {
		return r.failed(st.Pos, err)
	}
	return nil
}

// group gives what $n captured; ok is false when the group took no part.
func (r *run) group(n int) (text []byte, ok bool) {
	if 2*n+1 >= len(r.groups) || r.groups[2*n] < 0 {
		return nil, false
	}
	return r.text[r.groups[2*n]:r.groups[2*n+1]], true
}

// setPlugState records a state, if the plug is one that the request is about.
func (r *run) setPlugState(st *SetPlugState) {
	value, ok := r.group(st.Value)
	if !ok || r.call.plugs == nil {
		return
	}
	plug, known := r.plug, r.plug >= 0
	if st.HasPlug {
		plug, known = r.call.plugs.Find(st.Plug)
	} else if st.Group >= 0 {
		if name, ok := r.group(st.Group); ok {
			plug, known = r.call.plugs.index[string(name)]
		}
	}
	if !known || !r.call.wants(plug) {
		return
	}
	state := Unknown
	for _, in := range st.Interps {
		if in.Re.Match(value) {
			state = in.State
			break
		}
	}
	r.call.setState(plug, state)
	if r.call.Sink != nil {
		r.call.Sink.PlugState(plug, state, r.rawText(value))
	}
}

// rawText gives a value as a string. Devices say the same few words over and over,
// so the last few are kept rather than made anew.
func (r *run) rawText(value []byte) string {
	for _, s := range r.raw {
		if s == string(value) && s != "" {
			return s
		}
	}
	s := r.s.mask.hide(value)
	if s == string(value) {
		r.raw[r.rawPos] = s
		r.rawPos = (r.rawPos + 1) % len(r.raw)
	}
	return s
}

// maxResultText bounds the text of response 309.
const maxResultText = 1023

// setResult records the outcome of a power command for one plug.
func (r *run) setResult(st *SetResult) {
	name, ok := r.group(st.Group)
	if !ok || r.call.plugs == nil {
		return
	}
	value, ok := r.group(st.Value)
	if !ok {
		return
	}
	plug, known := r.call.plugs.index[string(name)]
	if !known || !r.call.wants(plug) || r.call.Sink == nil {
		return
	}
	success := slices.ContainsFunc(st.Success, func(re *Regex) bool { return re.Match(value) })
	text := value
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	shown := r.s.mask.hide(text)
	r.call.Sink.PlugResult(plug, success, shown[:min(len(shown), maxResultText)])
}

// forEach runs a block once per plug: in a ranged script the plugs it is run for,
// in any other all of the device.
func (r *run) forEach(st *ForEach) error {
	table := r.call.plugs
	if table == nil {
		return nil
	}
	plug, arg := r.plug, r.arg
	defer func() { r.plug, r.arg = plug, arg }()
	n := table.Len()
	if r.ranged != nil {
		n = len(r.ranged)
	}
	for i := range n {
		p := i
		if r.ranged != nil {
			p = r.ranged[i]
		}
		if st.Nodes && !table.mapped[p] {
			continue
		}
		r.setPlug(p)
		if err := r.interrupted(); err != nil { // a body need not wait for anything
			return r.failed(st.Pos, err)
		}
		if err := r.block(st.Body); err != nil {
			return err
		}
	}
	return nil
}

// ifState runs a block if the argument's state was found to be the one asked for.
func (r *run) ifState(st *If) error {
	state := Unknown
	if r.plug >= 0 {
		state = r.call.State(r.plug)
	}
	if state == Unknown {
		return r.failed(st.Pos, ErrUnknownState)
	}
	if (state == On) != st.On {
		return nil
	}
	return r.block(st.Body)
}
