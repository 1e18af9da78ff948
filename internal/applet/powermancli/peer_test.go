package powermancli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/freeport"
)

// asPowerman in the environment makes the test binary the program itself, for
// those who run powerman as a child.
const asPowerman = "MILLWRIGHT_TEST_AS_POWERMAN"

func TestMain(m *testing.M) {
	if os.Getenv(asPowerman) != "" {
		os.Exit(Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// The fence agent runs powerman for each of its steps; here it runs ours.
func TestFenceAgentThroughOurClient(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(startPowermand(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		action, want string
		status       int
	}{{"status", "Status: OFF", 2}, {"on", "Success: Powered ON", 0}, {"status", "Status: ON", 0}, {"off", "Success: Powered OFF", 0}} {
		cmd := exec.Command("fence_powerman")
		cmd.Env = append(os.Environ(), asPowerman+"=1")
		cmd.Stdin = strings.NewReader(fmt.Sprintf("ip=%s\nipport=%s\naction=%s\nplug=t9\npowerman_path=%s\nstonith_status_sleep=0\npower_wait=0\ndelay=0\ndisable_timeout=true\n",
			host, port, c.action, self))
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %s, got %q, want %q and status %d", c.action, cmd.ProcessState, out, c.want, c.status)
		}
	}
}

// startPowermand starts a real powermand with t[0-15] on one simulated device
// and returns its address.
func startPowermand(t *testing.T) string {
	t.Helper()
	addr := freeport.For(t, "127.0.0.1")
	conf := filepath.Join(t.TempDir(), "powerman.conf")
	text := fmt.Sprintf(`include "/etc/powerman/vpc.dev"
listen "%s"
device "test0" "vpc" "/usr/sbin/vpcd |&"
node "t[0-15]" "test0"
alias "pair" "t[0-1]"
`, addr)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/powermand", "-f", "-c", conf)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal("this test needs powermand:", err)
	}
	ready, drained := make(chan bool, 1), make(chan struct{})
	go func() {
		defer close(drained)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if strings.Contains(lines.Text(), "opened on") {
				select {
				case ready <- true:
				default:
				}
			}
		}
		close(ready)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-drained
		_ = cmd.Wait()
	})
	if !<-ready {
		t.Fatal("powermand did not connect to its device")
	}
	return addr
}

// Debian's client is 2.3.27: it has letters of its own for queries with
// targets, else the two must show the same bytes and end with the same status.
func TestShowsWhatThePackagedClientShows(t *testing.T) {
	addr := startPowermand(t)
	for _, c := range []struct{ ours, theirs string }{
		{"-1 t0 t[2-3]", "-1 t0,t[2-3]"},
		{"t5 --on t6", "-1 t5,t6"},
		{"-q", "-q"},
		{"-qx", "-q -x"},
		{"-q t0", "-Q t0"},
		{"-q pair,t9,t9", "-Q pair,t9,t9"},
		{"t9 --que --expr pair", "-x -Q t9,pair"},
		{"-0 t[0-1]", "-0 t[0-1]"},
		{"-c t1", "-c t1"},
		{"-r t1", "-r t1"},
		{"-f t4", "-f t4"},
		{"-b", "-b"},
		{"-b t[3-5]", "-B t[3-5]"},
		{"-u t4", "-u t4"},
		{"-t", "-t"},
		{"-t t13", "-P t13"},
		{"-l", "-l"},
		{"-lx", "-l -x"},
		{"-d t1", "-D t1"},
		{"-d zz", "-D zz"},
		{"-q t0,zz[3-4],yy", "-Q t0,zz[3-4],yy"},
		{"-1 zz", "-1 zz"},
		{"-Q t0", "-Q t0"},
		{"-B t0 -x", "-B t0 -x"},
		{"-P t3", "-P t3"},
		{"-D zz", "-D zz"},
		{"--query-all", "--query-all"},
		{"--temp-all", "--temp-all"},
	} {
		theirs := exec.Command("powerman", append([]string{"-h", addr}, strings.Fields(c.theirs)...)...)
		var wantErr bytes.Buffer
		theirs.Stderr = &wantErr
		want, err := theirs.Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal("this test needs the packaged powerman:", err)
		}
		var stdout, stderr bytes.Buffer
		got := Run(t.Context(), append([]string{"-h", addr}, strings.Fields(c.ours)...), nil, &stdout, &stderr)
		if stdout.String() != string(want) || got != theirs.ProcessState.ExitCode() {
			t.Errorf("powerman %s:\n%s(status %d); want\n%s(status %d) %s", c.ours, &stdout, got, want, theirs.ProcessState.ExitCode(), &wantErr)
		}
		if w := "powerman: warning: server version (2.3.27) != client (2.4.4)\n"; stderr.String() != w {
			t.Errorf("powerman %s: on stderr %q, want %q", c.ours, &stderr, w)
		}
	}
}

func TestTelemetryOfARealDaemon(t *testing.T) {
	addr := startPowermand(t)
	var stdout, stderr bytes.Buffer
	if status := Run(context.Background(), []string{"-Tqh", addr, "t0"}, nil, &stdout, &stderr); status != 0 {
		t.Fatal(status, &stderr)
	}
	for _, want := range []string{"send(test0): 'stat *\\n'\n", "recv(test0): 'plug 0: OFF\\n'\n", "off:     t0\n"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
}
