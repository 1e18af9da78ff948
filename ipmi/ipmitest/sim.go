package ipmitest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
)

// SimUser and SimPassword log in to a [Sim] as administrator.
const (
	SimUser     = "admin"
	SimPassword = "secret"
)

const simLAN = `name "sim"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 %d
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
%s  user 2 true "admin" "secret" admin 10 none md2 md5 straight
`

const simMachine = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
%smc_enable 0x20
`

// Sim starts OpenIPMI's simulator until the test ends, and gives its address. machine holds
// commands that give its BMC more than an event log: lines as ipmi_sim_cmd(5) describes them.
func Sim(tb testing.TB, machine string) string {
	tb.Helper()
	return SimWith(tb, "", machine)
}

// SimWith is Sim with lines of configuration, such as "sol", as ipmi_lan(5) describes them.
func SimWith(tb testing.TB, config, machine string) string {
	tb.Helper()
	// It cannot choose a port itself, so another is tried when somebody else was faster.
	for range 10 {
		if address, ok := startSim(tb, config, machine); ok {
			return address
		}
	}
	tb.Fatal("ipmi_sim did not come up with any of ten ports")
	return ""
}

func startSim(tb testing.TB, config, machine string) (string, bool) {
	tb.Helper()
	free, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	address := free.LocalAddr().(*net.UDPAddr)
	free.Close()
	dir := tb.TempDir()
	lan, script := filepath.Join(dir, "lan.conf"), filepath.Join(dir, "sim.emu")
	for name, text := range map[string]string{lan: fmt.Sprintf(simLAN, address.Port, config), script: fmt.Sprintf(simMachine, machine)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "ipmi_sim", "-c", lan, "-f", script, "-s", dir, "-n") //nolint:gosec // files that were written here
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	stop := func() {
		cancel()
		<-ended
	}
	tb.Cleanup(stop)
	up, give := context.WithTimeout(ctx, 10*time.Second)
	defer give()
	go func() {
		select {
		case <-ended:
			give()
		case <-up.Done():
		}
	}()
	c := ipmi.NewClient(ipmi.ClientOptions{})
	defer c.Close()
	if _, err := c.Capabilities(up, address.String()); err != nil {
		stop()
		tb.Logf("ipmi_sim: %v: %s", err, said.Bytes())
		return "", false
	}
	select {
	case <-ended: // somebody else has the port, and answered
		return "", false
	default:
		return address.String(), true
	}
}
