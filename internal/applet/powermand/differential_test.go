package powermand_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// differs says what we answer where we mean to differ from Debian's daemon, and
// why. All else must be the same to the byte. Each entry stands in
// docs/compatibility.md as well.
var differs = map[string]struct{ ours, why string }{
	"Status t0":   {"201 Unknown command\r\n", "a misspelling must not query every device"},
	"statust0":    {"201 Unknown command\r\n", "requests are whole words"},
	"ont0":        {"201 Unknown command\r\n", "requests are whole words"},
	"helpme":      {"201 Unknown command\r\n", "requests are whole words"},
	"nodesX":      {"201 Unknown command\r\n", "requests are whole words"},
	"status n[08": {"205 Hostlist error: invalid range\r\n", "2.4: brackets must balance"},
	"status n08]": {"205 Hostlist error: invalid range\r\n", "2.4: brackets must balance"},
}

// scripts are what clients ask, one after the other, of one daemon.
var scripts = map[string]struct {
	conf     string // behind the include of vpc.dev; VPCD is the device program
	requests []string
}{
	"one device": {
		conf: `device "test0" "vpc" "VPCD |&"
node "t[0-15]" "test0"
`,
		requests: []string{
			"nodes", "status", "device", "on t3", "status t3", "status t[0-3]", "off t[0-15]", "status", "on t[0-15]",
			"status t1,t0,t1", "cycle t[2,4]", "cycle t[0-15]", "status", "reset t1", "reset t[0-15]", "reset t[3-4]",
			"flash t2", "beacon", "beacon t2", "flash t[1-3]", "unflash t[1-2]", "beacon t[0-4]",
			"temp t[0-3]", "temp", "device", "device t0", "device nope", "device nope,t3",
			"", "   ", "bogus", "on", "off", "cycle", "reset", "flash", "unflash",
			"on nope", "on t[0-3],nope[1-3],other", "status zz[9-10],t1", "on t[15-16]",
			"Status t0", "statust0", "ont0", "helpme", "nodesX",
			"  status t1  ", "status\tt1", "STATUS", "NODES", "quit",
		},
	},
	"expanded": {
		conf: `device "test0" "vpc" "VPCD |&"
device "test1" "vpc" "VPCD |&"
node "t[0-15]" "test0"
node "t[16-31]" "test1"
alias "a" "t[1-2],t20"
alias "b" "t[0-31]"
alias "t3" "t5"
`,
		requests: []string{
			"exprange", "nodes", "status t[3,1,2,1]", "status a", "on a", "status", "status t5,a,t4,t5", "status b", "off b,t1", "temp t[16-18]",
			"temp a", "beacon a", "flash a", "beacon a", "exprange", "status", "nodes", "on b", "status b,a", "device a", "device t20", "status t3", "exprange",
			"status t31,t16,t2", "EXPRANGE", "telemetry", "Telemetry", "quit",
		},
	},
	"conversations": {
		conf: `device "test0" "vpc" "VPCD |&"
device "test1" "vpc" "VPCD |&"
node "t[0-15]" "test0"
node "n[1-4]" "test1" "[2-3,8,15]"
`,
		requests: []string{
			"status t0", "telemetry", "status t0", "on t5", "on t[5-6]", "on t[0-15]", "cycle t1", "cycle t[0-15]", "off n[1-4]", "on n2",
			"on n[2-4]", "status n[1-2]", "temp t1", "beacon t1", "flash t2", "reset n1", "telemetry", "on t1", "device", "quit",
		},
	},
	"failures": {
		conf: `specification "s" {
	timeout 0.3
	plug name { "1" "2" "3" }
	script login { send "login\n" expect "OK\n" }
	script on { send "on %s\n" expect "[0-9]* OK\n" delay 1.5 expect "vpc> " delay 0.5 }
	script off { send "off %s\n" expect "NEVER" }
	script cycle { send "stat %s\n" expect "plug ([0-9]+): (ON|OFF)\n" setplugstate $1 $2 on="ON" off="OFF"
		ifon { send "off %s\n" expect "OK\n" } ifoff { send "on %s\n" expect "OK\n" } }
	script reset { ifon { send "x" } }
	script reset_all { send "reset *\n" expect "NEVER" }
}
device "d" "s" "VPCD |&"
device "gone" "s" "/no/such/program |&"
device "away" "s" "127.0.0.1:9"
node "n[1-3]" "d"
node "g[1-2]" "gone"
node "a[1-2]" "away"
`,
		requests: []string{
			"on n1", "telemetry", "on n1", "off n2", "off n[1-3]", "reset n1", "reset n[1-3]", "cycle n[1-2]", "cycle n[1-3]", "telemetry",
			"on a[1-2]", "telemetry", "on a1", "reset g[1-2],n1", "status", "temp n1", "flash n1", "quit",
		},
	},
	"names": {
		conf: `device "test0" "vpc" "VPCD |&"
device "test1" "vpc" "VPCD |&"
device "test2" "vpc" "VPCD |&"
node "blade[0-7],cmm0,perif[0-4,7],rabbit" "test0"
node "n[08-11]" "test1"
node "x1-b,x2-b" "test1"
node "[1-4]" "test1"
node "z9,z10,z011" "test1"
node "t007,t7" "test2"
`,
		requests: []string{
			"status", "status perif[0-7]", "status n8", "status n[08-11]", "status [1-4]", "status [1-4]p", "status z[9-11]", "status z[009-011]",
			"status n[08", "status n08]", "status ,n08,", "status n[8-10]", "on rabbit,blade[0-7],cmm0", "status", "device rabbit", "exprange", "status", "nodes",
			"status t7,t007", "status n[08-09]-b", "status x1-b", "quit",
		},
	},
}

// TestSameAsDebian asks both daemons the same and compares to the byte.
func TestSameAsDebian(t *testing.T) {
	ours := program(t, "powermand")
	vpcds := map[string]string{"Debian's vpcd": "/usr/sbin/vpcd", "our vpcd": program(t, "vpcd")}
	for name, script := range scripts {
		for device, vpcd := range vpcds {
			t.Run(fmt.Sprint(name, " with ", device), func(t *testing.T) {
				t.Parallel()
				conf := write(t, "powerman.conf", "include \"/etc/powerman/vpc.dev\"\n"+strings.ReplaceAll(script.conf, "VPCD", vpcd))
				theirs, ours := transcript(start(t, debian, conf, "-Y", "-f"), script.requests), transcript(start(t, ours, conf, "-Y"), script.requests)
				compare(t, script.requests, <-theirs, <-ours)
			})
		}
	}
}

// transcript asks all in order and gives the replies.
func transcript(d *daemon, requests []string) <-chan []string {
	done := make(chan []string, 1)
	go func() {
		replies := make([]string, len(requests))
		for i, line := range requests {
			replies[i] = d.ask(line)
		}
		done <- replies
	}()
	return done
}

func compare(t *testing.T, requests, theirs, ours []string) {
	t.Helper()
	for i, line := range requests {
		if d, found := differs[line]; found {
			if theirs[i] == d.ours {
				t.Errorf("%q: Debian's answers as ours, so it is no longer a difference", line)
			}
			theirs[i] = d.ours
		}
		if diff := cmp.Diff(theirs[i], ours[i]); diff != "" {
			t.Errorf("%q (-Debian's +ours):\n%s", line, diff)
		}
	}
}
