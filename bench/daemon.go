package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/powerman"
)

// The real programs, from Debian's package.
const (
	realDaemon = "/usr/sbin/powermand"
	realClient = "/usr/bin/powerman"
)

// daemon is one of the two that are compared.
type daemon struct {
	name string
	addr string
	cmd  *exec.Cmd
	up   time.Duration // from start to all devices connected
}

// start runs a daemon on the devices and waits until all are connected. Ours
// keeps its events on the disk, as in real use.
func (b *bench) start(name string, d *devices) (*daemon, error) {
	port, err := freeport.Reserve("127.0.0.1")
	if err != nil {
		return nil, err
	}
	defer port.Release()
	p := &daemon{name: name, addr: port.Addr("127.0.0.1")}
	conf := filepath.Join(b.dir, name+".conf")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf("listen %q\n%s", p.addr, d.config)), 0o600); err != nil {
		return nil, err
	}
	if name == "powermand" {
		p.cmd = exec.CommandContext(b.ctx, realDaemon, "-f", "-Y", "-c", conf)
	} else {
		state, err := os.MkdirTemp(b.dir, "state-")
		if err != nil {
			return nil, err
		}
		p.cmd = exec.CommandContext(b.ctx, filepath.Join(b.dir, "powermand"), "-Y", "-c", conf, "--state", state)
	}
	var said bytes.Buffer
	p.cmd.Stderr = &said
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := p.allConnected(b.ctx, d.devices-hanging(d.shape)); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w: %s", name, err, said.String())
	}
	p.up = time.Since(begin)
	return p, nil
}

func hanging(s shape) int {
	if s.hangs == 0 {
		return 0
	}
	return (s.devices + s.hangs - 1) / s.hangs
}

// allConnected asks until the daemon says that n devices are connected and
// logged in, which is when they have done an action.
func (p *daemon) allConnected(ctx context.Context, n int) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		c, err := powerman.Dial(ctx, p.addr, powerman.DialOptions{})
		if err != nil {
			continue
		}
		list, err := c.Devices(ctx, "")
		c.Close()
		if err != nil {
			return err
		}
		ready := 0
		for _, d := range list {
			if d.State == powerman.DeviceConnected && d.Actions > 0 {
				ready++
			}
		}
		if ready >= n {
			return nil
		}
	}
	return fmt.Errorf("not all of %d devices were connected within 30s", n)
}

func (p *daemon) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// ask runs the real client once and gives how long it took.
func (p *daemon) ask(ctx context.Context, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, realClient, append([]string{"-h", p.addr}, args...)...)
	begin := time.Now()
	out, err := cmd.Output()
	took := time.Since(begin)
	if err != nil {
		return 0, fmt.Errorf("powerman %s against %s: %w: %s", strings.Join(args, " "), p.name, err, out)
	}
	return took, nil
}

// rss gives the daemon's resident memory in MB.
func (p *daemon) rss() (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kb); err == nil {
			return kb / 1024, nil
		}
	}
	return 0, fmt.Errorf("no VmRSS for %s", p.name)
}

// cpu gives the daemon's processor time so far.
func (p *daemon) cpu() (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}
