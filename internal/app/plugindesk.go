package app

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
)

// pluginDesk answers what reactions of plugins ask for: with the rights of the user that
// the room gives them, and under the plugin's name. It implements [plugin.Desk].
type pluginDesk struct{ *App }

func pluginActor(name, as string) desk.Actor {
	return desk.Actor{Name: plugin.Actor(name), As: as, Door: "plugin", Standing: auth.Known}
}

// refusal is what a plugin is told of what was not done.
func refusal(why string) error { return &plugin.Error{Code: plugin.Refused, Message: why} }

// Do implements [plugin.Desk].
func (d pluginDesk) Do(ctx context.Context, w plugin.Wish) (plugin.Outcome, error) {
	op, known := room.ParseOp(w.Op)
	if !known || !op.Changes() {
		return plugin.Outcome{}, refusal(fmt.Sprintf("%q is nothing that can be asked for; there are on, off, cycle, reset and their like", w.Op))
	}
	heard := &hearer{}
	sum, err := d.desk.Do(ctx, desk.Request{
		Actor: pluginActor(w.Plugin, w.As), Op: op, Targets: w.Nodes, Verify: true, Consent: desk.Consent{Reason: w.Reason},
	}, heard)
	if err != nil {
		return plugin.Outcome{}, refusal(err.Error())
	}
	return plugin.Outcome{Request: sum.ID, Said: heard.said(sum)}, nil
}

// RunCheck implements [plugin.Desk].
func (d pluginDesk) RunCheck(ctx context.Context, l plugin.Look) (plugin.CheckResult, error) {
	var got plugin.CheckResult
	err := d.desk.Look(ctx, pluginActor(l.Plugin, l.As), l.Node, []string{l.Check}, func(list []rounds.Report) {
		for _, r := range list {
			if r.Check == l.Check {
				got = resultOf(r)
			}
		}
	})
	switch {
	case err != nil:
		return plugin.CheckResult{}, refusal(err.Error())
	case got.Verdict == "":
		return plugin.CheckResult{}, refusal(l.Node + " has no check " + l.Check)
	}
	return got, nil
}

// resultOf gives what a look has found.
func resultOf(r rounds.Report) plugin.CheckResult {
	out := plugin.CheckResult{Verdict: r.Last.Verdict.String(), Said: r.Last.Said, Took: r.Last.Took.Milliseconds()}
	for _, v := range r.Last.Values {
		out.Values = append(out.Values, plugin.Value{Part: v.Part, Quantity: string(v.Quantity), Value: v.Value})
	}
	return out
}

// hearer keeps what became of a wish, in words.
type hearer struct {
	room *room.Room
	bad  []string
	more int
}

// maxHeard bounds the nodes of which it is said why they failed.
const maxHeard = 20

// Begin implements [desk.Sink].
func (h *hearer) Begin(b desk.Began) { h.room = b.Room }

// Result implements [fleet.Sink].
func (h *hearer) Result(res fleet.Result) {
	switch {
	case res.Outcome.Good():
	case len(h.bad) < maxHeard:
		h.bad = append(h.bad, fmt.Sprintf("%s: %s: %s", h.room.Nodes[res.Node].Name, res.Outcome, res.Said))
	default:
		h.more++
	}
}

// Fault implements [fleet.Sink].
func (*hearer) Fault(*driver.Fault) {}

// Diagnostic implements [fleet.Sink].
func (*hearer) Diagnostic(room.NodeID, string) {}

// Trace implements [fleet.Sink].
func (*hearer) Trace(string, devspec.Trace) {}

func (h *hearer) said(sum desk.Summary) string {
	good := 0
	for outcome, n := range sum.Counts {
		if outcome.Good() {
			good += n
		}
	}
	text := append([]string{fmt.Sprintf("%d ok", good)}, h.bad...)
	if h.more > 0 {
		text = append(text, fmt.Sprintf("and %d more", h.more))
	}
	return strings.Join(text, "; ")
}

var (
	_ plugin.Desk = pluginDesk{}
	_ desk.Sink   = (*hearer)(nil)
)
