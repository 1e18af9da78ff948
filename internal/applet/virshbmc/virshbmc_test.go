package virshbmc

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/libvirt/libvirttest"
)

// A guest has a BMC for as long as the program runs; ipmitool and pyghmiutil are its
// clients, and the rules are strict.
func TestRun(t *testing.T) {
	daemon := libvirttest.Start(t)
	_, port, _ := net.SplitHostPort(freeport.For(t, "127.0.0.1"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var said bytes.Buffer
	go func() {
		ended <- Run(ctx, []string{"--port", port, "--connect", daemon.URI("test"), "--domain", "test"}, nil, &said, &said)
	}()
	tool := func(word string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		out, _ := exec.CommandContext(ctx, "ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", port, "-U", "admin", "-P", "password", "power", word).CombinedOutput() //nolint:gosec // the test's own words
		return string(out)
	}
	for _, step := range [][2]string{{"status", "Power is on"}, {"on", "not supported in present state"}, {"off", "Down/Off"}, {"off", "not supported in present state"}, {"on", "Up/On"}, {"cycle", "Cycle"}} {
		if out := tool(step[0]); !strings.Contains(out, step[1]) {
			t.Errorf("%s: %s; want %s", step[0], out, step[1])
		}
	}
	cancel()
	if code := <-ended; code != 0 || !strings.Contains(said.String(), "everybody knows") {
		t.Errorf("%d: %s", code, said.Bytes())
	}
}

// What is wrong with a command line is said, with how it is used.
func TestParse(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"":                                    "--domain is needed",
		"--domain a b":                        `"b"`,
		"--domain a --address here":           "here",
		"--domain a --port x":                 "x",
		"--domain a --password-file " + empty: "a password 1 to 20",
		"--domain a --connect nonsense":       "no libvirt URI",
	} {
		var out bytes.Buffer
		if code := Run(t.Context(), strings.Fields(args), nil, &out, &out); code != 1 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %d %s; want %s", args, code, out.Bytes(), want)
		}
	}
}
