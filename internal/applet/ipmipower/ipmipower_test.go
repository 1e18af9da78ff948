package ipmipower

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/applet/powermand"
	"millwright.dev/millwright/internal/applet/prompt/prompttest"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
)

// TestMain makes the test binary the programs themselves when it is called under their names.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "ipmipower":
		os.Exit(Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	case "powermand":
		os.Exit(powermand.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// stubborn is a host that says yes to everything, and becomes what it was told to be after it was
// looked at a few times.
type stubborn struct {
	*bmc.Memory
	later []chassis.Action
	looks int
}

func (h *stubborn) Powered(ctx context.Context) (bool, error) {
	if h.looks--; h.looks <= 0 {
		for _, a := range h.later {
			_ = h.Memory.Power(ctx, bmc.Caller{}, a)
		}
		h.later = nil
	}
	return h.Memory.Powered(ctx)
}

func (h *stubborn) Power(_ context.Context, _ bmc.Caller, a chassis.Action) error {
	h.later, h.looks = append(h.later, a), 4
	return nil
}

// room serves four BMCs at 127.79.0.0 and on, which are on, off, on, off, and a stubborn one.
func room(t *testing.T) (hosts string) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := bmc.Config{
		Users:  []bmc.Account{{}, {Name: "op", Password: "secret", Privilege: bmc.Operator}, {Name: "watch", Password: "secret", Privilege: bmc.User}},
		Limits: bmc.Limits{Burst: 10000, PerSecond: 10000}, V15: true,
	}
	machines := map[netip.Addr]*bmc.Machine{}
	for i := range 5 {
		var host bmc.Host = bmc.NewMemory(i%2 == 0)
		if i == 4 {
			host = &stubborn{Memory: bmc.NewMemory(false)}
		}
		m, err := bmc.New(cfg, host)
		if err != nil {
			t.Fatal(err)
		}
		machines[netip.AddrFrom4([4]byte{127, 79, 0, byte(i)})] = m
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bmc.ServeMany(ctx, conn, 1, func(a netip.Addr) *bmc.Machine { return machines[a] }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, m := range machines {
			m.Close()
		}
	})
	return fmt.Sprintf("127.79.0.[0-3]:%d", conn.LocalAddr().(*net.UDPAddr).Port)
}

var login = []string{"-u", "op", "-p", "secret", "-D", "LAN_2_0", "-I", "3", "--config-file", "/dev/null", "--ping-interval=0", "--session-timeout=1500"}

// talk gives the program its whole input at once.
func talk(t *testing.T, stdin string, args ...string) (stdout string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, os.DevNull, strings.NewReader(stdin), &out, &errs)
	return out.String() + errs.String(), code
}

// TestAsDebiansProgram holds what is said beside what FreeIPMI's program says, byte for byte.
func TestAsDebiansProgram(t *testing.T) {
	all := room(t)
	port := all[strings.Index(all, ":"):]
	one := "127.79.0.1" + port
	tests := []struct {
		name, in string
		args     []string
	}{
		{"power", "stat 127.79.0.1\non 127.79.0.1\nstat 127.79.0.1\noff 127.79.0.1\nstat 127.79.0.1\nquit\n", []string{"-h", all}},
		{"light", "identify-status 127.79.0.2\nidentify-on 127.79.0.2\nidentify-status 127.79.0.2\nidentify-off 127.79.0.2\nidentify-status 127.79.0.2\nquit\n", []string{"-h", all}},
		{"words", "foo\n\n  \nSTAT\nversion\nconfig\nquit\n", []string{"-h", all}},
		{"switches", "debug\ndebug off\ndebug x\non-if-off on\nwait-until-on\nwait-until-off\nbuffer-output on\nconsolidate-output on\nalways-prefix\nconfig\nquit\n", []string{"-h", all}},
		{"settings", "username\nusername foo bar\nusername 12345678901234567\npassword\npassword a\npassword 123456789012345678901\nk_g\nk_g 0x41\nk_g 0xzz\n" +
			"driver-type\ndriver-type LAN\ndriver-type foo\nauthentication-type\nauthentication-type MD5\nauthentication-type x\ncipher-suite-id 8\ncipher-suite-id 99\n" +
			"privilege-level\nprivilege-level x\nworkaround-flags\nworkaround-flags idzero,sun20\nworkaround-flags x\nfanout 3\nfanout\nretransmission-wait-timeout 7\nconfig\nquit\n", []string{"-h", all}},
		{"hosts", "hostname\nstat\nconfig\nhostname foo[\nhostname " + one + "\nstat nosuch,127.79.0.9\nstat\nquit\n", nil},
		{"wrong password", "", []string{"-h", one, "-p", "wrong", "-s"}},
		{"wrong name", "", []string{"-h", one, "-u", "nobody", "-s"}},
		{"wrong key", "", []string{"-h", one, "-k", "key", "-s"}},
		{"nobody there", "", []string{"-h", "127.79.0.77" + port, "-s"}},
		{"together", "", []string{"-h", all, "-sC"}},
		{"cycle of what is off", "", []string{"-h", one, "-c", "--on-if-off", "--wait-until-on"}},
		{"1.5", "", []string{"-h", one, "-D", "LAN", "-s"}},
		{"no host", "", []string{"-s"}},
		{"bad host", "", []string{"-s", "-h", "a["}},
		{"bad fanout", "", []string{"-s", "-h", one, "-F", "2000"}},
		{"bad suite", "", []string{"-s", "-h", one, "-I", "99"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := slices.Concat(login, tt.args)
			judge := exec.CommandContext(t.Context(), "/usr/sbin/ipmipower", args...)
			judge.Stdin = strings.NewReader(tt.in)
			want, err := judge.CombinedOutput()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			got, code := talk(t, tt.in, args...)
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-Debian's +ours):\n%s", diff)
			}
			if code != judge.ProcessState.ExitCode() {
				t.Errorf("exit code %d, Debian's is %d", code, judge.ProcessState.ExitCode())
			}
		})
	}
}

// TestDeviceFiles has powermand use the program by the device files that are written for it.
func TestDeviceFiles(t *testing.T) {
	for _, daemon := range prompttest.Daemons() {
		for _, spec := range []string{"ipmipower", "ipmipowerserial"} {
			t.Run(daemon+", "+spec, func(t *testing.T) {
				t.Parallel()
				hosts := room(t)
				file := strings.Replace(spec, "serial", "-serial", 1)
				conf := fmt.Sprintf("include \"/etc/powerman/%s.dev\"\ndevice \"d\" \"%s\" \"%s -u op -p secret --config-file /dev/null -h %s --wait-until-on --wait-until-off |&\"\nnode \"n[0-3]\" \"d\" \"127.79.0.[0-3]\"\n",
					file, spec, prompttest.Named(t, "ipmipower"), hosts)
				got := prompttest.Converse(t, daemon, conf, "status", "on n[1,3]", "status n[0-1]", "off n[0-2]", "status n[0-3]", "cycle n0", "status n0", "flash n2", "beacon")
				for request, want := range map[string]string{
					"status": "302 off:     n[1,3]\r\n", "on n[1,3]": "102 ", "status n[0-1]": "302 on:      n[0-1]\r\n",
					"off n[0-2]": "102 ", "status n[0-3]": "302 on:      n3\r\n302 off:     n[0-2]\r\n", "cycle n0": "102 ", "status n0": "302 on:      n0\r\n",
					"flash n2": "102 ", "beacon": "302 on:      n2\r\n302 off:     n[0-1,3]\r\n",
				} {
					if !strings.Contains(got[request], want) {
						t.Errorf("%s: got %q, want %q", request, got[request], want)
					}
				}
			})
		}
	}
}

// TestSaysMore has what Debian's program passes over in silence.
func TestSaysMore(t *testing.T) {
	_, port, _ := strings.Cut(room(t), ":")
	args := slices.Concat(login, []string{"-h", "127.79.0.1:" + port})
	for _, tt := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"-u", "watch", "-s"}, "127.79.0.1: privilege level cannot be obtained for this user\n", 1},
		{[]string{"-u", "watch", "-l", "USER", "-s"}, "127.79.0.1: off\n", 0},
		{[]string{"-u", "watch", "-l", "USER", "-n"}, "127.79.0.1: privilege level insufficient\n", 1},
		{[]string{"-c"}, "127.79.0.1: not possible in its present state\n", 1},
		{[]string{"-I", "12", "-s"}, "127.79.0.1: cipher suite id unavailable\n", 1},
		{[]string{"--oem-power-type=C410X", "-s"}, "oem power type 'C410X' is not supported: a Dell C410x needs FreeIPMI's own ipmipower\n", 1},
		{[]string{"--bogus"}, "ipmipower: --bogus: unknown option\nTry `ipmipower --help' for more information.\n", 64},
	} {
		if got, code := talk(t, "", slices.Concat(args, tt.args)...); got != tt.want || code != tt.code {
			t.Errorf("%v: %q, code %d", tt.args, got, code)
		}
	}
}

func TestWaitsUntilItIsSo(t *testing.T) {
	_, port, _ := strings.Cut(room(t), ":")
	args := slices.Concat(login, []string{"-h", "127.79.0.4:" + port, "--retransmission-wait-timeout=5"})
	for _, tt := range []struct {
		verb string
		more []string
		want string // of a stat that follows
	}{{"-n", nil, "off"}, {"-f", nil, "on"}, {"-n", []string{"--wait-until-on"}, "on"}, {"-f", []string{"--wait-until-off"}, "off"}} {
		// What was left undone by the one before happens first.
		for range 6 {
			talk(t, "", slices.Concat(args, []string{"-s"})...)
		}
		if got, code := talk(t, "", slices.Concat(args, []string{tt.verb}, tt.more)...); got != "127.79.0.4: ok\n" || code != 0 {
			t.Errorf("%s %v: %q, code %d", tt.verb, tt.more, got, code)
		}
		if got, _ := talk(t, "", slices.Concat(args, []string{"-s"})...); got != "127.79.0.4: "+tt.want+"\n" {
			t.Errorf("after %s %v: %q", tt.verb, tt.more, got)
		}
	}
}

func TestConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "freeipmi.conf")
	text := "# of all tools\nusername someone\npassword hush\nipmipower-username op # ours wins\nusername other\ncipher-suite-id 17\nprivilege-level ADMIN\n" +
		"workaround-flags authcap \\\n sun20 assumeio\nipmi-sensors-username x\nfanout 3\nsession-timeout 7\ndriver-type KCS\nipmipower-wait-until-on ENABLE\nbackup x\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"--config-file", file, "-F", "5"}, "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if o.user != "op" || o.password != "hush" || o.suite != "17" || o.privilege != "ADMIN" || o.numbers[fanout] != 5 || o.numbers[sessionTimeout] != 7 || !o.switches[waitUntilOn] || o.switches[waitUntilOff] {
		t.Errorf("%+v", o)
	}
	if got, want := o.login().Quirks, ipmi.QuirkAuthCap|ipmi.QuirkSun20; got != want {
		t.Errorf("quirks %v, want %v", got, want)
	}
	if !o.exposed {
		t.Error("that everybody may read the password is not noted")
	}
	for _, bad := range []string{"ipmipower-foo 1\n", "fanout x\n", "ipmipower-on-if-off maybe\n"} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := parse([]string{"--config-file", file}, "/nowhere"); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := parse([]string{"--config-file", "/nowhere"}, os.DevNull); err == nil {
		t.Error("a configuration that was named and is not there is no error")
	}
}

func TestSecretsLeaveTheCommandLine(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), prompttest.Named(t, "ipmipower"), "-p", "hush1", "--k-g=hush2", "-uhush3")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // the prompt
		t.Fatal(err)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(line); strings.Contains(got, "hush1") || strings.Contains(got, "hush2") || !strings.Contains(got, "hush3") {
		t.Errorf("%q", got)
	}
	stdin.Close()
	_ = cmd.Wait()
}

func TestHosts(t *testing.T) {
	for text, want := range map[string][]host{
		"a[1-2],b:7":         {{"a1", "a1"}, {"a2", "a2"}, {"b", "b:7"}},
		"[::1]:9":            {{"::1", "[::1]:9"}},
		"fe80::1%eth0,a":     {{"fe80::1%eth0", "fe80::1%eth0"}, {"a", "a"}},
		"n[1-2]:99":          {{"n1", "n1:99"}, {"n2", "n2:99"}},
		"a:x":                nil,
		":7":                 nil,
		"n[0-99999999]":      nil,
		"a[":                 nil,
		"[2001:db8::7],b[7]": {{"2001:db8::7", "2001:db8::7"}, {"b7", "b7"}},
	} {
		got, err := parseHosts(text)
		if (err == nil) != (want != nil) || !cmp.Equal(got, want, cmp.AllowUnexported(host{})) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
