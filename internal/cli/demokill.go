package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/demo"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/rehearse"
)

// demoKill takes the demo's room down (or up), kills the daemon meanwhile and starts it
// again.
func (p *program) demoKill(c *cobra.Command, folder string) error {
	d, err := demo.Find(folder)
	if err != nil {
		return err
	}
	if d == nil || !d.Runs() {
		return errors.New("no demo runs; start one with: millwright demo")
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program's own file: %w", err)
	}
	before, err := tally(c.Context(), d)
	if err != nil {
		return err
	}
	goal := "down"
	if !before.anyOn {
		goal = "up"
	}
	if err := p.demoRun(c, d, goal, "--yes", "--nowait"); err != nil {
		return err
	}
	at, err := halfway(c.Context(), d)
	if err != nil {
		return err
	}
	p.printf("%s\n", p.out.faint(fmt.Sprintf("%d of %d done, %d under way", at.Counts.Good, at.Counts.Total, at.Counts.Active)))
	_, daemon := d.Processes()
	p.printf("\n%s\n", p.out.paint(cyan, fmt.Sprintf("$ kill -9 %d", daemon)))
	if err := d.Kill(); err != nil {
		return err
	}
	p.printf("%s\n", p.out.faint("the daemon is dead; the machines know nothing of that"))
	serving := strings.ReplaceAll(strings.Join(d.Serving(), " "), " --", " \\\n    --")
	p.printf("\n%s\n", p.out.paint(cyan, "$ millwright "+serving))
	if _, err := d.Revive(c.Context(), program); err != nil {
		return err
	}
	for _, call := range [][]string{{"run", "follow"}, {"status"}} {
		if err := p.demoRun(c, d, call...); err != nil {
			return err
		}
	}
	after, err := tally(c.Context(), d)
	if err != nil {
		return err
	}
	p.printf("\n%s\n", after.since(before))
	return nil
}

// atWork says whether the demo's daemon has a run that has not ended.
func (p *program) atWork(ctx context.Context, d *demo.Demo) bool {
	info, err := newestRun(ctx, d)
	return err == nil && !info.State.Final()
}

func newestRun(ctx context.Context, d *demo.Demo) (wire.Run, error) {
	cl := client.New(d.Socket())
	defer cl.Close()
	return findRun(ctx, cl, nil)
}

// halfway waits until a third of the newest run is done, or it has ended.
func halfway(ctx context.Context, d *demo.Demo) (wire.Run, error) {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		info, err := newestRun(ctx, d)
		if err != nil || info.State.Final() || info.Counts.Active > 0 && 3*info.Counts.Good >= info.Counts.Total {
			return info, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return info, ctx.Err()
		}
	}
}

// tallied is what the simulated room has counted of its machines.
type tallied struct {
	anyOn    bool
	machines map[string]tallyOf
}

type tallyOf struct{ on, off, starts, resets, halts, cuts int }

func tally(ctx context.Context, d *demo.Demo) (tallied, error) {
	var text bytes.Buffer
	if err := rehearse.Ask(ctx, d.Control(), "counts", &text); err != nil {
		return tallied{}, err
	}
	t := tallied{machines: make(map[string]tallyOf)}
	for line := range strings.Lines(text.String()) {
		name, counts, _ := strings.Cut(strings.TrimPrefix(line, "machine "), ":")
		var m tallyOf
		if _, err := fmt.Sscanf(counts, " power on %d, power off %d, starts %d, resets %d, halts %d, cuts %d", &m.on, &m.off, &m.starts, &m.resets, &m.halts, &m.cuts); err != nil {
			return t, fmt.Errorf("what the simulated room counts: %w", err)
		}
		t.anyOn = t.anyOn || m.starts > m.halts+m.cuts
		t.machines[name] = m
	}
	return t, nil
}

// since says what has happened since another count.
func (t tallied) since(before tallied) string {
	halted, started, cut, twice := 0, 0, 0, 0
	for name, m := range t.machines {
		b := before.machines[name]
		halted += min(1, m.halts-b.halts)
		started += min(1, m.starts-b.starts)
		cut += min(1, m.cuts-b.cuts)
		if m.on-b.on > 1 || m.off-b.off > 1 || m.starts-b.starts > 1 || m.resets > b.resets {
			twice++
		}
	}
	list := []string{counted(halted, "machine") + " came down in order", fmt.Sprintf("%d without a system just lost their power", cut)}
	if started > 0 {
		list = []string{counted(started, "machine") + " started"}
	}
	return fmt.Sprintf("As the simulated room counted it: %s, and %d were switched twice.", strings.Join(list, ", "), twice)
}
