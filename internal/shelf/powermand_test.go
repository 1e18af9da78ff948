package shelf_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/shelf"
	"millwright.dev/millwright/internal/sim"
)

// powermand is Debian's, looking after one simulated unit. The node "n0" hangs on
// the first plug, and so on.
type powermand struct {
	t    *testing.T
	addr string
}

// startPowermand gives it a device file, where the unit is, and its plugs.
func startPowermand(t *testing.T, where, spec, file string, plugs []string, env ...string) powermand {
	t.Helper()
	k := powermand{t, freeport.For(t, "127.0.0.3")}
	conf := &strings.Builder{}
	fmt.Fprintf(conf, "include %q\nlisten %q\ndevice \"pdu\" %q %q\n", file, k.addr, spec, where)
	for i, p := range plugs {
		fmt.Fprintf(conf, "node \"n%d\" \"pdu\" %q\n", i, p)
	}
	path := filepath.Join(t.TempDir(), "powerman.conf")
	must(t, os.WriteFile(path, []byte(conf.String()), 0o600))
	cmd := exec.CommandContext(t.Context(), "/usr/sbin/powermand", "-f", "-Y", "-c", path)
	stderr := &bytes.Buffer{}
	cmd.Stderr, cmd.Env = stderr, append(os.Environ(), env...)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("powermand: %s", stderr)
		}
	})
	for t.Context().Err() == nil && cmd.ProcessState == nil {
		if conn, err := net.Dial("tcp", k.addr); err == nil {
			conn.Close()
			break
		}
	}
	return k
}

func (k powermand) powerman(args ...string) (string, error) {
	out, err := exec.Command("/usr/bin/powerman", append([]string{"-h", k.addr}, args...)...).CombinedOutput()
	return strings.ReplaceAll(string(out), "\r", ""), err
}

// turn switches and compares with the relays, then asks for the states and compares
// again. A daemon that has no way to ask is told by reads false.
func (k powermand) turn(played *sim.Room, reads bool, how, nodes, want string) {
	k.t.Helper()
	if out, err := k.powerman(how, nodes); err != nil {
		k.t.Fatalf("powerman %s %s: %v: %s", how, nodes, err, out)
	}
	got, told := "", ""
	for i, o := range played.Snapshot().PDUs[0].Outlets {
		got += map[bool]string{true: "1", false: "0"}[o.On]
		told += fmt.Sprintf("n%d: %s\n", i, map[bool]string{true: "on", false: "off"}[o.On])
	}
	if got != want {
		k.t.Errorf("after powerman %s %s the relays are %s, want %s", how, nodes, got, want)
	}
	if !reads {
		return
	}
	if out, err := k.powerman("-x", "-q"); err != nil || out != told {
		k.t.Errorf("after powerman %s %s it says %q (%v), want %q", how, nodes, out, err, told)
	}
}

// drive goes through what every file can do.
func (k powermand) drive(played *sim.Room, n int, reads bool, cycles bool) {
	k.t.Helper()
	none, all := strings.Repeat("0", n), strings.Repeat("1", n)
	last := none[1:] + "1"
	k.turn(played, reads, "-1", fmt.Sprintf("n%d", n-1), last)
	if cycles {
		k.turn(played, reads, "-c", fmt.Sprintf("n%d", n-1), last)
	}
	k.turn(played, reads, "-1", fmt.Sprintf("n[0-%d]", n-1), all)
	k.turn(played, reads, "-0", "n0", "0"+all[1:])
	k.turn(played, reads, "-0", fmt.Sprintf("n[0-%d]", n-1), none)
}

// TestPowermandRunsOurFiles has Debian's powermand drive each make by our file, as
// "devspec export" writes it. What is behind SSH it reaches by a coprocess that has
// logged in; here the line is open for it.
func TestPowermandRunsOurFiles(t *testing.T) {
	for _, e := range shelf.All() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			text, _ := shelf.Text(e.Name)
			strip := unit(e, outlets(parse(t, text).Specs[0]))
			strip.Open = e.Login == "SSH"
			give := [2]string{user, password}
			switch e.Login {
			case "SSH":
				give = [2]string{}
			case "password only":
				give[0] = ""
			}
			out, err := shelf.Export(e.Name, give[0], give[1])
			must(t, err)
			file := filepath.Join(t.TempDir(), "ours.dev")
			must(t, os.WriteFile(file, out, 0o600))
			played, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{strip}})
			must(t, err)
			t.Cleanup(played.Close)
			startPowermand(t, played.Addr("pdu"), e.Name, file, strip.Outlets).drive(played, len(strip.Outlets), true, true)
		})
	}
}

// TestPowermandReachesSSHByACoprocess has OpenSSH's client between powermand and a
// unit, as docs/device-files.md says.
func TestPowermandReachesSSHByACoprocess(t *testing.T) {
	dir := t.TempDir()
	ask := filepath.Join(dir, "ask")
	must(t, os.WriteFile(ask, []byte("#!/bin/sh\necho "+password+"\n"), 0o700))
	for _, e := range shelf.All() {
		if e.Login != "SSH" || strings.HasPrefix(e.Name, "baytech-ctrl-c") {
			continue // a Ctrl-C that is early ends the ssh on powermand's terminal, as the page says
		}
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			text, _ := shelf.Text(e.Name)
			strip := unit(e, outlets(parse(t, text).Specs[0]))
			strip.SSH = true
			file := filepath.Join(t.TempDir(), "ours.dev")
			must(t, os.WriteFile(file, text, 0o600))
			played, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{strip}})
			must(t, err)
			t.Cleanup(played.Close)
			_, port, err := net.SplitHostPort(played.Addr("pdu"))
			must(t, err)
			where := "/usr/bin/ssh -tt -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no -o LogLevel=ERROR -p " + port + " -l " + user + " 127.0.0.1 |&"
			k := startPowermand(t, where, e.Name, file, strip.Outlets, "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=none")
			k.drive(played, len(strip.Outlets), true, false)
		})
	}
}

// sentryOutlets are those that Debian's file lists.
const sentryOutlets = ".AA1 .AA2 .AA3 .AA4 .AA5 .AA6 .AA7 .AA8 .AB1 .AB2 .AB3 .AB4 .AB5 .AB6 .AB7 .AB8 .AC1 .AC2 .AC3 .AC4 .AC5 .AC6 .AC7 .AC8"

// debians are the pairs of Debian's device files and our makes of the same family.
var debians = []struct {
	spec, make string
	plugs      []string
	open       bool // its file begins after the log-in
	blind      bool // its file cannot ask for the state
}{
	{spec: "apc7900", make: "apc-menu-13p13", plugs: sim.Numbered(1, 8)},
	{spec: "apc7900v3", make: "apc-menu-121p1", plugs: sim.Numbered(1, 8)},
	{spec: "apc7920", make: "apc-menu-121p1", plugs: sim.Numbered(1, 8), blind: true},
	{spec: "baytech-rpc3-nc", make: "baytech-rpc3nc-quiet", plugs: sim.Numbered(1, 8), open: true},
	{spec: "wti", make: "wti-nps-quiet", plugs: sim.Numbered(1, 8)},
	{spec: "sentry_cdu", make: "sentry-cdu", plugs: strings.Fields(sentryOutlets)},
	{spec: "pm8", make: "cyclades-pm", plugs: sim.Numbered(1, 8)},
	{spec: "pm10", make: "cyclades-pm", plugs: sim.Numbered(1, 10)},
	{spec: "pm20", make: "cyclades-pm", plugs: sim.Numbered(1, 20)},
	{spec: "pm42", make: "cyclades-pm", plugs: sim.Numbered(1, 42)},
	{spec: "hpilo", make: "hp-ilo", plugs: sim.Numbered(1, 1)},
	{spec: "kvm-ssh", make: "virsh-ssh", plugs: strings.Fields("web db mail ci"), open: true},
	{spec: "rancid-cisco-poe", make: "cisco-poe", plugs: strings.Fields("Gi1/0/1 Gi1/0/2 Gi1/0/3 Gi1/0/4"), open: true},
}

// TestDebiansFilesDriveOurMakes holds our simulated makes to files that others have
// written for the real ones. The defaults of the makes are those of Debian's files.
func TestDebiansFilesDriveOurMakes(t *testing.T) {
	for _, d := range debians {
		t.Run(d.spec, func(t *testing.T) {
			t.Parallel()
			file := map[string]string{"pm8": "cyclades-pm8", "pm10": "cyclades-pm10", "pm20": "cyclades-pm20", "pm42": "cyclades-pm42"}[d.spec]
			if file == "" {
				file = d.spec
			}
			text, err := os.ReadFile("/etc/powerman/" + file + ".dev")
			must(t, err)
			played, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{{Name: "pdu", Style: d.make, Outlets: d.plugs, Open: d.open}}})
			must(t, err)
			t.Cleanup(played.Close)
			cycles := bytes.Contains(text, []byte("script cycle"))
			startPowermand(t, played.Addr("pdu"), d.spec, "/etc/powerman/"+file+".dev", d.plugs).drive(played, len(d.plugs), !d.blind, cycles)
		})
	}
}
