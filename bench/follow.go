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

	"millwright.dev/millwright/internal/freeport"
)

// oneInTenHangs asks for everything while a tenth of the devices are silent:
// powermand's answer comes when the last of them has timed out, ours as it comes.
func oneInTenHangs(b *bench, name string) error {
	s := shape{256, 16, 10}
	d, err := b.simulate(s, 3*time.Second)
	if err != nil {
		return err
	}
	defer d.stop()
	theirs, err := b.start("powermand", d)
	if err != nil {
		return err
	}
	defer theirs.stop()
	begin := time.Now()
	// It says that devices failed, and exits accordingly.
	_ = exec.CommandContext(b.ctx, realClient, "-h", theirs.addr, "-q").Run()
	whole := time.Since(begin)

	// Fresh devices, since the others have fallen silent for good.
	if d, err = b.simulate(s, 3*time.Second); err != nil {
		return err
	}
	defer d.stop()
	ours, socket, err := b.serve(d)
	if err != nil {
		return err
	}
	defer ours.stop()
	answering := (s.devices - hanging(s)) * s.plugs
	var times []time.Duration
	for range 5 {
		took, err := b.follow(socket, answering)
		if err != nil {
			return err
		}
		times = append(times, took)
	}
	m := median(times)
	row(name, ms(whole), ms(m), fmt.Sprintf("%.3f", float64(m)/float64(whole)))
	return nil
}

// serve runs the daemon under its own name, which has a door for its command line.
func (b *bench) serve(d *devices) (*daemon, string, error) {
	port, err := freeport.Reserve("127.0.0.1")
	if err != nil {
		return nil, "", err
	}
	defer port.Release()
	conf, socket := filepath.Join(b.dir, "serve.conf"), filepath.Join(b.dir, "serve.sock")
	if err := os.WriteFile(conf, []byte(d.config), 0o600); err != nil {
		return nil, "", err
	}
	p := &daemon{name: "millwright", addr: port.Addr("127.0.0.1")}
	p.cmd = exec.CommandContext(b.ctx, filepath.Join(b.dir, "millwright"), "--socket", socket, "serve",
		"--config", conf, "--state", filepath.Join(b.dir, "serve-state"), "--powerman", p.addr, "--log-level", "error")
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, "", err
	}
	if err := p.allConnected(b.ctx, d.devices); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, socket, nil
}

// follow runs the command line and gives the time until n nodes have been told of.
func (b *bench) follow(socket string, n int) (time.Duration, error) {
	ctx, stop := context.WithCancel(b.ctx)
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, "millwright"), "--socket", socket, "status", "--follow", "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		stop()
		return 0, err
	}
	defer func() {
		stop()
		_ = cmd.Wait()
	}()
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	for seen := 0; lines.Scan(); {
		if strings.Contains(lines.Text(), `"kind":"result"`) {
			if seen++; seen == n {
				return time.Since(begin), nil
			}
		}
	}
	return 0, fmt.Errorf("status --follow ended before %d nodes were told of: %w", n, lines.Err())
}
