package powerman_test

import (
	"fmt"
	"strings"
	"testing"

	"millwright.dev/millwright/hostlist"
)

// redfishLike is a device file in the style of those of PowerMan 2.4 for
// Redfish: it defines plugs in its login, and reports each plug's result.
const redfishLike = `specification "redfish" {
	timeout 5
	plug name { "Enclosure" "Blade0" "Blade1" "Node0" "Node1" "Node2" "Node3" }
	script login {
		send "login\n"
		expect "ok\n"
		send "setplugs Blade[0-1] 0 Enclosure\n"
		expect "ok\n"
	}
	script status_all {
		send "stat\n"
		foreachnode {
			expect "([^\n:]+): ([^\n]+)\n"
			setplugstate $1 $2 on="^on" off="^off"
		}
		expect "> "
	}
	script status {
		send "stat %s\n"
		expect "([^\n:]+): ([^\n]+)\n"
		setplugstate $1 $2 on="^on" off="^off"
		expect "> "
	}
	script on_ranged {
		send "on %s\n"
		foreachplug {
			expect "([^\n:]+): ([^\n]+)\n"
			setresult $1 $2 success="^ok" success="already"
		}
		expect "> "
	}
	script off_ranged {
		send "off %s\n"
		foreachplug {
			expect "([^\n:]+): ([^\n]+)\n"
			setresult $1 $2 success="^ok"
		}
		expect "> "
	}
}
`

// redfish answers like the helper that such device files talk to.
func redfish(line string) string {
	cmd, arg, _ := strings.Cut(line, " ")
	if cmd == "setplugs" {
		return "ok\n"
	}
	list, err := hostlist.Parse(arg)
	if err != nil {
		return "illegal hosts input\n> "
	}
	var plugs []string
	for p := range list.All() {
		plugs = append(plugs, p)
	}
	if arg == "" {
		plugs = []string{"Node3", "Enclosure", "Blade0", "Blade1", "Node0", "Node1", "Node2"}
	}
	out := ""
	for _, p := range plugs {
		switch {
		case cmd == "stat" && p == "Node2":
			out += p + ": not found\n"
		case cmd == "stat" && strings.HasPrefix(p, "Node"):
			out += p + ": off\n"
		case cmd == "stat":
			out += p + ": on\n"
		case p == "Node1":
			out += p + ": cannot perform on, dependency off (host=H plug=Blade0)\r\n"
		case p == "Node2":
			out += p + ": already there\n"
		default:
			out += p + ": ok\n"
		}
	}
	return out + "> "
}

func TestSetresult(t *testing.T) {
	d := newDevice(t, redfish)
	h := open(t, redfishLike+fmt.Sprintf(`device "r" "redfish" %q
node "cmm,b[0-1],n[0-3]" "r"
`, d.addr))
	c := h.dial()
	refused := "309 n1: cannot perform on, dependency off (host=H plug=Blade0)"
	c.want("on n[0-3]", refused, "210 Command completed with errors")
	c.want("on n0", "102 Command completed successfully")
	c.want("on n2", "102 Command completed successfully") // the second success= fits
	c.want("off n2", "309 n2: already there", "210 Command completed with errors")
	c.want("on n1", refused, "210 Command completed with errors")
	c.want("status", "302 on:      b[0-1],cmm", "302 off:     n[0-1,3]", "302 unknown: n2", "103 Query complete")
	c.want("status n0", "302 on:      ", "302 off:     n0", "302 unknown: ", "103 Query complete")
	c.want("temp n0", "213 Command cannot be handled by power control device(s)")
	c.want("reset n0", "213 Command cannot be handled by power control device(s)")
	// What a setresult says of a node is not "with errors" in the log: only 308 is.
	want := "<7>powered on n[0-3]\n<7>powered on n0\n<7>powered on n2\n<7>powered off n2\n<7>powered on n1\n"
	if got := h.actions.String(); got != want {
		t.Errorf("log:\n%swant\n%s", got, want)
	}
	if got, want := d.heard.String(), "login\nsetplugs Blade[0-1] 0 Enclosure\non Node[0-3]\non Node0\non Node2\noff Node2\non Node1\nstat\nstat Node0\n"; got != want {
		t.Errorf("the device heard\n%swant\n%s", got, want)
	}
}

// choosy has, for each verb, another set of scripts.
const choosy = `specification "choosy" {
	timeout 5
	plug name { "1" "2" "3" }
	script login { send "login\n" expect "ok\n" }
	script on { send "on %s\n" expect "ok\n" }
	script on_ranged { send "on-ranged %s\n" expect "ok\n" }
	script on_all { send "on-all %s\n" expect "ok\n" }
	script off_ranged { send "off-ranged %s\n" expect "ok\n" }
	script cycle { send "cycle %s\n" expect "ok\n" }
	script reset_all { send "reset-all\n" expect "ok\n" }
	script beacon_on_ranged { send "flash %s\n" expect "ok\n" }
	script beacon_off { send "unflash %s\n" expect "ok\n" }
	script status_all { send "status-all\n" foreachplug { expect "([0-9]) (on|off)\n" setplugstate $1 $2 on="on" off="off" } }
	script status_temp { send "temp %s\n" expect "t=([0-9]+)\n" setplugstate $1 }
	script status_beacon { send "beacon %s\n" expect "b=([a-z]+)\n" setplugstate $1 on="on" off="off" }
	script status_beacon_all { send "beacon-all\n" foreachplug { expect "([0-9]) (on|off)\n" setplugstate $1 $2 on="on" off="off" } }
}
`

func choosing(line string) string {
	switch {
	case line == "status-all", line == "beacon-all":
		return "1 on\n2 off\n3 on\n"
	case strings.HasPrefix(line, "temp "):
		return "t=4" + line[5:] + "\n"
	case strings.HasPrefix(line, "beacon "):
		return "b=on\n"
	}
	return "ok\n"
}

// TestScriptChoice has PowerMan's rules for which script does a command.
func TestScriptChoice(t *testing.T) {
	d, e := newDevice(t, choosing), newDevice(t, choosing)
	h := open(t, choosy+fmt.Sprintf(`device "full" "choosy" %q
device "part" "choosy" %q
node "a[1-3]" "full"
node "b[1-2]" "part"
`, d.addr, e.addr))
	c := h.dial()
	for _, tt := range []struct{ ask, full, part, end string }{
		{"on a2", "on 2\n", "", "102"},
		{"on a[1-2]", "on-ranged [1-2]\n", "", "102"},
		{"on a[3,1]", "on-ranged [1,3]\n", "", "102"},
		{"on a[1-3]", "on-all (null)\n", "", "102"},
		{"on b[1-2]", "", "on-ranged [1-2]\n", "102"}, // one plug has no node: not all
		{"on a[1-3],b1", "on-all (null)\n", "on 1\n", "102"},
		{"off a1", "off-ranged 1\n", "", "102"},
		{"off a[1-3]", "off-ranged [1-3]\n", "", "102"},
		{"cycle a[3,1-2]", "cycle 1\ncycle 2\ncycle 3\n", "", "102"}, // in plug order
		{"reset a[1-3]", "reset-all\n", "", "102"},
		{"reset a1", "", "", "213"},
		{"reset b[1-2]", "", "", "213"},
		{"flash a1", "flash 1\n", "", "102"},
		{"unflash a[1-2]", "unflash 1\nunflash 2\n", "", "102"},
		{"status a1", "status-all\n", "", "103"}, // a query may ask for more than it wants
		{"temp a[1-3]", "temp 1\ntemp 2\ntemp 3\n", "", "103"},
		{"beacon a1", "beacon 1\n", "", "103"},
		{"beacon a[1-2]", "beacon 1\nbeacon 2\n", "", "103"},
		{"beacon a[1-3]", "beacon-all\n", "", "103"},
		{"beacon", "beacon-all\n", "beacon 1\nbeacon 2\n", "103"},
	} {
		d.heard.reset()
		e.heard.reset()
		got := c.ask(tt.ask)
		last := got[strings.LastIndexByte(strings.TrimSpace(got), '\n')+1:]
		full, part := strings.ReplaceAll(d.heard.reset(), "login\n", ""), strings.ReplaceAll(e.heard.reset(), "login\n", "")
		if full != tt.full || part != tt.part || !strings.HasPrefix(last, tt.end) {
			t.Errorf("%s: full heard %q, part %q, end %q; want %q, %q, %s", tt.ask, full, part, last, tt.full, tt.part, tt.end)
		}
	}
	c.want("status a1", "302 on:      a1", "302 off:     ", "302 unknown: ", "103 Query complete")
	c.want("temp b[1-2]", "303 b1: 41", "303 b2: 42", "103 Query complete")
}

// Plugs that are made as they are named come newest first, one command after
// the other; and what is said of plugs nobody asked for is dropped.
func TestFreePlugsAndUnaskedPlugs(t *testing.T) {
	d := newDevice(t, func(line string) string {
		if line == "stat" {
			return "p9: off\nzz: on\np1: on\np3: on\n"
		}
		return "ok\n"
	})
	h := open(t, fmt.Sprintf(`specification "free" {
	timeout 5
	script login { send "login\n" expect "ok\n" }
	script on { send "on %%s\n" expect "ok\n" }
	script off { foreachplug { send "off %%s\n" expect "ok\n" } }
	script cycle_ranged { foreachplug { send "cycle %%s\n" expect "ok\n" } }
	script status_all { send "stat\n" foreachplug { expect "([a-z0-9]+): (on|off)\n" setplugstate $1 $2 on="on" off="off" } }
}
device "d" "free" %q
node "n[1-3]" "d" "p[1,3,9]"
node "x" "d"
`, d.addr))
	c := h.dial()
	c.want("on n[1-3],x", "102 Command completed successfully")
	c.want("off n3", "102 Command completed successfully")
	c.want("cycle n[1-2]", "102 Command completed successfully")
	want := "login\non x\non p9\non p3\non p1\noff x\noff p9\noff p3\noff p1\ncycle p3\ncycle p1\n"
	if got := d.heard.String(); got != want {
		t.Errorf("the device heard\n%swant\n%s", got, want)
	}
	c.want("status n[1,3]", "302 on:      n1", "302 off:     n3", "302 unknown: ", "103 Query complete")
	c.want("status", "302 on:      n[1-2]", "302 off:     n3", "302 unknown: x", "103 Query complete")
}

// TestIfon has a state that was read earlier in the same command decide.
func TestIfon(t *testing.T) {
	d := newDevice(t, func(line string) string {
		switch line {
		case "stat 1":
			return "on\n"
		case "stat 2":
			return "off\n"
		case "stat 3":
			return "what?\n"
		}
		return "ok\n"
	})
	h := open(t, fmt.Sprintf(`specification "s" {
	timeout 5
	plug name { "1" "2" "3" }
	script login { send "login\n" expect "ok\n" }
	script on {
		send "stat %%s\n"
		expect "([a-z?]+)\n"
		setplugstate $1 on="^on" off="^off"
		ifon { send "was-on %%s\n" expect "ok\n" }
		ifoff { send "was-off %%s\n" expect "ok\n" }
	}
}
device "d" "s" %q
node "n[1-3]" "d"
`, d.addr))
	c := h.dial()
	c.want("on n1", "102 Command completed successfully")
	c.want("on n2", "102 Command completed successfully")
	c.want("on n3", "308 d: action timed out waiting for expected response", "210 Command completed with errors")
	if got, want := d.heard.String(), "login\nstat 1\nwas-on 1\nstat 2\nwas-off 2\nstat 3\n"; !strings.HasPrefix(got, want) {
		t.Errorf("the device heard\n%swant\n%s", got, want)
	}
}

// TestTelemetry has each text as PowerMan writes it.
func TestTelemetry(t *testing.T) {
	d := newDevice(t, func(line string) string {
		if line == "on 2" {
			return "x\ty\x01\xfe'\n\x00end\r\nnever"
		}
		return "ok\r\n"
	})
	h := open(t, fmt.Sprintf(`specification "s" {
	timeout 0.3
	plug name { "1" "2" }
	script login { send "login\n" expect "ok\n" }
	script on { send "on %%s\n" delay 1.25 expect "end\r\n" expect "more" }
	script off { send "off %%s\r\n" expect "ok\r\n" delay 0.000001 }
}
device "d" "s" %q
node "n[1-2]" "d"
`, d.addr))
	c := h.dial()
	c.want("telemetry", "104 Telemetry ON")
	c.want("off n1", `305 send(d): 'off 1\r\n'`, `305 recv(d): 'ok\r\n'`, "305 delay(d): 0.000001", "102 Command completed successfully")
	c.want("on n2", `305 send(d): 'on 2\n'`, "305 delay(d): 1.250000", `305 recv(d): 'x\ty\001\376'\n\377end\r\n'`,
		`305 recv(d): 'never'`, "308 d: action timed out waiting for expected response", "210 Command completed with errors")
	d.close()
	c.want("on n1", "305 connect(d): timeout", "308 d: connect timeout", "210 Command completed with errors")
	c.want("telemetry", "104 Telemetry OFF")
	want := "<7>powered off n1\n<7>powered on n2 with errors\n<7>powered on n1 with errors\n"
	if got := h.actions.String(); got != want {
		t.Errorf("log:\n%swant\n%s", got, want)
	}
}

// Only the newest 65536 unread bytes are kept.
func TestBufferWrap(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 4096) // 65536
	d := newDevice(t, func(line string) string {
		switch line {
		case "on 1": // exactly fits
			return "A" + big[2:] + "E"
		case "on 2": // one too many
			return "AB" + big[2:] + "E"
		}
		return "ok\n"
	})
	h := open(t, fmt.Sprintf(`specification "s" {
	timeout 2
	plug name { "1" "2" }
	script login { send "login\n" expect "ok\n" }
	script on { send "on %%s\n" expect "E" delay 0 }
}
device "d" "s" %q
node "n[1-2]" "d"
`, d.addr))
	c := h.dial()
	c.want("telemetry", "104 Telemetry ON")
	for node, first := range map[string]string{"n1": "A", "n2": "B"} {
		_, text, _ := strings.Cut(c.ask("on "+node), "recv(d): '")
		text, _, _ = strings.Cut(text, "'\n")
		if want := first + big[2:] + "E"; text != want {
			t.Errorf("%s: the script had %d bytes, from %.5q to %q; want %d", node, len(text), text, text[max(0, len(text)-5):], len(want))
		}
	}
	h.log.waitFor(t, "d lost 1 chars due to buffer wrap")
}
