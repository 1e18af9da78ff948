package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/cli"
	"millwright.dev/millwright/internal/sim"
)

// TestDiscover finds a strip over a socket and writes it into a room, twice: the
// second time there is another strip at the name. What else stands in the file stays.
func TestDiscover(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	room := "# the room\ncredentials:\n  pdus: {user: apc, password: \"file:pass\"}\ndevices:\n  spare:   # not wired\n    driver: exec\n    settings: {on: \"true {plug}\", off: \"true {plug}\"}\n\nnodes:\n  web1: {cords: \"spare:1\"}   # the only one\n"
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(file(name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("pass", "Wallaby-0x7f\n", 0o600)
	write("room.yaml", room, 0o640)
	played, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{
		{Name: "a", Style: "apc-menu-121p3", Outlets: sim.Numbered(1, 8), Login: sim.Login{Password: "Wallaby-0x7f"}},
		{Name: "b", Style: "apc-menu-1p4", Outlets: sim.Numbered(1, 16), Login: sim.Login{Password: "Wallaby-0x7f"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer played.Close()
	run := func(args ...string) (status int, stdout, stderr string) {
		var out, errs bytes.Buffer
		status = cli.Run(t.Context(), args, strings.NewReader(""), &out, &errs)
		return status, out.String(), errs.String()
	}
	find := func(pdu string, more ...string) (int, string, string) {
		return run(append([]string{"discover", "telnet://" + played.Addr(pdu), "--user", "apc", "--password", "file:" + file("pass"), "--name", "pdu1", "--quiet", "300ms"}, more...)...)
	}

	status, out, told := find("a")
	for _, want := range []string{"# 2 is \"Outlet Management\"\n", "devices:\n  \"pdu1\":\n    driver: script\n", "      spec: \"apc-menu-121p3\"\n"} {
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("status %d: %s lacks %q: %s", status, out, want, told)
		}
	}
	if strings.Contains(out+told, "Wallaby") {
		t.Error("the password is shown")
	}
	for _, visit := range []struct{ pdu, spec string }{{"a", "apc-menu-121p3"}, {"b", "apc-menu-1p4/16"}} {
		status, out, told := find(visit.pdu, "--credential", "pdus", "--write", file("room.yaml"))
		text, err := os.ReadFile(file("room.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if status != 0 || !strings.Contains(out, visit.spec) || !strings.Contains(string(text), visit.spec) || !strings.Contains(string(text), played.Addr(visit.pdu)) {
			t.Errorf("status %d: %s: %s: the room is\n%s", status, out, told, text)
		}
		for _, kept := range []string{"# the room\n", "  spare:   # not wired\n", "# the only one\n", "credential: pdus"} {
			if !strings.Contains(string(text), kept) {
				t.Errorf("the room has lost %q:\n%s", kept, text)
			}
		}
		if status, _, told := run("validate", file("room.yaml")); status != 0 {
			t.Errorf("the room is not good any more: %s", told)
		}
	}
	if info, err := os.Stat(file("room.yaml")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the room's file is %v, %v", info.Mode(), err)
	}

	before, _ := os.ReadFile(file("room.yaml"))
	status, _, told = find("a", "--credential", "nosuch", "--write", file("room.yaml"))
	after, _ := os.ReadFile(file("room.yaml"))
	if status == 0 || !strings.Contains(told, "nosuch") || !bytes.Equal(before, after) {
		t.Errorf("a credential that is not there: status %d: %s", status, told)
	}
	for _, h := range played.History() {
		if h.Kind == sim.OutletOn || h.Kind == sim.OutletOff {
			t.Errorf("something was switched: %s", h)
		}
	}
}
