package powerman_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/roomfile"
)

// plain is a device file of three plugs.
func plain(timeout string) string {
	return `specification "plain" {
	timeout ` + timeout + `
	plug name { "1" "2" "3" }
	script login { send "login\n" expect "ok\n" }
	script on { send "on %s\n" expect "ok\n" }
	script off { send "off %s\n" expect "ok\n" }
	script cycle { send "cycle %s\n" expect "ok\n" }
	script reset { send "reset %s\n" expect "ok\n" }
	script status_all { send "stat\n" expect "ok\n" }
}
`
}

func ok(string) string { return "ok\n" }

// deadAddress gives an address where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	return freeport.For(t, "127.0.0.1")
}

// TestDeviceErrors has the four texts of reply 308.
func TestDeviceErrors(t *testing.T) {
	mute := newDevice(t, func(line string) string {
		if line == "on 1" {
			return ""
		}
		return "ok\n"
	})
	deaf := newDevice(t, func(string) string { return "" })
	h := open(t, plain("0.2")+strings.NewReplacer(`"plain"`, `"locked"`, `"login\n"`, `"let me in\n"`).Replace(plain("0.2"))+fmt.Sprintf(`
device "mute" "plain" %q
device "gone" "plain" %q
device "locked" "locked" %q
node "m[1-3]" "mute"
node "g[1-3]" "gone"
node "l[1-3]" "locked"
`, mute.addr, deadAddress(t), deaf.addr))
	c := h.dial()
	c.want("on m1", "308 mute: action timed out waiting for expected response", "210 Command completed with errors")
	c.want("on m[1-3]", "308 mute: action timed out waiting for expected response",
		"308 mute: action aborted due to previous action timeout", "308 mute: action aborted due to previous action timeout",
		"210 Command completed with errors")
	c.want("on g[1-3]", "308 gone: connect timeout", "308 gone: connect timeout", "308 gone: connect timeout", "210 Command completed with errors")
	c.want("status g1", "308 gone: connect timeout", "302 on:      ", "302 off:     ", "302 unknown: g1", "211 Query completed with errors")
	c.want("on l1", "308 locked: login timeout", "210 Command completed with errors")
	c.want("on m2", "102 Command completed successfully") // connected again by itself
	if got := c.ask("device g1"); !strings.Contains(got, " reconnects=000 actions=000 type=plain hosts=g[1-3]\n") {
		t.Errorf("device: %s", got)
	}
}

// TestDefectOneFailureAbortsOtherClients: a failed action is no reason to drop
// what other clients have queued on the device.
func TestDefectOneFailureAbortsOtherClients(t *testing.T) {
	d := newDevice(t, func(line string) string {
		if line == "on 1" {
			return ""
		}
		return "ok\n"
	})
	h := open(t, plain("1")+fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", d.addr))
	a, b := h.dial(), h.dial()
	a.send("on n1\n")
	d.heard.waitFor(t, "on 1\n")
	b.want("off n2", "102 Command completed successfully")
	if got, want := a.reply(), "308 d: action timed out waiting for expected response\n210 Command completed with errors\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCounters: reconnects counts connections but for the first, actions counts
// what went well, logging in too.
func TestCounters(t *testing.T) {
	d := newDevice(t, func(line string) string {
		if line == "on 3" {
			return hangUp
		}
		return "ok\n"
	})
	h := open(t, plain("1")+fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", d.addr))
	c := h.dial()
	c.want("status", "302 on:      ", "302 off:     ", "302 unknown: n[1-3]", "103 Query complete")
	c.want("device", "304 d: state=connected reconnects=000 actions=002 type=plain hosts=n[1-3]", "103 Query complete")
	c.want("on n[1-2]", "102 Command completed successfully")
	c.want("device n1", "304 d: state=connected reconnects=000 actions=004 type=plain hosts=n[1-3]", "103 Query complete")
	if got := c.ask("on n3"); !strings.HasSuffix(got, "210 Command completed with errors\n") {
		t.Errorf("on n3: %s", got)
	}
	c.want("off n1", "102 Command completed successfully")
	if got := c.ask("device"); strings.Contains(got, "reconnects=000") {
		t.Errorf("after a hang-up: %s", got)
	}
}

// TestRewind: an action that was under way when the device hung up runs again
// after the login, from its first statement.
func TestRewind(t *testing.T) {
	var hangs atomic.Bool
	hangs.Store(true)
	d := newDevice(t, func(string) string {
		if hangs.CompareAndSwap(true, false) {
			return hangUp
		}
		return "ok\n"
	})
	h := open(t, plain("5")+fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", d.addr))
	c := h.dial()
	c.want("on n1", "102 Command completed successfully")
	if got, want := d.heard.reset(), "login\non 1\nlogin\non 1\n"; got != want {
		t.Errorf("the device heard %q, want %q", got, want)
	}
	// A cycle or reset that was cut off may have been done: it is not done twice.
	for _, verb := range []string{"cycle", "reset"} {
		hangs.Store(true)
		c.want(verb+" n1", "308 d: connection lost", "210 Command completed with errors")
		c.want("off n2", "102 Command completed successfully")
		if got, want := d.heard.reset(), verb+" 1\nlogin\noff 2\n"; got != want {
			t.Errorf("the device heard %q, want %q", got, want)
		}
	}
}

// TestImmediateReconnect: whoever asks for a device that was away does not wait
// for the next try that is due.
func TestImmediateReconnect(t *testing.T) {
	d := newDevice(t, ok)
	h := open(t, plain("0.5")+fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", d.addr))
	c := h.dial()
	c.want("on n1", "102 Command completed successfully")
	d.close()
	for range 3 {
		c.want("on n1", "308 d: connect timeout", "210 Command completed with errors")
	}
	d.listen(d.addr)
	c.want("on n1", "102 Command completed successfully")
}

// TestGoneClient: what a client began is finished without it.
func TestGoneClient(t *testing.T) {
	release := make(chan struct{})
	d := newDevice(t, func(line string) string {
		if line == "on 1" {
			<-release
		}
		return "ok\n"
	})
	h := open(t, plain("5")+fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", d.addr))
	c := h.dial()
	c.send("on n[1-3]\n")
	d.heard.waitFor(t, "on 1\n")
	c.conn.Close()
	close(release)
	d.heard.waitFor(t, "on 3\n")
	h.actions.waitFor(t, "<7>powered on n[1-3]\n")
}

// TestBusy: whatever comes while a command runs is answered 208 and not done.
func TestBusy(t *testing.T) {
	release := make(chan struct{})
	d := newDevice(t, func(line string) string {
		if line == "on 1" {
			<-release
		}
		return "ok\n"
	})
	h := open(t, plain("5")+fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", d.addr))
	c := h.dial()
	c.send("on n1\n")
	d.heard.waitFor(t, "on 1\n")
	c.send("status\nquit\n")
	for range 2 {
		if line, _ := c.r.ReadString('\n'); line != "208 Command in progress\r\n" {
			t.Errorf("got %q", line)
		}
	}
	close(release)
	if got := c.reply(); got != "102 Command completed successfully\n" {
		t.Errorf("got %q", got)
	}
	c.want("nodes", "306 n[1-3]", "103 Query complete")
	c.send("quit\r\n")
	if line, _ := c.r.ReadString(0); line != "101 Goodbye\r\n" {
		t.Errorf("got %q, then no end", line)
	}
}

// TestToggles: telemetry and expansion are each client's own, and off at first.
func TestToggles(t *testing.T) {
	d := newDevice(t, ok)
	h := open(t, plain("5")+onDevice(d.addr))
	a, b := h.dial(), h.dial()
	a.want("telemetry", "104 Telemetry ON")
	a.want("exprange", "105 Hostrange expansion ON")
	b.want("nodes", "306 n[1-3]", "103 Query complete")
	b.want("on n1", "102 Command completed successfully")
	a.want("nodes", "307 n1", "307 n2", "307 n3", "103 Query complete")
	a.want("on n1", `305 send(d): 'on 1\n'`, `305 recv(d): 'ok\n'`, "102 Command completed successfully")
	a.want("exprange", "105 Hostrange expansion OFF")
	a.want("telemetry", "104 Telemetry OFF")
	a.want("off n1", "102 Command completed successfully")
}

// TestPing: the first one comes at once, and counts.
func TestPing(t *testing.T) {
	d := newDevice(t, ok)
	h := open(t, fmt.Sprintf(`specification "s" {
	timeout 5
	pingperiod 0.01
	script login { send "login\n" expect "ok\n" }
	script on { send "on %%s\n" expect "ok\n" }
	script ping { send "ping\n" expect "ok\n" }
}
device "d" "s" %q
node "n" "d"
`, d.addr))
	d.heard.waitFor(t, "login\nping\nping\nping\n")
	h.dial().want("on n", "102 Command completed successfully")
}

// TestPlugLogLevel: the line about a power action carries the level's number,
// also that of a level that a reload brought.
func TestPlugLogLevel(t *testing.T) {
	d := newDevice(t, ok)
	conf := plain("5") + fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", d.addr)
	h := open(t, conf)
	c := h.dial()
	want := ""
	for name, n := range map[string]int{
		"alert": 1, "crit": 2, "debug": 7, "emerg": 0, "err": 3, "error": 3, "info": 6, "notice": 5, "panic": 0, "warn": 4, "warning": 4,
	} {
		h.write(conf + fmt.Sprintf("plug_log_level %q\n", name))
		h.mustReload()
		c.want("on n[2,1]", "102 Command completed successfully")
		c.want("reset n1", "102 Command completed successfully")
		want += fmt.Sprintf("<%d>powered on n[2,1]\n<%[1]d>reset n1\n", n)
	}
	if got := strings.ReplaceAll(h.actions.String(), "n2,n1", "n[2,1]"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if heard := d.heard.String(); strings.Count(heard, "login") != 1 {
		t.Errorf("a reload that changed no device took its session: %q", heard)
	}
	h.write(conf + "plug_log_level \"loud\"\n")
	var problems roomfile.Problems
	if err := h.reloadNow(); !errors.As(err, &problems) {
		t.Errorf("got %v", err)
	}
}

func (h *house) reloadNow() error {
	h.reload <- struct{}{}
	return <-h.result
}

func (h *house) mustReload() {
	h.t.Helper()
	if err := h.reloadNow(); err != nil {
		h.t.Fatal(err)
	}
}

// TestReload takes all of a new configuration or nothing.
func TestReload(t *testing.T) {
	d, e := newDevice(t, ok), newDevice(t, ok)
	conf := plain("5") + fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", d.addr)
	h := open(t, conf)
	c := h.dial()
	c.want("on n1", "102 Command completed successfully")
	h.write(conf + fmt.Sprintf("device \"e\" \"plain\" %q\nnode \"m[1-3]\" \"e\"\nnode \"m4\" \"nowhere\"\n", e.addr))
	if err := h.reloadNow(); err == nil {
		t.Error("a broken configuration was taken")
	}
	c.want("on m1", "209 No such nodes: m1")
	h.write(conf + fmt.Sprintf("device \"e\" \"plain\" %q\nnode \"m[1-3]\" \"e\"\n", e.addr))
	h.mustReload()
	c.want("on m1,n2", "102 Command completed successfully")
	if got, want := d.heard.String(), "login\non 1\non 2\n"; got != want {
		t.Errorf("the old device heard %q, want %q", got, want)
	}
	h.write(plain("5") + fmt.Sprintf("device \"e\" \"plain\" %q\nnode \"m[1-3]\" \"e\"\n", e.addr))
	h.mustReload()
	c.want("nodes", "306 m[1-3]", "103 Query complete")
}
