package snmp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// tape is a connection whose other end says what it was told to.
type tape struct {
	net.Conn
	says [][]byte
}

func (*tape) Write(b []byte) (int, error) { return len(b), nil }
func (*tape) SetDeadline(time.Time) error { return nil }
func (*tape) Close() error                { return nil }
func (t *tape) Read(b []byte) (int, error) {
	if len(t.says) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, t.says[0])
	t.says = t.says[1:]
	return n, nil
}

// recorder keeps what an agent answers.
type recorder struct {
	net.Conn
	a    *agent.Agent
	last []byte
	all  [][]byte
}

func (r *recorder) Write(b []byte) (int, error) {
	r.last = r.a.Answer(b)
	if r.last != nil {
		r.all = append(r.all, r.last)
	}
	return len(b), nil
}
func (r *recorder) Read(b []byte) (int, error) { return copy(b, r.last), nil }
func (*recorder) SetDeadline(time.Time) error  { return nil }
func (*recorder) Close() error                 { return nil }

// recorded gives what an agent says while it is logged into and switched.
func recorded(f *testing.F, s *Settings, who secret.Resolved, cfg agent.Config) (session *session, answers [][]byte) {
	a := newAgent(f, cfg)
	r := &recorder{a: a}
	session = open(f, s, who, func(context.Context, string, string) (net.Conn, error) { return r, nil }, "1", "2", "9")
	for _, op := range []room.Op{room.Status, room.On} {
		if _, err := do(f, session, op); err != nil {
			f.Fatal(err)
		}
	}
	if _, err := session.Describe(f.Context()); err != nil {
		f.Fatal(err)
	}
	return session, r.all
}

// FuzzAnswers feeds a session with what a hostile device may say: to a login, to a
// read and to an order. Whatever it is, it is no state of a plug unless it is an
// answer to the question, whose number nobody but the asker can know.
func FuzzAnswers(f *testing.F) {
	plainOnes, who := plainSettings("apc-rpdu2")
	_, answers := recorded(f, plainOnes, who, agent.Config{Profile: builtin(f, "apc-rpdu2"), Community: community})
	secure, _ := plainSettings("raritan-px2")
	secure.Version = version3
	whoSecure := credential(map[string]string{secret.Password: community, secret.Passphrase: passphrase})
	session3, more := recorded(f, secure, whoSecure, agent.Config{Profile: builtin(f, "raritan-px2"), User: &agent.User{
		Name: user, Password: community, Passphrase: passphrase, Auth: gosnmp.SHA, Privacy: gosnmp.AES,
	}})
	for _, b := range append(answers, more...) {
		f.Add(b)
	}
	f.Add([]byte("\x30\x82\xff\x00"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, s := range []*Settings{plainOnes, secure} {
			w := who
			if s == secure {
				w = whoSecure
			}
			conn := &tape{says: [][]byte{msg, msg}}
			got, err := s.Open(t.Context(), environment(w, func(context.Context, string, string) (net.Conn, error) { return conn, nil }, "1", "2"))
			if err == nil {
				got.Close()
				t.Error("it was let in by a message that answers nothing")
			}
		}
		// In the middle of a conversation.
		u := *session3.codec.(*usm)
		c := *session3.client
		c.codec, c.conn = &u, &tape{says: [][]byte{msg}}
		again := *session3
		again.client = &c
		h := newHeard()
		if err := again.Do(t.Context(), driver.Batch{Op: room.Status, Plugs: []int{0, 1}}, h); err == nil || len(h.states) > 0 {
			t.Errorf("it believed %v, %v", h.states, err)
		}
		c.codec, c.conn = &plain{version: gosnmp.Version2c}, &tape{says: [][]byte{msg}}
		q := &question{kind: gosnmp.GetBulkRequest, id: 1, repetitions: 8}
		if _, err := c.understand(msg, q); err == nil && len(msg) < 20 {
			t.Error("an answer too short to be one")
		}
	})
}
