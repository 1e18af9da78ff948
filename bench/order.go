package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"millwright.dev/millwright/bench/soak"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/sim"
)

// orderFigures are those of plans and runs. Some benchmarks are beside the code, in
// internal/plan and internal/run.
func orderFigures() []figure {
	return []figure{
		{"order: six machines that take 2 s to boot, four deep, one never well: all up, and the end told", n1},
		{"order: one node on or off, through plan and run, to the end told", oneThroughARun},
		{"order: 10,000 nodes, 50,000 needs on one simulated strip: up, to the end told", manyThroughARun},
		{"order: plan of 10,000 nodes, 50,000 needs, with forecast", goBench("./internal/plan", "Build/with_forecast/10000$", "50x", nsMetric("ns/op"))},
		{"order: run of 10,000 nodes, 50,000 needs, durable, on plugs that take no time", goBench("./internal/run", "Run/10000$", "10x", nsMetric("ns/op"))},
		{"order: a run of 10,000 nodes goes on after a restart: to the first new step", goBench("./internal/run", "Resume/10000$", "10x", nsMetric("ns/op"))},
	}
}

func nsMetric(unit string) func(map[string]float64) string {
	return func(m map[string]float64) string { return ms(time.Duration(m[unit])) }
}

// goBench runs a benchmark of a package.
func goBench(pkg, name, times string, say func(map[string]float64) string) func(*bench, string) error {
	return func(b *bench, title string) error {
		out, err := exec.CommandContext(b.ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark"+name, "-benchtime", times, pkg).CombinedOutput()
		if err != nil {
			return fmt.Errorf("measure %s: %w: %s", title, err, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "Benchmark") {
				row(title, "–", say(metricsOf(line)), "")
				return nil
			}
		}
		return fmt.Errorf("measure %s: no figures in %q", title, out)
	}
}

// house is a real daemon over a simulated room.
type house struct {
	*client.Client
	room *sim.Room
	cmd  *exec.Cmd
}

// house starts a daemon for a room of which only the devices are to be added.
func (b *bench) house(cfg sim.Config, text func(*sim.Room) string) (*house, error) {
	r, err := sim.Start(b.ctx, cfg)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mw") // a socket's path must be short
	if err != nil {
		return nil, err
	}
	for i := range cfg.PDUs {
		p := &cfg.PDUs[i]
		if err := os.WriteFile(filepath.Join(dir, "vpc.dev"), sim.DeviceFile("vpc", p.Outlets...), 0o600); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "room.yaml"), []byte(text(r)), 0o600); err != nil {
		return nil, err
	}
	h := &house{room: r, cmd: exec.CommandContext(b.ctx, filepath.Join(b.dir, "millwright"), "serve", "--config", dir, "--state", filepath.Join(dir, "state"), "--powerman", "none", "--no-delays", "--log-level", "error")}
	h.cmd.Env = append(os.Environ(), "MILLWRIGHT_SOCKET="+filepath.Join(dir, "s"))
	h.cmd.Stderr = os.Stderr
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	h.Client = client.New(filepath.Join(dir, "s"))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); ; {
		if _, err := h.Version(b.ctx); err == nil {
			return h, nil
		}
		select {
		case <-tick.C:
		case <-late:
			return nil, errors.New("the daemon does not answer")
		}
	}
}

func (h *house) stop() {
	h.Close()
	_ = h.cmd.Process.Signal(syscall.SIGTERM)
	_ = h.cmd.Wait()
	h.room.Close()
}

// run has an order carried out, and gives the time to the end and the updates.
func (h *house) run(ctx context.Context, o wire.Order) (time.Duration, []wire.Update, error) {
	begun := time.Now()
	p, err := h.Order(ctx, o)
	if err != nil {
		return 0, nil, err
	}
	var list []wire.Update
	for u, err := range h.Updates(ctx, p.Run, 0) {
		if err != nil {
			return 0, nil, err
		}
		list = append(list, u)
	}
	return time.Since(begun), list, nil
}

// n1 is the network of Ockle's reference: switch, storage, db and web on each other, one
// whose check is always bad, and one that needs that.
func n1(b *bench, title string) error {
	const boot = 2 * time.Second
	names := []string{"switch", "storage", "db", "web", "bad", "afterbad"}
	cfg := sim.Config{PDUs: []sim.PDU{{Name: "pdu", Outlets: sim.Numbered(0, len(names))}}, Hosts: "127.0.0.1:0"}
	for i, name := range names {
		cfg.Machines = append(cfg.Machines, sim.Machine{Name: name, Boot: boot, Inlets: []sim.Inlet{{PDU: "pdu", Outlet: fmt.Sprint(i)}}})
	}
	h, err := b.house(cfg, func(r *sim.Room) string {
		return fmt.Sprintf(`room: n1
order: {start-within: 20s, retry-after: 100ms, witness: 0s}
specifications: '*.dev'
devices: {pdu: {driver: script, settings: {spec: mw-vpc, address: "tcp://%s"}}}
checks:
  well: {kind: http, settings: {url: "http://%s/{node}/health"}, starting: yes, retry-after: 50ms, nodes: [switch, storage, db, web, bad, afterbad]}
nodes:
  switch: {cords: "pdu:0"}
  storage: {cords: "pdu:1", needs: [switch]}
  db: {cords: "pdu:2", needs: [storage]}
  web: {cords: "pdu:3", needs: [db, storage]}
  bad: {cords: "pdu:4", needs: [switch], order: {start-within: 1500ms}}
  afterbad: {cords: "pdu:5", needs: [bad]}
`, r.Addr("pdu"), r.HostsAddr())
	})
	if err != nil {
		return err
	}
	defer h.stop()
	if err := h.room.Do("machine bad sick", os.Stderr); err != nil {
		return err
	}
	took, list, err := h.run(b.ctx, wire.Order{Goal: "up"})
	if err != nil {
		return err
	}
	last, up := list[len(list)-1], time.Time{}
	for _, u := range list {
		if u.Kind == "result" {
			up = u.Time
		}
	}
	row(title, "waves of 4 s and 18 s (Ockle)", fmt.Sprintf("%.2f s for a critical path of %.0f s (+%.1f %%), the end told %s after; %s", took.Seconds(), 4*boot.Seconds(),
		100*(took.Seconds()/(4*boot.Seconds())-1), ms(last.Time.Sub(up)), last.Said), "")
	return nil
}

func oneThroughARun(b *bench, title string) error {
	h, err := b.strip(1, 0)
	if err != nil {
		return err
	}
	defer h.stop()
	var times []time.Duration
	for i := range 200 {
		took, list, err := h.run(b.ctx, wire.Order{Goal: []string{"up", "down"}[i%2], Targets: "n0"})
		if err != nil {
			return err
		}
		if end := list[len(list)-1]; end.State != "done" {
			return fmt.Errorf("it ended %s: %s", end.State, end.Said)
		}
		times = append(times, took)
	}
	slices.Sort(times)
	row(title, "–", fmt.Sprintf("p50 %s, p99 %s", ms(times[len(times)/2]), ms(times[len(times)*99/100])), "")
	return nil
}

func manyThroughARun(b *bench, title string) error {
	h, err := b.strip(10_000, 5)
	if err != nil {
		return err
	}
	defer h.stop()
	var times []time.Duration
	for i := range 6 {
		took, list, err := h.run(b.ctx, wire.Order{Goal: []string{"up", "down"}[i%2]})
		if err != nil {
			return err
		}
		if end := list[len(list)-1]; end.State != "done" {
			return fmt.Errorf("it ended %s: %s", end.State, end.Said)
		}
		times = append(times, took)
	}
	slices.Sort(times)
	row(title, "–", fmt.Sprintf("%s (%s to %s)", ms(times[len(times)/2]), ms(times[0]), ms(times[len(times)-1])), "")
	return nil
}

// strip is a house of one strip, and nodes in ten layers, each of which needs some of the
// layer below.
func (b *bench) strip(nodes, needs int) (*house, error) {
	return b.house(sim.Config{PDUs: []sim.PDU{{Name: "pdu", Outlets: sim.Numbered(0, nodes)}}, History: -1}, func(r *sim.Room) string {
		var text strings.Builder
		fmt.Fprintf(&text, "room: strip\norder: {witness: 0s}\nsettings: {verify: 0s}\nspecifications: '*.dev'\ndevices: {pdu: {driver: script, settings: {spec: mw-vpc, address: \"tcp://%s\"}}}\nnodes:\n", r.Addr("pdu"))
		per := max(nodes/10, 1)
		for i := range nodes {
			var list []string
			for k := range needs {
				if i >= per {
					list = append(list, fmt.Sprintf("n%d", (i/per-1)*per+(i*7+k*13)%per))
				}
			}
			fmt.Fprintf(&text, "  n%d: {cords: \"pdu:%d\", needs: [%s]}\n", i, i, strings.Join(list, ", "))
		}
		return text.String()
	})
}

// soaked is the soak at length: 300 deaths, or as many as -n says.
func soaked(b *bench, title string) error {
	kills := 300
	if b.runs != usualRuns {
		kills = b.runs
	}
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log, err := os.Create(filepath.Join(b.dir, "soak.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	begun := time.Now()
	report, err := soak.Run(b.ctx, soak.Options{
		Kills: kills, Dir: dir, Seed: uint64(begun.UnixNano()),
		Tell: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
		Daemon: func(config, state, socket string) *exec.Cmd {
			cmd := exec.CommandContext(b.ctx, filepath.Join(b.dir, "millwright"), "serve", "--config", config, "--state", state, "--powerman", "none", "--no-delays")
			cmd.Env = append(os.Environ(), "MILLWRIGHT_SOCKET="+socket)
			cmd.Stderr = log
			return cmd
		},
	})
	if err != nil {
		return err
	}
	row(title, "–", fmt.Sprintf("%d of %d ended right; %d runs %v, gone on with %d times; %d cycles, %d times cut off; %d events; %.0f s", report.Kills, report.Kills,
		report.Runs, report.Ends, report.Resumed, report.Cycles, report.Interrupted, report.Events, time.Since(begun).Seconds()), "")
	return nil
}
