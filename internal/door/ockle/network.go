package ockle

import (
	"context"
	"slices"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ockle"
)

// underWay gives the ids of the runs under way that are about every server, whoever began
// them: those are what Ockle calls AutoControl.
func (v *visit) underWay() ([]string, error) {
	list, err := v.desk.ListRuns(v.actor)
	if err != nil {
		return nil, err
	}
	all := v.view.Room.Fold(v.view.Room.All())
	var ids []string
	for _, info := range list {
		if !info.State.Final() && (info.Asked == all || info.Door == Name) { // there may have been other servers then
			ids = append(ids, info.ID)
		}
	}
	return ids, nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func autoControl(_ context.Context, v visit) (ockle.Values, error) {
	ids, err := v.underWay()
	return value(ockle.KeyStatus, onOff(len(ids) > 0)), err
}

// setAutoControl stops the switching that is under way. To set it to true begins nothing,
// as it never has.
func setAutoControl(_ context.Context, v visit) (ockle.Values, error) {
	on, err := v.on()
	if err != nil {
		return nil, err
	}
	ids, err := v.underWay()
	if err != nil {
		return nil, err
	}
	if on {
		values := ockle.Values{{Key: ockle.KeySucceeded, Text: ockle.Bool(len(ids) > 0)}, {Key: ockle.KeyState, Text: ockle.Bool(len(ids) > 0)}}
		if len(ids) == 0 {
			values = append(values, ockle.Value{Key: ockle.KeyError, Text: "nothing is being switched; switchNetwork begins it"})
		}
		return values, nil
	}
	for _, id := range ids {
		if err := v.desk.CancelRun(v.actor, id); err != nil && !slices.Contains([]room.Code{room.CodeNotFound, room.CodeRefused}, room.CodeOf(err)) {
			return nil, err
		}
	}
	return ockle.Values{{Key: ockle.KeySucceeded, Text: ockle.Bool(true)}, {Key: ockle.KeyState, Text: ockle.Bool(false)}}, nil
}

// switchNetwork begins a run of everything.
func switchNetwork(ctx context.Context, v visit) (ockle.Values, error) {
	on, err := v.on()
	if err != nil {
		return nil, err
	}
	busy := value(ockle.KeyStatus, ockle.Busy)
	if ids, err := v.underWay(); err != nil || len(ids) > 0 {
		return busy, err
	}
	o, said := desk.Order{Actor: v.actor, Goal: plan.Down}, ockle.NetworkOff
	if on {
		o.Goal, said = plan.Up, ockle.NetworkOn
	}
	p, err := v.desk.Plan(ctx, o)
	if err == nil {
		_, err = v.desk.Submit(ctx, o, p)
	}
	if room.CodeOf(err) == room.CodeBusy {
		return busy, nil
	}
	return value(ockle.KeyStatus, said), err
}
