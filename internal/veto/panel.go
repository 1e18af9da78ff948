package veto

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Options are what a Panel works with.
type Options struct {
	// Secret fetches what a reference such as "secret:NAME" leads to.
	Secret func(ctx context.Context, ref string) (secret.Value, error)
	// Dir is the room's folder, which relative paths start from and programs run in.
	Dir string
	// Dial connects to hooks that are asked by HTTP; nil is the operating system's.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Log  *slog.Logger
}

// atOnce is how many hooks are asked at a time; others wait, within their time.
const atOnce = 16

// Panel asks hooks. Its methods may be called from any goroutine.
type Panel struct {
	o     Options
	seats chan struct{}
}

// New makes a Panel.
func New(o Options) *Panel {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Panel{o: o, seats: make(chan struct{}, atOnce)}
}

// Concerns says whether any hook of the room is to be asked.
func Concerns(r *room.Room, op room.Op, nodes []room.NodeID) bool {
	for i := range r.Vetoes {
		if v := &r.Vetoes[i]; v.Hears(op) && len(covered(v, nodes)) > 0 {
			return true
		}
	}
	return false
}

// covered gives those of the nodes that a hook is asked about.
func covered(v *room.Veto, nodes []room.NodeID) []room.NodeID {
	var list []room.NodeID
	for _, id := range nodes {
		if v.Covers(id) {
			list = append(list, id)
		}
	}
	return list
}

// Ask asks all hooks of the question's room that it concerns, each about those of
// the nodes that are its own, and waits for them all. An error is that ctx ended
// before they had answered: then nothing is allowed.
func (p *Panel) Ask(ctx context.Context, q Question) (Verdict, error) {
	type said struct {
		hook   *room.Veto
		answer answer
		err    error
	}
	var all []*said
	var wg sync.WaitGroup
	for i := range q.Room.Vetoes {
		v := &q.Room.Vetoes[i]
		if !v.Hears(q.Op) {
			continue
		}
		mine := covered(v, q.Nodes)
		if len(mine) == 0 {
			continue
		}
		s := &said{hook: v}
		all = append(all, s)
		wg.Go(func() { s.answer, s.err = p.askOne(ctx, v, &q, q.Room.Names(mine)) })
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return Verdict{}, fmt.Errorf("given up while vetoes were asked: %w", err)
	}
	var verdict Verdict
	for _, s := range all {
		verdict.Asked = append(verdict.Asked, s.hook.Name)
		o := Objection{Hook: s.hook.Name, Reason: s.answer.Reason, Nodes: s.answer.Refuse}
		switch {
		case s.err != nil && s.hook.FailOpen:
			o.Reason = "gave no valid answer, and is passed over: " + s.err.Error()
			verdict.Failed = append(verdict.Failed, o)
		case s.err != nil:
			o.Reason = "gave no valid answer, which counts as a refusal: " + s.err.Error()
			verdict.Refused = append(verdict.Refused, o)
		case s.answer.Decision == Refuse:
			verdict.Refused = append(verdict.Refused, o)
		case s.answer.Decision == Confirm:
			verdict.Confirm = append(verdict.Confirm, o)
		}
	}
	return verdict, nil
}

// askOne asks one hook, within its time.
func (p *Panel) askOne(ctx context.Context, v *room.Veto, q *Question, nodes []string) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, v.Timeout, fmt.Errorf("no answer within %v", v.Timeout))
	defer cancel()
	select {
	case p.seats <- struct{}{}:
		defer func() { <-p.seats }()
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
	text, err := q.text(v.Name, nodes)
	if err != nil {
		return answer{}, err
	}
	var reply []byte
	if v.URL != "" {
		reply, err = p.post(ctx, v, text)
	} else {
		reply, err = p.run(ctx, v, text)
	}
	if err != nil {
		p.o.Log.Warn("a veto hook gave no valid answer", "veto", v.Name, "request", q.Request, "why", err)
		return answer{}, err
	}
	a, err := parseAnswer(reply)
	if err != nil {
		p.o.Log.Warn("a veto hook gave no valid answer", "veto", v.Name, "request", q.Request, "why", err)
	}
	return a, err
}
