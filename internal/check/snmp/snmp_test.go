package snmp

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/secret"
)

// agent runs Debian's snmpd.
func agent(t *testing.T) (port int) {
	t.Helper()
	address := freeport.For(t, "127.0.0.1")
	_, number, _ := net.SplitHostPort(address)
	port, _ = strconv.Atoi(number)
	dir := t.TempDir()
	conf := filepath.Join(dir, "snmpd.conf")
	text := "agentaddress udp:" + address + "\nrocommunity secret\nsysLocation rack 7\nsysServices 72\n" +
		"createUser ann SHA \"long enough\" AES \"long enough too\"\nrouser ann priv\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/sbin/snmpd", "-f", "-C", "-c", conf, "-Lo", "-p", filepath.Join(dir, "pid"))
	cmd.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir, "MIBS=")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return port
}

func credential(user, password, passphrase string) secret.Resolved {
	return secret.Resolved{User: user, Values: map[string]secret.Value{
		secret.Password: secret.NewValue(password), secret.Passphrase: secret.NewValue(passphrase),
	}}
}

func number(n float64) *float64 { return &n }

func TestAgent(t *testing.T) {
	port := agent(t)
	settings := func(oid string) *Settings {
		s := New().New().(*Settings)
		s.Port, s.OID = port, oid
		return s
	}
	env := checktest.Env()
	env.Credential = credential("", "secret", "")
	for end := time.Now().Add(checktest.Patience); time.Now().Before(end); { // until it is up
		if r := checktest.Look(t, settings("1.3.6.1.2.1.1.6.0"), env); r.Verdict == check.OK {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	for _, tt := range []struct {
		name, oid string
		change    func(*Settings)
		want      check.Verdict
		says      string
	}{
		{"a text", ".1.3.6.1.2.1.1.6.0", func(s *Settings) { s.Is = "rack 7" }, check.OK, ""},
		{"another text", "1.3.6.1.2.1.1.6.0", func(s *Settings) { s.Like = "^rack 8" }, check.Bad, `"rack 7", which is not like`},
		{"a number", "1.3.6.1.2.1.1.7.0", func(s *Settings) { s.Min, s.Max = number(72), number(72) }, check.OK, "is 72"},
		{"too many", "1.3.6.1.2.1.1.7.0", func(s *Settings) { s.Max = number(3) }, check.Bad, "72, more than 3"},
		{"an object's name", "1.3.6.1.2.1.1.2.0", func(s *Settings) { s.Like = `^1\.3\.6\.1\.4\.1\.` }, check.OK, ""},
		{"no such object", "1.3.6.1.2.1.1.99.0", nil, check.Bad, "has no object"},
		{"no such object in version 1", "1.3.6.1.2.1.1.99.0", func(s *Settings) { s.Version = "1" }, check.Bad, "has no object"},
		{"nobody there", "1.3.6.1.2.1.1.6.0", func(s *Settings) { s.Port = 1 }, check.Bad, "connection refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(tt.oid)
			if tt.change != nil {
				tt.change(s)
			}
			checktest.Says(t, checktest.Look(t, s, env), tt.want, tt.says)
		})
	}
	s := settings("1.3.6.1.2.1.1.6.0")
	env.Credential = credential("", "another", "")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	checktest.Says(t, checktest.LookFor(ctx, t, s, env), check.Bad, "no answer in time")

	s.Version = "3"
	env.Credential = credential("ann", "long enough", "long enough too")
	checktest.Says(t, checktest.Look(t, s, env), check.OK, "rack 7")
	env.Credential = credential("bob", "long enough", "long enough too")
	checktest.Says(t, checktest.Look(t, s, env), check.Unknown, "not authentic")
	env.Credential = credential("ann", "long and wrong", "long enough too")
	checktest.Says(t, checktest.Look(t, s, env), check.Unknown, "not authentic")
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		kind gosnmp.Asn1BER
		v    any
		text string
		is   bool
	}{
		{gosnmp.Counter64, uint64(1) << 63, "9223372036854775808", true},
		{gosnmp.OctetString, []byte("3.5\x00"), "3.5", true},
		{gosnmp.OctetString, []byte{0, 0x1b, 0xff}, "001bff", true},
		{gosnmp.OctetString, nil, "", false},
		{gosnmp.OpaqueFloat, float32(0.5), "0.5", true},
		{gosnmp.NoSuchInstance, nil, "", false},
		{gosnmp.Null, nil, "", false},
	} {
		if text, _, is := value(gosnmp.SnmpPDU{Type: tt.kind, Value: tt.v}); text != tt.text || is != tt.is {
			t.Errorf("%v: %q, %v", tt.v, text, is)
		}
	}
	if r := failed(t.Context(), "x", errors.New("odd")); r.Verdict != check.Unknown {
		t.Error(r)
	}
}

// TestHostile has an agent that sends rubbish.
func TestHostile(t *testing.T) {
	var config net.ListenConfig
	conn, err := config.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		buf := make([]byte, 1500)
		for i := 0; ; i++ {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			bad := append([]byte(nil), buf[:n]...)
			bad[i%n] ^= 0xff
			_, _ = conn.WriteTo(bad[:n-i%n], from)
			_, _ = conn.WriteTo(bad, from)
		}
	}()
	s := New().New().(*Settings)
	s.Port, s.OID = conn.LocalAddr().(*net.UDPAddr).Port, "1.3.6.1.2.1.1.6.0"
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if r := checktest.LookFor(ctx, t, s, checktest.Env()); r.Verdict == check.OK {
			t.Errorf("ok: %s", r.Said)
		}
		cancel()
	}
}

func TestSettings(t *testing.T) {
	for _, change := range []func(*Settings){
		func(s *Settings) { s.OID = "sysLocation.0" }, func(s *Settings) { s.Version = "4" }, func(s *Settings) { s.Auth = "x" },
		func(s *Settings) { s.Privacy = "x" }, func(s *Settings) { s.Version, s.Auth = "3", "none" }, func(s *Settings) { s.Port = 0 },
		func(s *Settings) { s.Host = "" }, func(s *Settings) { s.Like = "(" },
	} {
		s := New().New().(*Settings)
		s.OID = "1.3.6.1"
		change(s)
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
