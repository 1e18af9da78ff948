package guestagent_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/control/guestagent"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func env() control.Env {
	d := &transport.Dialer{}
	return control.Env{Node: "n1", Address: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Dial: d.Dial, DialContext: d.Network}
}

func settingsAt(address string) *guestagent.Settings {
	s := guestagent.New().New().(*guestagent.Settings)
	s.Address, s.Timeout = address, 30*time.Second
	return s
}

func prepare(t *testing.T, s *guestagent.Settings) control.Control {
	t.Helper()
	c, err := s.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The agent itself, as Debian has it.
func TestTheAgentItself(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "n1.sock")
	agent := exec.Command("/usr/sbin/qemu-ga", "-m", "unix-listen", "-p", path, "-t", dir, "-f", filepath.Join(dir, "pid"), "-v", "--block-rpcs=guest-shutdown")
	log, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	agent.Stderr = agent.Stdout
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		_, _ = io.Copy(io.Discard, log)
	}()
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		<-logged
		_ = agent.Wait()
	})
	// It listens soon, and says so nowhere.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if _, err := os.Stat(path); err == nil {
			break
		}
		<-tick.C
	}
	c := prepare(t, settingsAt("unix://"+dir+"/{node}.sock"))
	for range 3 { // one after the other, as it has one line only
		if got, err := c.Status(t.Context(), env()); got != room.StateOn || err != nil {
			t.Fatalf("the agent is asked: %v, %v", got, err)
		}
	}
	// This machine is not to be shut down; so the agent was told to refuse it.
	if err := c.Off(t.Context(), env()); err == nil || !strings.Contains(err.Error(), "it refuses") {
		t.Errorf("off, which is forbidden: %v", err)
	}
}

// scripted is an agent that answers each command by answers, which get the number of
// guest-sync-delimited. It gives where it listens, and what it was asked.
func scripted(t *testing.T, answers map[string]string) (address string, asked chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked = make(chan string, 100)
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for lines := bufio.NewScanner(c); lines.Scan(); {
				var ask struct {
					Execute   string
					Arguments struct {
						ID   uint64
						Mode string
					}
				}
				if json.Unmarshal(lines.Bytes(), &ask) != nil {
					continue
				}
				asked <- ask.Execute + " " + ask.Arguments.Mode
				if answer := answers[ask.Execute]; answer == "END" {
					break
				} else if answer != "" {
					_, _ = io.WriteString(c, strings.ReplaceAll(answer, "ID", fmt.Sprint(ask.Arguments.ID)))
				}
			}
			_ = c.Close()
		}
	}()
	return "tcp://" + l.Addr().String(), asked
}

const inStep = "\xff{\"return\": ID}\n"

func TestOff(t *testing.T) {
	for _, tt := range []struct {
		name, sync, answer, fault string
	}{
		{"the machine ends", inStep, "END", ""},
		{"nothing is said", inStep, "", ""},
		{"it says that it is well", inStep, "{\"return\": {}}\n", ""},
		{"it refuses", inStep, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"disabled\"}}\n", "it refuses: disabled (CommandNotFound)"},
		{"old answers lie in the line", "{\"return\": 7}\n{\"return\"\xff{\"return\": 7}\n\xff\n{\"return\": ID}\n", "END", ""},
		{"it never gets in step", "{\"return\": ID}\n", "END", "no answer within 1s"},
		{"it hangs up at once", "END", "END", "EOF"},
		{"it never stops", strings.Repeat("x", 2<<20), "END", "does not get in step"},
		{"a line without end", "\xff" + strings.Repeat("x", 128<<10), "END", "more than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, asked := scripted(t, map[string]string{"guest-sync-delimited": tt.sync, "guest-shutdown": tt.answer})
			s := settingsAt(address)
			s.Mode = "halt"
			if strings.Contains(tt.fault, "within 1s") {
				s.Timeout = time.Second
			}
			err := prepare(t, s).Off(t.Context(), env())
			if (tt.fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("off: %v, want %q", err, tt.fault)
			}
			if <-asked; tt.fault == "" {
				if got := <-asked; got != "guest-shutdown halt" {
					t.Errorf("it was asked %q", got)
				}
			}
		})
	}
}

func TestStatus(t *testing.T) {
	for answer, want := range map[string]room.State{
		"{\"return\": {}}\n": room.StateOn,
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"\\u001b[2J\"}}\n": room.StateOn,
		"END":     room.StateUnknown,
		"hello\n": room.StateUnknown,
		"{}\n":    room.StateUnknown,
	} {
		address, _ := scripted(t, map[string]string{"guest-sync-delimited": inStep, "guest-ping": answer})
		got, err := prepare(t, settingsAt(address)).Status(t.Context(), env())
		if got != want || (err != nil) != (want == room.StateUnknown) {
			t.Errorf("%q: %v, %v, want %v", answer, got, err, want)
		}
	}
	for gone, want := range map[string]room.State{"unknown": room.StateUnknown, "off": room.StateOff} {
		s := settingsAt("unix://" + t.TempDir() + "/none")
		s.Gone = gone
		if got, err := prepare(t, s).Status(t.Context(), env()); got != want || (err != nil) != (want == room.StateUnknown) {
			t.Errorf("no socket, and gone: %s: %v, %v", gone, got, err)
		}
	}
}
