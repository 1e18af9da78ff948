package ntp

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/freeport"
)

func settings(address string) *Settings {
	s := New().New().(*Settings)
	_, port, _ := net.SplitHostPort(address)
	s.Port, _ = strconv.Atoi(port)
	return s
}

// TestChrony asks Debian's chronyd, which is told to believe its own clock.
func TestChrony(t *testing.T) {
	address := freeport.For(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(address)
	dir := t.TempDir()
	file := filepath.Join(dir, "chrony.conf")
	text := fmt.Sprintf("port %s\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 8\ncmdport 0\nbindcmdaddress /\npidfile %s\ndriftfile %s\n",
		port, filepath.Join(dir, "pid"), filepath.Join(dir, "drift"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "chronyd", "-x", "-d", "-U", "-u", "root", "-F", "0", "-f", file)
	if os.Getuid() != 0 {
		cmd.Args = append(cmd.Args[:4], "-F", "0", "-f", file)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var r check.Result
	for end := time.Now().Add(checktest.Patience); time.Now().Before(end); { // until it listens
		if r = checktest.Look(t, settings(address), checktest.Env()); r.Verdict == check.OK {
			break
		}
		wait(t, 50*time.Millisecond)
	}
	checktest.Says(t, r, check.OK, "stratum 8")
	if r.Verdict != check.OK {
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("%s", said)
	}
	s := settings(address)
	s.Stratum = 7
	checktest.Says(t, checktest.Look(t, s, checktest.Env()), check.Bad, "more than 7")
}

// wait lets some time pass while another program starts.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// server answers as a test says: it changes an answer that is good.
func server(t *testing.T, change func(packet []byte) []byte) string {
	t.Helper()
	var config net.ListenConfig
	conn, err := config.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if n < 48 {
				continue
			}
			a := make([]byte, 48)
			a[0], a[1], a[2], a[3] = 4<<3|4, 2, 6, 0xec // version 4, server; stratum 2
			copy(a[12:], "TEST")
			stamp(a[16:], time.Now())
			copy(a[24:32], buf[40:48])
			stamp(a[32:], time.Now())
			stamp(a[40:], time.Now())
			if a = change(a); a != nil {
				_, _ = conn.WriteTo(a, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// stamp writes a time as RFC 5905, section 6, has it.
func stamp(to []byte, at time.Time) {
	const to1970 = 2208988800
	binary.BigEndian.PutUint32(to, uint32(at.Unix()+to1970))
	binary.BigEndian.PutUint32(to[4:], uint32(uint64(at.Nanosecond())<<32/1e9))
}

func TestAnswers(t *testing.T) {
	later := func(a []byte) []byte {
		stamp(a[32:], time.Now().Add(time.Hour))
		stamp(a[40:], time.Now().Add(time.Hour))
		return a
	}
	for _, tt := range []struct {
		name   string
		change func([]byte) []byte
		want   check.Verdict
		says   string
	}{
		{"right", func(a []byte) []byte { return a }, check.OK, "stratum 2"},
		{"an hour off", later, check.Bad, "more than 1s away"},
		{"not synchronised", func(a []byte) []byte { a[0] |= 3 << 6; return a }, check.Bad, "not synchronised"},
		{"no reference", func(a []byte) []byte { a[1] = 16; return a }, check.Bad, ""},
		{"wants peace", func(a []byte) []byte { a[1] = 0; copy(a[12:], "RATE"); return a }, check.Unknown, "RATE"},
		{"an answer to nobody", func(a []byte) []byte { a[24]++; return a }, check.Bad, ""},
		{"too short", func(a []byte) []byte { return a[:20] }, check.Bad, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checktest.Says(t, checktest.Look(t, settings(server(t, tt.change)), checktest.Env()), tt.want, tt.says)
		})
	}
	silent := settings(server(t, func([]byte) []byte { return nil }))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	checktest.Says(t, checktest.LookFor(ctx, t, silent, checktest.Env()), check.Bad, "no answer in time")
}

func TestSettings(t *testing.T) {
	for _, s := range []Settings{{}, {Host: "x"}, {Host: "x", Port: 1}, {Host: "x", Port: 1, Offset: 1, Stratum: 16}} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
