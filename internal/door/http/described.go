package httpdoor

import (
	"reflect"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/run"
)

// texts describe a message that belongs to another package.
type texts struct {
	of     reflect.Type
	doc    string
	fields map[string]string
	words  map[string][]any // that a field may have
}

func words[T ~string](list ...T) []any {
	out := make([]any, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// described gives the texts; a test holds that no field is missing.
func described() []texts {
	power := words("on", "off", "degraded", "unknown")
	return append(describedPlans(power), []texts{
		{
			of: reflect.TypeFor[event.Event](), doc: "One line of the log.",
			fields: map[string]string{
				"seq": "Its position, counted from 1 without gaps.", "time": "When it happened.", "kind": "What sort of thing it tells of.",
				"request": "The operation or run that it belongs to.", "actor": "Who asked.", "door": "By which way they came.",
				"remote": "From which address.", "op": "The operation.", "targets": "The nodes, as a folded host list.",
				"count": "How many nodes that is.", "outcome": "What came of it; of a state, the new one.", "detail": "For people.", "data": "More, for programs; its form depends on the kind.",
			},
			words: map[string][]any{"kind": words(event.Kinds()...)},
		},
		{
			of: reflect.TypeFor[run.Info](), doc: "One execution of a plan.",
			fields: map[string]string{
				"id": "Its name.", "epoch": "Which daemon's life drives it.", "op": "The goal.", "actor": "Who asked.", "door": "By which way they came.",
				"remote": "From which address.", "asked": "What was asked for, as a folded host list.", "state": "How it stands.",
				"said": "The end in a sentence.", "began": "When it began.", "ended": "When it ended.", "wave": "The wave under way, from 1.",
				"waves": "How many waves there are.", "updates": "How many updates it has told.", "counts": "How many nodes had which fate.",
				"cancel": "Why it is stopping, while it still runs.", "outcomes": "The nodes by what became of them, when it has ended.",
			},
			words: map[string][]any{"state": words(run.Running, run.Done, run.Partial, run.Failed, run.Cancelled, run.Interrupted)},
		},
		{
			of: reflect.TypeFor[run.Counts](), doc: "A run's nodes, counted.",
			fields: map[string]string{
				"total": "Those to be switched.", "good": "Switched, and where they should be.", "bad": "Failed, or nobody knows.",
				"blocked": "Not switched, since another did not come.",
			},
		},
		{
			of: reflect.TypeFor[run.Outcomes](), doc: "A run's nodes by what became of them, as folded host lists. One that is too long is left out.",
			fields: map[string]string{
				"ok": "Where they should be.", "unverified": "Taken by the device, and not read back.", "failed": "Not where they should be.",
				"unknown": "Nobody knows.", "not_begun": "Not touched.", "blocked": "Not touched, since another did not come.",
				"passed": "Nothing had to be done.", "skipped": "Were there already.",
			},
		},
		{
			of: reflect.TypeFor[run.Update](), doc: "One thing that a run tells.",
			fields: map[string]string{
				"n": "Its number, from 1 without gaps.", "time": "When.", "kind": "What it tells of.", "wave": "In which wave, from 1.",
				"waves": "How many waves the plan has.", "nodes": "The nodes, as a folded host list.", "count": "How many nodes that is.",
				"op": "What is done to them.", "outcome": "What became of one.", "power": "Its power state then.", "said": "Why it is not as wanted.",
				"by": "The node that blocks these.", "until": "How long is waited.", "state": "How the run ended.",
			},
			words: map[string][]any{
				"kind":  words(run.WaveBegan, run.Passed, run.StepBegan, run.Result, run.WaveEnded, run.Blocked, run.Settling, run.Settled, run.Ended),
				"power": power,
			},
		},
	}...)
}

// describedPlans is described for what plans are made of.
func describedPlans(power []any) []texts {
	return []texts{
		{
			of: reflect.TypeFor[plan.View](), doc: "The steps from now to a goal.",
			fields: map[string]string{
				"goal": "Where the nodes shall be.", "summary": "It all in a sentence.", "asked": "What was asked for, as a folded host list.",
				"totals": "The steps, counted.", "waves": "Steps that can be done together, one wave after the other.",
				"skipped": "Nodes that are there already.", "blocked": "Nodes that cannot be brought there, and why.",
			},
			words: map[string][]any{"goal": words("up", "down")},
		},
		{
			of: reflect.TypeFor[plan.Totals](), doc: "A plan's steps, counted.",
			fields: map[string]string{ //nolint:gosec // words, and no credentials
				"waves": "Its waves.", "switched": "Nodes to be switched.", "passing": "Nodes to which nothing is done, while others wait for them.",
				"dragged": "Nodes to be switched that were not asked for.", "skipped": "Nodes that are there already.", "blocked": "Nodes that cannot be brought there.",
			},
		},
		{
			of: reflect.TypeFor[plan.StepView](), doc: "What is done to one node.",
			fields: map[string]string{
				"node": "The node.", "op": "What is done; pass for nothing.", "state": "Its power state now.", "why": "Why it is in the plan.",
				"settle_seconds": "How long the next wave waits for it.",
			},
			words: map[string][]any{"state": power},
		},
		{
			of: reflect.TypeFor[plan.SkipView](), doc: "A node that is there already.",
			fields: map[string]string{"node": "The node.", "state": "Its power state.", "why": "Why nothing is done."},
			words:  map[string][]any{"state": power},
		},
		{
			of: reflect.TypeFor[plan.BlockView](), doc: "A node that cannot be brought where it should be.",
			fields: map[string]string{"node": "The node.", "by": "The node that it is because of.", "reason": "What is wrong with that one.", "why": "Why the node is in the plan."},
		},
	}
}
