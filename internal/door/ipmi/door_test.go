package ipmidoor_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/ipmitest"
)

// want runs ipmitool and looks for words in what it says.
func (s *stand) want(user, node, command, words string) {
	s.t.Helper()
	out, _ := s.tool(user, node, strings.Fields(command)...)
	if !strings.Contains(out, words) {
		s.t.Errorf("%s at %s, %s: said\n%swant %q", user, node, command, out, words)
	}
}

func TestOutletOfATelnetStrip(t *testing.T) {
	s := newStand(t)
	s.want("admin", "web1", "chassis power status", "is off")
	s.want("admin", "web1", "chassis power on", "Up/On")
	if !s.outlet("1") || s.outlet("2") {
		t.Error("not just the outlet of web1 is on")
	}
	s.want("admin", "web1", "chassis power status", "is on")
	before := s.commands("1")
	s.want("admin", "web1", "chassis power cycle", "Cycle")
	s.want("admin", "web1", "chassis power reset", "Reset") // an outlet knows no reset: a cycle
	if n := s.commands("1") - before; n < 2 || n > 4 || !s.outlet("1") {
		t.Errorf("two cycles were %d commands to the strip; the outlet is on: %v", n, s.outlet("1"))
	}
	s.want("admin", "web1", "chassis power soft", "Invalid data field")
	s.want("admin", "web1", "chassis power diag", "Invalid data field")
	s.want("admin", "web1", "chassis bootdev pxe", "Set Boot Device to pxe")
	s.want("admin", "web1", "chassis bootparam get 5", "Force PXE")
	s.want("admin", "web1", "chassis power off", "Down/Off")
	s.want("admin", "web1", "chassis power cycle", "not supported in present state")
	s.want("admin", "web1", "sdr", "Power state")
	s.want("admin", "web1", "dcmi power reading", "Invalid command")
	s.want("admin", "web1", "fru", "Product Name          : web1")
	out, _ := s.tool("admin", "web1", "sel", "elist")
	for _, words := range []string{"Power state | Power off/down | Deasserted", "Power state | Power cycle | Asserted", "Power state | Power off/down | Asserted"} {
		if !strings.Contains(out, words) {
			t.Errorf("the log has no %q:\n%s", words, out)
		}
	}
	s.want("admin", "web1", "sel clear", "Clearing")
	s.want("admin", "web1", "sel list", "no entries")
}

func TestMachineWithAServiceProcessor(t *testing.T) {
	s := newStand(t)
	for command, words := range map[string]string{
		"chassis power on": "Up/On", "dcmi power reading": "231 Watts", "sdr list full": "Temp intake      | -7.50 degrees C",
		"sensor get Current": "1.200", "mc info": "IPMI Version              : 2.0", "chassis identify 0": "off",
	} {
		s.want("admin", "m1", command, words)
	}
	s.want("admin", "m1", "chassis bootdev bios options=persistent,efiboot", "Set Boot Device to bios")
	boot, _ := s.m1.Boot(t.Context(), 0)
	if want := (driver.Boot{From: driver.BootSetup, Persistent: true, UEFI: true}); boot != want {
		t.Errorf("the machine boots from %+v, want %+v", boot, want)
	}
	s.want("admin", "m1", "chassis bootparam get 5", "BIOS Setup")
	s.want("op", "m1", "chassis power reset", "Reset")
	s.want("op", "m1", "chassis power diag", "Diag")
	s.want("op", "m1", "chassis power soft", "Soft")
	if got, want := s.m1.ops(), []room.Op{room.On, room.Reset, room.Diag, room.SoftOff}; !slices.Equal(without(got, room.BeaconOff), want) {
		t.Errorf("the machine was told %v, want %v", got, want)
	}
	s.m1.be(func() { s.m1.bad = true })
	s.want("admin", "m1", "chassis power on", "failed: Unspecified error")
}

func without(list []room.Op, op room.Op) []room.Op {
	return slices.DeleteFunc(slices.Clone(list), func(o room.Op) bool { return o == op })
}

func TestWhoMayDoWhat(t *testing.T) {
	s := newStand(t)
	const refused = "Insufficient privilege level"
	s.want("op", "web1", "chassis power on", "Up/On")
	s.want("op", "web2", "chassis power status", refused) // bob has no role there
	s.want("op", "web2", "chassis power on", refused)
	s.want("watch", "web1", "chassis power status", "is on")
	s.want("watch", "web1", "chassis power off", refused) // ann may, but not with the privilege of a user
	s.want("nobody", "web1", "chassis power status", refused)
	s.want("nobody", "web1", "chassis power off", refused)
	s.want("nobody", "web1", "sel list", refused)
	for _, command := range []string{"user set name 5 eve", "user set password 1 hunter2", "raw 0x0c 1 1 3 192 0 2 1", "chassis policy always-on"} {
		if out, err := s.tool("admin", "web1", strings.Fields(command)...); err == nil || !strings.Contains(out, "isabled") && !strings.Contains(out, "0xd6") {
			t.Errorf("%s was not refused: %s", command, out)
		}
	}
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	for user, secret := range map[string]string{"admin": "wrong", "mallory": password} {
		if _, err := client.Open(t.Context(), s.at["web1"], ipmi.Options{User: user, Password: secret}); err == nil {
			t.Errorf("%s was let in with the password %q", user, secret)
		}
	}
	if !s.outlet("1") || s.outlet("2") {
		t.Error("somebody switched who may not")
	}
	var in, denied int
	for _, e := range s.events(event.Filter{}) {
		switch {
		case e.Door != "ipmi":
		case e.Kind == event.Access && e.Op == "log in":
			in++
		case e.Kind == event.Refusal && e.Actor == "bob" && e.Targets == "web2":
			denied++
		}
	}
	if in != 4 || denied == 0 {
		t.Errorf("%d log-ins and %d refusals of bob were written down, want 4 and some", in, denied)
	}
}

func TestAChangeIsAskedForOnce(t *testing.T) {
	s := newStand(t)
	slow, began := make(chan struct{}), make(chan struct{}, 10)
	s.m1.be(func() { s.m1.slow, s.m1.began = slow, began })
	over := make(chan string, 1)
	go func() {
		out, _ := s.tool("admin", "m1", "chassis", "power", "on") // it sends that again and again
		over <- out
	}()
	<-began
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	session, err := client.Open(t.Context(), s.at["m1"], ipmi.Options{User: "op", Password: password, Privilege: ipmi.PrivilegeOperator})
	s.check(err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := session.Do(ctx, ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: 0x02, Data: []byte{1}, Once: true}); err == nil {
		t.Error("somebody else's command was done beside the first")
	}
	close(slow)
	if out := <-over; !strings.Contains(out, "Control: Up/On") {
		t.Errorf("ipmitool said %s", out)
	}
	if got := s.m1.ops(); len(got) != 1 {
		t.Errorf("the machine was told %v, want on once", got)
	}
}

func TestLossyNetworkDoublesNothing(t *testing.T) {
	s := newStand(t)
	proxy, err := ipmitest.NewProxy(s.at["m1"], ipmitest.Faults{Loss: 0.15, Double: 0.2, Reorder: 0.2, Seed: 7})
	s.check(err)
	defer proxy.Close()
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	session, err := client.Open(t.Context(), proxy.Addr(), ipmi.Options{User: "admin", Password: password, Timeout: 30 * time.Second})
	s.check(err)
	s.check(chassis.Control(t.Context(), session, chassis.PowerOn))
	for range 5 {
		err := chassis.Control(t.Context(), session, chassis.PowerCycle)
		var unsure *ipmi.UnsureError
		if err != nil && !errors.As(err, &unsure) {
			t.Error(err)
		}
	}
	if n := len(s.m1.ops()); n > 6 {
		t.Errorf("6 commands became %d", n)
	}
}

func TestOtherClients(t *testing.T) {
	s := newStand(t)
	at := s.at["web1"]
	out, err := s.program("ipmipower", "-h", at, "-u", "admin", "-p", password, "-D", "LAN_2_0", "-I", "17", "--on", "--wait-until-on")
	if err != nil || !strings.Contains(out, "ok") || !s.outlet("1") {
		t.Errorf("ipmipower: %v: %s", err, out)
	}
	out, err = s.program("ipmi-sel", "-h", at, "-u", "admin", "-p", password, "-D", "LAN_2_0")
	if err != nil || !strings.Contains(out, "Power Unit") {
		t.Errorf("ipmi-sel: %v: %s", err, out)
	}
	out, err = s.program("ipmi-sensors", "-h", s.at["m1"], "-u", "admin", "-p", password, "-D", "LAN_2_0", "--sdr-cache-directory="+t.TempDir(), "--quiet-cache")
	if err != nil || !strings.Contains(out, "Temp intake") {
		t.Errorf("ipmi-sensors: %v: %s", err, out)
	}
}

func TestConsole(t *testing.T) {
	s := newStand(t)
	s.want("nobody", "m1", "sol activate", "Insufficient privilege")
	s.want("watch", "m1", "sol activate", "Insufficient privilege")
	host, port, _ := net.SplitHostPort(s.at["m1"])
	cmd := exec.CommandContext(t.Context(), "script", "-qfec", "ipmitool -I lanplus -C 17 -H "+host+" -p "+port+" -U admin -P '"+password+"' sol activate", "/dev/null")
	in, err := cmd.StdinPipe()
	s.check(err)
	pipe, err := cmd.StdoutPipe()
	s.check(err)
	s.check(cmd.Start())
	said := make(chan string, 1000)
	go func() {
		defer close(said)
		buf := make([]byte, 512)
		for {
			n, err := pipe.Read(buf)
			if n > 0 {
				said <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	hear := func(words string) {
		t.Helper()
		all, late := "", time.After(30*time.Second)
		for !strings.Contains(all, words) {
			select {
			case text, open := <-said:
				if !open {
					t.Fatalf("it ended with %q, want %q", all, words)
				}
				all += text
			case <-late:
				t.Fatalf("it said %q, want %q", all, words)
			}
		}
	}
	hear("SOL Session operational")
	_, _ = in.Write([]byte("hello"))
	hear("o>")
	s.want("op", "m1", "sol activate", "already active")
	_, _ = in.Write([]byte("\r~."))
	hear("terminated ipmitool")
	for range said {
	}
	_ = cmd.Wait()
}

func TestReloadLeavesTheOthersAlone(t *testing.T) {
	s := newStand(t)
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	session, err := client.Open(t.Context(), s.at["web1"], ipmi.Options{User: "admin", Password: password, Timeout: 30 * time.Second})
	s.check(err)
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	s.check(err)
	at := free.LocalAddr().String()
	free.Close()
	s.write("room.yaml", s.room(`{"web[1-3]": 0, web4: "`+at+`"}`))
	s.reload <- struct{}{}
	s.check(<-s.told)
	if _, err := chassis.GetStatus(t.Context(), session); err != nil {
		t.Errorf("a session at a node that stayed: %v", err)
	}
	if _, err := s.program("ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", s.port("m1"), "-U", "admin", "-P", password, "-R", "1", "mc", "info"); err == nil {
		t.Error("a node that is no BMC any more answers")
	}
	s.at["web4"] = at
	s.want("admin", "web4", "chassis power status", "is off")
}
