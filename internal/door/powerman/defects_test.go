package powerman_test

import (
	"fmt"
	"strings"
	"testing"
)

// These are PowerMan's known defects, each with what we do instead. More of them
// are beside what they belong to: TestDefectOneFailureAbortsOtherClients,
// TestDefectManyClients, TestReload here, and in package powermand
// TestDefectStubbornCoprocess, TestListen and the list of TestSameAsDebian.

// onDevice makes a configuration with a device of the plain kind, at addr.
func onDevice(addr string) string {
	return fmt.Sprintf("device \"d\" \"plain\" %q\nnode \"n[1-3]\" \"d\"\n", addr)
}

// PowerMan ends when a client asks for a range that is none.
func TestDefectBadRangeEndsTheDaemon(t *testing.T) {
	h := open(t, plain("5")+onDevice(newDevice(t, ok).addr))
	c := h.dial()
	for _, list := range []string{"n[2-1]", "n[0-99999]", "n[x]", "n[]", "n[1,]", "n[-1]", "n[1-3", "n1-3]", "n[0-99999999999999999999]", strings.Repeat("n[0-9999],", 40)} {
		for _, verb := range []string{"status", "on", "off", "cycle", "reset", "flash", "unflash", "temp", "beacon", "device"} {
			c.want(verb+" "+list, "205 Hostlist error: invalid range")
		}
	}
	c.want("on n1", "102 Command completed successfully")
}

// PowerMan overruns a buffer when a string of its configuration is long.
func TestDefectLongStrings(t *testing.T) {
	members := strings.TrimSuffix(strings.Repeat("n1,n3,", 5000), ",")
	h := open(t, plain("5")+onDevice(newDevice(t, ok).addr)+"alias \"a\" \""+members+"\"\n")
	h.dial().want("on a", "102 Command completed successfully")
}

// PowerMan crashes on a serial line without flags; and here one that is not there
// is a device that cannot be reached, since it may be plugged in later.
func TestDefectSerialWithoutFlags(t *testing.T) {
	h := open(t, plain("0.1")+onDevice("/dev/no-such-tty"))
	h.dial().want("on n1", "308 d: connect timeout", "210 Command completed with errors")
}

// PowerMan ends when there is no login script, or when a group matches nothing.
// Without a timeout, each of its actions fails at once.
func TestDefectNoLoginEmptyGroupNoTimeout(t *testing.T) {
	d := newDevice(t, func(line string) string { return line + ":\n" })
	h := open(t, fmt.Sprintf(`specification "s" {
	plug name { "1" "2" }
	script on { send "1\n" expect "([0-9]*):(x*)\n" setplugstate $1 $2 on="x" off="y" }
	script status_all {
		send "2\n" expect "([0-9]):(x*)\n" setplugstate $1 $2 on="^x" off="y"
		send "\n" expect "(x*):(y*)\n" setplugstate $1 $2 on="^$"
	}
}
device "d" "s" %q
node "n[1-2]" "d"
`, d.addr))
	c := h.dial()
	c.want("on n1", "102 Command completed successfully")
	c.want("status", "302 on:      ", "302 off:     ", "302 unknown: n[1-2]", "103 Query complete")
}

// PowerMan knows no IPv6 addresses.
func TestDefectNoIPv6(t *testing.T) {
	d := newDevice(t, ok)
	d.close()
	d.listen("[::1]:0")
	h := open(t, plain("5")+onDevice(d.ln.Addr().String()))
	h.dial().want("on n1", "102 Command completed successfully")
}

// PowerMan ends at the start when a device's name is not known; ours keeps trying.
func TestDefectNamesAreResolvedOnce(t *testing.T) {
	h := open(t, plain("0.1")+onDevice("no-such-host.invalid:23")+fmt.Sprintf("device \"e\" \"plain\" %q\nnode \"m1\" \"e\"\n", newDevice(t, ok).addr))
	c := h.dial()
	c.want("on m1", "102 Command completed successfully")
	c.want("on n1", "308 d: connect timeout", "210 Command completed with errors")
}

// PowerMan takes "Status t0" for a query of everything, and drops what stands
// behind a blank.
func TestDefectMisspellings(t *testing.T) {
	d := newDevice(t, ok)
	h := open(t, plain("5")+onDevice(d.addr))
	c := h.dial()
	for _, line := range []string{"Status n1", "STATUS n1", "statusn1", "Temp n1", "ON n1", "onn1", "statuses", "helpme", "quitting"} {
		c.want(line, "201 Unknown command")
	}
	c.want("on n1 n2", "102 Command completed successfully")
	if got := strings.TrimPrefix(d.heard.String(), "login\n"); got != "on 1\non 2\n" {
		t.Errorf("the device heard %q", got)
	}
}

// PowerMan prints "(null)" for a temperature that it does not know.
func TestDefectNull(t *testing.T) {
	d := newDevice(t, func(string) string { return "2=40\n" })
	h := open(t, fmt.Sprintf(`specification "s" {
	timeout 5
	plug name { "1" "2" "3" }
	script login { send "login\n" expect "ok\n" }
	script status_temp_all { send "temp\n" expect "([0-9])=([0-9]+)\n" setplugstate $1 $2 }
}
device "d" "s" %q
node "n[1-3]" "d"
`, d.addr))
	h.dial().want("temp n[3,2,1]", "303 n2: 40", "303 n[1,3]: unknown", "103 Query complete")
}

// PowerMan skips a device that can do a command only for all of its plugs, without
// a word, while others do it.
func TestDefectSilentlySkipped(t *testing.T) {
	d, e := newDevice(t, choosing), newDevice(t, choosing)
	h := open(t, choosy+fmt.Sprintf(`device "full" "choosy" %q
device "part" "choosy" %q
node "a[1-3]" "full"
node "b[1-2]" "part"
`, d.addr, e.addr))
	got := h.dial().ask("reset a[1-3],b1")
	if !strings.Contains(got, "b1") || !strings.HasSuffix(got, "210 Command completed with errors\n") {
		t.Errorf("got %s", got)
	}
	if heard := d.heard.String(); heard != "login\nreset-all\n" {
		t.Errorf("the device that can heard %q", heard)
	}
}
