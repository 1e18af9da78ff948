package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/freeport"
)

// The SNMP PDUs of the figures.
const (
	snmpProfile   = "apc-rpdu2"
	snmpCommunity = "bench-community"
	snmpAtOnce    = 64 // how many snmpwalk run at the same time
)

// simulateAgents is the child process: it prints one address a line, and "ready".
func simulateAgents(ctx context.Context, arg string) error {
	var agents, outlets int
	if _, err := fmt.Sscanf(arg, "%d:%d", &agents, &outlets); err != nil {
		return fmt.Errorf("-simulate snmp:%s: %w", arg, err)
	}
	p, ok := profile.Builtin(snmpProfile)
	if !ok {
		return fmt.Errorf("there is no profile %s", snmpProfile)
	}
	var plugs []string
	for n := range outlets {
		plugs = append(plugs, strconv.Itoa(n+1))
	}
	for range agents {
		a, err := agent.New(agent.Config{Profile: p, Plugs: plugs, Community: snmpCommunity})
		if err != nil {
			return err
		}
		at, _, err := a.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println(at)
	}
	fmt.Println("ready")
	<-ctx.Done()
	return nil
}

// snmpStatus reads all outlets of a room of SNMP PDUs, beside snmpwalk in a loop.
func snmpStatus(b *bench, name string) error {
	const agents, outlets = 1000, 24
	addresses, stop, err := b.simulateSNMP(agents, outlets)
	if err != nil {
		return err
	}
	defer stop()
	list := filepath.Join(b.dir, "agents")
	if err := os.WriteFile(list, []byte(strings.Join(addresses, "\n")), 0o600); err != nil {
		return err
	}
	ours, err := b.serveSNMP(addresses, outlets)
	if err != nil {
		return err
	}
	defer ours.stop()
	var walks, asks []time.Duration
	for i := range b.runs + 2 {
		took, err := ours.ask(b.ctx, "-q")
		if err != nil {
			return err
		}
		if i >= 2 { // after a warm-up
			asks = append(asks, took)
		}
	}
	for range 3 {
		took, err := b.walkAll(list, agents*outlets)
		if err != nil {
			return err
		}
		walks = append(walks, took)
	}
	rss, err := ours.rss()
	if err != nil {
		return err
	}
	w, a := median(walks), median(asks)
	row(name, ms(w), ms(a), fmt.Sprintf("%.3f", float64(a)/float64(w)))
	row("memory of the daemon after that; start to all connected", "–", fmt.Sprintf("%.0f MB; %s", rss, ms(ours.up)), "")
	return nil
}

// simulateSNMP starts agents in a process of their own.
func (b *bench) simulateSNMP(agents, outlets int) (addresses []string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(b.ctx, self, "-simulate", fmt.Sprintf("snmp:%d:%d", agents, outlets))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		addresses = append(addresses, lines.Text())
	}
	return addresses, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}, lines.Err()
}

// serveSNMP runs the daemon on a room of these agents.
func (b *bench) serveSNMP(addresses []string, outlets int) (*daemon, error) {
	var room strings.Builder
	fmt.Fprintf(&room, "room: bench\ncredentials:\n  pdus: {password: \"env:SNMP_COMMUNITY\"}\ndevices:\n")
	for i, at := range addresses {
		fmt.Fprintf(&room, "  d%d: {driver: snmp, credential: pdus, settings: {address: %q, profile: %s, outlets: %d}}\n", i, at, snmpProfile, outlets)
	}
	fmt.Fprintf(&room, "nodes:\n")
	for i := range addresses {
		fmt.Fprintf(&room, "  t[%d-%d]: {cords: \"d%d:[1-%d]\"}\n", i*outlets, (i+1)*outlets-1, i, outlets)
	}
	conf := filepath.Join(b.dir, "snmp.yaml")
	if err := os.WriteFile(conf, []byte(room.String()), 0o600); err != nil {
		return nil, err
	}
	port, err := freeport.Reserve("127.0.0.1")
	if err != nil {
		return nil, err
	}
	defer port.Release()
	p := &daemon{name: "millwright", addr: port.Addr("127.0.0.1")}
	p.cmd = exec.CommandContext(b.ctx, filepath.Join(b.dir, "millwright"), "--socket", filepath.Join(b.dir, "snmp.sock"), "serve",
		"--config", conf, "--state", filepath.Join(b.dir, "snmp-state"), "--powerman", p.addr, "--log-level", "error")
	p.cmd.Env = append(os.Environ(), "SNMP_COMMUNITY="+snmpCommunity)
	p.cmd.Stderr = os.Stderr
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := p.allConnected(b.ctx, len(addresses)); err != nil {
		p.stop()
		return nil, err
	}
	p.up = time.Since(begin)
	return p, nil
}

// walkAll runs snmpwalk for each agent, so many at once, and counts what they say.
func (b *bench) walkAll(list string, want int) (time.Duration, error) {
	p, _ := profile.Builtin(snmpProfile)
	loop := fmt.Sprintf("xargs -P %d -I{} snmpwalk -v2c -c %s -On -m '' {} %s < %s | wc -l", snmpAtOnce, snmpCommunity, p.State.Object, list)
	begin := time.Now()
	out, err := exec.CommandContext(b.ctx, "sh", "-c", loop).Output()
	took := time.Since(begin)
	if err != nil {
		return 0, fmt.Errorf("snmpwalk: %w", err)
	}
	if n, _ := strconv.Atoi(strings.TrimSpace(string(out))); n != want {
		return 0, fmt.Errorf("snmpwalk read %d states, want %d", n, want)
	}
	return took, nil
}
