package bmc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// talker is a host whose console repeats what it hears.
type talker struct{ *Memory }

func (talker) Console(context.Context, Caller) (io.ReadWriteCloser, error) {
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		r := bufio.NewReader(there)
		for {
			c, err := r.ReadByte()
			if err != nil {
				return
			}
			if _, err := there.Write([]byte{c}); err != nil {
				return
			}
		}
	}()
	return here, nil
}

// peer serves a machine for a test with everything on.
func peer(t *testing.T) string {
	t.Helper()
	_, port := serve(t, withOldOnes(), talker{NewMemory(true)})
	return port
}

// withOldOnes is the machine for clients of IPMI 1.5 too.
func withOldOnes() Config {
	cfg := demo()
	cfg.V15 = true
	return cfg
}

// run gives what a program prints. It must end well.
func run(t *testing.T, input string, args ...string) string {
	t.Helper()
	out, err := try(t, input, args...)
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func try(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "TZ=UTC")
	c.Stdin = strings.NewReader(input)
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}

// operation is a command of ipmitool and a piece of what it must print.
type operation struct{ command, want string }

// operations are the rows of what clients need, in an order in which each finds what it needs.
func operations() []operation {
	return []operation{
		{"mc info", "Firmware Revision         : 1.00"},
		{"mc guid", "00112233-4455-4677-8899-010203040506"},
		{"mc selftest", "Selftest: passed"},
		{"mc watchdog get", "Stopped"},
		{"mc getenables", "System Event Logging                     : enabled"},
		{"chassis power status", "Chassis Power is on"},
		{"chassis power cycle", "Chassis Power Control: Cycle"},
		{"chassis power reset", "Chassis Power Control: Reset"},
		{"chassis power diag", "Chassis Power Control: Diag"},
		{"chassis power soft", "Chassis Power Control: Soft"},
		{"chassis power status", "Chassis Power is off"},
		{"chassis power on", "Chassis Power Control: Up/On"},
		{"chassis power off", "Chassis Power Control: Down/Off"},
		{"chassis power on", "Chassis Power Control: Up/On"},
		{"chassis status", "Last Power Event     : command"},
		{"chassis identify 5", "Chassis identify interval: 5 seconds"},
		{"chassis poh", "POH Counter"},
		{"chassis restart_cause", "chassis power control command"},
		{"chassis policy list", "always-off always-on previous"},
		{"chassis policy always-on", "Set chassis power restore policy to always-on"},
		{"chassis bootdev disk options=persistent,efiboot", "Set Boot Device to disk"},
		{"chassis bootparam get 5", "Force Boot from default Hard-Drive"},
		{"sdr info", "Record Count                        : 4"},
		{"sdr elist all", "Logical FRU @00h"},
		{"sensor list", "CPU Temp         | 42.000     | degrees C  | ok    | 1.000     | 3.000     | 5.000     | 90.000    | 95.000    | 100.000"},
		{"sensor thresh Inlet ucr 96", "to 96.000"},
		{"sensor get Inlet", "Upper Critical        : 96.000"},
		{"sel info", "Entries          : 1"},
		{"sel list", "OEM System boot event"},
		{"sel time set now", "/"},
		{"event 1", "Upper Critical"},
		{"sel elist", "Upper Critical going high"},
		{"sel get 1", "SEL Record ID          : 0001"},
		{"sel delete 1", "Deleted entry 1"},
		{"sel clear", "Clearing SEL"},
		{"sel info", "Entries          : 0"},
		{"fru print", "Product Serial        : PSER456"},
		{"user list 1", "op               true    false      true       OPERATOR"},
		{"user set name 5 fred", ""},
		{"user priv 5 3 1", "successful"},
		{"user enable 5", ""},
		{"user summary 1", "Enabled User Count  : 5"},
		{"user disable 5", ""},
		{"lan set 1 ipaddr 192.0.2.9", "Setting LAN IP Address to 192.0.2.9"},
		{"lan print 1", "IP Address              : 192.0.2.9"},
		{"lan alert print 1", "Alert Destination       : 4"},
		{"channel info 1", "Channel Medium Type   : 802.3 LAN"},
		{"channel getaccess 1 2", "Privilege Level      : ADMINISTRATOR"},
		{"channel getciphers ipmi 1", "17   N/A     hmac_sha256     sha256_128      aes_cbc_128"},
		{"session info active", "privilege level               : ADMINISTRATOR"},
		{"pef policy list", "16 |"},
		{"sol set retry-count 5 1", ""},
		{"sol info 1", "Retry Count                     : 5"},
		{"sol payload status 1 2", "User 2 on channel 1 is enabled"},
		{"pef info", "0x51"},
		{"pef status", ""},
		{"dcmi discover", "Supported DCMI capabilities"},
		{"dcmi power reading", "Instantaneous power reading:                   231 Watts"},
		{"dcmi power set_limit limit 400", ""},
		{"dcmi power activate", "activated"},
		{"dcmi power get_limit", "400 Watts"},
		{"dcmi asset_tag", "asset-4711"},
		{"dcmi set_mc_id_string node9", "node9"},
		{"dcmi sensors", "Inlet"},
		{"raw 6 1", "20 81 01 00 02 bf"},
		{"mc reset warm", "Sent warm reset command to MC"},
		{"mc reset cold", "Sent cold reset command to MC"},
	}
}

func TestIPMITool(t *testing.T) {
	for _, way := range []struct {
		name string
		args []string
		not  string // what it does not do in clear
		more []operation
	}{
		{name: "suite 17", args: []string{"-I", "lanplus", "-C", "17"}, more: passwords()},
		{name: "suite 3", args: []string{"-I", "lanplus", "-C", "3"}, more: passwords()},
		{name: "IPMI 1.5", args: []string{"-I", "lan"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			port := peer(t)
			args := append([]string{"ipmitool"}, way.args...)
			args = append(args, "-H", "127.0.0.1", "-p", port, "-U", "admin", "-P", "password")
			passed := 0
			grouped, single := apart(append(way.more, operations()...))
			for some := range slices.Chunk(grouped, 15) {
				passed += script(t, args, some)
			}
			for _, o := range single {
				out := run(t, "", append(args[:len(args):len(args)], strings.Fields(o.command)...)...)
				if !strings.Contains(out, o.want) {
					t.Errorf("%s: no %q in %q", o.command, o.want, out)
					continue
				}
				passed++
			}
			t.Logf("%d operations", passed)
		})
	}
}

// apart gives those operations that can stand in a script, and those after which
// ipmitool often ends by a segmentation fault when it is to go on.
func apart(all []operation) (grouped, single []operation) {
	for _, o := range all {
		switch first, _, _ := strings.Cut(o.command, " "); first {
		case "channel", "session", "sol", "pef", "dcmi":
			single = append(single, o)
		default:
			grouped = append(grouped, o)
		}
	}
	return grouped, single
}

// script has ipmitool do operations in one session, and says how many it did well.
func script(t *testing.T, args []string, all []operation) (passed int) {
	t.Helper()
	var text strings.Builder
	for i, o := range all {
		fmt.Fprintf(&text, "echo @@%d@@\n%s\n", i, o.command)
	}
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, ended := try(t, "", append(args[:len(args):len(args)], "exec", file)...)
	for i, o := range all {
		_, rest, found := strings.Cut(out, fmt.Sprintf("@@%d@@", i))
		part, _, _ := strings.Cut(rest, "@@")
		bad := strings.Contains(part, "failed") || strings.Contains(part, "Unable") || strings.Contains(part, "rror")
		if !found || bad || !strings.Contains(part, o.want) {
			t.Errorf("%s: no %q in %q (%v)", o.command, o.want, part, ended)
			continue
		}
		passed++
	}
	return passed
}

func passwords() []operation {
	return []operation{
		{"user set password 6 secret", "successful"},
		{"user test 6 16 secret", "Success"},
	}
}

// freeIPMI is what FreeIPMI's programs are asked for.
func freeIPMI() []operation {
	return []operation{
		{"bmc-info", "GUID"},
		{"bmc-device --get-self-test-results", "No Error"},
		{"ipmipower --stat", "on"},
		{"ipmipower --cycle", "ok"},
		{"ipmipower --off", "ok"},
		{"ipmipower --on", "ok"},
		{"ipmi-sensors", "CPU Temp"},
		{"ipmi-sel", "System Event"},
		{"ipmi-sel --info", "Number of log entries"},
		{"ipmi-sel --clear", ""},
		{"ipmi-fru", "PSER456"},
		{"ipmi-chassis --get-chassis-status", "System Power"},
		{"ipmi-chassis --get-power-on-hours-counter", "Power on hours"},
		{"ipmi-chassis --get-system-restart-cause", "Chassis control command"},
		{"ipmi-chassis --chassis-identify=5", ""},
		{"ipmi-dcmi --get-dcmi-capability-info", "DCMI"},
		{"ipmi-dcmi --get-system-power-statistics", "231 Watts"},
		{"ipmi-dcmi --get-asset-tag", "asset-4711"},
		{"ipmi-config --category=chassis --checkout", "Power_Restore_Policy"},
		{"ipmi-config --category=pef --checkout", "Event_Filter_16"},
		{"ipmi-config --category=sensors --checkout", "Inlet"},
		{"ipmi-config --category=core --checkout -S Lan_Conf", "192.0.2.7"},
		{"ipmi-config --category=core --checkout -S SOL_Conf", "SOL_Retry_Count"},
		{"ipmi-config --category=core --checkout -S User2", "admin"},
		{"ipmi-raw 0 6 1", "rcvd: 01 00 20 81"},
	}
}

func TestFreeIPMI(t *testing.T) {
	for _, way := range []struct {
		name string
		args []string
	}{
		{"suite 17", []string{"-D", "LAN_2_0", "-I", "17"}},
		{"suite 3", []string{"-D", "LAN_2_0", "-I", "3"}},
		{"IPMI 1.5", []string{"-D", "LAN"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			port := peer(t)
			for _, o := range freeIPMI() {
				args := append(strings.Fields(o.command), "-h", "127.0.0.1:"+port, "-u", "admin", "-p", "password", "-l", "admin")
				if args[0] == "ipmi-raw" {
					args = append([]string{args[0]}, append(args[4:], args[1:4]...)...)
				}
				args = append(args[:1:1], append(way.args, args[1:]...)...)
				if out := run(t, "", args...); !strings.Contains(out, o.want) {
					t.Errorf("%s: no %q in %q", o.command, o.want, out)
				}
			}
		})
	}
}

// ownAddress serves a machine at IPMI's port, for clients that know no other.
func ownAddress(t *testing.T, cfg Config) string {
	t.Helper()
	m := machine(t, func(c *Config) { *c = cfg }, talker{NewMemory(true)})
	for range 20 {
		ip := net.IPv4(127, byte(1+rand.IntN(200)), byte(rand.IntN(250)), byte(1+rand.IntN(250)))
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip, Port: 623})
		if err != nil {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- Serve(ctx, conn, m) }()
		t.Cleanup(func() { cancel(); <-done })
		return ip.String()
	}
	t.Fatal("no address with port 623 could be had")
	return ""
}

func TestClientsOfTheStandardPort(t *testing.T) {
	at := ownAddress(t, withOldOnes())
	login := []string{"-N", at, "-U", "admin", "-P", "password", "-F"}
	for _, o := range []struct {
		args []string
		want string
	}{
		{[]string{"rmcpping", "-c", "1", at}, "pong received"},
		{[]string{"ipmiping", "-c", "1", at}, "response received"},
		{append([]string{"ipmiutil", "health"}, append(login, "lan2")...), "completed successfully"},
		{append([]string{"ipmiutil", "health"}, append(login, "lan")...), "completed successfully"},
		{append([]string{"ipmiutil", "sensor"}, append(login, "lan2")...), "Inlet"},
		{append([]string{"ipmiutil", "sel"}, append(login, "lan2")...), "System Event"},
		{append([]string{"ipmiutil", "reset", "-c"}, append(login, "lan2")...), "IPMI_Reset ok"},
		{append([]string{"ipmiutil", "fru"}, append(login, "lan")...), "PSER456"},
	} {
		t.Run(strings.Join(o.args[:2], " "), func(t *testing.T) {
			if out := run(t, "", o.args...); !strings.Contains(out, o.want) {
				t.Errorf("no %q in %q", o.want, out)
			}
		})
	}
}

func TestPyghmi(t *testing.T) {
	t.Parallel()
	const program = `
import os, sys
from pyghmi.ipmi import command
c = command.Command('127.0.0.1', 'admin', 'password', port=int(sys.argv[1]))
def say(name, value): print(name, value, flush=True)
say('power', c.get_power())
for s in ('off', 'on', 'reset', 'boot', 'diag', 'softoff', 'on'): say(s, c.set_power(s))
c.set_bootdev('network', persist=True)
say('boot', c.get_bootdev())
say('sensors', [s.name for s in c.get_sensor_data()])
say('events', len(list(c.get_event_log(clear=True))))
say('inventory', [n for n, i in c.get_inventory()])
say('net', c.get_net_configuration()['ipv4_address'])
c.set_identify(True)
say('health', c.get_health())
say('firmware', list(c.get_firmware()))
c.create_user(6, 'jim', 'secretpw', privilege_level='operator')
say('user', c.get_user(6)['name'])
c.user_delete(6)
say('users', sorted(c.get_users()))
say('channel', c.get_channel_info()['Channel Medium type'])
say('alerts', c.get_alert_destination_count())
c.set_mci('nodex')
say('mci', c.get_mci())
c.reset_bmc()
os._exit(0)
`
	cfg := demo()
	// Answers that come at once it overlooks until its timer wakes it.
	cfg.Faults = &Faults{Delay: 5 * time.Millisecond}
	_, port := serve(t, cfg, NewMemory(true))
	out := run(t, "", "/usr/bin/python3", "-c", program, port)
	for _, want := range []string{
		"power {'powerstate': 'on'}", "off {'pendingpowerstate': 'off'}", "'bootdev': 'network', 'persistent': True",
		"sensors ['CPU Temp', 'Inlet', 'PSU1']", "events 1", "inventory ['System', 'Mainboard']",
		"net 192.0.2.7/24", "'health': 0", "'1.0'", "user jim", "users [2, 3, 4]", "802.3", "alerts 4", "mci nodex",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
}

func TestOpenIPMI(t *testing.T) {
	t.Parallel()
	port := peer(t)
	for _, way := range []string{"rmcp+", "md5"} {
		out := run(t, "", "openipmicmd", "-k", "0f 0 6 1", "lan", "-U", "admin", "-P", "password", "-A", way, "-p", port, "127.0.0.1")
		if !strings.Contains(out, "0f 07 00 01 00 20 81 01 00 02") {
			t.Errorf("%s: %q", way, out)
		}
	}
}
