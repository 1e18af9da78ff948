package snmppower

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/applet/powermand"
	"millwright.dev/millwright/internal/applet/prompt/prompttest"
	"millwright.dev/millwright/internal/applet/snmppower/mib"
	"millwright.dev/millwright/internal/freeport"
)

// TestMain makes the test binary the programs themselves when it is called
// under their names: powermand starts it as its coprocess.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "snmppower":
		os.Exit(Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	case "powermand":
		os.Exit(powermand.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	mibs, err := os.MkdirTemp("", "snmppower")
	if err == nil {
		err = os.WriteFile(filepath.Join(mibs, "Pulizzi-Vertical-SW-ePDU.txt"), []byte(pulizzi), 0o600)
	}
	if err == nil {
		err = os.Setenv("MIBDIRS", mibs) // for what powermand starts, too
	}
	if err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { _ = os.RemoveAll(mibs); os.Exit(code) }))
}

// run gives the program its whole input at once, and what it prints without the
// prompts.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return strings.ReplaceAll(out.String(), "snmppower> ", ""), errs.String(), code
}

// outlets is a bank of outlets in an agent's configuration, all in one state.
func outlets(oid string, first, last, state int) string {
	text := ""
	for i := first; i <= last; i++ {
		text += fmt.Sprintf("override -rw .1.3.6.1.4.1.%s.%d integer %d\n", oid, i, state)
	}
	return text
}

// snmpd starts Debian's agent on loopback and gives its address.
func snmpd(t *testing.T, conf string) (addr string) {
	t.Helper()
	dir := t.TempDir()
	addr = freeport.For(t, "127.0.0.1")
	conf = "rwcommunity private 127.0.0.1\nrwcommunity raritan_private 127.0.0.1\nrocommunity public 127.0.0.1\ncreateUser me MD5 \"long enough\"\ncreateUser alice MD5 correcthorse\nrwuser me auth\nrwuser alice auth\n" +
		"sysDescr a box\nsysLocation here\nagentAddress udp:" + addr + "\n" + conf
	file := filepath.Join(dir, "snmpd.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", file, "-I", "override,system_mib,sysORTable,usmConf,usmUser,vacm_conf,vacm_vars,snmpEngine", "-p", filepath.Join(dir, "pid"))
	cmd.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir, "MIBS=")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("snmpd says: %s", &log)
		}
	})
	for t.Context().Err() == nil { // until it answers
		if out, _ := exec.CommandContext(t.Context(), "snmpget", "-v1", "-cpublic", "-t0.1", "-r0", "-On", addr, ".1.3.6.1.2.1.1.1.0").Output(); bytes.Contains(out, []byte("a box")) {
			return addr
		}
	}
	return addr
}

func TestAgainstSnmpd(t *testing.T) {
	addr := snmpd(t, outlets("318.1.1.26.9.2.4.1.5", 1, 3, 2)+`override -rw .1.3.6.1.4.1.9999.1.0 uinteger 7
override -rw .1.3.6.1.4.1.9999.2.0 octet_str "a b"
override -rw .1.3.6.1.4.1.9999.4.0 timeticks 8765432
override -rw .1.3.6.1.4.1.9999.5.0 object_id .1.3.6.1.4.1.318.4
override .1.3.6.1.4.1.9999.6.0 counter 12
`)
	const outlet = "enterprises.318.1.1.26.9.2.4.1.5."
	tests := []struct{ name, in, out, errs string }{
		{
			"v1", "start_v1 private\nget sysDescr.0\nget .1.3.6.1.2.1.1.6.0\nget " + outlet + "1\nset " + outlet + "1 i 1\nget " + outlet + "1\nset " + outlet + "1 i 2\nfinish\n",
			"sysDescr.0: a box\n.1.3.6.1.2.1.1.6.0: here\n" + outlet + "1: 2\n" + outlet + "1: 1\n" + outlet + "1: 1\n" + outlet + "1: 2\n", "",
		},
		{
			"v2c", "start_v2c private\nget 1.3.6.1.4.1.9999.2.0\nset enterprises.9999.2.0 s cd\nset enterprises.9999.2.0 x 61626\nset enterprises.9999.2.0 x 6162\nset enterprises.9999.2.0 d 97.98\nset SNMPv2-SMI::enterprises.9999.2.0 b 1,7\nset enterprises.9999.2.0 s x\n",
			"1.3.6.1.4.1.9999.2.0: a b\nenterprises.9999.2.0: cd\nenterprises.9999.2.0: ab\nenterprises.9999.2.0: ab\nSNMPv2-SMI::enterprises.9999.2.0: A\nenterprises.9999.2.0: x\n", "snmppower: set enterprises.9999.2.0: '61626' is no value of type x: encoding/hex: odd length hex string\n",
		},
		{
			"other types", "start_v2c private\nget enterprises.9999.1.0\nset enterprises.9999.1.0 u 8\nget enterprises.9999.4.0\nset enterprises.9999.4.0 t 5\nget enterprises.9999.5.0\nset enterprises.9999.5.0 o enterprises.1\nget enterprises.9999.6.0\nget enterprises.9999.99.0\n",
			"SNMPv2-SMI::enterprises.9999.1.0 = Gauge32: 7\nSNMPv2-SMI::enterprises.9999.1.0 = Gauge32: 8\nSNMPv2-SMI::enterprises.9999.4.0 = Timeticks: (8765432) 1 day, 0:20:54.32\nSNMPv2-SMI::enterprises.9999.4.0 = Timeticks: (5) 0:00:00.05\n" +
				"SNMPv2-SMI::enterprises.9999.5.0 = OID: SNMPv2-SMI::enterprises.318.4\nSNMPv2-SMI::enterprises.9999.5.0 = OID: SNMPv2-SMI::enterprises.1\nSNMPv2-SMI::enterprises.9999.6.0 = Counter32: 12\n" +
				"SNMPv2-SMI::enterprises.9999.99.0 = No Such Object available on this agent at this OID\n", "",
		},
		{"v3", "start_v3 alice correcthorse\nget sysDescr.0\nset " + outlet + "2 i 1\n", "sysDescr.0: a box\n" + outlet + "2: 1\n", ""},
		{"no session", "get sysDescr.0\nset sysDescr.0 s x\nstart_v3 me short\nget sysDescr.0\nstart_v2c public\nfinish\nget sysDescr.0\n", "", strings.Repeat("snmppower: "+errNoSession.Error()+"\n", 2) + "snmppower: the passphrase has fewer than 8 characters\n" + strings.Repeat("snmppower: "+errNoSession.Error()+"\n", 2)},
		{
			"usage", "foo\nquit\nget\nset a i\nmib\nstart_v1\nstart_v3 a\nstart_v1 public\nget nosuch.0\nget a..b\nset sysName.0 z 1\nset sysName.0 i x\nset sysName.0 a 1::2\nmib Nope\n", "type \"help\" for a list of commands\ntype \"help\" for a list of commands\nUsage: get oid\nUsage: set oid type value\nUsage: mib name\nUsage: start_v1 community\nUsage: start_v3 name passphrase\n",
			"snmppower: unknown object identifier nosuch.0 (at 'nosuch')\nsnmppower: unknown object identifier a..b (at 'a')\nsnmppower: set sysName.0: 'z' is no type: i u t a o s x d b are\nsnmppower: set sysName.0: 'x' is no value of type i: strconv.ParseInt: parsing \"x\": invalid syntax\n" +
				"snmppower: set sysName.0: '1::2' is no value of type a: it is no IPv4 address\nsnmppower: there is no MIB module Nope in DIRS\n",
		},
	}
	t.Setenv("MIBDIRS", "DIRS")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, code := run(t, tt.in, "-h", addr)
			if code != 0 {
				t.Errorf("exit code %d", code)
			}
			if diff := cmp.Diff(tt.out, out); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.errs, errs); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRefusals: an error status ends the program.
func TestRefusals(t *testing.T) {
	addr := snmpd(t, "")
	for in, want := range map[string]string{
		"start_v1 private\nget enterprises.1.1.0\nget sysDescr.0\n":    "snmppower: get enterprises.1.1.0: the agent refuses: NoSuchName\n",
		"start_v2c public\nset sysContact.0 s me\nget sysDescr.0\n":    "snmppower: set sysContact.0: the agent refuses: NoAccess\n",
		"start_v2c private\nset sysContact.0 i 5\nget sysDescr.0\n":    "snmppower: set sysContact.0: the agent refuses: WrongType\n",
		"start_v2c private\nset enterprises.1.0 i 5\nget sysDescr.0\n": "snmppower: set enterprises.1.0: the agent refuses: NotWritable\n",
	} {
		if out, errs, code := run(t, in, "-h", "udp:"+addr); code != 1 || out != "" || errs != want {
			t.Errorf("%q: code %d, stdout %q, stderr %q; want %q", in, code, out, errs, want)
		}
	}
	out, errs, code := run(t, "start_v3 alice wrong-horse\nget sysDescr.0\n", "-h", addr)
	if code != 0 || out != "" || !strings.Contains(errs, "get sysDescr.0: ") {
		t.Errorf("wrong passphrase: code %d, stdout %q, stderr %q", code, out, errs)
	}
}

// TestNobodyThere waits for six seconds, as net-snmp's tools do.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	out, errs, code := run(t, "start_v2c public\nget sysDescr.0\n", "-h", c.LocalAddr().String())
	if code != 0 || out != "" || errs != "snmppower: get sysDescr.0: Timeout: no response\n" {
		t.Errorf("code %d, stdout %q, stderr %q", code, out, errs)
	}
}

func TestWrongOptions(t *testing.T) {
	for _, args := range [][]string{{"-x"}, {"extra"}, {"-h"}, {"--nope"}} {
		if out, errs, code := run(t, "", args...); code != 1 || out != "" || !strings.Contains(errs, "Usage: snmppower") {
			t.Errorf("snmppower %q: code %d, stdout %q, stderr %q", args, code, out, errs)
		}
	}
	for host, want := range map[string]string{"": "snmppower: no host: -h is needed\n", "a:99999": "snmppower: '99999' is no port\n", "nope.invalid": "snmppower: reach nope.invalid: "} {
		if _, errs, code := run(t, "start_v1 x\n", "-h", host); code != 0 || !strings.HasPrefix(errs, want) {
			t.Errorf("host %q: code %d, stderr %q; want %q", host, code, errs, want)
		}
	}
}

const pulizzi = `Pulizzi DEFINITIONS ::= BEGIN
IMPORTS enterprises FROM RFC1155-SMI OBJECT-TYPE FROM RFC-1212;
vendor OBJECT IDENTIFIER ::= { enterprises 20677 }
outlet1Status OBJECT-TYPE SYNTAX INTEGER { on(1), off(2) } ACCESS read-only STATUS mandatory ::= { vendor 1 }
outlet1Command OBJECT-TYPE SYNTAX INTEGER { on(1), off(2) } ACCESS read-write STATUS mandatory ::= { vendor 2 }
END
`

// TestDeviceFiles has both daemons use Debian's device files, with snmpd as the
// controller.
func TestDeviceFiles(t *testing.T) {
	both := []string{"status p[1-3]", "on p1", "off p2", "cycle p3"}
	tests := []struct {
		spec, conf string
		ask        []string
		status     string
	}{
		{"apc-snmp", outlets("318.1.1.4.4.2.1.3", 1, 8, 2) + "override .1.3.6.1.4.1.318.1.1.4.2.2.0 octet_str \"On Off On Off Off Off Off Off \"\n", both, "302 on:      p[1,3]\r\n302 off:     p2\r\n"},
		{"apc8941", outlets("318.1.1.26.9.2.4.1.5", 1, 24, 2) + outlets("318.1.1.26.9.2.3.1.5", 1, 24, 2), both, "302 on:      p[1-3]\r\n"},
		{"baytech-snmp", outlets("4779.1.3.5.3.1.3.1", 1, 8, 0) + "override .1.3.6.1.4.1.4779.1.3.5.5.1.13.2.1 octet_str \"1,0,1,0,0,0,0,0\"\n", both, "302 on:      p[1,3]\r\n302 off:     p2\r\n"},
		{"eaton-revelation-snmp", outlets("534.6.6.6.1.2.2.1.3", 0, 19, 0), both, "302 on:      \r\n302 off:     p[1-3]\r\n"},
		{"eaton-epdu-blue-switched", outlets("20677.1", 0, 0, 1) + outlets("20677.2", 0, 0, 2), []string{"status p1", "on p1", "off p1", "cycle p1", "reset p1"}, "302 on:      p1\r\n"},
		{"raritan-px4316", outlets("13742.4.1.2.2.1.3", 1, 12, 0) + "override .1.3.6.1.4.1.13742.4.1.2.2.1.7.1 uinteger 42\n", both, "302 on:      \r\n302 off:     p[1-3]\r\n"},
		{"raritan-px5523", outlets("13742.4.1.2.2.1.3", 1, 24, 1), both, "302 on:      p[1-3]\r\n"},
	}
	for _, daemon := range prompttest.Daemons() {
		for _, tt := range tests {
			t.Run(daemon+" "+tt.spec, func(t *testing.T) {
				t.Parallel()
				conf := fmt.Sprintf("include \"/etc/powerman/%s.dev\"\ndevice \"d\" %q \"%s -h %s |&\"\nnode \"p[1-3]\" \"d\" \"[1-3]\"\n", tt.spec, tt.spec, prompttest.Named(t, "snmppower"), snmpd(t, tt.conf))
				got := prompttest.Converse(t, daemon, conf, tt.ask...)
				for i, request := range tt.ask {
					want := "102 Command completed successfully\r\n"
					if i == 0 {
						want = tt.status
					}
					if !strings.Contains(got[request], want) {
						t.Errorf("%s: got %q, want %q", request, got[request], want)
					}
				}
			})
		}
	}
}

// TestWatts: a reading that is no text and no integer is in net-snmp's long form,
// which Debian's device file for Raritan waits for.
func TestWatts(t *testing.T) {
	conf := fmt.Sprintf("include \"/etc/powerman/raritan-px4316.dev\"\ndevice \"d\" \"raritan-px4316\" \"%s -h %s |&\"\nnode \"p[1-3]\" \"d\" \"[1-3]\"\n", prompttest.Named(t, "snmppower"), snmpd(t, "override .1.3.6.1.4.1.13742.4.1.2.2.1.7.1 uinteger 42\n"))
	for _, daemon := range prompttest.Daemons() {
		if got := prompttest.Converse(t, daemon, conf, "temp p1")["temp p1"]; !strings.Contains(got, "303 p1: 42\r\n") {
			t.Errorf("%s daemon: %q", daemon, got)
		}
	}
}

// FuzzCommands: whatever is typed, the program goes on to the end of its input.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{"get .1.3\nset sysDescr.0 i 1\nmib X\n", "start_v3 a b\nstart_v1\nfinish\n", "get SNMPv2-SMI::enterprises.1.mib-2\n", "get " + strings.Repeat("1.", 50) + "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if out, _, code := run(t, in); code != 0 || strings.Contains(out, " = ") {
			t.Errorf("exit code %d, stdout %q", code, out)
		}
	})
}

// FuzzValues: what is taken for a value can be sent.
func FuzzValues(f *testing.F) {
	for _, letter := range []string{"i", "u", "t", "a", "o", "s", "x", "d", "b", "z"} {
		f.Add(letter, "1.2.3.4")
		f.Add(letter, "255")
	}
	f.Fuzz(func(t *testing.T, letter, text string) {
		s := &shell{names: mibNames()}
		v, err := s.parseValue(letter, text)
		if err == nil && v.Value == nil {
			t.Errorf("%s %q gives no value and no error", letter, text)
		}
	})
}

func mibNames() *mib.Tree { return mib.New(nil) }
