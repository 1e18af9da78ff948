package plmpower

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/applet/powermand"
	"millwright.dev/millwright/internal/applet/prompt/prompttest"
)

// TestMain makes the test binary the programs themselves when it is called
// under their names: powermand starts it as its coprocess.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "plmpower":
		os.Exit(Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	case "powermand":
		os.Exit(powermand.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func program(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return out.String(), errs.String(), code
}

// TestSameAsDebians gives the same input to Debian's plmpower (2.3.27), each with
// a modem of its own or in test mode: the same bytes must come out, and the same
// reach the modem. What we mean to do otherwise is in ours.
func TestSameAsDebians(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct {
		name, stdin string
		args        []string
		fake        *fake // nil: test mode
		ours, why   string
	}{
		{name: "nothing"},
		{name: "test mode", stdin: "on A1\noff A1\nstatus A1\nstatus p16\nstatus 1.2.3\non 0a.0B.0c\nstatus 0a.0B.0c\nstatus 9.9.9\noff 1.2.3\nstatus 1.2.3\nping A1\ninfo\nreset\n"},
		{name: "no such command", stdin: "foo\nON A1\n\n \nquit now\ninfo\n"},
		{name: "usage", stdin: "on\noff\nstatus\non A1 B2\nstatus A1 B2\n"},
		{name: "bad addresses", stdin: "on x\non A17\noff A0\nstatus Q1\nstatus a1\non 100.2.3\non 1.2\non 001.2.3\non 0x1.2.3\n"},
		{name: "sloppy addresses", stdin: "status 1.2.3.4\nstatus 1.2.3x\nstatus A1x\nstatus A+1\n", why: "a typing error must not switch another device", ours: "plmpower> plmpower> plmpower> plmpower> plmpower> "},
		{name: "A01", stdin: "status A01\n"},
		{name: "long lines", stdin: long + "\nstatus A1\n" + long[:126] + "\n" + long[:127] + "\n" + long},
		{name: "zero bytes", stdin: "foo\x00bar\n\x00\nstatus A1\n"},
		{name: "one command", args: []string{"-S", "status 1.2.3"}},
		{name: "one bad command", args: []string{"-S", "foo"}},
		{name: "a day", stdin: "info\nreset\non A1\noff P16\nstatus 01.02.03\non 01.02.03\nstatus 1.2.3\noff 0a.0b.0c\nstatus B2\nping 1.2.3\nping A1\nping\n", fake: &fake{}},
		{name: "X10 more often", stdin: "on C7\n", args: []string{"--x10-attempts", "5"}, fake: &fake{}},
		{name: "busy", stdin: "info\non A1\nstatus 1.2.3\nreset\n", fake: &fake{naks: 3}},
		{name: "asked again", stdin: "status 1.2.3\n", args: []string{"-t", "50"}, fake: &fake{deaf: 2}},
		{name: "one command of a modem", args: []string{"-S", "info"}, fake: &fake{}},
		{name: "refused", stdin: "status 1.2.3\n", fake: &fake{refuse: true}, why: "a refusal is no level", ours: "plmpower> 1.2.3: unknown\nplmpower> "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			theirArgs, ourArgs := append([]string{"-T"}, tt.args...), append([]string{"-T"}, tt.args...)
			theirs, ours := &fake{}, &fake{}
			if tt.fake != nil {
				theirs = &fake{naks: tt.fake.naks, deaf: tt.fake.deaf, refuse: tt.fake.refuse}
				ours = &fake{naks: tt.fake.naks, deaf: tt.fake.deaf, refuse: tt.fake.refuse}
				theirArgs = append([]string{"-d", theirs.serveLine(t)}, tt.args...)
				ourArgs = append([]string{"--device=" + ours.serveLine(t)}, tt.args...)
			}
			cmd := exec.CommandContext(t.Context(), "/usr/sbin/plmpower", theirArgs...)
			cmd.Stdin = strings.NewReader(tt.stdin)
			out, _ := cmd.Output() // in test mode it fails in the end, always
			want := steady(string(out))
			if tt.why != "" {
				if want == tt.ours {
					t.Error("no difference any more: take it out of the table")
				}
				want = tt.ours
			}
			got, stderr, code := program(t, tt.stdin, ourArgs...)
			if diff := cmp.Diff(want, steady(got)); diff != "" || code != 0 {
				t.Errorf("code %d, stderr %q, stdout (-Debian's +ours):\n%s", code, stderr, diff)
			}
			if diff := cmp.Diff(theirs.log, ours.log); diff != "" {
				t.Errorf("to the modem (-Debian's +ours):\n%s", diff)
			}
		})
	}
}

// steady takes times out.
func steady(s string) string {
	return regexp.MustCompile(`time=[0-9.]+ ms`).ReplaceAllString(s, "time=0 ms")
}

func TestHelp(t *testing.T) {
	got, _, _ := program(t, "help\n", "-T")
	for _, word := range []string{"info", "reset", "on ADDR", "off ADDR", "status ADDR", "ping ADDR", "quit"} {
		if !strings.Contains(got, "\n  "+word) {
			t.Errorf("no %q in the help: %q", word, got)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for _, args := range [][]string{nil, {"-x"}, {"extra"}, {"-d"}, {"-h"}, {"-T", "-t", "0"}, {"-T", "-x", "x"}, {"-T", "-x", "101"}, {"-d", "/nonexistent"}, {"-d", "/etc/hostname"}, {"-T", "more"}} {
		stdout, stderr, code := program(t, "", args...)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "plmpower: ") {
			t.Errorf("plmpower %q: code %d, stdout %q, stderr %q; want 1 and a complaint", args, code, stdout, stderr)
		}
	}
}

func TestLineIsLocked(t *testing.T) {
	f := &fake{}
	path := f.serveLine(t)
	cmd := exec.CommandContext(t.Context(), prompttest.Named(t, "plmpower"), "-d", path)
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
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := program(t, "", "-d", path); code != 1 || !strings.Contains(stderr, "locked by another program") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestDeviceFile has both daemons use Debian's device file, with a modem.
func TestDeviceFile(t *testing.T) {
	for _, daemon := range prompttest.Daemons() {
		t.Run(daemon, func(t *testing.T) {
			f := &fake{}
			conf := fmt.Sprintf("include \"/etc/powerman/plmpower.dev\"\ndevice \"d\" \"plmpower\" \"%s -d %s |&\"\nnode \"lamp,fan,tree\" \"d\" \"A4.02.B3,01.02.03,G13\"\n", prompttest.Named(t, "plmpower"), f.serveLine(t))
			got := prompttest.Converse(t, daemon, conf, "status", "on lamp", "on tree", "status lamp,fan,tree", "off lamp", "cycle fan", "status lamp,fan")
			for request, want := range map[string]string{
				"status": "302 off:     fan,lamp\r\n302 unknown: tree\r\n", "on lamp": "102 ", "status lamp,fan,tree": "302 on:      lamp\r\n302 off:     fan\r\n302 unknown: tree\r\n", "status lamp,fan": "302 on:      fan\r\n302 off:     lamp\r\n",
			} {
				if !strings.Contains(got[request], want) {
					t.Errorf("%s: got %q, want %q", request, got[request], want)
				}
			}
		})
	}
}
