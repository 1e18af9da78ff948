package vbmc

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/libvirt/libvirttest"
)

// start runs a daemon in a folder until the test, or the function that it gives, ends it.
func start(t *testing.T, dir string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var said bytes.Buffer
	go func() {
		defer close(ended)
		if code := RunDaemon(ctx, []string{"--foreground", "--config-dir", dir}, nil, &said, &said); code != 0 {
			t.Errorf("vbmcd ended with %d: %s", code, said.Bytes())
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	for {
		if _, err := ask(t.Context(), dir, request{Command: "list"}); err == nil {
			return stop
		}
		select {
		case <-ended:
			t.Fatal("vbmcd has ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// command runs vbmc.
func command(t *testing.T, dir string, args ...string) (code int, out, wrong string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), append([]string{"--config-dir", dir}, args...), nil, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// port gives the port of a BMC that runs.
func port(t *testing.T, dir, domain string) string {
	t.Helper()
	_, out, wrong := command(t, dir, "show", domain, "-f", "json")
	is := make(map[string]string)
	if err := json.Unmarshal([]byte(out), &is); err != nil || is["status"] != "running" {
		t.Fatalf("%s%s%v", out, wrong, err)
	}
	return is["port"]
}

// power asks ipmitool for the power.
func power(t *testing.T, port, user, password string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", port, "-U", user, "-P", password, "power", "status").CombinedOutput()
	return string(out)
}

// A BMC from its being added to its being deleted, over a daemon that ends and comes back.
func TestLife(t *testing.T) {
	uri := libvirttest.Start(t).URI("test")
	dir := filepath.Join(t.TempDir(), "vbmc")
	if code, _, wrong := command(t, dir, "list"); code != 1 || !strings.Contains(wrong, "vbmcd does not run") {
		t.Errorf("without a daemon: %d %s", code, wrong)
	}
	stop := start(t, dir)
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("long-odd-word\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args, want string
		code       int
	}{
		{args: "list", want: "+-------------+--------+---------+------+\n| Domain name | Status | Address | Port |\n"},
		{args: "start test", want: "it has no BMC", code: 1},
		{args: "add test --port 0 --username op --password-file " + secret + " --libvirt-uri " + uri},
		{args: "add test", want: "already", code: 1},
		{args: "add ../other", want: "cannot be the name", code: 1},
		{args: "add two --password this-is-longer-than-20-bytes", want: "1 to 20", code: 1},
		{args: "add two --address 0.0.0.0", want: "everybody knows"},
		{args: "list", want: "| test        | down   | 127.0.0.1 | 0    |"},
		{args: "start test"},
		{args: "start test", want: "runs already", code: 1},
		{args: "show test", want: "| password    | ***"},
		{args: "delete two"},
		{args: "stop two", want: "it has no BMC", code: 1},
		{args: "dance", want: "no command", code: 1},
	} {
		code, out, wrong := command(t, dir, strings.Fields(step.args)...)
		if code != step.code || !strings.Contains(out+wrong, step.want) || strings.Contains(out+wrong, "long-odd-word") {
			t.Errorf("%s: %d\n%s%s\nwant %d and %s", step.args, code, out, wrong, step.code, step.want)
		}
	}
	if said := power(t, port(t, dir, "test"), "op", "long-odd-word"); !strings.Contains(said, "Chassis Power is on") {
		t.Error(said)
	}
	if said := power(t, port(t, dir, "test"), "op", "password"); strings.Contains(said, "Chassis Power") {
		t.Errorf("with a wrong password: %s", said)
	}
	if info, err := os.Stat(filepath.Join(dir, "test", "config")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	stop()
	start(t, dir)
	if said := power(t, port(t, dir, "test"), "op", "long-odd-word"); !strings.Contains(said, "Chassis Power is on") {
		t.Errorf("after the daemon's end: %s", said)
	}
	command(t, dir, "stop", "test")
	if _, out, _ := command(t, dir, "list"); !strings.Contains(out, "down") {
		t.Error(out)
	}
}

// Two daemons in one folder would be at odds.
func TestOneDaemon(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	var said bytes.Buffer
	if code := RunDaemon(t.Context(), []string{"--config-dir", dir}, nil, &said, &said); code != 1 || !strings.Contains(said.String(), "another vbmcd") {
		t.Errorf("%d: %s", code, said.Bytes())
	}
}

// A file of VirtualBMC's is read, and what is not ours in it is kept.
func TestConfig(t *testing.T) {
	theirs := "# written by hand\n[VirtualBMC]\nusername = admin\npassword = p=w:d\naddress = ::\nport = 6230\ndomain_name = node-1\nlibvirt_uri = qemu:///system\nlibvirt_sasl_username = None\nactive = True\n[other]\nport = 1\n"
	c, err := parseConfig([]byte(theirs))
	if err != nil || c.Password != "p=w:d" || c.Port != 6230 || c.Address != "::" || !c.Active || c.Domain != "node-1" {
		t.Fatalf("%+v, %v", c, err)
	}
	again, err := parseConfig(c.text())
	if err != nil || !strings.Contains(string(again.text()), "libvirt_sasl_username = None\n") || again.Password != c.Password || !again.Active {
		t.Errorf("%s, %v", again.text(), err)
	}
	for _, bad := range []string{"[VirtualBMC]\nport = x\ndomain_name = a\n", "[VirtualBMC]\nnonsense\n", "", "[VirtualBMC]\ndomain_name = a/b\n", "[VirtualBMC]\ndomain_name = a\naddress = here\n"} {
		if c, err := parseConfig([]byte(bad)); err == nil {
			t.Errorf("%q was read as %+v", bad, c)
		}
	}
}

// FuzzConfig: whatever is read can be written and read again.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("[VirtualBMC]\nusername = admin\npassword = p=w:d\ndomain_name = node-1\nother = x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseConfig(text)
		if err != nil {
			return
		}
		if again, err := parseConfig(c.text()); err != nil || !bytes.Equal(again.text(), c.text()) {
			t.Errorf("%q became %q, %v", c.text(), again.text(), err)
		}
	})
}
