package pgwire_test

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check/sql/pgwire"
)

// nonce stands in a script for the client's own, and is as long.
const nonce = "NONCENONCENONCENONCENONCEN"

// script is a server that says what it says, whatever it is asked.
type script struct {
	net.Conn
	says  string
	heard strings.Builder
}

func (s *script) Read(p []byte) (int, error) {
	if s.says == "" {
		return 0, io.EOF
	}
	n := copy(p, s.says)
	s.says = s.says[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.heard.Write(p)
	if _, ours, found := strings.Cut(string(p), ",,n=,r="); found {
		s.says = strings.ReplaceAll(s.says, nonce, ours)
	}
	return len(p), nil
}

func (s *script) SetDeadline(time.Time) error { return nil }
func (s *script) Close() error                { return nil }

func message(kind byte, body string) string {
	return string(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))) + body
}

func auth(what byte, rest string) string { return message('R', "\x00\x00\x00"+string(what)+rest) }

const scramOffer = "SCRAM-SHA-256\x00\x00"

// sayings are what servers say that are no PostgreSQL, or no honest one.
func sayings() []struct{ name, says, want string } {
	in := auth(0, "") + message('K', "12345678") + message('Z', "I")
	first := "r=" + nonce + "more,s=c2FsdA==,i=1"
	return []struct{ name, says, want string }{
		{"nothing", "", "hung up"},
		{"half a message", "R\x00\x00", "hung up"},
		{"half a body", "R\x00\x00\x00\x08\x00", "hung up"},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", "bytes, more than"},
		{"a length of nothing", "R\x00\x00\x00\x00", "garbled"},
		{"a negative length", "R\xff\xff\xff\xff", "more than"},
		{"an error", message('E', "SFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"), "starting up (SQLSTATE 57P03)"},
		{"an error without words", message('E', ""), "XX000"},
		{"short authentication", message('R', "x"), "garbled"},
		{"data at once", message('D', "\x00\x00"), "a message 'D'"},
		{"GSSAPI", auth(7, ""), "GSSAPI"},
		{"something of tomorrow", auth(99, ""), "authentication 99"},
		{"in the clear", auth(3, ""), "in the clear"},
		{"a salt too long", auth(5, "12345"), "authentication 5"},
		{"strange mechanisms", auth(10, "OAUTHBEARER\x00\x00"), "by OAUTHBEARER"},
		{"the end of SCRAM before it", auth(12, "v="), "authentication 12"},
		{"SCRAM twice", auth(10, scramOffer) + auth(10, scramOffer), "authentication 10"},
		{"SCRAM, then in the clear", auth(10, scramOffer) + auth(3, ""), "authentication 3"},
		{"SCRAM, then no proof", auth(10, scramOffer) + auth(0, ""), "authentication 0"},
		{"SCRAM, no proof after ours", auth(10, scramOffer) + auth(11, first) + auth(0, ""), "authentication 0"},
		{"SCRAM, an empty proof", auth(10, scramOffer) + auth(11, first) + auth(12, "v="), "not who it should be"},
		{"SCRAM, a wrong proof", auth(10, scramOffer) + auth(11, first) + auth(12, "v=c2FsdA=="), "not who it should be"},
		{"SCRAM, an error in the end", auth(10, scramOffer) + auth(11, first) + auth(12, "e=other-error"), "not who it should be"},
		{"SCRAM, two challenges", auth(10, scramOffer) + auth(11, first) + auth(11, first), "authentication 11"},
		{"SCRAM, somebody else's nonce", auth(10, scramOffer) + auth(11, "r=x,s=c2FsdA==,i=1"), "not ours"},
		{"SCRAM, no nonce of its own", auth(10, scramOffer) + auth(11, "r="+nonce+",s=c2FsdA==,i=1"), "not ours"},
		{"SCRAM, garbled", auth(10, scramOffer) + auth(11, "r="+nonce+"more,s=?,i=1"), "garbled"},
		{"SCRAM, no salt", auth(10, scramOffer) + auth(11, "r="+nonce+"more,s=,i=1"), "garbled"},
		{"SCRAM, no work", auth(10, scramOffer) + auth(11, "r="+nonce+"more,s=c2FsdA==,i=0"), "garbled"},
		{"SCRAM, endless work", auth(10, scramOffer) + auth(11, "r="+nonce+"more,s=c2FsdA==,i=2147483647"), "2147483647 iterations"},
		{"no end of logging in", auth(0, "") + message('D', ""), "a message 'D'"},
		{"no answer", in, "hung up"},
		{"a row of garbage", in + message('D', "\x00"), "garbled"},
		{"a row cut off", in + message('D', "\x00\x01\x00\x00"), "garbled"},
		{"a value longer than its row", in + message('D', "\x00\x01\x7f\xff\xff\xffx"), "garbled"},
		{"a value of negative length", in + message('D', "\x00\x01\xff\xff\xff\xfex"), "garbled"},
		{"it wants data", in + message('G', "\x00\x00\x00"), "COPY"},
		{"a key where rows should be", in + message('K', ""), "a message 'K'"},
		{"a value", in + message('S', "a\x00b\x00") + message('1', "") + message('2', "") + message('D', "\x00\x01\x00\x00\x00\x0242"), "= 42"},
		{"md5, and no row", auth(5, "salt") + in + message('N', "\x00") + message('A', "") + message('C', "SELECT 0\x00"), "no row"},
	}
}

// talk logs in, and asks.
func talk(t testing.TB, s *script, config *pgwire.Config) (string, error) {
	conn, err := pgwire.Connect(t.Context(), s, config)
	if err != nil {
		return "", err
	}
	value, found, err := conn.First("select 42")
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	switch {
	case err != nil:
		return "", err
	case !found:
		return "no row", nil
	}
	return "= " + value, nil
}

func TestServersThatAreNone(t *testing.T) {
	for _, test := range sayings() {
		t.Run(test.name, func(t *testing.T) {
			s := &script{says: test.says}
			said, err := talk(t, s, &pgwire.Config{User: "ann", Password: "s3cret", MaxMessage: 1000})
			if err != nil {
				said = err.Error()
			}
			if !strings.Contains(said, test.want) {
				t.Errorf("%q, and not %q", said, test.want)
			}
			if strings.Contains(s.heard.String(), "s3cret") {
				t.Error("the password went out in the clear")
			}
		})
	}
}

// Who can change what is sent in the clear cannot have us do without TLS, and cannot put
// words into what is said under it.
func TestNoTLS(t *testing.T) {
	for says, want := range map[string]string{"N" + auth(0, ""): "no TLS", "E": "no TLS", "": "hung up", "S" + auth(0, ""): "TLS"} {
		s := &script{says: says}
		_, err := talk(t, s, &pgwire.Config{User: "ann", TLS: &tls.Config{ServerName: "localhost"}})
		if err == nil || !strings.Contains(strings.ToUpper(err.Error()), strings.ToUpper(want)) {
			t.Errorf("%q: %v, and not %q", says, err, want)
		}
		if strings.Contains(s.heard.String(), "ann") {
			t.Errorf("%q: the user went out in the clear", says)
		}
	}
}

// What would end a string of the protocol before its time is not sent.
func TestZeroBytes(t *testing.T) {
	for _, config := range []pgwire.Config{
		{User: "ann\x00database\x00secrets"}, {User: "ann", Database: "\x00"}, {User: "ann", Parameters: map[string]string{"x": "\x00"}},
	} {
		_, err := talk(t, &script{}, &config)
		if refused := new(pgwire.RefusedError); !errors.As(err, &refused) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}

func FuzzServer(f *testing.F) {
	for _, test := range sayings() {
		f.Add(test.says)
	}
	f.Fuzz(func(t *testing.T, says string) {
		value, err := talk(t, &script{says: says}, &pgwire.Config{User: "ann", Password: "s3cret", MaxMessage: 1 << 16})
		if len(value) > len(says)+len("no row") {
			t.Errorf("%q, %v", value, err)
		}
	})
}
