package vpcd_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/applet/vpcd"
)

// asProgram in the environment makes the test binary be the program itself.
const asProgram = "MILLWRIGHT_TEST_AS_VPCD"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(vpcd.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = vpcd.Run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return out.String(), errs.String(), code
}

// TestSameBytesAsDebians gives the same input to Debian's vpcd (2.3.27): all
// that has not changed in 2.4.
func TestSameBytesAsDebians(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct{ name, stdin string }{
		{"nothing", ""},
		{"before the login", "stat *\nfoo\n\nlogoff\nstat\n"},
		{"queries", "login\nstat *\nstat 3\nstat 15\nbeacon *\nbeacon 0\ntemp *\n"},
		{"numbers", "login\nstat 16\nstat -1\nstat x\nstat 3x\nstat  3\nstat3\nstat +1\nstat -0\nstat 99999999999999999999\nstat 4294967297\nstat [1-3]\nstat\n"},
		{"stars", "login\nstat *\t \nstat  *\nstat*\nstat *x\nflash *\nunflash *\n"},
		{"beacons", "login\nflash 3\nflash 3 4\nbeacon 3\nunflash 3\nbeacon 3\nflash 16\nunflash x\nflash\n"},
		{"wrong words", "login\nfoo\n  on 3\nON 3\nlogin x\nlogoff x\n loginn\nLOGIN\nhelp\nquit\non\noff \non x\non *x\non*\non 16\noff -1\n"},
		{"spew", "login\nspew 2\nspew 1x\nspew x\nspew\nspew 0\nspew -1\nspew 100\n"},
		{"line ends", "login\r\nstat 1\r\nstat 1 \nstat 1\t\n   \n\nstat 1"},
		{"long lines", "login\n" + long + "\nstat 1\n" + long[:127] + "\n" + long[:126] + "\n" + long[:128] + "\n" + long},
		{"zero bytes", "ab\x00cd\nlogin\nab\x00cd\nstat 1\x00\n"},
		{"leaving", "login\nlogoff\nstat *\n"},
		{"resets that fail", "login\nreset 16\nreset x\nreset\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("/usr/sbin/vpcd")
			cmd.Stdin = strings.NewReader(tt.stdin)
			want, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			got, stderr, code := run(t, tt.stdin)
			if diff := cmp.Diff(string(want), got); diff != "" || stderr != "" || code != 0 {
				t.Errorf("code %d, stderr %q, stdout (-Debian's +ours):\n%s", code, stderr, diff)
			}
		})
	}
}

// TestNewerThanDebians is what PowerMan 2.4 does otherwise than 2.3.27.
func TestNewerThanDebians(t *testing.T) {
	const in = "login\non [3-5]\nstat 3\nstat 4\ntemp 4\noff *\n"
	const want = "0 vpc> 0 OK\n1 vpc> 3: OK\n4: ERROR\n5: OK\n1 OK\n2 vpc> plug 3: ON\n2 OK\n3 vpc> plug 4: ERROR\n3 OK\n" +
		"4 vpc> plug 4: 87\n4 OK\n5 vpc> 0: OK\n1: OK\n2: OK\n3: OK\n4: ERROR\n5: OK\n6: OK\n7: ERROR\n8: OK\n9: OK\n" +
		"10: OK\n11: OK\n12: OK\n13: OK\n14: OK\n15: OK\n5 OK\n6 vpc> "
	got, stderr, code := run(t, in, "-b", "4", "-b7")
	if diff := cmp.Diff(want, got); diff != "" || stderr != "" || code != 0 {
		t.Errorf("code %d, stderr %q, stdout (-want +got):\n%s", code, stderr, diff)
	}
}

func TestResetTakesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		got, _, _ := run(t, "login\nreset *\nreset [1-3]\nreset 2\n")
		if want := "0 vpc> 0 OK\n1 vpc> 1 OK\n2 vpc> 2 OK\n3 vpc> 3 OK\n4 vpc> "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := time.Since(begin); got != 3*time.Second {
			t.Errorf("three resets took %v, want 3s", got)
		}
	})
}

func TestWrongOptions(t *testing.T) {
	for _, args := range [][]string{{"-x"}, {"extra"}, {"-p"}, {"-p", "x"}, {"--port=65536"}, {"-b", "16"}, {"-b", "-1"}, {"--bad"}, {"-"}, {"--port"}} {
		_, stderr, code := run(t, "", args...)
		if code != 1 || !strings.Contains(stderr, "Usage: vpcd") {
			t.Errorf("vpcd %q: code %d, stderr %q; want 1 and the usage", args, code, stderr)
		}
	}
}

func TestOneConnectionOnAPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	code := make(chan int)
	go func() { code <- vpcd.Run(t.Context(), []string{"-p", port}, nil, io.Discard, t.Output()) }()
	var conn net.Conn
	for conn == nil && t.Context().Err() == nil {
		conn, _ = net.Dial("tcp", addr)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "login\non 3\nstat 3\nlogoff\n"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if want := "0 vpc> 0 OK\n1 vpc> 3: OK\n1 OK\n2 vpc> plug 3: ON\n2 OK\n3 vpc> 3 OK\n"; string(got) != want || err != nil {
		t.Errorf("got %q and error %v, want %q", got, err, want)
	}
	if got := <-code; got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
}

func TestContextEndsTheWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int)
	go func() { code <- vpcd.Run(ctx, []string{"-p", "0"}, nil, io.Discard, io.Discard) }()
	cancel()
	if got := <-code; got != 1 {
		t.Errorf("exit code %d, want 1", got)
	}
}

// TestPowermandStartsCoprocesses has Debian's powermand keep 40 devices that are
// this program, and switch all their plugs.
func TestPowermandStartsCoprocesses(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	conf := &strings.Builder{}
	conf.WriteString("include \"/etc/powerman/vpc.dev\"\n")
	for i := range 40 {
		fmt.Fprintf(conf, "device \"d%d\" \"vpc\" \"%s |&\"\nnode \"n[%d-%d]\" \"d%d\"\n", i, self, 16*i, 16*i+15, i)
	}
	file := filepath.Join(t.TempDir(), "powerman.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/powermand", "-f", "-s", "-c", file)
	cmd.Env = append(os.Environ(), asProgram+"=1")
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
	r := bufio.NewReader(stdout)
	answer := ""
	for _, line := range []string{"on n[0-639]", "off n7", "status", "quit"} {
		for answer = ""; !strings.HasSuffix(answer, "powerman> "); {
			text, err := r.ReadString(' ')
			if answer += text; err != nil {
				t.Fatalf("before %q: %v after %q", line, err, answer)
			}
		}
		if _, err := io.WriteString(stdin, line+"\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if want := "302 on:      n[0-6,8-639]\r\n302 off:     n7\r\n"; !strings.Contains(answer, want) {
		t.Errorf("got\n%s\nwant %q", answer, want)
	}
}

func BenchmarkStatAll(b *testing.B) {
	in := "login\n" + strings.Repeat("stat *\n", 100)
	for b.Loop() {
		vpcd.Run(b.Context(), nil, strings.NewReader(in), io.Discard, io.Discard)
	}
}
