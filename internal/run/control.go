package run

import (
	"context"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// What somebody can want of a run, as the store keeps it.
const (
	wantPause  = "pause"
	wantCancel = "cancel"
)

// Cancel asks a run to stop: no further node is begun, and what devices are doing
// is finished as soon as they let it. It does not wait; the run's last update
// says what was done and what was not. It fails with CodeNotFound, and with
// CodeRefused for a run that has ended.
func (r *Runner) Cancel(id, actor string) error { return r.cancel(id, "cancelled"+by(actor)) }

func (r *Runner) cancel(id, why string) error {
	run, err := r.open(id, "cancel run")
	if err != nil {
		return err
	}
	run.wanting.Lock()
	defer run.wanting.Unlock()
	// Should the daemon die before the run has stopped, it does not go on.
	err = r.note(context.Background(), func(tx *store.Tx) error { return tx.ControlRun(id, wantCancel+" "+why) })
	if err != nil {
		r.opts.Log.Error("that a run is cancelled could not be put on record", "run", id, "why", err)
	}
	run.cancel(&stopped{Cancelled, why})
	return nil
}

// Pause has a run begin nothing new until it is resumed, also over a restart. What is
// under way comes to its end. It fails as Cancel does.
func (r *Runner) Pause(id, actor string) error {
	return r.hold(id, actor, "pause run", wantPause+by(actor), letter{kind: letterPause, by: actor})
}

// Resume has a paused run go on. It fails as Cancel does.
func (r *Runner) Resume(id, actor string) error {
	return r.hold(id, actor, "resume run", "", letter{kind: letterResume, by: actor})
}

func (r *Runner) hold(id, _, op, want string, l letter) error {
	run, err := r.open(id, op)
	if err != nil {
		return err
	}
	run.wanting.Lock()
	defer run.wanting.Unlock()
	if s := stoppedBy(run.ctx); s != nil && s != parking {
		return &room.Error{Code: room.CodeRefused, Op: op, Subject: id, Said: "it is stopping: " + s.said}
	}
	err = r.note(context.Background(), func(tx *store.Tx) error { return tx.ControlRun(id, want) })
	if err != nil {
		if state := run.state(); state.Final() { // meanwhile
			return &room.Error{Code: room.CodeRefused, Op: op, Subject: id, Said: "it has ended already: " + string(state)}
		}
		return &room.Error{Code: room.CodeInternal, Op: op, Subject: id, Said: "it could not be put on record", Err: err}
	}
	run.box.post(l)
	return nil
}

// open finds a run that has not ended.
func (r *Runner) open(id, op string) (*run, error) {
	run, err := r.find(id)
	if err != nil {
		return nil, err
	}
	if state := run.state(); state.Final() {
		return nil, &room.Error{Code: room.CodeRefused, Op: op, Subject: id, Said: "it has ended already: " + string(state)}
	}
	return run, nil
}
