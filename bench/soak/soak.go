// Package soak kills a daemon again and again in the middle of its work, over a room
// whose devices break in every way, and sees whether anything was lost, doubled or left
// behind. The simulated room lives on while daemons die, and counts.
//
// Start at [Run]; `go run ./bench -only soak` runs it at length, and the test of this
// package for a few deaths.
package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/sim"
)

// Options say how long and on what.
type Options struct {
	Kills int
	Dir   string // an empty folder
	Seed  uint64
	// Daemon makes the command of a daemon for a room, with a state folder and a socket.
	Daemon func(config, state, socket string) *exec.Cmd
	// Tell hears how it goes; nil is silence.
	Tell func(format string, args ...any)
}

// Report is what was seen.
type Report struct {
	Kills, Runs, Resumed int
	Ends                 map[string]int // runs by how they ended
	Cycles, Interrupted  int            // cycles asked for, and those that a death cut off
	Events               int
	Slowest              time.Duration // from a daemon's start to its readiness
}

// patience is how long anything that must happen may take.
const patience = 4 * time.Minute

// site is one soak under way.
type site struct {
	Options
	ctx    context.Context
	room   *sim.Room
	rand   *rand.Rand
	client *client.Client
	daemon *exec.Cmd
	seen   map[string]int // by run: the last update that a follower has seen
	report Report
}

// Run does it. The error says which promise was broken, first of all.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Tell == nil {
		o.Tell = func(string, ...any) {}
	}
	s := &site{Options: o, ctx: ctx, rand: rand.New(rand.NewPCG(o.Seed, 1)), seen: make(map[string]int)}
	s.report.Ends = make(map[string]int)
	if err := s.build(); err != nil {
		return s.report, err
	}
	defer s.room.Close()
	s.client = client.New(filepath.Join(o.Dir, "s"))
	defer s.client.Close()
	defer s.kill()
	for s.report.Kills < o.Kills {
		if err := s.life(); err != nil {
			return s.report, fmt.Errorf("after %d deaths (seed %d): %w", s.report.Kills, o.Seed, err)
		}
		s.kill()
		s.report.Kills++
		if s.report.Kills%10 == 0 {
			o.Tell("%d deaths: %+v", s.report.Kills, s.report)
		}
	}
	if err := s.last(); err != nil {
		return s.report, fmt.Errorf("in the end, after %d deaths (seed %d): %w", s.report.Kills, o.Seed, err)
	}
	return s.report, nil
}

const (
	strips = 4
	plugs  = 10
	cycled = 4 // nodes that are cycled, and that no run touches
)

// build makes the simulated room and the files that describe it.
func (s *site) build() error {
	var cfg sim.Config
	var nodes strings.Builder
	for p := range strips {
		name := fmt.Sprintf("pdu%d", p)
		cfg.PDUs = append(cfg.PDUs, sim.PDU{Name: name, Outlets: sim.Numbered(0, plugs), SwitchDelay: 3 * time.Millisecond})
		for o := range plugs {
			n := p*plugs + o
			cfg.Machines = append(cfg.Machines, sim.Machine{Name: fmt.Sprintf("n%d", n), Boot: 5 * time.Millisecond, Inlets: []sim.Inlet{{PDU: name, Outlet: fmt.Sprint(o)}}})
			var needs []string
			for before := max(0, n-12); before < n; before++ {
				if s.rand.IntN(8) == 0 {
					needs = append(needs, fmt.Sprintf("n%d", before))
				}
			}
			fmt.Fprintf(&nodes, "  n%d: {cords: \"%s:%d\", needs: [%s]}\n", n, name, o, strings.Join(needs, ", "))
		}
	}
	cfg.PDUs = append(cfg.PDUs, sim.PDU{Name: "odd", Outlets: sim.Numbered(0, 2*cycled), SwitchDelay: 20 * time.Millisecond, StartOn: true})
	for c := range cycled {
		cfg.Machines = append(cfg.Machines, sim.Machine{Name: fmt.Sprintf("c%d", c), Inlets: []sim.Inlet{{PDU: "odd", Outlet: fmt.Sprint(c)}}})
		fmt.Fprintf(&nodes, "  c%d: {cords: \"odd:%d\"}\n  d%d: {cords: \"odd:%d\", needs: [c%d]}\n", c, c, c, c+cycled, c)
	}
	var err error
	if s.room, err = sim.Start(s.ctx, cfg); err != nil {
		return err
	}
	text := "room: soak\nsettings: {verify: 200ms}\norder: {retry-after: 20ms, retry-most: 80ms, witness: 0s}\nspecifications: '*.dev'\ndevices:\n"
	for _, p := range cfg.PDUs {
		text += fmt.Sprintf("  %s: {driver: script, settings: {spec: mw-vpc, address: \"tcp://%s\"}}\n", p.Name, s.room.Addr(p.Name))
	}
	text += "nodes:\n" + nodes.String()
	dir := filepath.Join(s.Dir, "room")
	return errors.Join(
		os.Mkdir(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "vpc.dev"), sim.DeviceFile("vpc", sim.Numbered(0, plugs)...), 0o600),
		os.WriteFile(filepath.Join(dir, "room.yaml"), []byte(text), 0o600),
	)
}

// start starts a daemon and waits until it answers.
func (s *site) start() error {
	socket := filepath.Join(s.Dir, "s")
	_ = os.Remove(socket)
	begun := time.Now()
	s.daemon = s.Daemon(filepath.Join(s.Dir, "room"), filepath.Join(s.Dir, "state"), socket)
	if err := s.daemon.Start(); err != nil {
		return err
	}
	for time.Since(begun) < patience {
		ctx, stop := context.WithTimeout(s.ctx, time.Second)
		_, err := s.client.Version(ctx)
		stop()
		if err == nil {
			s.report.Slowest = max(s.report.Slowest, time.Since(begun))
			return nil
		}
		if err := s.pause(5 * time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("the daemon does not answer")
}

func (s *site) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// kill ends the daemon as nobody should.
func (s *site) kill() {
	if s.daemon == nil {
		return
	}
	_ = s.daemon.Process.Signal(syscall.SIGKILL)
	_ = s.daemon.Wait()
	s.daemon = nil
	s.client.Close()
}

// life is that of one daemon, up to its death.
func (s *site) life() error {
	if err := s.start(); err != nil {
		return err
	}
	if err := s.holds(); err != nil {
		return err
	}
	if err := s.breakSome(); err != nil {
		return err
	}
	for range 1 + s.rand.IntN(2) {
		if err := s.order(); err != nil {
			return err
		}
	}
	if s.rand.IntN(2) == 0 {
		s.cycle(fmt.Sprintf("c%d", s.rand.IntN(cycled)))
	}
	return s.pause(time.Duration(s.rand.IntN(400)) * time.Millisecond)
}

// holds sees that each node whose cycle was cut off holds what needs it.
func (s *site) holds() error {
	nodes, err := s.client.Nodes(s.ctx, "c[0-3]")
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n.Held == "" {
			continue
		}
		s.report.Interrupted++
		dependent := "d" + n.Name[1:]
		p, err := s.client.Plan(s.ctx, wire.Order{Goal: "up", Targets: dependent})
		if err != nil {
			return err
		}
		found := len(p.Plan.Skipped) > 0 && p.Plan.Skipped[0].Node == dependent // it is on already
		for _, b := range p.Plan.Blocked {
			found = found || b.Node == dependent && b.By == n.Name
		}
		if !found || p.Plan.Totals.Switched > 0 {
			return fmt.Errorf("%s was cut off in the act and does not hold %s:\n%s", n.Name, dependent, p.Text)
		}
		if s.rand.IntN(2) == 0 {
			if _, err := s.client.Clear(s.ctx, n.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// breakSome breaks and heals devices.
func (s *site) breakSome() error {
	kinds := []sim.FaultKind{sim.Drop, sim.Half, sim.Slow, sim.Garbage, sim.Refuse, sim.Stuck, sim.Error}
	pdu := fmt.Sprintf("pdu%d", s.rand.IntN(strips))
	if err := s.room.Heal(pdu, ""); err != nil {
		return err
	}
	if s.rand.IntN(3) > 0 {
		return nil
	}
	f := sim.Fault{Kind: kinds[s.rand.IntN(len(kinds))], Delay: 5 * time.Millisecond}
	switch f.Kind {
	case sim.Stuck, sim.Error:
		f.Plug, f.Delay = fmt.Sprint(s.rand.IntN(plugs)), 0
	case sim.Slow:
	default:
		f.Delay = 0
		if f.Kind == sim.Drop {
			f.After = 1 + s.rand.IntN(20)
		}
	}
	return s.room.Break(pdu, f)
}

// order asks for a run of some nodes. That others are at work there, or that nothing can
// be done, is no harm.
func (s *site) order() error {
	o := wire.Order{Goal: []string{"up", "up", "down", "cycle"}[s.rand.IntN(4)], Conflict: []string{"", "when-free", "take-over"}[s.rand.IntN(3)]}
	if o.Conflict == "" {
		o.Conflict = "refuse"
	}
	first := s.rand.IntN(strips * plugs)
	o.Targets = fmt.Sprintf("n[%d-%d]", first, min(first+s.rand.IntN(20), strips*plugs-1))
	_, _ = s.client.Clear(s.ctx, "n[0-39]") // what has failed for good is tried again
	p, err := s.client.Order(s.ctx, o)
	if err == nil {
		s.report.Runs++
		s.seen[p.Run] = 0
		if s.rand.IntN(6) == 0 {
			_ = s.client.PauseRun(s.ctx, p.Run)
		}
	}
	if gone := (*client.NoDaemon)(nil); errors.As(err, &gone) {
		return err
	}
	return nil
}

// cycle asks for an immediate cycle and waits for no answer but that it is on record.
func (s *site) cycle(node string) {
	for range s.client.Do(s.ctx, wire.Do{Op: "cycle", Targets: node, NoWait: true}) {
	}
	s.report.Cycles++
}
