package soak

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/sim"
)

// last lets a daemon that nobody kills finish everything, over devices that work, and
// looks at all that was left.
func (s *site) last() error {
	if err := s.start(); err != nil {
		return err
	}
	for p := range strips {
		if err := s.room.Heal(fmt.Sprintf("pdu%d", p), ""); err != nil {
			return err
		}
		for o := range plugs {
			if err := s.room.Heal(fmt.Sprintf("pdu%d", p), fmt.Sprint(o)); err != nil {
				return err
			}
		}
	}
	ctx, stop := context.WithTimeout(s.ctx, patience)
	defer stop()
	for id := range s.seen {
		_ = s.client.ResumeRun(ctx, id) // if it is paused
	}
	for id := range s.seen {
		if err := s.follow(ctx, id); err != nil {
			return err
		}
	}
	for _, goal := range []string{"down", "up"} {
		if err := s.whole(ctx, goal); err != nil {
			return err
		}
	}
	if err := s.events(ctx); err != nil {
		return err
	}
	return nil
}

// follow reads all that a run has told, which must be without gap and come to an end.
func (s *site) follow(ctx context.Context, id string) error {
	n, ended, results := 0, false, make(map[string]bool)
	for u, err := range s.client.Updates(ctx, id, 0) {
		if err != nil {
			return fmt.Errorf("follow run %s behind update %d: %w", id, n, err)
		}
		if n++; u.N != n {
			return fmt.Errorf("run %s: update %d follows update %d", id, u.N, n-1)
		}
		if ended {
			return fmt.Errorf("run %s tells something after its end", id)
		}
		switch u.Kind {
		case "result":
			if key := u.Nodes + " " + u.Op; results[key] {
				return fmt.Errorf("run %s has two results for %s", id, key)
			} else {
				results[key] = true
			}
		case "continued":
			s.report.Resumed++
		case "ended":
			ended = true
			s.report.Ends[string(u.State)]++
		}
	}
	if !ended {
		return fmt.Errorf("run %s has no end", id)
	}
	return nil
}

// whole brings all nodes to a goal, and looks at the machines.
func (s *site) whole(ctx context.Context, goal string) error {
	if _, err := s.client.Clear(ctx, "@all"); err != nil {
		return err
	}
	p, err := s.client.Order(ctx, wire.Order{Goal: goal, Targets: "n[0-39]", Consent: wire.Consent{Confirm: true}})
	if err != nil {
		return err
	}
	s.seen[p.Run] = 0
	if err := s.follow(ctx, p.Run); err != nil {
		return err
	}
	info, err := s.client.Run(ctx, p.Run)
	if err != nil {
		return err
	}
	if info.State != "done" {
		return fmt.Errorf("everything %s ended %s: %s", goal, info.State, info.Said)
	}
	return s.room.Await(ctx, func(now sim.Snapshot) bool {
		for _, m := range now.Machines {
			if strings.HasPrefix(m.Name, "n") && m.Powered != (goal == "up") {
				return false
			}
		}
		return true
	})
}

// events looks at the whole log: no gap, one result for each intent, no cycle doubled.
func (s *site) events(ctx context.Context) error {
	intents, results, cycles := make(map[string]int), make(map[string]int), make(map[string]int)
	next := int64(1)
	for e, err := range s.client.Events(ctx, event.Filter{}, false) {
		if err != nil {
			return err
		}
		if e.Seq != next {
			return fmt.Errorf("event %d follows event %d", e.Seq, next-1)
		}
		next++
		switch e.Kind {
		case event.Intent:
			intents[e.Request]++
			if e.Op == "cycle" && e.Count == 1 && strings.HasPrefix(e.Targets, "c") {
				cycles[e.Targets]++
			}
		case event.Result:
			results[e.Request]++
		}
	}
	s.report.Events = int(next - 1)
	for id, n := range intents {
		if n != 1 || results[id] != 1 {
			return fmt.Errorf("request %s has %d intents and %d results", id, n, results[id])
		}
	}
	for c := range cycled {
		name := fmt.Sprintf("c%d", c)
		if m, _ := s.room.Machine(name); m.Counts.PowerOffs > cycles[name] {
			return fmt.Errorf("%s was cycled %d times for %d requests", name, m.Counts.PowerOffs, cycles[name])
		}
	}
	return nil
}
