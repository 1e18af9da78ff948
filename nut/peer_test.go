package nut_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/nut"
)

// These tests put Debian's programs (nut-server, nut-client) at the other end:
// they fail if one is missing.

const soon = 30 * time.Second // for what must happen

// files writes configuration into a folder.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// start runs a program of NUT on such a folder until the test ends.
func start(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "NUT_CONFPATH="+dir, "NUT_STATEPATH="+dir, "NUT_ALTPIDPATH="+dir, "NUT_PIDPATH="+dir)
	log, err := os.Create(filepath.Join(dir, filepath.Base(program)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s said:\n%s", program, text)
		}
	})
}

// eventually tries until it is right.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

const dummy = "ups.status: OL CHRG\nbattery.charge: 90.5\nbattery.runtime: 1200\nups.load: 23\n"

// upsd runs a upsd with one UPS, "rack", as its file rack.dev says.
func upsd(t *testing.T) (addr, dir string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	addr = freeport.For(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(addr)
	dir = files(t, map[string]string{
		"ups.conf":   "[rack]\ndriver = dummy-ups\nport = rack.dev\npollinterval = 1\ndesc = \"Rack \\\"A\\\" \\\\ one\"\n",
		"rack.dev":   dummy,
		"upsd.conf":  "LISTEN 127.0.0.1 " + port + "\nMAXAGE 60\n",
		"upsd.users": "[admin]\npassword = \"se \\\"cret\"\nactions = SET FSD\ninstcmds = ALL\nupsmon primary\n",
	})
	start(t, dir, "/lib/nut/dummy-ups", "-a", "rack", "-F", "-u", me.Username)
	eventually(t, "the driver's socket", func() error {
		_, err := os.Stat(filepath.Join(dir, "dummy-ups-rack"))
		return err
	})
	start(t, dir, "/lib/nut/upsd", "-F", "-u", me.Username)
	return addr, dir
}

func TestDebiansServer(t *testing.T) {
	addr, dir := upsd(t)
	var c *nut.Client
	eventually(t, "dial", func() (err error) {
		c, err = nut.Dial(t.Context(), addr, nut.Options{Username: "admin", Password: `se "cret`})
		return err
	})
	defer c.Close()
	var vars nut.Vars
	eventually(t, "variables", func() (err error) { // the driver may still be on its way
		vars, err = c.Vars(t.Context(), "rack")
		if err == nil && !vars.Reading().Status.Known() {
			err = fmt.Errorf("status is %q", vars["ups.status"])
		}
		return err
	})
	got := vars.Reading()
	if got.Status.String() != "OL CHRG" || got.Charge != (nut.Number{Value: 90.5, Known: true}) || got.Runtime.Value != 1200 || got.InVolt.Known {
		t.Errorf("reading is %+v", got)
	}
	all, err := c.UPSes(t.Context())
	if err != nil || len(all) != 1 || all[0] != (nut.UPS{Name: "rack", Description: `Rack "A" \ one`}) {
		t.Errorf("list of UPSes is %q, %v", all, err)
	}
	if v, err := c.Version(t.Context()); err != nil || !strings.Contains(v, "upsd") {
		t.Errorf("version %q, %v", v, err)
	}
	refusals(t, c)
	become := func(status string) {
		t.Helper()
		eventually(t, status, func() error {
			if text, err := c.Var(t.Context(), "rack", "ups.status"); err != nil || text != status {
				return fmt.Errorf("status is %q, %w", text, err)
			}
			return nil
		})
	}
	// The driver reads its file anew when that is newer.
	later := time.Now().Add(time.Hour)
	file := filepath.Join(dir, "rack.dev")
	if err := os.WriteFile(file, []byte(strings.Replace(dummy, "OL CHRG", "OB LB", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, later, later); err != nil {
		t.Fatal(err)
	}
	become("OB LB")
	change(t, c)
	become("OB DISCHRG")
	if err := c.Logout(t.Context()); err != nil {
		t.Error(err)
	}
}

func refusals(t *testing.T, c *nut.Client) {
	t.Helper()
	_, err := c.Vars(t.Context(), "none")
	_, err2 := c.Var(t.Context(), "rack", "none")
	for _, r := range []struct {
		err  error
		want nut.Code
	}{
		{err, nut.UnknownUPS},
		{err2, nut.VarNotSupported},
		{c.Command(t.Context(), "rack", "none"), nut.CommandNotSupported},
		{c.Identify(t.Context(), "x", "x"), nut.AlreadySetUsername},
		{c.Login(t.Context(), "none"), nut.UnknownUPS},
	} {
		if !errors.Is(r.err, r.want) {
			t.Errorf("%v, want %s", r.err, r.want)
		}
	}
}

// change does what needs a user.
func change(t *testing.T, c *nut.Client) {
	t.Helper()
	ctx := t.Context()
	commands, err := c.Commands(ctx, "rack")
	if err != nil || len(commands) == 0 {
		t.Errorf("commands %q, %v", commands, err)
	}
	for _, err := range []error{
		c.Login(ctx, "rack"),
		c.Primary(ctx, "rack"),
		c.Command(ctx, "rack", "load.off"),
		c.Set(ctx, "rack", "ups.status", "OB DISCHRG"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if n, err := c.Logins(ctx, "rack"); n != 1 || err != nil {
		t.Errorf("%d logins, %v", n, err)
	}
	if at, err := c.Clients(ctx, "rack"); len(at) != 1 || at[0] != "127.0.0.1" || err != nil {
		t.Errorf("clients %q, %v", at, err)
	}
	if rw, err := c.Writable(ctx, "rack"); rw["ups.load"] != "23" || err != nil {
		t.Errorf("writable %q, %v", rw, err)
	}
}

func TestAWrongPassword(t *testing.T) {
	addr, _ := upsd(t)
	eventually(t, "refusal", func() error {
		c, err := nut.Dial(t.Context(), addr, nut.Options{Username: "admin", Password: "wrong"})
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "rack"); !errors.Is(err, nut.AccessDenied) {
			return fmt.Errorf("login gives %w", err)
		}
		return nil
	})
}

func TestDebiansClients(t *testing.T) {
	bank, addr := serve(t, nil)
	for _, c := range []struct{ args, want string }{
		{"upsc -l " + addr, "rack\nrow b\n"},
		{"upsc -L " + addr, "rack: The \"rack\"\nrow b: Unavailable\n"},
		{"upsc rack@" + addr, "battery.charge: 80\nups.mfr: A \\ \"B\"\nups.status: OL\n"},
		{"upsc rack@" + addr + " ups.mfr", "A \\ \"B\"\n"},
		{"upsc -c rack@" + addr, ""},
		{"upscmd -l rack@" + addr, "Instant commands supported on UPS [rack]:\n\nload.off - Turn off the load immediately\nload.on - Turn on the load immediately\n"},
		{"upsrw -s ups.mfr=x -u admin -p geheim rack@" + addr, "OK\n"},
		{"upscmd -u admin -p geheim rack@" + addr + " load.off", "OK\n"},
		{"upsc rack@" + addr + " ups.status", "OFF\n"},
		{"upsc rack@" + addr + " no.such", "Error: Variable not supported by UPS\n"},
		{"upsc nosuch@" + addr, "Error: Unknown UPS\n"},
		{"upscmd -u admin -p wrong rack@" + addr + " load.on", "Unexpected response from upsd: ERR ACCESS-DENIED\n"},
	} {
		words := strings.Fields(c.args)
		out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput()
		got := strings.ReplaceAll(string(out), "Init SSL without certificate database\n", "")
		if got != c.want {
			t.Errorf("%s: %v, got\n%swant\n%s", c.args, err, got, c.want)
		}
	}
	bank.Fail("rack", nut.DataStale)
	out, _ := exec.CommandContext(t.Context(), "upsc", "rack@"+addr).CombinedOutput()
	if !strings.HasSuffix(string(out), "Error: Data stale\n") {
		t.Errorf("stale data: %s", out)
	}
	if out, err := exec.CommandContext(t.Context(), "upsrw", "rack@"+addr).CombinedOutput(); err == nil {
		t.Errorf("upsrw is content with stale data: %s", out)
	}
}

// upsmon logs in, by TLS, and hears of the power.
func TestDebiansMonitor(t *testing.T) {
	bank, addr := serve(t, serverTLS(t))
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := files(t, map[string]string{})
	heard := filepath.Join(dir, "heard")
	script := filepath.Join(dir, "notify")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$NOTIFYTYPE\" >>"+heard+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("MONITOR rack@%s 1 admin geheim primary\nMINSUPPLIES 1\nSHUTDOWNCMD \"true\"\nRUN_AS_USER %s\nPOLLFREQ 1\nPOLLFREQALERT 1\n"+
		"NOTIFYCMD %s\nNOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\nCERTVERIFY 0\nFORCESSL 1\n", addr, me.Username, script)
	if err := os.WriteFile(filepath.Join(dir, "upsmon.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir, "/lib/nut/upsmon", "-F", "-p", "-D")
	eventually(t, "upsmon logs in", func() error {
		for _, r := range bank.Done() {
			if r.Verb == nut.VerbLogin && r.UPS == "rack" {
				return nil
			}
		}
		return errors.New("no login")
	})
	bank.Put("rack", "", nut.Vars{"ups.status": "OB DISCHRG"})
	eventually(t, "upsmon hears of it", func() error {
		text, err := os.ReadFile(heard)
		if err == nil && !strings.Contains(string(text), "ONBATT") {
			err = fmt.Errorf("it heard %q", text)
		}
		return err
	})
}
