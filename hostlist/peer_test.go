package hostlist_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/hostlist"
)

// The peer is Debian's powermand on its own simulated power controllers. It
// answers unknown targets with the list as given, "209 No such nodes: t[1-3]",
// and known ones with a sorted list, "302 off:     t[1-3]".

// peerNodes are the names the peer knows: every corner of the sort order, and
// at most 16, the plugs of one simulated controller, to each line.
var peerNodes = []string{
	"t010,t9,t09,t10,t100,t,ta,T1,t33554433,t99,t0,t00,t1-b,t1b2,t3,t4",
	"a5,a05,a005,a6,a06,a006,a,8,08,rabbit,cmm0,n1[2-4],n2",
	"t[5-8],t[11-14],t[90-91],t33554432,p[08-12]",
}

func TestPeerSortsAlike(t *testing.T) {
	ask := startPowermand(t)
	var all []string
	for _, line := range peerNodes {
		all = append(all, parse(t, line).Names()...)
	}
	if got, want := ask("nodes")["306"], hostlist.Fold(all); got != want {
		t.Errorf("all nodes: powermand says %s, we say %s", got, want)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		some := make([]string, 1+rnd.IntN(30)) // with duplicates
		for i := range some {
			some[i] = all[rnd.IntN(len(all))]
		}
		got := strings.TrimSpace(strings.TrimPrefix(ask("status " + strings.Join(some, ","))["302"], "off:"))
		if want := hostlist.Fold(some); got != want {
			t.Fatalf("%s: powermand says %s, we say %s", some, got, want)
		}
	}
}

func TestPeerWritesAlike(t *testing.T) {
	ask := startPowermand(t)
	tokens := []string{
		"z9", "z10", "z11", "z09", "z010", "z[1-3]", "z[08-11]", "z[9-11,3]", "z[00-02]p", "z1[8-11]", "z[1-2]3", "z[5-]",
		"z", "y1", "[700-702]", "0700", "z33554432", "z33554433", "z[33554430-33554435]", "z[1-03]", "z[1-2]b[3-4]",
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		some := make([]string, 1+rnd.IntN(6))
		for i := range some {
			some[i] = tokens[rnd.IntN(len(tokens))]
		}
		text := strings.Join(some, ",")
		got := strings.TrimPrefix(ask("on " + text)["209"], "No such nodes: ")
		if want := parse(t, text).String(); got != want {
			t.Fatalf("%s: powermand says %s, we say %s", text, got, want)
		}
	}
}

// startPowermand starts the peer and returns how to ask it: a reply is its
// lines by code; of several lines with one code the one with the longest text.
func startPowermand(t *testing.T) func(request string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cmd := exec.CommandContext(ctx, "/usr/sbin/powermand", "--foreground", "--stdio", "--conf", peerConfig(t))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("this test needs Debian's powerman: %v", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		cancel()
		_ = cmd.Wait() // it was killed, or not: nothing depends on how it ended
	})
	in := bufio.NewReader(stdout)
	readReply(t, in) // the banner
	return func(request string) map[string]string {
		t.Helper()
		if _, err := io.WriteString(stdin, request+"\n"); err != nil {
			t.Fatal(err)
		}
		return readReply(t, in)
	}
}

func peerConfig(t *testing.T) string {
	t.Helper()
	conf := []string{`include "/etc/powerman/vpc.dev"`}
	for i, nodes := range peerNodes {
		conf = append(conf,
			fmt.Sprintf(`device "v%d" "vpc" "/usr/sbin/vpcd |&"`, i),
			fmt.Sprintf(`node "%s" "v%d"`, nodes, i))
	}
	file := filepath.Join(t.TempDir(), "powerman.conf")
	if err := os.WriteFile(file, []byte(strings.Join(conf, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func readReply(t *testing.T, in *bufio.Reader) map[string]string {
	t.Helper()
	const prompt = "powerman> "
	var reply []byte
	for !strings.HasSuffix(string(reply[max(0, len(reply)-len(prompt)):]), prompt) {
		c, err := in.ReadByte()
		if err != nil {
			t.Fatalf("powermand ended after %q: %v", reply, err)
		}
		reply = append(reply, c)
	}
	lines := make(map[string]string)
	for line := range strings.Lines(strings.TrimSuffix(string(reply), prompt)) {
		code, text, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		lines[code] = slices.MaxFunc([]string{lines[code], text}, func(a, b string) int { return len(a) - len(b) })
	}
	return lines
}
