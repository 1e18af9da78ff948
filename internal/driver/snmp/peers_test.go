package snmp

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

var update = flag.Bool("update", false, "write testdata/recordings anew")

// passing is the variable that makes the test's program snmpd's helper.
const passing = "MILLWRIGHT_TEST_PASS"

func TestMain(m *testing.M) {
	if name := os.Getenv(passing); name != "" {
		if err := pass(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// pass serves an agent's tables to a real snmpd, in the protocol of its directive
// pass_persist (snmpd.conf(5)).
func pass(name string) error {
	p, ok := profile.Builtin(name)
	if !ok {
		return errors.New("no profile " + name)
	}
	a, err := agent.New(agent.Config{Profile: p, Plugs: numbers(1, 24), Rest: 50 * time.Millisecond, Delay: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	next := func() string {
		in.Scan()
		return in.Text()
	}
	for in.Scan() {
		var answer string
		switch in.Text() {
		default: // an order is followed by an empty line
			continue
		case "PING":
			answer = "PONG"
		case "get":
			answer = show(a, next(), false)
		case "getnext":
			answer = show(a, next(), true)
		case "set":
			oid, value := next(), next()
			_, value, _ = strings.Cut(value, " ")
			if answer = "DONE"; a.Write(oid, strings.Trim(value, `"`)) != nil {
				answer = "not-writable"
			}
		}
		fmt.Println(answer)
	}
	return in.Err()
}

// show words an object as snmpd's helpers do.
func show(a *agent.Agent, oid string, after bool) string {
	list := a.Objects()
	at, found := slices.BinarySearchFunc(list, oid, func(v gosnmp.SnmpPDU, oid string) int { return compareOIDs(v.Name, oid) })
	if after && found {
		at++
	}
	if at >= len(list) || !after && !found {
		return "NONE"
	}
	v, kind := list[at], "string"
	switch v.Type {
	case gosnmp.Integer:
		kind = "integer"
	case gosnmp.Gauge32:
		kind = "gauge"
	}
	return v.Name + "\n" + kind + "\n" + valueOf(v).String()
}

// freePort gives a port that nobody listens on, UDP and TCP.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := netip.ParseAddrPort(freeport.For(t, "127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	return int(port.Port())
}

// start runs a program until the test ends.
func start(t *testing.T, env []string, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), env...)
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (scripts/setup installs it)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		said.Close()
		if text, _ := os.ReadFile(said.Name()); t.Failed() {
			t.Logf("%s said:\n%s", program, text)
		}
	})
}

// snmpd runs Debian's agent, with the tables of a profile behind it.
func snmpd(t *testing.T, name, branch string) (port int) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	helper := filepath.Join(dir, "helper")
	write(t, helper, fmt.Sprintf("#!/bin/sh\n%s=%s exec %s\n", passing, name, self), 0o755)
	port = freePort(t)
	conf := filepath.Join(dir, "snmpd.conf")
	write(t, conf, fmt.Sprintf(`agentaddress udp:127.0.0.1:%[1]d,tcp:127.0.0.1:%[1]d
rwcommunity %[2]s
rocommunity reads-only-4713
createUser %[3]s SHA %[2]s AES %[4]s
rwuser %[3]s priv
sysobjectid 1.3.6.1.4.1.318.1.3.4.6
pass_persist %[5]s %[6]s
`, port, community, user, passphrase, branch, helper), 0o600)
	start(t, []string{"SNMP_PERSISTENT_DIR=" + dir, "MIBS="}, "/usr/sbin/snmpd", "-f", "-C", "-c", conf, "-Lo", "-p", filepath.Join(dir, "pid"))
	isUp(t, port)
	return port
}

// isUp waits until a program that was just started listens at a UDP port.
func isUp(t *testing.T, port int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		conn, err := new(net.Dialer).DialContext(ctx, "udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		// A port without a listener is refused at the second attempt to use it.
		_, _ = conn.Write([]byte("?"))
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("nobody listens at port %d", port)
		}
	}
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// patient settings wait for a program that is just starting.
func patient(address, version string) *Settings {
	s := defaults()
	s.Address, s.Version, s.Timeout, s.RetryAfter, s.Retries = address, version, 20*time.Second, 200*time.Millisecond, 90
	s.Outlets = 24
	return s
}

// TestRealAgent: Debian's snmpd speaks the protocol; behind it are a profile's tables.
func TestRealAgent(t *testing.T) {
	t.Parallel() // it waits for another program most of the time
	port := strconv.Itoa(snmpd(t, "apc-rpdu2", ".1.3.6.1.4.1.318.1.1.26"))
	both := credential(map[string]string{secret.Password: community, secret.Passphrase: passphrase})
	plain := credential(map[string]string{secret.Password: community})
	for _, c := range []struct {
		name, address, version string
		who                    secret.Resolved
	}{
		{"version 2c", "127.0.0.1:" + port, "2c", plain},
		{"version 1", "udp://127.0.0.1:" + port, "1", plain},
		{"version 3, signed and encrypted", "127.0.0.1:" + port, "3", both},
		{"version 2c over TCP", "tcp://127.0.0.1:" + port, "2c", plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := patient(c.address, c.version)
			session := open(t, s, c.who, new(net.Dialer).DialContext, numbers(1, 24)...)
			if session.profile.Name != "apc-rpdu2" {
				t.Fatalf("it is taken for %s", session.profile.Name)
			}
			for _, op := range []room.Op{room.Off, room.On, room.Cycle} {
				h, err := do(t, session, op)
				if err != nil || len(h.done) != 24 {
					t.Fatalf("%v: %v, done %v, failed %v", op, err, h.done, h.failed)
				}
				h, err = do(t, session, room.Status)
				want, _ := op.Wants()
				if op == room.Cycle {
					want = room.StateOn
				}
				if err != nil || len(h.states) != 24 || h.states[0] != want || h.states[23] != want {
					t.Errorf("after %v: %v, %v", op, h.states, err)
				}
			}
			readings := 0
			if err := session.Measure(t.Context(), func(driver.Reading) { readings++ }); err != nil || readings < 3*24 {
				t.Errorf("it measures %d values, %v", readings, err)
			}
			if d, err := session.Describe(t.Context()); err != nil || d.Product != "Simulated apc-rpdu2" || d.Labels[7] != "outlet 8" {
				t.Errorf("it says it is %+v, %v", d, err)
			}
		})
	}
	t.Run("wrong passwords", func(t *testing.T) {
		for want, who := range map[string]secret.Resolved{
			"password is wrong": credential(map[string]string{secret.Password: "wrong-password", secret.Passphrase: passphrase}),
			"no such user":      {User: "somebody", Values: both.Values},
		} {
			_, err := patient("127.0.0.1:"+port, "3").tryOpen(t, who)
			if f := (*driver.Fault)(nil); !errors.As(err, &f) || f.Phase != driver.LoggingIn || !strings.Contains(f.Why(), want) {
				t.Errorf("it says %v, want something of %q", err, want)
			}
		}
	})
	t.Run("may not write", func(t *testing.T) {
		who := credential(map[string]string{secret.Password: "reads-only-4713"})
		session := open(t, patient("127.0.0.1:"+port, "2c"), who, new(net.Dialer).DialContext, "1")
		if h, err := do(t, session, room.Off); err != nil || !strings.Contains(h.failed[0], "write") {
			t.Errorf("%v, %v", h.failed, err)
		}
	})
}

func (s *Settings) tryOpen(t *testing.T, who secret.Resolved) (driver.Session, error) {
	t.Helper()
	if _, err := s.Traits(noFiles{}); err != nil {
		return nil, err
	}
	return s.Open(t.Context(), environment(who, new(net.Dialer).DialContext, "1"))
}

// recording words an agent's tables as snmpsim reads them: OID|TAG|VALUE. Objects
// that show what was written to them are marked to do so.
func recording(a *agent.Agent, p *profile.Profile) string {
	var b strings.Builder
	for _, v := range a.Objects() {
		tag := map[gosnmp.Asn1BER]string{
			gosnmp.Integer: "2", gosnmp.OctetString: "4", gosnmp.ObjectIdentifier: "6", gosnmp.Gauge32: "66", gosnmp.TimeTicks: "67",
		}[v.Type]
		text := strings.TrimPrefix(valueOf(v).String(), ".")
		switch {
		case strings.HasSuffix(v.Name, ".1.1.3.0"):
			text = "4711"
		case p.State.Object == p.Command.Object && strings.HasPrefix(v.Name, "."+p.State.Object+"."):
			tag, text = tag+":writecache", "value="+text
		}
		fmt.Fprintf(&b, "%s|%s|%s\n", strings.TrimPrefix(v.Name, "."), tag, text)
	}
	return b.String()
}

// TestRecordings: each profile finds its way through tables in the form of snmpsim,
// which are kept, so that no number in a profile changes unseen.
func TestRecordings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, parent := range []string{dir, filepath.Dir(dir)} { // snmpsimd gives up being root
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cache := filepath.Join(dir, "cache")
	if err := errors.Join(os.Mkdir(cache, 0o777), os.Chmod(cache, 0o777)); err != nil {
		t.Fatal(err)
	}
	for _, name := range profile.Names() {
		p := builtin(t, name)
		a := newAgent(t, agent.Config{Profile: p, Plugs: numbers(p.Index.First, 3)})
		a.Set(numbers(p.Index.First, 3)[1], true)
		kept := filepath.Join("testdata", "recordings", name+".snmprec")
		text := recording(a, p)
		if *update {
			write(t, kept, text, 0o644)
		}
		if had, err := os.ReadFile(kept); err != nil || string(had) != text {
			t.Errorf("%s: the tables have changed (%v): look at them again, then go test -run Recordings -update", name, err)
		}
		write(t, filepath.Join(dir, name+".snmprec"), text, 0o644)
	}
	port := freePort(t)
	args := []string{"--data-dir=" + dir, "--cache-dir=" + cache, fmt.Sprintf("--agent-udpv4-endpoint=127.0.0.1:%d", port)}
	if os.Geteuid() == 0 {
		args = append(args, "--process-user=nobody", "--process-group=nogroup")
	}
	start(t, nil, "snmpsimd", args...)
	isUp(t, port)
	for _, name := range profile.Names() {
		t.Run(name, func(t *testing.T) {
			p := builtin(t, name)
			plugs := numbers(p.Index.First, 3)
			s := patient(fmt.Sprintf("127.0.0.1:%d", port), "2c")
			session := open(t, s, credential(map[string]string{secret.Password: name}), new(net.Dialer).DialContext, plugs...)
			if session.profile.Name != name {
				t.Fatalf("it is taken for %s", session.profile.Name)
			}
			h, err := do(t, session, room.Status)
			if err != nil || h.states[0] != room.StateOff || h.states[1] != room.StateOn || h.states[2] != room.StateOff {
				t.Errorf("status: %v, %v, %v", h.states, h.failed, err)
			}
			if err := session.Measure(t.Context(), func(driver.Reading) {}); err != nil {
				t.Error(err)
			}
			if p.State.Object != p.Command.Object {
				return
			}
			h, err = do(t, session, room.On)
			if err != nil || len(h.done) != 3 {
				t.Errorf("on: %v, %v", h.failed, err)
			}
			if h, err = do(t, session, room.Status); err != nil || h.states[0] != room.StateOn {
				t.Errorf("after on: %v, %v", h.states, err)
			}
		})
	}
}
