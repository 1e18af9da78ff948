package powermancli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/powerman"
)

// script is a server that answers each request with what is said for it, and
// records what it was sent.
func script(t *testing.T, network, addr, banner string, replies map[string]string) (server string, sent func() []string) {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "001 %s\r\npowerman> ", banner)
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			got = append(got, lines.Text())
			reply, ok := replies[lines.Text()]
			if !ok {
				return
			}
			fmt.Fprint(conn, strings.ReplaceAll(reply, "\n", "\r\n"))
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String(), func() []string { _ = l.Close(); <-done; return got }
}

func TestStreamsAndStatus(t *testing.T) {
	server, sent := script(t, "tcp6", "[::1]:0", powerman.DefaultVersion, map[string]string{
		"telemetry":  "104 Telemetry ON\npowerman> ",
		"exprange":   "105 Hostrange expansion ON\npowerman> ",
		"on t[7,15]": "305 send(d): 'x'\n309 t7: ERROR\n308 d: connect timeout\n309 t15: ERROR\n210 Command completed with errors\npowerman> ",
		"quit":       "101 Goodbye\n",
	})
	var stdout, stderr bytes.Buffer
	status := Run(t.Context(), []string{"-Tx1", "--server-h=" + server, "t7", "t15"}, nil, &stdout, &stderr)
	if want := "send(d): 'x'\nd: connect timeout\nCommand completed with errors\n"; stdout.String() != want {
		t.Errorf("stdout %q, want %q", &stdout, want)
	}
	if want := "t7: ERROR\nt15: ERROR\n"; stderr.String() != want {
		t.Errorf("stderr %q, want %q", &stderr, want)
	}
	if status != 210 {
		t.Errorf("status %d, want 210", status)
	}
	if got, want := strings.Join(sent(), ";"), "telemetry;exprange;on t[7,15];quit"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestMistakes(t *testing.T) {
	dead := freeport.For(t, "127.0.0.1")
	silent, _ := script(t, "tcp", "127.0.0.1:0", powerman.DefaultVersion, nil)
	strange, _ := script(t, "tcp", "127.0.0.1:0", powerman.DefaultVersion, map[string]string{"status": "hello\n"})
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "No action was specified."},
		{[]string{"t1"}, "No action was specified."},
		{[]string{"-1", "-0", "t1"}, "Only one action may be specified"},
		{[]string{"-qq"}, "Only one action may be specified"},
		{[]string{"-1"}, "Command requires targets"},
		{[]string{"-1", ","}, "Command requires targets"},
		{[]string{"-l", "t1"}, "Command does not accept targets"},
		{[]string{"-Z"}, "Unknown option.  Try '--help' for more information."},
		{[]string{"--o", "t1"}, "Unknown option.  Try '--help' for more information."},
		{[]string{"--on=t1"}, "Unknown option.  Try '--help' for more information."},
		{[]string{"-q", "-h"}, "Unknown option.  Try '--help' for more information."},
		{[]string{"-1", "t[2-1]"}, "hostlist error"},
		{[]string{"-1", strings.Repeat("a,b,", 40_000)}, "hostlist error"},
		{[]string{"-R", "0", "-q"}, "invalid --retry-connect argument"},
		{[]string{"--retry=x", "-q"}, "invalid --retry-connect argument"},
		{[]string{"-qh", dead}, "could not connect to address " + dead},
		{[]string{"-qh", dead, "-R2"}, "could not connect to address " + dead},
		{[]string{"-qh", "no..such"}, "getaddrinfo no..such:10101: Name or service not known"},
		{[]string{"-qh", silent}, "EOF on read"},
		{[]string{"-qh", strange}, "unexpected response from server"},
	} {
		var stdout, stderr bytes.Buffer
		if status := Run(t.Context(), c.args, nil, &stdout, &stderr); status != 1 || stderr.String() != "powerman: "+c.want+"\n" || stdout.Len() > 0 {
			t.Errorf("%.60q: status %d, stderr %q, stdout %q; want 1, %q", c.args, status, &stderr, &stdout, c.want)
		}
	}
}

func TestShown(t *testing.T) {
	for _, c := range []struct{ arg, want string }{{"-V", "2.4.4\n"}, {"--lic", "Apache License"}, {"-H", "--retry-connect N"}} {
		var stdout, stderr bytes.Buffer
		if status := Run(t.Context(), []string{c.arg}, nil, &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), c.want) || stderr.Len() > 0 {
			t.Errorf("%s: status %d, %q, %q", c.arg, status, &stdout, &stderr)
		}
	}
}

func TestGendersTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "genders")
	if err := os.WriteFile(file, []byte("n[1-4] all\nn[2-3] login\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ queries, want string }{
		{"login", "n[2-3]"},
		{"all--login", "n[1,4]"},
		{"login all", "n[2-3,1-4]"},
		{"nope", "genders expression did not match any nodes"},
		{"(", "genders_query: query syntax error"},
	} {
		list, err := gendersTargets(file, strings.Fields(c.queries))
		got := list.String()
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.queries, got, c.want)
		}
	}
}

// A server that dies while being retried must not keep the program: the
// context ends it.
func TestRetriesEndWithTheContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status := Run(ctx, []string{"-R1000000", "-qh", addr}, nil, &bytes.Buffer{}, &bytes.Buffer{}); status != 1 {
		t.Error(status)
	}
}
