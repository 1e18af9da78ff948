package telnet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	iac  = "\xff"
	will = iac + "\xfb"
	wont = iac + "\xfc"
	do   = iac + "\xfd"
	dont = iac + "\xfe"
	sb   = iac + "\xfa"
	se   = iac + "\xf0"
)

// run filters input in pieces and returns data, answers and ignored requests.
func run(o Options, pieces ...string) (data, answers string, ignored []Option, err error) {
	var out bytes.Buffer
	o.Ignored = func(_ Command, opt Option) { ignored = append(ignored, opt) }
	f := newFilter(o, func(b ...byte) bool { out.Write(b); return true })
	f.open(o)
	for _, piece := range pieces {
		buf := []byte(piece)
		n, e := f.apply(buf)
		data += string(buf[:n])
		if e != nil {
			return data, out.String(), ignored, e
		}
	}
	return data, out.String(), ignored, nil
}

func TestPowerManDialect(t *testing.T) {
	for _, tc := range []struct{ name, in, data, answer string }{
		{"plain text", "login: ", "login: ", ""},
		{"doubled IAC is one byte", "a" + iac + iac + "b", "a\xffb", ""},
		{"go ahead and timing mark are done", do + "\x03" + do + "\x06", "", will + "\x03" + will + "\x06"},
		{"asked again, answered again", do + "\x03" + do + "\x03", "", will + "\x03" + will + "\x03"},
		{
			"terminal options are refused", "x" + do + "\x18" + do + "\x1f" + do + "\x27" + "y" + do + "\x23" + do + "\x20" + do + "\x01" + do + "\x21" + do + "\x00",
			"xy", wont + "\x18" + wont + "\x1f" + wont + "\x27" + wont + "\x23" + wont + "\x20" + wont + "\x01" + wont + "\x21" + wont + "\x00",
		},
		{"offers are taken in silence", will + "\x01" + wont + "\x03" + dont + "\x01ok", "ok", ""},
		{"two-byte commands vanish", "a" + iac + "\xf1" + iac + "\xf9b", "ab", ""},
		{"sub-negotiation vanishes", "a" + sb + "\x18\x01" + se + "b", "ab", ""},
		{"a doubled IAC does not end it", sb + "\x1f" + iac + iac + "\xf0z" + se + "b", "b", ""},
		{"a command inside ends it", sb + "\x18" + do + "\x03b", "b", will + "\x03"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, answer, _, err := run(PowerMan(nil), tc.in)
			if data != tc.data || answer != tc.answer || err != nil {
				t.Errorf("got %q, answered %q, %v; want %q, %q", data, answer, err, tc.data, tc.answer)
			}
			data, answer, _, _ = run(PowerMan(nil), strings.Split(tc.in, "")...)
			if data != tc.data || answer != tc.answer {
				t.Errorf("byte by byte: got %q, answered %q", data, answer)
			}
		})
	}
}

func TestPowerManReportsWhatItIgnores(t *testing.T) {
	_, answer, ignored, _ := run(PowerMan(nil), do+"\x22"+do+"\x05"+will+"\x22")
	if answer != "" || len(ignored) != 2 || ignored[0] != Linemode || ignored[1] != Status {
		t.Errorf("answered %q, ignored %v", answer, ignored)
	}
}

func TestStandardDialect(t *testing.T) {
	for _, tc := range []struct {
		name, in, answer string
		o                Options
	}{
		{"agrees once", do + "\x03" + do + "\x03", will + "\x03", Options{}},
		{"refuses the unknown", do + "\x22" + will + "\x22", wont + "\x22" + dont + "\x22", Options{}},
		{"lets the server echo", will + "\x01" + will + "\x03", do + "\x01" + do + "\x03", Options{}},
		{"confirms an end once", will + "\x01" + wont + "\x01" + wont + "\x01", do + "\x01" + dont + "\x01", Options{}},
		{"performs what it was told to", do + "\x00", will + "\x00", Options{Perform: []Option{Binary}}},
		{"an answer needs none back", do + "\x01", will + "\x01", Options{Offer: []Option{Echo}}},
		{"a refused offer stays off", dont + "\x01" + dont + "\x01", will + "\x01", Options{Offer: []Option{Echo}}},
		{"terminal type", do + "\x18" + sb + "\x18\x01" + se, will + "\x18" + sb + "\x18\x00VT100" + se, Options{Terminal: "VT100"}},
		{"terminal type unasked", sb + "\x18\x01" + se, "", Options{Terminal: "VT100"}},
		{"window size, 255 doubled", do + "\x1f", will + "\x1f" + sb + "\x1f\x00" + iac + iac + "\x00\x18" + se, Options{Columns: 255, Rows: 24}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, answer, _, err := run(tc.o, tc.in)
			if data != "" || answer != tc.answer || err != nil {
				t.Errorf("got %q, answered %q, %v; want %q", data, answer, err, tc.answer)
			}
		})
	}
}

func TestSubnegotiationIsBounded(t *testing.T) {
	_, _, _, err := run(Options{}, sb+strings.Repeat("x", MaxSubnegotiation)+se)
	if err != nil {
		t.Errorf("longest allowed: %v", err)
	}
	_, _, _, err = run(Options{}, sb+strings.Repeat("x", MaxSubnegotiation+1)+se)
	if !errors.Is(err, ErrSubnegotiation) {
		t.Errorf("one more: %v", err)
	}
}

// Both ends write before they read, over a pipe without any buffer: answers
// must not block the reader.
func TestBothEndsTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		client, server := NewConn(a, Options{Terminal: "VT100"}), NewServer(b, Options{Ask: []Option{TerminalType}})
		defer client.Close()
		defer server.Close()
		go func() {
			_, _ = server.Write([]byte("login\xff: "))
			buf := make([]byte, 64)
			n, _ := server.Read(buf)
			_, _ = server.Write(append([]byte("hello "), buf[:n]...))
		}()
		expect(t, client, "login\xff: ")
		if n, err := client.Write([]byte("ad\xffmin")); n != 6 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		expect(t, client, "hello ad\xffmin")
		synctest.Wait()
		if !client.input.remote.has(Echo) || !server.input.remote.has(TerminalType) || !server.input.local.has(SuppressGoAhead) {
			t.Error("the ends did not agree on echo, go ahead and terminal type")
		}
	})
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(r, buf); err != nil || string(buf) != want {
		t.Fatalf("read %q, %v; want %q", buf, err, want)
	}
}

func TestFloodEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := NewConn(a, PowerMan(nil))
		defer c.Close()
		go func() { // asks and asks, and never reads
			for {
				if _, err := b.Write([]byte(do + "\x03")); err != nil {
					return
				}
			}
		}()
		defer b.Close()
		if _, err := c.Read(make([]byte, 16)); !errors.Is(err, ErrFlood) {
			t.Errorf("Read = %v, want ErrFlood", err)
		}
	})
}

// A device that does not read must not keep Close from ending.
func TestCloseWithAnswersWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := NewConn(a, PowerMan(nil))
		go func() { _, _ = b.Write([]byte(do + "\x03x")) }()
		expect(t, c, "x")
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := c.Write([]byte("x")); err == nil {
			t.Error("Write after Close succeeded")
		}
	})
}

type memory struct {
	bytes.Buffer
	limit int
}

func (m *memory) Close() error { return nil }
func (m *memory) Write(p []byte) (int, error) {
	if room := m.limit - m.Len(); room < len(p) {
		n, _ := m.Buffer.Write(p[:max(room, 0)])
		return n, io.ErrShortWrite
	}
	return m.Buffer.Write(p)
}

func TestEscape(t *testing.T) {
	for _, tc := range []struct {
		noEscape bool
		limit    int
		sent     string
		n        int
	}{
		{false, 99, "a\xff\xffb\xff\xff", 4},
		{true, 99, "a\xffb\xff", 4},
		{false, 2, "a\xff", 1}, // half of a doubled byte is not a byte sent
		{false, 4, "a\xff\xffb", 3},
	} {
		m := &memory{limit: tc.limit}
		n, _ := NewConn(m, Options{NoEscape: tc.noEscape}).Write([]byte("a\xffb\xff"))
		if n != tc.n || m.String() != tc.sent {
			t.Errorf("noEscape %v, room for %d: wrote %d as %q; want %d as %q", tc.noEscape, tc.limit, n, m.String(), tc.n, tc.sent)
		}
	}
}

func TestDeadlines(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	c := NewConn(a, Options{})
	defer c.Close()
	if err := errors.Join(c.SetReadDeadline(time.Unix(1, 0)), c.SetWriteDeadline(time.Unix(1, 0))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("Read past its deadline gave no error")
	}
	if NewConn(&memory{}, Options{}).SetReadDeadline(time.Now()) == nil {
		t.Error("a connection without deadlines claims to have them")
	}
}

// However the input is cut, data, answers and errors are the same; and data
// that was escaped comes out as it went in.
func FuzzFilter(f *testing.F) {
	f.Add([]byte("login: "+will+"\x01"+do+"\x03"), uint16(3), false)
	f.Add([]byte(sb+"\x18\x01"+se+do+"\x18"+sb+"\x18\x01"+se), uint16(5), false)
	f.Add([]byte(iac+iac+sb+iac+iac+will), uint16(1), true)
	f.Fuzz(func(t *testing.T, in []byte, cut uint16, compat bool) {
		o := Options{Terminal: "VT100", Columns: 80, Rows: 24}
		if compat {
			o = PowerMan(nil)
		}
		k := min(int(cut), len(in))
		whole, answers, _, err := run(o, string(in))
		split, answers2, _, err2 := run(o, string(in[:k]), string(in[k:]))
		bytewise, answers3, _, err3 := run(o, strings.Split(string(in), "")...)
		if whole != split || whole != bytewise || answers != answers2 || answers != answers3 || !errors.Is(err2, err) || !errors.Is(err3, err) {
			t.Fatalf("cut at %d: %q %q %v, else %q %q %v", k, split, answers2, err2, whole, answers, err)
		}
		if len(whole) > len(in) {
			t.Fatalf("%d bytes of data out of %d bytes of input", len(whole), len(in))
		}
		m := &memory{limit: 1 << 30}
		if n, err := NewConn(m, Options{}).Write(in); n != len(in) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		if back, answers, _, _ := run(o, m.String()); back != string(in) || answers != "" {
			t.Fatalf("escaped and filtered %q is %q, answered %q", in, back, answers)
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	plain := bytes.Repeat([]byte("Outlet 1: ON\r\n"), 300)
	mixed := bytes.Repeat([]byte("Outlet 1: ON\r\n"+will+"\x01"), 240)
	for _, bc := range []struct {
		name string
		in   []byte
	}{{"plain", plain}, {"commands", mixed}} {
		b.Run(bc.name, func(b *testing.B) {
			f := newFilter(PowerMan(nil), func(...byte) bool { return true })
			buf := make([]byte, len(bc.in))
			b.SetBytes(int64(len(bc.in)))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, bc.in)
				_, _ = f.apply(buf)
			}
		})
	}
}
