package ipmi_test

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

const simConfig = `name "sim"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 %d
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 true "" "anonymous" user 10 none md2 md5 straight
  user 2 true "admin" "secret" admin 10 none md2 md5 straight
  user 3 true "operator" "other" operator 10 none md2 md5 straight
`

const simMachine = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`

// ipmiSim starts OpenIPMI's simulator, and gives its address. It cannot choose a port
// itself, so that it is tried with another when somebody else was faster.
func ipmiSim(t *testing.T) string {
	t.Helper()
	for range 10 {
		if address, ok := startSim(t); ok {
			return address
		}
	}
	t.Fatal("ipmi_sim did not come up with any of ten ports")
	return ""
}

func startSim(t *testing.T) (string, bool) {
	t.Helper()
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().String()
	port := free.LocalAddr().(*net.UDPAddr).Port
	free.Close()
	dir := t.TempDir()
	conf, machine := filepath.Join(dir, "lan.conf"), filepath.Join(dir, "sim.emu")
	for name, text := range map[string]string{conf: fmt.Sprintf(simConfig, port), machine: simMachine} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "ipmi_sim", "-c", conf, "-f", machine, "-s", dir, "-n")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	up, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	go func() {
		select {
		case <-ended:
			stop()
		case <-up.Done():
		}
	}()
	c := ipmi.NewClient(ipmi.ClientOptions{})
	defer c.Close()
	if _, err := c.Capabilities(up, address); err != nil {
		cancel()
		<-ended
		t.Logf("ipmi_sim: %v: %s", err, said.Bytes())
		return "", false
	}
	return address, true
}
