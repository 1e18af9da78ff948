package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// Recover closes what a daemon that died left open, and is called once, before
// the doors open. Nothing is done again: each open intent gets a result that
// says it was interrupted, and a node whose cycle or reset was cut off is held,
// since it may stand without power or may never have been touched.
func (d *Desk) Recover(ctx context.Context, interruptions []store.Interruption) error {
	d.hold(interruptions)
	open, err := d.events.OpenIntents(ctx)
	if err != nil {
		return fmt.Errorf("find what was interrupted: %w", err)
	}
	for i := range open {
		if d.runs.Unfinished(open[i].Request) {
			continue // it goes on, and has its result when it ends
		}
		if err := d.interrupted(ctx, &open[i]); err != nil {
			return fmt.Errorf("close interrupted request %s: %w", open[i].Request, err)
		}
	}
	return nil
}

// interrupted writes the result of one intent that never got one.
func (d *Desk) interrupted(ctx context.Context, intent *event.Event) error {
	result := *intent
	result.Seq, result.Kind = 0, event.Result
	result.Outcome, result.Data = event.Unknown, nil
	result.Detail = "interrupted: the daemon died before it ended; it is not repeated"
	result.Time = time.Now().UTC()

	held := d.halfDone(intent)
	err := d.events.AppendWith(ctx, func(tx *store.Tx) error { return tx.SetInterruptions(held...) }, &result)
	if err != nil {
		return err
	}
	d.hold(held)
	d.log.Warn("a request was interrupted by the daemon's death", "request", intent.Request,
		"op", intent.Op, "targets", intent.Targets, "by", intent.Actor)
	return nil
}

// halfDone gives the nodes of an intent that may be half-way through something
// that must not be repeated.
func (d *Desk) halfDone(intent *event.Event) []store.Interruption {
	op, ok := room.ParseOp(intent.Op)
	if !ok || op.Repeatable() {
		return nil
	}
	names, err := hostlist.Limits{Range: room.MaxNodes, Items: room.MaxNodes, Names: room.MaxNodes}.Parse(intent.Targets)
	if err != nil { // no reason to keep the daemon from starting
		d.log.Error("cannot tell which nodes an interrupted request was for, so they are not held",
			"request", intent.Request, "targets", intent.Targets, "why", err)
		return nil
	}
	var held []store.Interruption
	for n := range names.All() {
		held = append(held, store.Interruption{Node: n, Op: intent.Op, Request: intent.Request, Time: intent.Time})
	}
	return held
}

// Clear takes the hold off nodes, because a person or a check has decided.
func (d *Desk) Clear(ctx context.Context, who Actor, targets string) (string, error) {
	r := d.fleet.Room()
	rights := d.rights(r, who)
	if err := rights.NeedAny(auth.Operate, "clear"); err != nil {
		return "", d.barred(who, "clear", targets, err)
	}
	found, err := r.Resolve(targets)
	if err != nil {
		return "", blind(rights, err)
	}
	if err := d.need(r, who, auth.Operate, "clear", targets, found.Nodes); err != nil {
		return "", err
	}
	names := r.Names(found.Nodes)
	freed, err := d.state.Clear(ctx, names, event.Event{
		Actor: who.Name, Door: who.Door, Remote: who.Remote, Op: "clear",
		Outcome: event.OK, Detail: "no longer held: somebody has decided",
	})
	if err != nil {
		return "", err
	}
	cleared, err := d.cleared(ctx, who, names)
	freed = append(freed, cleared...)
	slices.Sort(freed)
	return hostlist.Fold(slices.Compact(freed)), err
}
