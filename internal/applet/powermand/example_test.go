package powermand_test

import (
	"fmt"
	"testing"

	"millwright.dev/millwright/powerman"
)

// results is a device file in the manner of PowerMan 2.4 for its test device: it
// reports what became of each plug.
const results = `specification "vpc" {
	timeout 30
	plug name { "0" "1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12" "13" "14" "15" }
	script login { send "login\n" expect "[0-9]+ OK\n[0-9]+ vpc> " }
	script status_all {
		send "stat *\n"
		foreachplug {
			expect "plug ([0-9]+): (ON|OFF|ERROR)\n"
			setplugstate $1 $2 on="ON" off="OFF"
		}
		expect "[0-9]+ OK\n[0-9]+ vpc> "
	}
	script on_ranged {
		send "on %s\n"
		foreachplug {
			expect "([0-9]+): ([^\n]+)\n"
			setresult $1 $2 success="^OK"
		}
		expect "[0-9]+ OK\n[0-9]+ vpc> "
	}
	script off_ranged {
		send "off %s\n"
		foreachplug {
			expect "([0-9]+): ([^\n]+)\n"
			setresult $1 $2 success="^OK"
		}
		expect "[0-9]+ OK\n[0-9]+ vpc> "
	}
}
`

// TestBadPlugs is the conversation that PowerMan 2.4 has with a client about
// plugs that fail.
func TestBadPlugs(t *testing.T) {
	conf := results + fmt.Sprintf("device \"test0\" \"vpc\" \"%s -b 3 -b 7 --bad=15 |&\"\nnode \"t[0-15]\" \"test0\"\n", program(t, "vpcd"))
	d := start(t, program(t, "powermand"), write(t, "powerman.conf", conf))
	const done, query = "102 Command completed successfully", "103 Query complete"
	d.want("on t[1-2]", done)
	d.want("on t[7,15]", "309 t7: ERROR", "309 t15: ERROR", "210 Command completed with errors")
	d.want("status t[0-3]", "302 on:      t[1-2]", "302 off:     t0", "302 unknown: t3", query)
	d.want("off t[1-3]", "309 t3: ERROR", "210 Command completed with errors")
	d.want("telemetry", "104 Telemetry ON")
	d.want("on t[14-15]", `305 send(test0): 'on [14-15]\n'`, `305 recv(test0): '14: OK\n'`, `305 recv(test0): '15: ERROR\n'`,
		"309 t15: ERROR", `305 recv(test0): '5 OK\n6 vpc> '`, "210 Command completed with errors")

	// The client puts what failed on stderr, and ends with the reply's number.
	s := serve(t, conf)
	out, status := run(t, program(t, "powerman"), "-h", s.addrs[0], "-1", "t[0,7]")
	if want := "t7: ERROR\nCommand completed with errors\n"; out != want || status != int(powerman.CodeCommandErrors) {
		t.Errorf("status %d, %s", status, out)
	}
}
