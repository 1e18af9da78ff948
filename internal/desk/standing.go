package desk

import (
	"context"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// HoldWish is what somebody wants of nodes: that nothing automatic touches them.
type HoldWish struct {
	Actor   Actor
	Targets string
	Kind    standing.HoldKind
	Reason  string
	Until   time.Time // zero: until it is taken off
}

// maxReason bounds what people give as a reason, in bytes.
const maxReason = 1024

// targeted gives the nodes of targets on which an actor may do something.
func (d *Desk) targeted(by Actor, role auth.Role, op, targets string) (*room.Room, []room.NodeID, error) {
	r := d.fleet.Room()
	rights := d.rights(r, by)
	if err := rights.NeedAny(role, op); err != nil { // who may nothing learns no names
		return nil, nil, d.barred(by, op, targets, err)
	}
	if targets == "" {
		return nil, nil, &room.Error{Code: room.CodeInvalid, Op: op, Said: "names no nodes; to mean every node, say @all"}
	}
	found, err := r.Resolve(targets)
	if err != nil {
		return nil, nil, blind(rights, err)
	}
	return r, found.Nodes, d.need(r, by, role, op, targets, found.Nodes)
}

// Hold puts a hold on nodes, and gives their names.
func (d *Desk) Hold(ctx context.Context, w HoldWish) (string, error) {
	op := string(w.Kind)
	r, nodes, err := d.targeted(w.Actor, auth.Operate, op, w.Targets)
	switch {
	case err != nil:
		return "", err
	case !w.Until.IsZero() && !w.Until.After(time.Now()):
		return "", &room.Error{Code: room.CodeInvalid, Op: op, Subject: w.Targets, Said: "its end is not in the future"}
	case len(w.Reason) > maxReason:
		return "", &room.Error{Code: room.CodeInvalid, Op: op, Subject: w.Targets, Said: "the reason is too long"}
	}
	h := standing.Hold{Kind: w.Kind, Author: w.Actor.String(), Reason: w.Reason, Until: w.Until}
	e := w.Actor.author()
	e.Op, e.Detail = op, h.String()
	if err := d.standings.Hold(ctx, r.Names(nodes), h, e); err != nil {
		return "", d.unwritten(&e, "nothing was held, because it could not be written down: ", err)
	}
	return r.Fold(nodes), nil
}

// Release takes holds of a kind off nodes, and gives the names of those that had one.
func (d *Desk) Release(ctx context.Context, by Actor, targets string, kind standing.HoldKind) (string, error) {
	r, nodes, err := d.targeted(by, auth.Operate, "release", targets)
	if err != nil {
		return "", err
	}
	e := by.author()
	e.Op, e.Detail = "release", "no longer: "+string(kind)
	freed, err := d.standings.Release(ctx, r.Names(nodes), kind, e)
	if err != nil {
		return "", d.unwritten(&e, "nothing was released, because it could not be written down: ", err)
	}
	return hostlist.Fold(freed), nil
}

// Holds gives the holds on nodes that may be seen.
func (d *Desk) Holds(by Actor) ([]standing.Hold, error) {
	v := d.View(by)
	if err := v.rights.NeedAny(auth.View, "list holds"); err != nil {
		return nil, d.barred(by, "list holds", "", err)
	}
	list := d.standings.Holds()
	kept := list[:0]
	for _, h := range list {
		if v.SeesNamed(h.Node) {
			kept = append(kept, h)
		}
	}
	return kept, nil
}

// Standing gives how a node stands, and Entries that and how all of it stands, for
// nodes that may be seen.
func (v View) Standing(id room.NodeID) standing.Standing {
	if !v.Sees(id) {
		return standing.Standing{State: standing.Initial}
	}
	now := v.desk.standings.Node(v.Room.Nodes[id].Name)
	now.Reason = v.Said(now.Reason)
	return now
}

// Entries gives how a node and all of it stands; see [View.Standing].
func (v View) Entries(id room.NodeID) []standing.Entry {
	if !v.Sees(id) {
		return nil
	}
	list := v.desk.standings.Of(v.Room.Nodes[id].Name)
	for i := range list {
		list[i].Reason = v.Said(list[i].Reason)
	}
	return list
}

// Hold gives the hold on a node that may be seen.
func (v View) Hold(id room.NodeID) (standing.Hold, bool) {
	if !v.Sees(id) {
		return standing.Hold{}, false
	}
	return v.desk.standings.Held(v.Room.Nodes[id].Name)
}

// StandingChanges gives the changes of standings behind the n-th; see
// [standing.Book.Changes].
func (d *Desk) StandingChanges(after int64) (list []standing.Change, last int64, more <-chan struct{}, known bool) {
	return d.standings.Changes(after)
}

// forced notes how nodes stand that somebody has switched by hand, whatever depends on
// them: on and off as their devices have confirmed it.
func (d *Desk) forced(c deed, t *tally) {
	var good, bad standing.State
	switch c.req.Op {
	case room.On, room.Cycle:
		good, bad = standing.ForcedOn, standing.FailedToStart
	case room.Off:
		good, bad = standing.ForcedOff, standing.FailedToStop
	default:
		return
	}
	reason := "by " + c.req.Actor.String()
	var changes []standing.Change
	note := func(names []string, s standing.State, why string) {
		for _, n := range names {
			subject := standing.Subject{Kind: standing.Node, Node: n}
			now := d.standings.Get(subject)
			changes = append(changes, standing.Change{Subject: subject, Standing: standing.Standing{State: s, Reason: why, Starts: now.Starts, Stops: now.Stops}})
		}
	}
	note(t.names[fleet.OK], good, reason)
	note(t.names[fleet.Unverified], good, reason+", not read back")
	note(t.names[fleet.Failed], bad, c.req.Op.String()+" "+reason+" failed")
	note(t.names[fleet.Unknown], standing.Unknown, c.req.Op.String()+" "+reason+": it is not known how it ended")
	d.standings.Set(changes...)
}

// cleared takes nodes out of what they have failed at.
func (d *Desk) cleared(ctx context.Context, by Actor, nodes []string) ([]string, error) {
	e := by.author()
	e.Op, e.Detail = "clear", "stands as if nothing had been asked of it, and no attempt counts"
	return d.standings.Clear(ctx, nodes, e)
}

// Tally counts nodes by how they stand, checks by what counts of them, nodes that have
// drifted, and holds by kind; see [Desk.Room].
func (d *Desk) Tally() (nodes map[standing.State]int, checks map[string]int, drift int, holds map[standing.HoldKind]int) {
	r := d.fleet.Room()
	nodes = make(map[standing.State]int)
	for i := range r.Nodes {
		s := d.standings.Node(r.Nodes[i].Name)
		nodes[s.State]++
		if s.Drift {
			drift++
		}
	}
	checks = map[string]int{"ok": 0, "bad": 0, "unknown": 0}
	if d.rounds != nil {
		for _, rep := range d.rounds.All() {
			if !rep.At.IsZero() {
				checks[rep.Verdict.String()]++
			}
		}
	}
	holds = map[standing.HoldKind]int{standing.Held: 0, standing.Maintenance: 0}
	for _, h := range d.standings.Holds() {
		holds[h.Kind]++
	}
	return nodes, checks, drift, holds
}
