package redfishpower

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/internal/applet/powermand"
	"millwright.dev/millwright/internal/applet/prompt/prompttest"
)

// TestMain makes the test binary the programs themselves when it is called
// under their names: powermand starts it as its coprocess.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "redfishpower":
		os.Exit(Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	case "powermand":
		os.Exit(powermand.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// rehearse gives a program in test mode its input, and what it prints without
// the prompts.
func rehearse(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := Run(t.Context(), append(args, "-T"), strings.NewReader(stdin), &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	return strings.ReplaceAll(out.String(), "redfishpower> ", "")
}

const paths = "setstatpath s\nsetonpath n {\"a\":1}\nsetoffpath f\nsetcyclepath c\n"

// chassis has an enclosure, two blades in it, and two nodes on each.
const chassis = paths + "setplugs Enclosure 0\nsetplugs Blade[0-1] 0 Enclosure\nsetplugs Node[0-1] [1-2] Blade0\nsetplugs Node[2-3] [3-4] Blade1\n"

func TestCommands(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", paths + "stat\non n1\nstat n[0-2]\noff\nstat n1\ncycle n2\nstat n2\n", "n0: off\nn1: off\nn2: off\nn1: ok\nn0: off\nn1: on\nn2: off\nn0: ok\nn1: ok\nn2: ok\nn1: off\nn2: ok\nn2: on\n"},
		{"named twice", paths + "on n1,n1\nstat n1,n[0-1]\n", "n1: ok\nn1: on\nn0: off\n"},
		{"unknown plugs", paths + "stat nope\nstat n0,x[1-2]\non n3\nsetpath y stat p\n", "unknown plug specified: nope\nunknown plug specified: x1\nunknown plug specified: x2\nn0: off\nunknown plug specified: n3\nunknown plug specified: y\n"},
		{"bad lists", paths + "stat n[\non n[2-1]\nsetplugs a[ 0\nsetplugs a [\nsetpath [ stat p\nstat n[0-99999]\n", strings.Repeat("illegal hosts input\n", 6)},
		{"no paths", "stat n0\non n0\noff n1\ncycle n1\nsetonpath p\non n0\nsetpath n0 stat q\non n0\nstat\n", "n0: stat path not set\nn0: on path not set\nn1: off path not set\nn1: cycle path not set\nn0: stat path not set\nn0: ok\nn0: on\nn1: stat path not set\nn2: stat path not set\n"},
		{
			"usages", "auth\nsetstatpath\nsetonpath\nsetoffpath\nsetcyclepath\nsetplugs\nsetplugs a\nsetpath a stat\nsetpath n0 foo p\nsettimeout\nfoo\nsetheader\nsetheader a:b\nauth a:b\nsettimeout 5\n",
			"Usage: auth user:passwd\nUsage: setstatpath PATH\nUsage: setonpath PATH [DATA]\nUsage: setoffpath PATH [DATA]\nUsage: setcyclepath PATH [DATA]\nUsage: setplugs PLUGS INDICES [PARENT]\nUsage: setplugs PLUGS INDICES [PARENT]\n" +
				"Usage: setpath PLUGS stat|on|off|cycle PATH [DATA]\nsetpath: 'foo' is not stat, on, off or cycle\nUsage: settimeout SECONDS\ntype \"help\" for a list of commands\n",
		},
		{"timeouts", "settimeout 0\nsettimeout x\nsettimeout 99999999999\n", "settimeout: '0' is no number of seconds from 1 to 86400\nsettimeout: 'x' is no number of seconds from 1 to 86400\nsettimeout: '99999999999' is no number of seconds from 1 to 86400\n"},
		{"bad plugs", paths + "setplugs a[0-1] [0-2]\nsetplugs a 3\nsetplugs a -1\nsetplugs a x\nsetplugs a 0 a\nstat n0\n", "setplugs: 2 plugs and 3 host indices do not go together\nsetplugs: there is no host with index 3, only 0 to 2\nsetplugs: there is no host with index -1, only 0 to 2\nsetplugs: 'x' is no host index\nsetplugs: plug a cannot hang under itself\nn0: off\n"},
		{"the first setplugs discards the hosts", paths + "setplugs a 0\nsetplugs b[1-2] 1\nstat\nstat n0\n", "a: off\nb1: off\nb2: off\nunknown plug specified: n0\n"},
		{"no way round", paths + "setplugs a 0 c\nsetplugs b 0 a\nsetplugs c 0 b\nstat a\nstat b\n", "setplugs: plug c cannot hang under itself\na: plug not mapped: c\nb: plug not mapped: c\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, rehearse(t, tt.in, "-h", "n[0-1]", "-h", "n2")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHierarchy(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"all off", "stat\n", "Enclosure: off\nBlade0: off\nBlade1: off\nNode0: off\nNode1: off\nNode2: off\nNode3: off\n"},
		{"from the top", "on Enclosure\non Blade[0-1]\non Node[0-1]\nstat\n", "Enclosure: ok\nBlade0: ok\nBlade1: ok\nNode0: ok\nNode1: ok\nEnclosure: on\nBlade0: on\nBlade1: on\nNode0: on\nNode1: on\nNode2: off\nNode3: off\n"},
		{"nothing above", "on Node[0-1]\non Blade0\noff Node0\ncycle Node0\n", "Node0: cannot perform on, dependency off (host=h0 plug=Enclosure)\nNode1: cannot perform on, dependency off (host=h0 plug=Enclosure)\n" +
			"Blade0: cannot perform on, dependency off (host=h0 plug=Enclosure)\nNode0: ok\nNode0: cannot perform cycle, dependency off (host=h0 plug=Enclosure)\n"},
		{"parent and child", "on Enclosure\non Blade0,Node[0,2]\ncycle Node3,Enclosure\nstat Blade0\n", "Enclosure: ok\nBlade0: cannot turn on parent and child\nNode0: cannot turn on parent and child\nNode2: cannot turn on parent and child\n" +
			"Node3: cannot cycle parent and child\nEnclosure: cannot cycle parent and child\nBlade0: off\n"},
		{"off takes along", "on Enclosure\non Blade0\non Node[0-1]\noff Node1,Blade0\non Blade0\nstat Node[0-1]\noff\nstat\n", "Enclosure: ok\nBlade0: ok\nNode0: ok\nNode1: ok\nBlade0: ok\nNode1: ok\nBlade0: ok\nNode0: off\nNode1: off\n" +
			"Enclosure: ok\nBlade0: ok\nBlade1: ok\nNode0: ok\nNode1: ok\nNode2: ok\nNode3: ok\nEnclosure: off\nBlade0: off\nBlade1: off\nNode0: off\nNode1: off\nNode2: off\nNode3: off\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, rehearse(t, chassis+tt.in, "-h", "h[0-4]")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailingHosts(t *testing.T) {
	for fail, want := range map[string]string{
		"h0": "Enclosure: error\nNode0: error\nNode0: cannot perform on, dependency error (host=h0 plug=Enclosure)\nEnclosure: error\nNode0: cannot perform off, dependency error (host=h0 plug=Enclosure)\n" +
			"Node0: cannot perform off, dependency error (host=h0 plug=Enclosure)\n",
		"h1": "Enclosure: off\nNode0: off\nNode0: cannot perform on, dependency off (host=h0 plug=Enclosure)\nEnclosure: ok\nNode0: ok\nNode0: ok\n",
	} {
		if diff := cmp.Diff(want, rehearse(t, chassis+"stat Enclosure,Node0\non Node0\noff Enclosure,Node0\noff Node0\n", "-h", "h[0-4]", "--test-fail-power-cmd-hosts="+fail)); diff != "" {
			t.Errorf("%s fails (-want +got):\n%s", fail, diff)
		}
	}
}

// TestDebugLines: each plug above is asked once, and only as far as needed.
func TestDebugLines(t *testing.T) {
	got := rehearse(t, chassis+"setpath Blade[0-1] stat Chassis/{{plug}}/{{plug}}\non Enclosure\nstat Node[0-1],Blade0\n", "-h", "h[0-4]", "-vv")
	want := "DEBUG: on hostname=h0 plugname=Enclosure path=n\nEnclosure: ok\n" +
		"DEBUG: stat hostname=h0 plugname=Enclosure path=s\nDEBUG: stat hostname=h0 plugname=Blade0 path=Chassis/Blade0/{{plug}}\nBlade0: off\nNode0: off\nNode1: off\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOptions(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"-h", "a", "--header=X:1", "--auth", "me:hush", "-m", "7", "--resolve-hosts", "-T"}
	if code := Run(t.Context(), args, strings.NewReader(""), &out, &errs); code != 0 {
		t.Errorf("exit code %d", code)
	}
	want := "command line option: header = X:1\ncommand line option: auth = me:hush\ncommand line option: message timeout = 7\ncommand line option: resolve-hosts set\n"
	if errs.String() != want || out.String() != "redfishpower> " {
		t.Errorf("got %q and %q", errs.String(), out.String())
	}
	if got := rehearse(t, "stat\non\noff\ncycle\n", "-h", "a", "-Ss", "-On", "-Ff", "-Cc", "-P", "1", "-G2", "-D3"); got != "a: off\na: ok\na: ok\na: ok\n" {
		t.Errorf("paths of the command line: %q", got)
	}
	file := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(file, []byte("a[1-2]\n\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := rehearse(t, "stat\n", "-f", file, "-S", "s"); got != "a1: off\na2: off\nb: off\n" {
		t.Errorf("hosts of a file: %q", got)
	}
	for _, args := range [][]string{nil, {"-h"}, {"-h", "["}, {"-h", "a", "-x"}, {"-h", "a", "b"}, {"-h", "a", "-m", "0"}, {"-f", "/nonexistent"}, {"-h", "a", "--ca-file", "/nonexistent"}, {"-h", "a", "--re"}} {
		errs.Reset()
		code := Run(t.Context(), args, strings.NewReader(""), &out, &errs)
		if bad := len(args) < 3 || args[2] != "--re"; (code != 0) != bad || (errs.Len() > 0) != bad {
			t.Errorf("%q: exit code %d, %s", args, code, &errs)
		}
	}
}

// TestSecretLeavesTheCommandLine looks at the process as ps would.
func TestSecretLeavesTheCommandLine(t *testing.T) {
	for name, args := range map[string][]string{
		"apart": {"-h", "a", "-A", "me:hush"}, "joined": {"-h", "a", "-Ame:hush"}, "long": {"--auth=me:hush", "-h", "a"}, "with others": {"-h", "a", "-TvAme:hush"},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); showsNoSecret(t, args) })
	}
	secret := strings.Clone("hush")
	if getopt.Wipe(secret); secret != "hush" {
		t.Error("a string of our own was overwritten")
	}
	getopt.Wipe("a constant, which cannot be written to")
}

func showsNoSecret(t *testing.T, args []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), prompttest.Named(t, "redfishpower"), args...)
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
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // it prompts: it has read its options
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("/proc", pid(cmd), "cmdline"))
	if err != nil || bytes.Contains(got, []byte("hush")) || !bytes.Contains(got, []byte("xxxxxxx\x00")) {
		t.Errorf("%q shows as %q, %v", args, got, err)
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func pid(cmd *exec.Cmd) string { return strconv.Itoa(cmd.Process.Pid) }

// TestDeviceFiles has both daemons use Debian's device files, in test mode.
func TestDeviceFiles(t *testing.T) {
	for _, daemon := range prompttest.Daemons() {
		for spec, file := range map[string]string{
			"redfishpower-supermicro":        "redfishpower-supermicro",
			"redfishpower-cray-r272z30":      "redfishpower-cray-r272z30",
			"redfishpower-cray-windom-node0": "redfishpower-cray-windom",
			"redfishpower-cray-windom-node1": "redfishpower-cray-windom",
		} {
			t.Run(daemon+" "+spec, func(t *testing.T) {
				t.Parallel()
				conf := "include \"/etc/powerman/" + file + ".dev\"\ndevice \"d\" \"" + spec + "\" \"" + prompttest.Named(t, "redfishpower") + " -T -h x[0-9] |&\"\nnode \"n[0-9]\" \"d\" \"x[0-9]\"\n"
				got := prompttest.Converse(t, daemon, conf, "status", "on n[3-5]", "status n[0-9]", "off n4", "status n4,n5", "cycle n[0-1]", "device")
				for request, want := range map[string]string{
					"status": "302 off:     n[0-9]\r\n", "on n[3-5]": "102 Command completed successfully\r\n", "status n[0-9]": "302 on:      n[3-5]\r\n302 off:     n[0-2,6-9]\r\n",
					"off n4": "102 ", "status n4,n5": "302 on:      n5\r\n302 off:     n4\r\n", "cycle n[0-1]": "102 ",
				} {
					if !strings.Contains(got[request], want) {
						t.Errorf("%s: got %q, want %q", request, got[request], want)
					}
				}
			})
		}
	}
}

// FuzzCommands: whatever is typed, each command ends, and each line of its answer
// is one line.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{chassis + "on\noff\nstat\n", paths + "stat n[0-2],x\ncycle\n", "setplugs a 0 b\nsetplugs b 0 a\nstat\n", "setpath n0 stat {{plug}}%\xff\nstat\n", "setplugs a[0-9] 0 \x00\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var out, errs bytes.Buffer
		if code := Run(t.Context(), []string{"-h", "n[0-4]", "-T", "--test-fail-power-cmd-hosts", "n3"}, strings.NewReader(in), &out, &errs); code != 0 || errs.Len() > 0 {
			t.Errorf("exit code %d: %s", code, &errs)
		}
		if !strings.HasSuffix(out.String(), "redfishpower> ") && !strings.Contains(in, "quit") {
			t.Errorf("it ends without a prompt: %q", out.String())
		}
	})
}
