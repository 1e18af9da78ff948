package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
)

type eventFlags struct {
	filter event.Filter
	since  string
	until  string
	kinds  []string
	follow bool
	json   bool
}

func eventsCommand(p *program) *cobra.Command {
	var f eventFlags
	c := &cobra.Command{
		Use: "events", GroupID: groupLook, Short: "Show what happened: who, what, on what, and the result", Args: cobra.NoArgs,
		Long: `Shows the log: each request that changes something, with who asked and what became
of it, states that changed, devices lost and found, accepted configurations.

Without --since, the last 50 events that match. A time is a duration back from now
(90s, 1h, 2d) or a moment: 15:04, 2006-01-02, "2006-01-02 15:04", or RFC 3339.`,
		Example: `  millwright events --since 1h --node web3
  millwright events --follow --kind result --kind refusal
  millwright events --since 2d --json | jq -r .targets`,
		RunE: func(c *cobra.Command, _ []string) error { return p.events(c.Context(), f) },
	}
	c.Flags().StringVar(&f.since, "since", "", "only events since this `TIME`")
	c.Flags().StringVar(&f.until, "until", "", "only events before this `TIME`")
	c.Flags().StringVar(&f.filter.Node, "node", "", "only events about this `NODE`")
	c.Flags().StringVar(&f.filter.Request, "request", "", "only events of this request or run (`ID`)")
	c.Flags().StringArrayVar(&f.kinds, "kind", nil, "only `KIND`: "+kindList()+"; may be repeated")
	c.Flags().IntVarP(&f.filter.Limit, "limit", "n", 0, "at most this many (`N`)")
	c.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with those to come")
	c.Flags().BoolVar(&f.json, "json", false, "write JSON, one event a line")
	return c
}

func (p *program) events(ctx context.Context, f eventFlags) error {
	now := time.Now()
	var err error
	if f.filter.Since, err = moment(f.since, now); err != nil {
		return usagef("--since: %w", err)
	}
	if f.filter.Until, err = moment(f.until, now); err != nil {
		return usagef("--until: %w", err)
	}
	for _, k := range f.kinds {
		if !slices.Contains(event.Kinds(), event.Kind(k)) {
			return usagef("--kind: %q is none of %s", k, kindList())
		}
		f.filter.Kinds = append(f.filter.Kinds, event.Kind(k))
	}
	if f.filter.Limit < 0 {
		return usagef("--limit: there are no %d events", f.filter.Limit)
	}
	if f.since == "" {
		f.filter.Newest = true
		if f.filter.Limit == 0 {
			f.filter.Limit = 50
		}
	}
	cl := p.client()
	defer cl.Close()
	show := &jsonAnswer{p}
	for e, err := range cl.Events(ctx, f.filter, f.follow) {
		switch {
		case err != nil && ctx.Err() != nil:
			return exit(ExitOK) // following has no other end
		case err != nil:
			return err
		case f.json:
			show.document(e)
		default:
			p.event(&e)
		}
		if p.deaf() {
			return nil
		}
	}
	return nil
}

func kindList() string {
	var words []string
	for _, k := range event.Kinds() {
		words = append(words, string(k))
	}
	return strings.Join(words, ", ")
}

type jsonAnswer struct{ *program }

func (a *jsonAnswer) document(v any) { (&answer{program: a.program}).document(v) }

// moment reads a time: how long ago, or when.
func moment(said string, now time.Time) (time.Time, error) {
	if said == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(said, "d"); ok {
		var n float64
		if _, err := fmt.Sscanf(days, "%f", &n); err == nil && n >= 0 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if d, err := time.ParseDuration(said); err == nil {
		return now.Add(-d.Abs()), nil
	}
	for _, form := range []string{time.RFC3339Nano, timeForm, "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, said, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, form := range []string{"15:04:05", "15:04"} {
		if t, err := time.ParseInLocation(form, said, now.Location()); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, errors.New("\"" + said + "\" is neither a duration (1h, 2d) nor a time (15:04, 2006-01-02 15:04)")
}

// event writes one event as a line; what it says in several lines goes below.
func (p *program) event(e *wire.Event) {
	first, rest := eventText(e)
	const indent = "                     "
	at := p.out.faint(e.Time.Local().Format(timeForm))
	room := 0
	if p.out.width > 0 {
		room = max(p.out.width-len(indent)-10, leastLast)
	}
	lines := wrap(clean(first), room)
	for _, line := range rest {
		lines = append(lines, wrap("  "+clean(line), room)...)
	}
	for i, line := range lines {
		if i == 0 {
			p.printf("%s  %s  %s\n", at, p.out.paint(eventColour(e), fmt.Sprintf("%-8s", clean(string(e.Kind)))), line)
			continue
		}
		p.printf("%s          %s\n", indent, line)
	}
}

// eventText words an event.
func eventText(e *wire.Event) (first string, rest []string) {
	detail := strings.Split(strings.TrimSpace(e.Detail), "\n")
	by := ""
	if e.Actor != "" {
		by = " by " + e.Actor
	}
	if e.Door != "" {
		by += " (" + strings.TrimSpace(e.Door+" "+e.Remote) + ")"
	}
	subject := strings.TrimSpace(e.Op + " " + e.Targets)
	switch e.Kind {
	case event.Intent:
		return subject + by, nonEmpty(detail)
	case event.State:
		return strings.TrimSuffix(e.Targets+": "+e.Outcome+" ("+detail[0]+")"+by, " ()"), nil
	case event.Refusal, event.Veto:
		return subject + by + ": " + detail[0], nonEmpty(detail[1:])
	case event.Daemon, event.Revision, event.Device:
		if len(detail) == 1 {
			return strings.TrimSuffix(e.Op+": "+detail[0], ": "), nil
		}
		return e.Op, detail
	case event.Result:
	}
	if len(detail) == 1 {
		return strings.TrimSuffix(subject+": "+e.Outcome+": "+detail[0], ": "), nil
	}
	return subject + ": " + e.Outcome, detail
}

func nonEmpty(lines []string) []string {
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines
}

func eventColour(e *wire.Event) string {
	switch {
	case e.Kind == event.Intent:
		return cyan
	case e.Outcome == event.OK:
		return green
	case e.Outcome == event.Unknown, e.Outcome == event.Partial:
		return yellow
	case e.Outcome == event.Failed, e.Outcome == event.NotBegun, e.Outcome == event.Refused:
		return red
	}
	return plain
}
