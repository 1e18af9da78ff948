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
				"said": "The end in a sentence.", "began": "When it began.", "ended": "When it ended.", "seq": "By which runs were submitted.",
				"note": "What was said with it.", "updates": "How many updates it has told.", "counts": "How many steps had which fate.",
				"cancel": "Why it is stopping, while it still runs.", "behind": "While it is queued: the runs that it waits for.",
				"trouble": "Why it cannot go on for the moment.", "outcomes": "The nodes by what became of them, when it has ended.",
			},
			words: map[string][]any{"state": words(run.States()...)},
		},
		{
			of: reflect.TypeFor[run.Counts](), doc: "A run's steps, counted: one for each node, two in a cycle.",
			fields: map[string]string{
				"total": "Those to be done.", "good": "Done, and the node is where it should be.", "bad": "Failed, or nobody knows.",
				"blocked": "Not begun, since another did not come.", "active": "Under way, or about to be tried again.",
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
				"n": "Its number, from 1 without gaps.", "time": "When.", "kind": "What it tells of.", "nodes": "The nodes, as a folded host list.", "count": "How many nodes that is.",
				"op": "Which way they go.", "act": "The part of that which they have come to.", "attempt": "Which attempt is to come, from 1.",
				"epoch": "Which daemon's life drives the run from here on.", "outcome": "What became of one.", "power": "Its power state then.", "said": "Why it is not as wanted.",
				"by": "The node that blocks these, or who it was.", "until": "How long is waited.", "state": "How the run ended.",
			},
			words: map[string][]any{
				"kind":  words(run.Kinds()...),
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
				"totals": "The steps, counted.", "steps": "What is done, each step behind those that it waits for.",
				"skipped": "Nodes that are there already.", "blocked": "Nodes that cannot be brought there, and why.",
				"over": "What stood in the way and is passed over, since that was wanted.", "forecast": "How it will probably go.",
			},
			words: map[string][]any{"goal": words("up", "down", "cycle", "restart")},
		},
		{
			of: reflect.TypeFor[plan.Totals](), doc: "A plan's steps, counted.",
			fields: map[string]string{ //nolint:gosec // words, and no credentials
				"layers": "How many steps come one after the other.", "switched": "Nodes to be switched.", "passing": "Nodes to which nothing is done, while others wait for them.",
				"dragged": "Nodes to be switched that were not asked for.", "skipped": "Nodes that are there already.", "blocked": "Nodes that cannot be brought there.",
			},
		},
		{
			of: reflect.TypeFor[plan.StepView](), doc: "What is done to one node. Other steps are named by their places, from 0.",
			fields: map[string]string{
				"node": "The node.", "do": "Which way it goes.", "acts": "What is done; pass for nothing.", "state": "Its power state now.", "why": "Why it is in the plan.",
				"layer": "How many steps come one after the other up to it.", "after": "The steps that must have gone well before.",
				"soft": "The steps that must have ended before, well or not.", "choices": "Steps of which some must have gone well before.",
				"settle_seconds": "How long what needs it waits then.", "begin_seconds": "When it will probably begin.", "end_seconds": "When it will probably end.",
			},
			words: map[string][]any{"state": power, "do": words("up", "down")},
		},
		{
			of: reflect.TypeFor[plan.ChoiceView](), doc: "Some of several steps.",
			fields: map[string]string{"least": "How many.", "of": "Of which."},
		},
		{
			of: reflect.TypeFor[plan.ForecastView](), doc: "How a plan will probably go, by what was recorded of earlier runs.",
			fields: map[string]string{
				"seconds": "How long it will take.", "sd_seconds": "Give or take this (a standard deviation).", "guessed": "Steps of which nothing was recorded.",
				"critical": "The nodes that the time comes from, one after the other.", "watts": "What is drawn more in the end than now; freed, if negative.",
				"curve": "What is drawn more than now, over time.", "feeds": "What each feed carries.", "stranded": "Nodes that no feed can carry.",
			},
		},
		{
			of: reflect.TypeFor[plan.DrawnView](), doc: "What is drawn from a time on.",
			fields: map[string]string{"at_seconds": "From when on.", "watts": "What is drawn more than before the plan."},
		},
		{
			of: reflect.TypeFor[plan.FeedUse](), doc: "What a feed carries in the course of a plan.",
			fields: map[string]string{
				"feed": "Its name.", "limit_watts": "What plans may use of its breaker; zero when not said.", "before_watts": "What it carries now.",
				"after_watts": "In the end.", "peak_watts": "At most, inrush included.", "bounds": "Whether steps have to wait for it.",
			},
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
