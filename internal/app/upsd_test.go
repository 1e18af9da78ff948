package app_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/freeport"
)

// upsd runs Debian's upsd with its dummy driver, and gives its address and what sets how
// the UPS "rack" stands.
func upsd(t *testing.T) (addr string, set func(status, charge string)) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	addr = freeport.For(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(addr)
	dir := t.TempDir()
	write := func(name, text string) {
		next := filepath.Join(dir, "next")
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	set = func(status, charge string) {
		write("rack.dev", fmt.Sprintf("ups.status: %s\nbattery.charge: %s\nbattery.runtime: 1200\n", status, charge))
	}
	set("OL", "100")
	write("ups.conf", "[rack]\ndriver = dummy-ups\nport = rack.dev\npollinterval = 1\nmode = dummy-loop\n")
	write("upsd.conf", "LISTEN 127.0.0.1 "+port+"\nMAXAGE 60\n")
	write("upsd.users", "")
	for _, args := range [][]string{{"/lib/nut/dummy-ups", "-a", "rack", "-F", "-u", me.Username}, {"/lib/nut/upsd", "-F", "-u", me.Username}} {
		c := exec.Command(args[0], args[1:]...)
		c.Env = append(os.Environ(), "NUT_CONFPATH="+dir, "NUT_STATEPATH="+dir, "NUT_ALTPIDPATH="+dir, "NUT_PIDPATH="+dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	}
	return addr, set
}

// The same with Debian's upsd: it may come later than we do, and says what its driver says.
func TestOnBatteryByDebiansServer(t *testing.T) {
	addr, set := upsd(t)
	s := newSupplied(t, stages)
	text, err := os.ReadFile(filepath.Join(s.dir, "room.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "rack: {address: ")
	_, after, _ := strings.Cut(rest, ", feeds")
	s.write("room.yaml", before+fmt.Sprintf("rack: {address: %q, feeds", addr)+after)
	s.begin()
	s.on("web[1-4],db1")
	set("OB DISCHRG", "90")
	if e := s.stage("stage down", "spare"); e.Outcome != event.OK {
		t.Errorf("%+v", e)
	}
	s.want("db1 web1 web2")
	set("OL CHRG", "95")
	s.stage("stage back", "spare")
	s.want("db1 web1 web2 web3 web4")
}
