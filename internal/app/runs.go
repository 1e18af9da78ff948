package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/witness"
)

// openRuns makes the runner, with all that it needs of the rest of the house.
func (a *App) openRuns() {
	a.runs = run.New(run.Options{
		Fleet: a.state, Events: a.events, Store: a.store, Log: a.log,
		Controls: a.controls, Checks: settler{a.rounds}, Standings: a.standings,
		Witness: witness.New(witness.Options{Fleet: a.fleet, Checks: a.rounds, Watts: a.sampler.Watts, Starts: a.startedByControl}),
		Ask:     a.askOfRun, Watts: a.sampler.Watts,
		Room:  a.fleet.Room,
		State: func(r *room.Room, id room.NodeID) room.State { return a.state.Get(r, id).State },
		Replan: func(ctx context.Context, info run.Info, o plan.Order) (*room.Room, plan.Plan, error) {
			return a.desk.Replan(ctx, info, o)
		},
		Unbounded: func(info run.Info) bool { return info.Door == "autopilot" }, // the daemon's own
	})
	a.onClose(a.runs.Close)
}

// askOfRun puts what a run asks before the people of the room.
func (a *App) askOfRun(ctx context.Context, q run.Question) (run.Answer, error) {
	answer, err := a.board.AskOf(ctx, q.Node, q.Node+": "+q.Said+". Shall its power be cut? (yes: cut it; no: leave it on; no wait: give it the same time again)")
	switch {
	case err != nil:
		return run.HoldIt, err
	case answer.Yes:
		return run.CutIt, nil
	case strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer.Said)), "wait"):
		return run.WaitOn, nil
	}
	return run.HoldIt, nil
}

// recoverRuns closes what the last daemon left open, and has its runs go on.
func (a *App) recoverRuns(ctx context.Context) error {
	if err := a.runs.Load(ctx); err != nil {
		return err
	}
	interruptions, err := a.store.Interruptions(ctx)
	if err != nil {
		return err
	}
	if err := a.desk.Recover(ctx, interruptions); err != nil {
		return err
	}
	a.runs.GoOn()
	return nil
}

// settler has checks made by the rounds for a run.
type settler struct{ rounds *rounds.Rounds }

// Settle implements [run.Checks].
func (s settler) Settle(ctx context.Context, r *room.Room, node room.NodeID, checks []room.CheckID, until time.Time) ([]run.CheckResult, error) {
	wanted := make(map[string]bool, len(checks))
	for _, id := range checks {
		wanted[r.Checks[id].Name] = true
	}
	var list []run.CheckResult
	for _, rep := range s.rounds.Settle(ctx, r.Nodes[node].Name, until) {
		if wanted[rep.Check] {
			list = append(list, run.CheckResult{Check: rep.Check, OK: rep.Verdict == check.OK, Said: rep.Last.Said})
			delete(wanted, rep.Check)
		}
	}
	for _, id := range checks {
		if name := r.Checks[id].Name; wanted[name] {
			list = append(list, run.CheckResult{Check: name, Said: "it was not made"})
		}
	}
	return list, ctx.Err()
}

// startedByControl says whether a control of a node can start it.
func (a *App) startedByControl(r *room.Room, id room.NodeID) bool {
	return slices.ContainsFunc(r.Nodes[id].Controls, func(c room.ControlID) bool { return a.controls.Can(r, c).On })
}
