package redfishdoor

import (
	"context"
	"errors"
	"math"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/redfish/service"
)

// tellStates tells of each change of a node's power until ctx ends.
func (d *Door) tellStates(ctx context.Context) {
	_, after, _, _ := d.opts.Desk.Changes(-1)
	for {
		list, last, more, found := d.opts.Desk.Changes(after)
		if !found {
			after = last
		}
		for _, c := range list {
			after = c.N
			if c.Node == "" || c.State == c.Was {
				continue
			}
			severity := service.OK
			if c.State == room.StateDegraded || c.State == room.StateUnknown {
				severity = service.Warning
			}
			d.service.Publish(service.Event{
				Machine: c.Node, Key: service.PowerChanged, Args: []string{c.Node, c.State.String()},
				Severity: severity, At: c.Time, Type: service.StatusChange,
			})
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// tellEvents tells of what the log says until ctx ends.
func (d *Door) tellEvents(ctx context.Context) {
	after := d.opts.Desk.Events().Last()
	for ctx.Err() == nil {
		for e, err := range d.opts.Desk.Events().Follow(ctx, event.Filter{AfterSeq: after}) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					d.opts.Log.Error("the Redfish events stand still", "why", err)
				}
				break
			}
			after = e.Seq
			d.tell(&e)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// maxTold is of how many nodes of one event each is told of; of more, administrators
// hear as one.
const maxTold = 100

// anyLength is for lists that were accepted once.
var anyLength = hostlist.Limits{Range: math.MaxInt32, Items: math.MaxInt32, Names: math.MaxInt32}

// tell publishes one event of the log.
func (d *Door) tell(e *event.Event) {
	out := service.Event{Key: service.Notice, At: e.Time}
	switch e.Kind {
	case event.Intent, event.State: // the result and the change of power say it
		return
	case event.Result:
		out.Key, out.Severity = service.Switched, severityOf(e.Outcome)
	case event.Machine:
		out.Args, out.Severity = []string{e.Detail}, severityOf(e.Outcome)
	default:
		out.Args, out.Severity = []string{noticeOf(e)}, severityOf(e.Outcome)
		d.service.Publish(out)
		return
	}
	if e.Count > maxTold {
		out.Args = []string{noticeOf(e)}
		out.Key = service.Notice
		d.service.Publish(out)
		return
	}
	list, err := anyLength.Parse(e.Targets)
	if err != nil {
		return
	}
	for name := range list.All() {
		one := out
		one.Machine = name
		if e.Kind == event.Result {
			one.Args = []string{e.Op, name, e.Outcome}
		}
		d.service.Publish(one)
	}
}

// severityOf reads an outcome, or the severity of a machine's own entry.
func severityOf(outcome string) service.Health {
	switch outcome {
	case event.OK, "":
		return service.OK
	case "critical", event.Failed:
		return service.Critical
	}
	return service.Warning
}

func noticeOf(e *event.Event) string {
	text := string(e.Kind)
	for _, part := range []string{e.Actor, e.Op, e.Targets, e.Outcome, e.Detail} {
		if part != "" {
			text += " " + part
		}
	}
	const most = 1000
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}
