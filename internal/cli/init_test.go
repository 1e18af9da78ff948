package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

const stripPassword = "Wallaby-0x7f"

// strip starts a simulated unit with a log-in and gives its address.
func strip(t *testing.T) string {
	t.Helper()
	played, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{
		{Name: "a", Style: "apc-menu-121p3", Outlets: sim.Numbered(1, 8), Login: sim.Login{Password: stripPassword}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(played.Close)
	return "telnet://" + played.Addr("a")
}

// novice gives the command of somebody who makes a room in a new home.
func novice(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command("millwright", append([]string{"init", "--dir", filepath.Join(home, "room"), "--state", filepath.Join(home, "state")}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "TERM=xterm", "LANG=C.UTF-8", "MILLWRIGHT_CONFIG=", "STRIP_PASSWORD="+stripPassword)
	return cmd, home
}

// left gives the files and folders of a home, less the daemon's lock.
func left(t *testing.T, home string) string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
		if name, _ := filepath.Rel(home, path); name != "." {
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, " ")
}

func TestInitAsksAPerson(t *testing.T) {
	address := strip(t)
	cmd, home := novice(t)
	term := onTerminal(t, 100, 60, cmd)
	for _, turn := range [][2]string{
		{"Name of the room", "attic"},
		{"What drives the device", "script"},
		{"Name of the device [pdu1]: ", ""},
		{"address: ", address},
		{"More settings?", "?"},
		{"More settings?", "colour=red"},
		{"there is no", ""},
		{"Log in as", "apc"},
		{"Password (not shown", stripPassword},
		{"Specification", "apc-menu-121p3"},
		{"Nodes on it", "web[1-8]"},
		{"Their plugs [[1-8]]: ", "web[1-8]"},
		{"What is to be changed?", ""},
		{"such as web[1-8] [web[1-8]]: ", ""},
		{"Their plugs [[1-8]]: ", ""},
		{"off  8  web[1-8]", ""},
		{"Write this to", "y"},
	} {
		what := turn[0]
		if what == "there is no" {
			term.await("has no setting", "More settings?")
			term.forget()
			term.send("\n")
			continue
		}
		term.await(what)
		if strings.HasPrefix(what, "off") {
			continue
		}
		term.forget()
		term.send(turn[1] + "\n")
	}
	if status := term.end(); status != 0 {
		t.Fatalf("exit status %d: %s", status, term.text())
	}
	for _, want := range []string{"the room attic is made", "millwright serve --config " + filepath.Join(home, "room")} {
		if !strings.Contains(term.text(), want) {
			t.Errorf("%q is not said: %s", want, term.text())
		}
	}
	text, err := os.ReadFile(filepath.Join(home, "room", "room.yaml"))
	if err != nil || strings.Contains(string(text)+term.text(), stripPassword) || !strings.Contains(string(text), `password: "secret:pdu1"`) {
		t.Errorf("%v: %s", err, text)
	}
	if got := left(t, home); strings.Contains(got, "millwright-init") {
		t.Errorf("left behind: %s", got)
	}
	if out, err := call(t, cmd.Env, "millwright", "secret", "check", "--config", filepath.Join(home, "room"), "--state", filepath.Join(home, "state")); err != nil || !strings.Contains(out, "is there") {
		t.Errorf("the password is not in the store: %v: %s", err, out)
	}
}

func TestInitByFlags(t *testing.T) {
	address := strip(t)
	flags := []string{"--yes", "--name", "x", "--driver", "script", "--set", "address=" + address, "--set", "spec=apc-menu-121p3", "--user", "apc", "--nodes", "web[1-8]"}
	with := func(more ...string) []string { return append(flags[:len(flags):len(flags)], more...) }
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		says   string
		left   string // what is in the home then
	}{
		{"all said", with("--password", "env:STRIP_PASSWORD"), 0, "off  8  web[1-8]", "room room/room.yaml"},
		{"a wrong password", with("--password", "env:HOME", "--timeout", "1s"), 2, "nothing was made", ""},
		{"a wrong password, not tried", with("--password", "env:HOME", "--no-try"), 0, "the room x is made", "room room/room.yaml"},
		{"no driver", []string{"--yes"}, 1, "--driver script|exec|snmp", ""},
		{"no such setting", with("--set", "colour=red"), 1, "has no setting \"colour\"", ""},
		{"a setting that is wrong", with("--set", "spec=apc-menu-121p9"), 1, "did you mean apc-menu-121p1 or", ""},
		{"no nodes", flags[:len(flags)-2], 1, "--nodes", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd, home := novice(t, tt.args...)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != tt.status || !strings.Contains(string(out), tt.says) {
				t.Errorf("exit status %d, want %d: %s", got, tt.status, out)
			}
			if got := left(t, home); got != tt.left {
				t.Errorf("left behind: %q, want %q", got, tt.left)
			}
		})
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	for _, tt := range []struct {
		name, has string
		status    int
	}{
		{"a room", completionRoom, 1},
		{"rubbish", "rubbish: [", 1},
		{"as packages have it", "room: unnamed\npowerman: {off: yes}\nnodes: {nothing: {}}\n", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd, home := novice(t, "--yes", "--driver", "manual", "--nodes", "n1", "--no-try")
			file := filepath.Join(home, "room", "room.yaml")
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(tt.has), 0o600); err != nil {
				t.Fatal(err)
			}
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("exit status %d, want %d: %s", got, tt.status, out)
			}
			kept := file
			if tt.status == 0 {
				kept += ".shipped"
			}
			if text, err := os.ReadFile(kept); err != nil || string(text) != tt.has {
				t.Errorf("%s: %v: %s", kept, err, text)
			}
		})
	}
}

// Ctrl-C at any question leaves nothing behind.
func TestInitInterrupted(t *testing.T) {
	for _, at := range []string{"Name of the room", "What drives the device", "Log in as", "Password (not shown"} {
		t.Run(at, func(t *testing.T) {
			cmd, home := novice(t)
			term := onTerminal(t, 100, 40, cmd)
			for _, turn := range [][2]string{
				{"Name of the room", "attic"},
				{"What drives the device", "ipal"},
				{"Name of the device", ""},
				{"address: ", "tcp://127.0.0.1:1"},
				{"More settings?", ""},
				{"Log in as", "x"},
				{"Password (not shown", ""},
			} {
				term.await(turn[0])
				if turn[0] == at {
					break
				}
				term.forget()
				term.send(turn[1] + "\n")
			}
			term.send("\x03")
			if status := term.end(); status != 130 {
				t.Errorf("exit status %d: %s", status, term.text())
			}
			if got := left(t, home); got != "" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}
