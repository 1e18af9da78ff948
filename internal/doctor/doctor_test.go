package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const plain = `room: lab
powerman: {listen: ["127.0.0.1:%PORT%"]}
devices:
  hand: {driver: manual, settings: {plugs: ["1"]}}
nodes:
  n1: {cords: "hand:1"}
`

// bed is where a patient lies: a folder of its own, with a room in it.
type bed struct {
	t   *testing.T
	dir string
	Patient
}

func newBed(t *testing.T, room string) *bed {
	t.Helper()
	b := &bed{t: t, dir: t.TempDir()}
	b.Patient = Patient{
		Config: filepath.Join(b.dir, "room"), Said: true, State: filepath.Join(b.dir, "state"), Socket: filepath.Join(b.dir, "s"),
		Version: "1", Drivers: standard.Drivers(script.Options{}), Runtime: filepath.Join(b.dir, "nothing"),
	}
	b.Client = client.New(b.Socket)
	t.Cleanup(b.Client.Close)
	b.write("room/room.yaml", room, 0o644)
	return b
}

func (b *bed) write(name, text string, mode os.FileMode) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "%DIR%", b.dir), "%PORT%", freePort(b.t))
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func freePort(t *testing.T) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(freeport.For(t, "127.0.0.1"))
	return port
}

// daemon runs the real one until the test ends.
func (b *bed) daemon() {
	b.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: b.Config, State: b.State, Drivers: b.Drivers, Version: "1",
			Doors: app.Doors{Socket: b.Socket}, Ready: func(app.Addresses) { close(ready) },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		b.Client.Close()
		stop()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

func (b *bed) listen() string {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func (b *bed) certificate(name string, lasts time.Duration) {
	b.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(lasts)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(name, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
}

// database makes the state folder with a database in it.
func (b *bed) database(fill func(*store.Tx) error) string {
	b.t.Helper()
	s, err := store.Open(b.t.Context(), b.State, store.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	if fill != nil {
		if err := s.Write(b.t.Context(), fill); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.t.Fatal(err)
	}
	return filepath.Join(b.State, "millwright.db")
}

const https = "http: {listen: [\"127.0.0.1:%PORT%\"], tls-cert: c.pem, tls-key: k.pem}\n"

func TestFindings(t *testing.T) {
	for _, tt := range []struct {
		name  string
		room  string
		spoil func(*bed) // breaks one thing, for real
		want  string     // check, severity, and a part of the text
	}{
		{"nothing wrong", plain, func(b *bed) { b.database(nil) }, "state good the database in %DIR%/state is sound"},
		{"no daemon", plain, nil, "daemon warning no daemon runs"},
		{"a dead socket", plain, func(b *bed) { b.write("s", "", 0o600) }, "daemon bad no daemon answers"},
		{"no socket", plain, func(b *bed) { b.write("s", "", 0o600) }, "socket bad is no socket"},
		{"no room", plain, func(b *bed) { b.Config = "/nowhere" }, "configuration bad there is no /nowhere"},
		{"a typo", plain + "nodse: {}\n", nil, "configuration bad nodse"},
		{"a port that is held", strings.Replace(plain, "127.0.0.1:%PORT%", "%HELD%", 1), nil, "doors bad %HELD%, for PowerMan's clients, is held by doctor.test"},
		{"an address of nobody", strings.Replace(plain, "127.0.0.1", "192.0.2.1", 1), nil, "doors bad 192.0.2.1:"},
		{"a port that is free", plain, nil, "doors good is free"},
		{"a certificate that has run out", plain + https, func(b *bed) { b.certificate("room/c.pem", -time.Hour) }, "certificates bad c.pem has run out"},
		{"one that will soon", plain + https, func(b *bed) { b.certificate("room/c.pem", 73*time.Hour) }, "certificates warning c.pem runs out in 3 days"},
		{"one that is good", plain + https, func(b *bed) { b.certificate("room/c.pem", 999*time.Hour) }, "certificates good c.pem is good for 41 days"},
		{"none at all", plain + https, func(b *bed) { b.write("room/c.pem", "rubbish", 0o644) }, "certificates bad there is no certificate in"},
		{"an open state folder", plain, func(b *bed) { b.database(nil); b.chmod("state", 0o755) }, "state warning can be entered by others"},
		{"a database that is none", plain, func(b *bed) { b.write("state/millwright.db", "rubbish, and enough of it", 0o600) }, "state bad file is not a database"},
		{"a damaged database", plain, func(b *bed) { b.damage(b.database(nil)) }, "state bad malformed"},
		{"a secret that is nowhere", plain + "credentials: {c: {password: \"secret:pdu\"}}\n", nil, "secrets bad credential c: password: secret:pdu"},
		{"a file that is gone", plain + "credentials: {c: {password: \"file:gone\"}}\n", nil, "secrets bad credential c: password: file:gone"},
		{"a variable", plain + "credentials: {c: {password: \"env:NO_SUCH_VARIABLE\"}}\n", nil, "secrets warning env:NO_SUCH_VARIABLE is not set here"},
		{"a program that is gone", withDevice("d: {driver: exec, settings: {on: /no/such x, off: /bin/true, plugs: [\"1\"]}}"), nil, "programs bad d needs the program /no/such"},
		{"a file that is no program", withDevice("d: {driver: exec, settings: {on: \"%DIR%/tool\", off: /bin/true, plugs: [\"1\"]}}"), func(b *bed) { b.write("tool", "", 0o600) }, "programs bad permission denied"},
		{"two that are one", withDevice("d1: {driver: ipal, credential: k, settings: {address: \"tcp://10.0.0.1:9100\"}}\n  d2: {driver: ipal, credential: k, settings: {address: \"tcp://10.0.0.1:9100\"}}"), nil, "devices warning d[1-2] have the same address, 10.0.0.1:9100"},
		{"nobody there", withDevice("d1: {driver: ipal, credential: k, settings: {address: \"tcp://127.0.0.1:%PORT%\"}}"), func(b *bed) { b.Connect = true }, "devices bad d1 does not answer"},
		{"somebody there", withDevice("d1: {driver: ipal, credential: k, settings: {address: \"tcp://%HELD%\"}}"), func(b *bed) { b.Connect = true }, "devices good something listens"},
		{"a file of tomorrow", plain, func(b *bed) { b.tomorrow("room/room.yaml") }, "clock warning in the future"},
		{"few files", plain, func(b *bed) { b.limits(os.Getpid(), 100) }, "limits bad may have 100 files open, and 1 device need 258"},
		{"a failed unit", plain, func(b *bed) { b.systemctl("LoadState=loaded\nActiveState=failed\n") }, "systemd bad has failed"},
		{"a unit that is not enabled", plain, func(b *bed) { b.systemctl("LoadState=loaded\nActiveState=active\nUnitFileState=disabled\n") }, "systemd warning will not after the next boot"},
		{"no unit", plain, func(b *bed) { b.systemctl("LoadState=not-found\n") }, "daemon warning"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, "")
			held := b.listen()
			b.write("room/room.yaml", strings.ReplaceAll(tt.room, "%HELD%", held), 0o644)
			if strings.Contains(tt.room, "k.pem") {
				b.write("room/k.pem", "", 0o600)
			}
			if tt.spoil != nil {
				tt.spoil(b)
			}
			b.mustFind(tt.want, "%DIR%", b.dir, "%HELD%", held)
		})
	}
}

func withDevice(text string) string {
	return strings.Replace(plain, "devices:\n", "credentials: {k: {password: \"env:HOME\"}}\ndevices:\n  "+text+"\n", 1)
}

// mustFind wants one finding: its check, its severity, and a part of its text.
func (b *bed) mustFind(want string, names ...string) {
	b.t.Helper()
	words := strings.SplitN(strings.NewReplacer(names...).Replace(want), " ", 3)
	list := Examine(b.t.Context(), b.Patient)
	found := false
	for _, f := range list {
		if f.Severity != Good && f.Remedy == "" {
			b.t.Errorf("%v: it does not say what to do", f)
		}
		if strings.Contains(f.Text+f.Remedy, "\n") {
			b.t.Errorf("%q is not one line", f)
		}
		found = found || f.Check == words[0] && f.Severity.String() == words[1] && (len(words) < 3 || strings.Contains(f.Text, words[2]))
	}
	if !found {
		b.t.Errorf("%v is not found, but:\n%v", words, list)
	}
}

func (b *bed) chmod(name string, mode os.FileMode) {
	if err := os.Chmod(filepath.Join(b.dir, name), mode); err != nil {
		b.t.Fatal(err)
	}
}

// damage spoils pages in the middle of a database.
func (b *bed) damage(path string) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.t.Fatal(err)
	}
	for at := int64(8192); at < info.Size(); at += 4096 {
		if _, err := f.WriteAt([]byte("rubbish rubbish rubbish rubbish rubbish"), at); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bed) tomorrow(name string) {
	at := time.Now().Add(24 * time.Hour)
	if err := os.Chtimes(filepath.Join(b.dir, name), at, at); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) limits(pid, n int) {
	b.Proc = filepath.Join(b.dir, "proc")
	b.write(fmt.Sprintf("proc/%d/limits", pid), fmt.Sprintf("Max open files            10                   %d                files\n", n), 0o644)
}

// systemctl puts one that says this into the way.
func (b *bed) systemctl(says string) {
	tool := b.write("bin/systemctl", "#!/bin/sh\ncat <<END\n"+says+"END\n", 0o755)
	b.t.Setenv("PATH", filepath.Dir(tool)+":"+os.Getenv("PATH"))
	b.Runtime = b.dir
}

func TestWithDaemon(t *testing.T) {
	gone := withDevice("gone: {driver: ipal, credential: k, settings: {address: \"tcp://127.0.0.1:1\"}}")
	for _, tt := range []struct {
		name   string
		room   string
		before func(*bed)
		after  func(*bed)
		want   string
	}{
		{"well", plain, nil, nil, "daemon good version 1 answers"},
		{"its port", plain, nil, nil, "doors good is open for PowerMan's clients"},
		{"its database, while it is open", plain, nil, nil, "state good is sound"},
		{"another version", plain, nil, func(b *bed) { b.Version = "2" }, "daemon warning the daemon is version 1, this program is 2"},
		{"an open socket", plain, nil, func(b *bed) { b.chmod("s", 0o666) }, "socket warning every user"},
		{"a folder for all", plain, nil, func(b *bed) { b.chmod(".", 0o777) }, "socket bad anybody can put another socket"},
		{"a device that is gone", gone, nil, awaitLost, "devices bad gone is not in reach"},
		{"a held node", plain, holdN1, nil, "nodes warning 1 node is held back after an interruption: n1"},
		{"broken files", plain, breakFiles, nil, "daemon bad revision 1 runs instead of the files"},
		{"a question", plain, nil, askSomething, "questions warning hand waits for somebody to answer"},
		{"few files", plain, nil, func(b *bed) { b.limits(os.Getpid(), 100) }, "limits bad may have 100 files"},
		{"a door that is not open", plain, nil, func(b *bed) { b.PowerMan = []string{"127.0.0.1:" + freePort(b.t)} }, "doors warning nobody listens"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, tt.room)
			if tt.before != nil {
				tt.before(b)
			}
			b.daemon()
			if tt.after != nil {
				tt.after(b)
			}
			b.mustFind(tt.want)
		})
	}
}

// awaitLost waits until the daemon has tried its device.
func awaitLost(b *bed) {
	for _, err := range b.Client.Do(b.t.Context(), wire.Do{Op: "status"}) {
		if err != nil {
			b.t.Fatal(err)
		}
	}
	for {
		list, err := b.Client.Devices(b.t.Context(), "")
		if err != nil {
			b.t.Fatal(err)
		}
		if list[0].Said != "" {
			return
		}
	}
}

func holdN1(b *bed) {
	b.database(func(tx *store.Tx) error {
		return tx.SetInterruptions(store.Interruption{Node: "n1", Op: "cycle", Time: time.Now()})
	})
}

// breakFiles lets a daemon accept the room, and then breaks its files.
func breakFiles(b *bed) {
	ctx, stop := context.WithCancel(context.Background())
	err := app.Run(ctx, app.Options{Config: b.Config, State: b.State, Drivers: b.Drivers, Ready: func(app.Addresses) { stop() }})
	if err != nil {
		b.t.Fatal(err)
	}
	b.write("room/room.yaml", "rubbish: [", 0o644)
}

// askSomething has the daemon ask a person to switch something on.
func askSomething(b *bed) {
	go func() {
		for range b.Client.Do(b.t.Context(), wire.Do{Op: "on", Targets: "n1", NoWait: true}) { //nolint:revive // to its end
		}
	}()
	for {
		if list, _ := b.Client.Questions(b.t.Context()); len(list) > 0 {
			return
		}
	}
}

func TestJudgements(t *testing.T) {
	for _, tt := range []struct {
		judge func(*visit)
		want  Severity
	}{
		{func(v *visit) { v.judgeSpace(1<<20, 1<<40) }, Bad},
		{func(v *visit) { v.judgeSpace(100<<20, 1<<40) }, Warning},
		{func(v *visit) { v.judgeSpace(100<<20, 1<<30) }, Good},
		{func(v *visit) { v.judgeSpace(1<<40, 1<<41) }, Good},
		{func(v *visit) { v.judgeClock(false) }, Warning},
		{func(v *visit) { v.judgeClock(true) }, Good},
	} {
		v := &visit{}
		tt.judge(v)
		if Worst(v.found) != tt.want {
			t.Errorf("%v, want %v", v.found, tt.want)
		}
	}
}
