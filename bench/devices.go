package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// shape is a set of devices.
type shape struct {
	devices, plugs int
	hangs          int // one in so many hangs; 0 for none
}

// simulateDevices is the child process: it prints one address a line, and "ready".
func simulateDevices(ctx context.Context, arg string) error {
	var s shape
	if _, err := fmt.Sscanf(arg, "%d:%d:%d", &s.devices, &s.plugs, &s.hangs); err != nil {
		return fmt.Errorf("-simulate %s: %w", arg, err)
	}
	cfg := sim.Config{History: -1}
	for i := range s.devices {
		cfg.PDUs = append(cfg.PDUs, sim.PDU{Name: fmt.Sprintf("d%d", i), Style: "vpc", Outlets: sim.Numbered(0, s.plugs)})
	}
	room, err := sim.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer room.Close()
	for i := range s.devices {
		name := fmt.Sprintf("d%d", i)
		if s.hangs > 0 && i%s.hangs == 0 {
			// It lets one in (two lines: login and its echo), then is silent.
			if err := room.Break(name, sim.Fault{Kind: sim.Hang, After: 1}); err != nil {
				return err
			}
		}
		fmt.Println(room.Addr(name))
	}
	fmt.Println("ready")
	<-ctx.Done()
	return nil
}

// devices are simulated ones in a process of their own, and the configuration
// that names them.
type devices struct {
	shape
	cmd    *exec.Cmd
	config string // powerman.conf without its listen line
}

func (b *bench) simulate(s shape, timeout time.Duration) (*devices, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(b.ctx, self, "-simulate", fmt.Sprintf("%d:%d:%d", s.devices, s.plugs, s.hangs))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	spec := filepath.Join(b.dir, fmt.Sprintf("vpc-%d.dev", s.plugs))
	text := string(sim.DeviceFile("vpc", sim.Numbered(0, s.plugs)...))
	text = strings.Replace(text, "timeout 10", fmt.Sprintf("timeout %g", timeout.Seconds()), 1)
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		return nil, err
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, "include %q\n", spec)
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan() && lines.Text() != "ready"; i++ {
		fmt.Fprintf(&conf, "device \"d%d\" \"mw-vpc\" %q\n", i, lines.Text())
		fmt.Fprintf(&conf, "node \"t[%d-%d]\" \"d%d\"\n", i*s.plugs, (i+1)*s.plugs-1, i)
	}
	return &devices{shape: s, cmd: cmd, config: conf.String()}, lines.Err()
}

func (d *devices) stop() {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
}
