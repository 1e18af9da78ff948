package packaging_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

const (
	conffile = "etc/millwright/room.yaml"
	database = "var/lib/millwright/millwright.db"
)

func TestPackage(t *testing.T) {
	deb := buildDeb(t, "0.9.1")
	t.Run("life", func(t *testing.T) { life(t, deb) })
	t.Run("names", func(t *testing.T) { names(t, deb) })
	t.Run("bytes", func(t *testing.T) { sameBytes(t, deb) })
	t.Run("policy", func(t *testing.T) { policy(t, deb) })
}

// life does with the package what somebody does in a year: install it, run it as it
// is, give it a room, use it, upgrade it, remove it, purge it.
func life(t *testing.T, first string) {
	second := repack(t, buildDeb(t, "0.9.2", "--only", "deb"), func(root string) {
		name := filepath.Join(root, conffile)
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, append(text, "# a new line in a new version\n"...), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	s := newScratch(t)
	s.dpkg("--install", first)
	installed(s)
	asItComes(s)

	room := giveRoom(s)
	events := use(s)
	saved := filepath.Join(t.TempDir(), "room.tar.gz")

	s.dpkg("--install", second)
	if got := s.read(conffile); got != room {
		t.Errorf("the upgrade changed the configuration:\n%s", got)
	}
	if !strings.Contains(s.read(conffile+".dpkg-dist"), "a new line in a new version") {
		t.Error("the new version's configuration is not beside the old one")
	}
	d := s.startDaemon()
	if got := d.ask(s, "version", "--daemon"); !strings.Contains(got, "daemon 0.9.2,") || !strings.Contains(got, "2 nodes") {
		t.Errorf("after the upgrade: %s", got)
	}
	if got := d.ask(s, "events", "--node", "web1"); !strings.HasPrefix(got, events) {
		t.Errorf("events after the upgrade:\n%sand before:\n%s", got, events)
	}
	d.ask(s, "backup", saved, "--state", s.at("var/lib/millwright"), "--config", s.at("etc/millwright"))
	d.stop()

	s.dpkg("--remove", "millwright")
	s.mustHave("removed", conffile, database)
	s.mustLack("removed", "usr/bin/millwright", "usr/bin/powerman", "usr/sbin/powermand", "usr/lib/millwright", "etc/alternatives/powerman")
	s.dpkg("--purge", "millwright")
	s.mustLack("purged", conffile, "var/lib/millwright", "var/lib/systemd/deb-systemd-helper-enabled/multi-user.target.wants/millwright.service")
	s.mustHave("purged, but it is the administrator's", "etc/millwright/vpc.dev")
	for _, left := range filesBelow(t, s.dir) {
		if strings.Contains(left, "millwright") && !strings.HasSuffix(left, "/vpc.dev") && !strings.Contains(left, "/var/lib/dpkg/") && !strings.Contains(left, "/var/log/") {
			t.Errorf("purged: %s is left", strings.TrimPrefix(left, s.dir))
		}
	}

	// What is saved comes back on a machine that is new.
	s.dpkg("--install", second)
	run(t, s.dir, nil, s.at("usr/bin/millwright"), "restore", saved, "--state", s.at("var/lib/millwright"), "--config", s.at("etc/millwright"), "--force")
	owned(s, "var/lib/millwright", 0o700)
	d = s.startDaemon()
	if got := d.ask(s, "events", "--node", "web1"); !strings.HasPrefix(got, events) {
		t.Errorf("events after a restore:\n%sand before:\n%s", got, events)
	}
	d.stop()
}

// installed looks at what the installation made.
func installed(s *scratch) {
	s.t.Helper()
	s.mustHave("installed", conffile, "usr/bin/millwright", "usr/share/man/man1/millwright.1.gz",
		"usr/share/doc/millwright/copyright", "usr/share/doc/millwright/changelog.gz", "usr/share/doc/millwright/install.md",
		"usr/share/doc/millwright/examples/small/room.yaml", "usr/share/doc/millwright/examples/plugins/python/example.py",
		"usr/share/doc/millwright/examples/plugins/go/main.go", "usr/share/bash-completion/completions/millwright",
		"etc/systemd/system/multi-user.target.wants/millwright.service", "etc/systemd/system/sockets.target.wants/millwright.socket")
	s.mustLack("installed", "etc/systemd/system/sockets.target.wants/millwright-powerman.socket")
	if users := s.read("etc/passwd"); !strings.Contains(users, "\nmillwright:x:") || !strings.Contains(users, "/usr/sbin/nologin") {
		s.t.Errorf("users:\n%s", users)
	}
	if readme := s.read("usr/share/doc/millwright/README.md"); !strings.Contains(readme, "](install.md)") {
		s.t.Error("the README leads to pages that are not where it says")
	}
	owned(s, "var/lib/millwright", 0o700)
	places := strings.Fields(s.read("usr/lib/millwright/places"))
	if len(places) < 6 {
		s.t.Fatalf("names: %q", places)
	}
	for i := 0; i < len(places); i += 2 {
		if got := s.leads(places[i+1][1:] + "/" + places[i]); got != "usr/bin/millwright" {
			s.t.Errorf("%s leads to %s", places[i], got)
		}
	}
}

// owned holds that a folder has its rights and belongs to the daemon's user. Only
// root can give folders away; others can but believe that they did.
func owned(s *scratch, path string, mode os.FileMode) {
	s.t.Helper()
	info, err := os.Stat(s.at(path))
	if err != nil {
		s.t.Fatal(err)
	}
	if info.Mode().Perm() != mode {
		s.t.Errorf("/%s has mode %v, not %v", path, info.Mode().Perm(), mode)
	}
	if uid := strconv.FormatUint(uint64(info.Sys().(*syscall.Stat_t).Uid), 10); os.Geteuid() == 0 && !strings.Contains(s.read("etc/passwd"), "millwright:x:"+uid+":") {
		s.t.Errorf("/%s belongs to %s, who is not millwright:\n%s", path, uid, s.read("etc/passwd"))
	}
}

// asItComes runs the daemon on the room that is in the package: it looks after
// nothing, and PowerMan's door is closed, even where systemd has a socket for it.
func asItComes(s *scratch) {
	s.t.Helper()
	d := s.startDaemon()
	d.waitFor("WATCHDOG=1")
	if got := d.ask(s, "version", "--daemon"); !strings.Contains(got, "daemon 0.9.1,") || !strings.Contains(got, "1 node, 0 devices") {
		s.t.Errorf("version: %s", got)
	}
	c, err := net.Dial("tcp", d.powerman)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if said, err := io.ReadAll(c); err != nil || len(said) > 0 {
		s.t.Errorf("PowerMan's door is open: %q, %v", said, err)
	}
	d.stop()
	if _, err := os.Lstat(d.socket); err != nil {
		s.t.Errorf("the daemon took systemd's socket away: %v", err)
	}
}

// giveRoom changes the configuration to a room with a simulated power strip.
func giveRoom(s *scratch) string {
	s.t.Helper()
	strip, err := sim.Start(context.WithoutCancel(s.t.Context()), sim.Config{PDUs: []sim.PDU{{Name: "pdu1", Style: "vpc", Outlets: sim.Numbered(0, 16)}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(strip.Close)
	s.write("etc/millwright/vpc.dev", string(sim.DeviceFile("vpc")))
	room := fmt.Sprintf(`room: scratch
specifications: [vpc.dev]
devices:
  pdu1: {driver: script, settings: {spec: mw-vpc, address: "tcp://%s"}}
nodes:
  web[1-2]: {cords: "pdu1:[1-2]"}
`, strip.Addr("pdu1"))
	s.write(conffile, room)
	return room
}

// use runs the daemon on that room and asks it through both doors. It gives the events
// of web1.
func use(s *scratch) string {
	s.t.Helper()
	d := s.startDaemon()
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	d.waitFor("RELOADING=1")
	d.waitFor("READY=1")
	d.ask(s, "on", "web1")
	powerman := s.at("usr/lib/millwright/names/powerman")
	if got := run(s.t, s.dir, nil, powerman, "-h", d.powerman, "-Q", "web1,web2"); !strings.Contains(got, "on:      web1") || !strings.Contains(got, "off:     web2") {
		s.t.Errorf("powerman -Q: %s", got)
	}
	events := d.ask(s, "events", "--node", "web1")
	if strings.Count(events, "\n") < 2 {
		s.t.Errorf("events: %q", events)
	}
	d.stop()
	return events
}

// names holds that the names of another package's programs are only taken where they
// are free, and when they become free.
func names(t *testing.T, deb string) {
	other := stranger(t)
	const name = "usr/bin/powerman"
	s := newScratch(t)
	theirs := func(when string) {
		t.Helper()
		if got := s.leads(name); got != name || !strings.Contains(s.read(name), "another program") {
			t.Errorf("%s: %s leads to %s and is not theirs", when, name, got)
		}
		if got := s.leads("usr/bin/pm"); got != "usr/bin/millwright" {
			t.Errorf("%s: pm, which is free, leads to %s", when, got)
		}
	}
	s.dpkg("--install", other)
	s.dpkg("--install", deb)
	theirs("they came first")
	s.dpkg("--remove", "powerman")
	if got := s.leads(name); got != "usr/bin/millwright" {
		t.Errorf("they are gone: %s leads to %s", name, got)
	}
	s.dpkg("--install", other)
	theirs("they came second")
	s.dpkg("--remove", "millwright")
	if got := s.read(name); !strings.Contains(got, "another program") {
		t.Errorf("we are gone, and so is theirs: %q", got)
	}
}

// sameBytes holds that the same source makes the same packages.
func sameBytes(t *testing.T, once string) {
	again := buildDeb(t, "0.9.1")
	x, err := os.ReadFile(filepath.Join(filepath.Dir(once), "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(filepath.Join(filepath.Dir(again), "SHA256SUMS"))
	if err != nil || string(x) != string(y) {
		t.Errorf("%v: built twice:\n%s%s", err, x, y)
	}
}

// policy asks lintian, which knows Debian's policy; what it is told to overlook is
// said, with the reason, in deb/lintian-overrides.
func policy(t *testing.T, deb string) {
	said := run(t, ".", nil, "lintian", "--fail-on=error,warning", "--tag-display-limit=0", "--allow-root", deb)
	if said != "" {
		t.Error(said)
	}
}

// The units are ones that systemd takes, with every drop-in that we offer, and shut
// the daemon in.
func TestUnits(t *testing.T) {
	root := t.TempDir()
	units, program := filepath.Join(root, "units"), filepath.Join(root, "millwright")
	if err := os.CopyFS(units, os.DirFS("systemd")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	service := filepath.Join(units, "millwright.service")
	text, err := os.ReadFile(service)
	if err != nil {
		t.Fatal(err)
	}
	// systemd-analyze wants to see the program.
	if err := os.WriteFile(service, bytes.ReplaceAll(text, []byte("/usr/bin/millwright"), []byte(program)), 0o644); err != nil {
		t.Fatal(err)
	}
	verify := func() {
		t.Helper()
		argv := []string{"systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "./millwright.service", "./millwright.socket", "./millwright-powerman.socket"}
		if said := complaints(t, units, []string{"SYSTEMD_UNIT_PATH=" + units + ":"}, argv...); said != "" {
			t.Error(said)
		}
	}
	verify()
	// The threshold is in tenths, of ten; a unit without any of it has more than nine.
	run(t, units, nil, "systemd-analyze", "security", "--offline=true", "--threshold=20", "./millwright.service")
	if err := os.Rename(filepath.Join(units, "drop-ins"), service+".d"); err != nil {
		t.Fatal(err)
	}
	verify()
}
