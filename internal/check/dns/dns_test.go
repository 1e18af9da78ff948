package dns

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
)

// zone is a name server of the test's own. It answers the first question with rubbish
// before the answer, as who wants to betray would.
type zone struct{ address string }

func serve(t *testing.T) zone {
	t.Helper()
	var config net.ListenConfig
	stream, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := config.ListenPacket(t.Context(), "udp", stream.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close(); packets.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := packets.ReadFrom(buf)
			if err != nil {
				return
			}
			bad := append([]byte(nil), answer(buf[:n], false)...)
			if len(bad) > 2 {
				bad[0]++ // the answer to another question
				_, _ = packets.WriteTo(bad, from)
				_, _ = packets.WriteTo(bad[:5], from)
				_, _ = packets.WriteTo(answer(buf[:n], false), from)
			}
		}
	}()
	go func() {
		for {
			c, err := stream.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				head := make([]byte, 2)
				_, _ = io.ReadFull(c, head)
				q := make([]byte, binary.BigEndian.Uint16(head))
				_, _ = io.ReadFull(c, q)
				a := answer(q, true)
				_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
			}()
		}
	}()
	return zone{stream.Addr().String()}
}

func answer(packet []byte, stream bool) []byte {
	var q dnsmessage.Message
	if q.Unpack(packet) != nil {
		return nil
	}
	n := func(s string) dnsmessage.Name { return dnsmessage.MustNewName(s) }
	asked := q.Questions[0]
	q.Response = true
	put := func(name string, body dnsmessage.ResourceBody, t dnsmessage.Type) {
		q.Answers = append(q.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: n(name), Type: t, Class: dnsmessage.ClassINET}, Body: body})
	}
	switch name := strings.ToLower(asked.Name.String()); {
	case name == "silent.test.":
		return nil
	case name == "broken.test.":
		q.RCode = dnsmessage.RCodeServerFailure
	case name == "long.test." && !stream:
		q.Truncated = true
	case asked.Type == dnsmessage.TypePTR:
		put(name, &dnsmessage.PTRResource{PTR: n("N1.test.")}, asked.Type)
	case name != "n1.test." && name != "long.test.":
		q.RCode = dnsmessage.RCodeNameError
	case asked.Type == dnsmessage.TypeA:
		put(name, &dnsmessage.CNAMEResource{CNAME: n("real.test.")}, dnsmessage.TypeCNAME)
		put("real.test.", &dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}}, asked.Type)
		put("real.test.", &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}, asked.Type)
	case asked.Type == dnsmessage.TypeAAAA:
	case asked.Type == dnsmessage.TypeMX:
		put(name, &dnsmessage.MXResource{Pref: 10, MX: n("mail.test.")}, asked.Type)
	case asked.Type == dnsmessage.TypeSRV:
		put(name, &dnsmessage.SRVResource{Priority: 1, Weight: 2, Port: 443, Target: n("www.test.")}, asked.Type)
	case asked.Type == dnsmessage.TypeTXT:
		put(name, &dnsmessage.TXTResource{TXT: []string{"v=1 ", "Ok"}}, asked.Type)
	}
	packed, _ := q.Pack()
	return packed
}

func TestAnswers(t *testing.T) {
	z := serve(t)
	env := checktest.Env()
	_, port, _ := net.SplitHostPort(z.address)
	own := "{address}:" + port
	for _, tt := range []struct {
		name string
		s    Settings
		want check.Verdict
		says string
	}{
		{"any", Settings{Name: "{node}.test", Type: "A"}, check.OK, "n1.test A is 192.0.2.1, 192.0.2.2, in"},
		{"expected", Settings{Name: "N1.TEST.", Type: "A", Expected: []string{"192.0.2.2"}}, check.OK, ""},
		{"missing", Settings{Name: "n1.test", Type: "A", Expected: []string{"192.0.2.3"}}, check.Bad, "without 192.0.2.3"},
		{"only", Settings{Name: "n1.test", Type: "A", Only: true, Expected: []string{"192.0.2.1"}}, check.Bad, "more than is expected"},
		{"an alias", Settings{Name: "n1.test", Type: "CNAME"}, check.Bad, "no such record"},
		{"no record", Settings{Name: "n1.test", Type: "AAAA"}, check.Bad, "no such record"},
		{"no name", Settings{Name: "n9.test", Type: "A"}, check.Bad, "knows no such name"},
		{"mail", Settings{Name: "n1.test", Type: "MX", Expected: []string{"10  MAIL.test."}}, check.OK, ""},
		{"service", Settings{Name: "n1.test", Type: "SRV", Expected: []string{"1 2 443 www.test"}}, check.OK, ""},
		{"text", Settings{Name: "n1.test", Type: "TXT", Expected: []string{"v=1 Ok"}}, check.OK, ""},
		{"reverse", Settings{Name: "{address}", Type: "PTR", Expected: []string{"n1.test"}}, check.OK, "1.0.0.127.in-addr.arpa PTR is n1.test"},
		{"long", Settings{Name: "long.test", Type: "A"}, check.OK, "192.0.2.1"},
		{"the node fails", Settings{Name: "broken.test", Type: "A"}, check.Bad, "ServerFailure"},
		{"another fails", Settings{Name: "broken.test", Type: "A", Resolver: z.address}, check.Unknown, "ServerFailure"},
		{"nobody there", Settings{Name: "n1.test", Type: "A", Resolver: "127.0.0.1:1"}, check.Unknown, "connection refused"},
		{"the node is not there", Settings{Name: "n1.test", Type: "A", Resolver: "{address}:1"}, check.Bad, "connection refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.s.Resolver == "" {
				tt.s.Resolver = own
			}
			checktest.Says(t, checktest.Look(t, &tt.s, env), tt.want, tt.says)
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s := &Settings{Name: "silent.test", Type: "A", Resolver: own}
	checktest.Says(t, checktest.LookFor(ctx, t, s, env), check.Bad, "no answer in time")
	s.Resolver = z.address
	checktest.Says(t, checktest.LookFor(ctx, t, s, env), check.Unknown, "no answer in time")
}

func TestSettings(t *testing.T) {
	for _, s := range []Settings{
		{},
		{Resolver: "x", Name: "x", Type: "ANY"},
		{Resolver: "x", Type: "A"},
		{Resolver: "x", Name: "x", Type: "A", Only: true},
		{Resolver: "x", Name: strings.Repeat("x", 300), Type: "A"},
		{Resolver: "x", Name: "x", Type: "A", Expected: make([]string, 100)},
	} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	q := dnsmessage.Question{Name: dnsmessage.MustNewName("n1.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	for _, kind := range types {
		q.Type = kind
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{q}}
		packet, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(answer(packet, true), uint16(kind))
	}
	f.Fuzz(func(_ *testing.T, packet []byte, kind uint16) {
		q := dnsmessage.Question{Name: dnsmessage.MustNewName("n1.test."), Type: dnsmessage.Type(kind), Class: dnsmessage.ClassINET}
		understand(packet, 7, q)
	})
}
