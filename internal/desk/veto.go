package desk

import (
	"context"
	"strings"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/veto"
)

// Consent is what an asker adds to a request that veto hooks may hear of.
type Consent struct {
	// Reason is why it is wanted: for the hooks, and for the log.
	Reason string
	// Confirm says that the asker was told what is to be confirmed ([room.Error].Confirm)
	// and wants it all the same. A refusal stays one.
	Confirm bool
	// Bypass passes the hooks over: they are not asked. It takes the role admin, and
	// each time is an event.
	Bypass bool
}

// Vetoes are asked before nodes are switched. Package veto has them.
type Vetoes interface {
	Ask(ctx context.Context, q veto.Question) (veto.Verdict, error)
}

// Vetoed is the cause of a refusal by veto hooks.
type Vetoed struct{ Verdict veto.Verdict }

func (e *Vetoed) Error() string {
	return veto.Text(append(e.Verdict.Refused[:len(e.Verdict.Refused):len(e.Verdict.Refused)], e.Verdict.Confirm...))
}

// maxWhy bounds the reason that an asker gives, in bytes.
const maxWhy = 1 << 10

// wish is what hooks are asked about.
type wish struct {
	id      string
	actor   Actor
	op      room.Op
	order   string // the goal of an order, or ""
	consent Consent
	room    *room.Room
	nodes   []room.NodeID
}

// veto asks the hooks that a wish concerns. The note is for the intent: who was
// overruled or wanted it confirmed. An error is a *room.Error, and then nothing may
// be done. No lock is held meanwhile.
func (d *Desk) veto(ctx context.Context, w wish) (note string, err error) {
	if len(w.consent.Reason) > maxWhy {
		return "", &room.Error{Code: room.CodeInvalid, Op: w.op.String(), Said: "the reason is too long; 1 KiB is the limit"}
	}
	if w.consent.Reason != "" {
		note = "reason: " + w.consent.Reason
	}
	switch {
	case !veto.Concerns(w.room, w.op, w.nodes):
		return note, nil
	case w.consent.Bypass:
		return join(note, "vetoes were passed over"), d.bypass(ctx, w)
	case d.vetoes == nil:
		return "", &room.Error{Code: room.CodeInternal, Op: w.op.String(), Said: "the room has vetoes, and nobody is there to ask them"}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(d.ctx, func() { cancel(context.Cause(d.ctx)) })()
	verdict, err := d.vetoes.Ask(ctx, veto.Question{
		Request: w.id, Actor: w.actor.Name, Door: w.actor.Door, Remote: w.actor.Remote, Op: w.op, Order: w.order,
		Reason: w.consent.Reason, Confirmed: w.consent.Confirm, Room: w.room, Nodes: w.nodes,
	})
	if err != nil {
		return "", &room.Error{Code: room.CodeTimeout, Op: w.op.String(), Subject: w.room.Fold(w.nodes), Said: err.Error(), Err: err}
	}
	for _, o := range verdict.Failed {
		d.events.AppendLater(w.event("passed", event.OK, o.String()))
		note = join(note, o.String())
	}
	if len(verdict.Refused) > 0 || len(verdict.Confirm) > 0 && !w.consent.Confirm {
		return "", w.refused(verdict)
	}
	if err := d.outlived(w); err != nil {
		return "", err
	}
	if len(verdict.Confirm) > 0 {
		note = join(note, "confirmed: "+veto.Text(verdict.Confirm))
	}
	return note, nil
}

// outlived says why what was right before the hooks were asked is so no more: that can
// be minutes ago.
func (d *Desk) outlived(w wish) error {
	if d.fleet.Room() != w.room {
		return &room.Error{
			Code: room.CodeBusy, Op: w.op.String(), Subject: w.room.Fold(w.nodes),
			Said: "the configuration was changed while veto hooks were asked; ask again",
		}
	}
	return d.rights(w.room, w.actor).Need(auth.Operate, w.op.String(), "", w.nodes)
}

// refused words a refusal by hooks.
func (w wish) refused(v veto.Verdict) error {
	cause := &Vetoed{v}
	e := &room.Error{Code: room.CodeRefused, Op: w.op.String(), Subject: v.Nodes(), Said: cause.Error(), Err: cause}
	if w.order != "" {
		e.Op = w.order
	}
	if e.Subject == "" {
		e.Subject = w.room.Fold(w.nodes)
	}
	if len(v.Refused) == 0 {
		e.Confirm = veto.Text(v.Confirm)
		e.Tried = "to be done all the same, it has to be confirmed"
	}
	return e
}

// bypass passes the hooks over, for those who may, and writes that down first.
func (d *Desk) bypass(ctx context.Context, w wish) error {
	if err := d.rights(w.room, w.actor).Need(auth.Admin, "pass vetoes over", "", w.nodes); err != nil {
		return err
	}
	var names []string
	for i := range w.room.Vetoes {
		if w.room.Vetoes[i].Hears(w.op) {
			names = append(names, w.room.Vetoes[i].Name)
		}
	}
	e := w.event("bypass", event.OK, "passed over: "+strings.Join(names, ", "))
	if w.consent.Reason != "" {
		e.Detail += "; reason: " + w.consent.Reason
	}
	if err := d.events.Append(ctx, &e); err != nil {
		return &room.Error{
			Code: room.CodeInternal, Op: w.op.String(), Subject: e.Targets,
			Said: "nothing was done, because it could not be written down first: " + d.unwritable(err), Err: err,
		}
	}
	return nil
}

// event makes an event about the hooks themselves.
func (w wish) event(op, outcome, detail string) event.Event {
	e := event.Event{
		Kind: event.Veto, Request: w.id, Actor: w.actor.Name, Door: w.actor.Door, Remote: w.actor.Remote,
		Op: op, Count: len(w.nodes), Outcome: outcome,
	}
	e.Targets, e.Detail = listed(w.room.Fold(w.nodes))
	e.Detail += detail
	return e
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
