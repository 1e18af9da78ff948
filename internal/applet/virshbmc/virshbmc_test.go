package virshbmc

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
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
		out, _ := exec.CommandContext(ctx, "ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", port, "-U", "admin", "-P", "password", "power", word).CombinedOutput()
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

// pyghmi's own client, which can ask no port but 623 and never ends by itself.
func TestPyghmiutil(t *testing.T) {
	daemon := libvirttest.Start(t)
	ip := ""
	for ip == "" {
		ip = net.IPv4(127, byte(1+rand.IntN(200)), byte(rand.IntN(250)), byte(1+rand.IntN(250))).String()
		if c, err := net.ListenPacket("udp4", ip+":623"); err != nil {
			ip = ""
		} else {
			c.Close()
		}
		if t.Context().Err() != nil {
			t.Fatal("no address with port 623 could be had")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"--address", ip, "--connect", daemon.URI("test"), "--domain", "test"}, nil, io.Discard, io.Discard)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	for _, step := range [][2]string{
		{"power", ip + ": on"}, {"bootdev network", "'bootdev': 'network'"}, {"power off", "{'powerstate': 'off'}"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		cmd := exec.CommandContext(ctx, "pyghmiutil", append([]string{ip, "admin"}, strings.Fields(step[0])...)...)
		cmd.Env = append(os.Environ(), "IPMIPASSWORD=password", "PYTHONUNBUFFERED=1", "HOME="+t.TempDir())
		pipe, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for s := bufio.NewScanner(pipe); !strings.Contains(said, step[1]) && s.Scan(); {
			said += s.Text() + "\n"
		}
		cancel()
		_ = cmd.Wait()
		if !strings.Contains(said, step[1]) {
			t.Errorf("%s: no %q in %q", step[0], step[1], said)
		}
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
