// Command bench measures Millwright beside a real powermand: both on the same
// simulated devices, both driven by the same real client, in turn, in one run; and beside the clients
// of BMCs that Debian has. It prints a table of medians; docs/performance.md holds one.
//
//	go run ./bench                 all figures
//	go run ./bench -only one-node  those whose name holds a word
//	go run ./bench -only ipmi:     those of BMCs
//	go run ./bench -only soak      a daemon is killed 300 times
//
// It needs Debian's packages that scripts/setup installs, and builds Millwright
// itself. The simulated devices run in a process of their own, so that their
// work is charged to neither daemon.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// usualRuns is how often a figure is measured, unless somebody wants it otherwise.
const usualRuns = 15

func main() {
	only := flag.String("only", "", "measure the figures whose name holds this")
	runs := flag.Int("n", usualRuns, "runs per figure, of which the median counts; deaths of the soak")
	simulate := flag.String("simulate", "", "internal: be the simulated devices, DEVICES:PLUGS:HANGS or snmp:AGENTS:OUTLETS")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if agents, ok := strings.CutPrefix(*simulate, "snmp:"); ok {
		fail(simulateAgents(ctx, agents))
		return
	}
	if shape, ok := strings.CutPrefix(*simulate, "ipmi:"); ok {
		fail(simulateBMCs(ctx, shape))
		return
	}
	if *simulate != "" {
		fail(simulateDevices(ctx, *simulate))
		return
	}
	dir, err := os.MkdirTemp("", "millwright-bench-")
	fail(err)
	defer os.RemoveAll(dir)
	fail(build(ctx, dir))
	b := &bench{ctx: ctx, dir: dir, runs: *runs}
	fail(b.buildClient())
	fmt.Printf("| figure | others | millwright | ratio |\n|---|---|---|---|\n")
	if *only == "soak" { // it takes too long to be one of all
		fail(soaked(b, "soak: deaths by kill -9 in the middle of runs, over devices that break"))
		return
	}
	for _, f := range slices.Concat(figures, sampleFigures(), orderFigures(), ipmiFigures()) {
		if !strings.Contains(f.name, *only) {
			continue
		}
		fail(f.measure(b, f.name))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// build makes the binary as it is shipped, with the names it answers to.
func build(ctx context.Context, dir string) error {
	bin := filepath.Join(dir, "millwright")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, "./cmd/millwright")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build millwright (run this from the repository's root): %w", err)
	}
	for _, name := range []string{"powermand", "ipmipower"} {
		if err := os.Symlink(bin, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// bench is one run of the program.
type bench struct {
	ctx  context.Context
	dir  string
	runs int
}

// row prints one figure.
func row(name, theirs, ours, ratio string) {
	fmt.Printf("| %s | %s | %s | %s |\n", name, theirs, ours, ratio)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
