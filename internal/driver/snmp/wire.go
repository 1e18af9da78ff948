package snmp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"
)

// question is one request, before it is put into bytes.
type question struct {
	kind         gosnmp.PDUType
	vars         []gosnmp.SnmpPDU
	nonRepeaters uint8
	repetitions  uint32
	id           uint32

	// once says that it must not be sent again when no answer comes: doing it twice
	// is not the same as doing it once.
	once bool
}

// codec puts questions into bytes and takes answers out of them. An answer that it
// gives is of the version, and as secure, as the question was.
type codec interface {
	encode(q *question) ([]byte, error)
	decode(msg []byte, q *question) (*gosnmp.SnmpPacket, error)
}

// maxMessage is the longest message that is taken in, in bytes. Questions are so
// that answers stay within one Ethernet frame; this leaves room for devices whose
// texts are long.
const maxMessage = 2048

// buffers are for messages that are waited for. Thousands of devices share them: one
// is needed only while its device is about to answer.
var buffers = sync.Pool{New: func() any { return new([maxMessage]byte) }}

// Errors of one question.
var (
	errSilent = errors.New("no answer in time")
	errNoise  = errors.New("it answers, but nothing that belongs to the question")
	errResync = errors.New("its engine has another idea of time")
	errLong   = errors.New("its answer is longer than it should be")
)

// client asks one agent, one question at a time. The goroutine that owns the session
// owns it.
type client struct {
	conn   net.Conn
	stream bool // TCP: messages have no bounds but their own
	codec  codec
	wait   time.Duration // for an answer, until the question is sent again
	tries  int

	trace func(sent bool, text string) // nil if nobody wants to know
}

// refusal is an answer that says no.
type refusal struct {
	status gosnmp.SNMPError
	index  int // the variable it is about, counted from 1; 0 for all
}

func (r *refusal) Error() string {
	if text, known := statusTexts()[r.status]; known {
		return fmt.Sprintf("the device says %v: %s", r.status, text)
	}
	return fmt.Sprintf("the device says error %d", uint8(r.status))
}

// statusTexts explains what RFC 3416 section 3 means by its words.
func statusTexts() map[gosnmp.SNMPError]string {
	return map[gosnmp.SNMPError]string{
		gosnmp.TooBig:              "the answer would be too long",
		gosnmp.NoSuchName:          "there is no such object, or it may not be written with this community",
		gosnmp.BadValue:            "it does not take this value",
		gosnmp.ReadOnly:            "it may not be written",
		gosnmp.GenErr:              "something went wrong",
		gosnmp.NoAccess:            "access is not allowed; may this community or user write?",
		gosnmp.WrongType:           "it wants another type of value",
		gosnmp.WrongLength:         "it wants another length of value",
		gosnmp.WrongEncoding:       "it does not understand the value",
		gosnmp.WrongValue:          "it does not take this value",
		gosnmp.NoCreation:          "there is no such outlet",
		gosnmp.InconsistentValue:   "it does not take this value now",
		gosnmp.ResourceUnavailable: "it lacks something that it needs",
		gosnmp.CommitFailed:        "it tried, and did not succeed",
		gosnmp.UndoFailed:          "it tried, did not succeed, and could not go back",
		gosnmp.AuthorizationError:  "this community or user may not do that",
		gosnmp.NotWritable:         "it may not be written",
		gosnmp.InconsistentName:    "there is no such outlet now",
	}
}

// ask sends a question until it is answered. An answer with an error status is a
// *refusal. The context bounds it all.
func (c *client) ask(ctx context.Context, q *question) ([]binding, error) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = c.conn.SetDeadline(time.Unix(1, 0))
	})
	defer func() {
		if !stop() {
			<-ended // else it could still end the next question
		}
	}()
	c.told(true, q, nil, nil)
	bindings, err := c.repeat(ctx, q)
	c.told(false, q, bindings, err)
	return bindings, err
}

func (c *client) repeat(ctx context.Context, q *question) ([]binding, error) {
	var msg []byte
	for try, resyncs := 1, 0; ; try++ {
		if msg == nil {
			q.id = newID()
			var err error
			if msg, err = c.codec.encode(q); err != nil {
				return nil, err
			}
		}
		bindings, err := c.once(ctx, q, msg)
		switch {
		case ctx.Err() != nil && err != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, errResync) && resyncs < 2:
			resyncs++
			try--
			msg = nil // the answer told what the next message has to say
		case (errors.Is(err, errSilent) || errors.Is(err, errNoise)) && try < c.tries && !q.once:
		default:
			return bindings, err
		}
	}
}

// newID numbers a question. Whoever cannot see the question shall not be able to
// answer it either. Numbers have 31 bits (RFC 3412, section 6.2).
func newID() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint32(b[:]) & 0x7fffffff
}

// once sends a message and waits for what belongs to it.
func (c *client) once(ctx context.Context, q *question, msg []byte) ([]binding, error) {
	until := time.Now().Add(c.wait)
	end, bounded := ctx.Deadline()
	if bounded && (end.Before(until) || q.once) {
		until = end
	}
	if err := c.conn.SetDeadline(until); err != nil {
		return nil, err
	}
	if ctx.Err() != nil { // else the deadline above would have replaced the one that ends it
		return nil, context.Cause(ctx)
	}
	if _, err := c.conn.Write(msg); err != nil {
		return nil, c.broken(err, errSilent)
	}
	buf := buffers.Get().(*[maxMessage]byte)
	defer buffers.Put(buf)
	why := errSilent
	for {
		n, err := c.receive(buf[:])
		if err != nil {
			return nil, c.broken(err, why)
		}
		bindings, err := c.understand(buf[:n], q)
		if err == nil || !errors.Is(err, errNoise) {
			return bindings, err
		}
		why = errNoise // and go on: the true answer may be behind it
	}
}

// broken makes an error of what the network says; a wait that is over is why.
func (c *client) broken(err, why error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return why
	}
	if errors.Is(err, errLong) {
		return err
	}
	return &lostError{err}
}

// lostError is a way to the device that has broken.
type lostError struct{ err error }

func (e *lostError) Error() string {
	switch {
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return "nobody listens at the address"
	case errors.Is(e.err, io.EOF), errors.Is(e.err, io.ErrUnexpectedEOF):
		return "it hung up"
	}
	return e.err.Error()
}
func (e *lostError) Unwrap() error { return e.err }

// receive reads one message.
func (c *client) receive(buf []byte) (int, error) {
	if !c.stream {
		n, err := c.conn.Read(buf)
		if err == nil && n == len(buf) {
			err = errLong
		}
		return n, err
	}
	// RFC 3430, section 2.2: the message's own length bounds it.
	if _, err := io.ReadFull(c.conn, buf[:2]); err != nil {
		return 0, err
	}
	head, size := 2, int(buf[1])
	if more := size & 0x7f; size >= 0x80 {
		if more < 1 || more > 2 {
			return 0, errLong
		}
		if _, err := io.ReadFull(c.conn, buf[2:2+more]); err != nil {
			return 0, err
		}
		var length [2]byte
		copy(length[2-more:], buf[2:2+more])
		head, size = 2+more, int(binary.BigEndian.Uint16(length[:]))
	}
	if head+size > len(buf) {
		return 0, errLong
	}
	_, err := io.ReadFull(c.conn, buf[head:head+size])
	return head + size, err
}

// understand takes the answer to a question out of a message. What is none is noise:
// garbage, a late answer to another question, an answer that nobody vouches for.
func (c *client) understand(msg []byte, q *question) ([]binding, error) {
	p, err := decodeSafely(c.codec, msg, q)
	if err != nil {
		return nil, err
	}
	if p.PDUType != gosnmp.GetResponse || p.RequestID != q.id {
		return nil, errNoise
	}
	if p.Error != gosnmp.NoError {
		return nil, &refusal{p.Error, int(p.ErrorIndex)}
	}
	if q.kind != gosnmp.GetBulkRequest && len(p.Variables) != len(q.vars) {
		return nil, errNoise
	}
	bindings := make([]binding, len(p.Variables))
	for i, v := range p.Variables {
		if (q.kind == gosnmp.GetRequest || q.kind == gosnmp.SetRequest) && v.Name != q.vars[i].Name {
			return nil, errNoise // it speaks of another outlet
		}
		bindings[i] = binding{v.Name, valueOf(v)}
	}
	return bindings, nil
}

// decodeSafely lets the codec's library fail on what it did not expect.
func decodeSafely(c codec, msg []byte, q *question) (p *gosnmp.SnmpPacket, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, errNoise
		}
	}()
	return c.decode(msg, q)
}

// plain is the codec of versions 1 and 2c.
type plain struct {
	version     gosnmp.SnmpVersion
	read, write string // communities
}

func (c *plain) encode(q *question) ([]byte, error) {
	p := gosnmp.SnmpPacket{
		Version: c.version, Community: c.read, PDUType: q.kind, RequestID: q.id,
		Variables: q.vars, NonRepeaters: q.nonRepeaters, MaxRepetitions: q.repetitions,
	}
	if q.kind == gosnmp.SetRequest {
		p.Community = c.write
	}
	return p.MarshalMsg()
}

func (c *plain) decode(msg []byte, _ *question) (*gosnmp.SnmpPacket, error) {
	x := gosnmp.GoSNMP{Version: c.version}
	p, err := x.SnmpDecodePacket(msg)
	if err != nil || p.Version != c.version {
		return nil, errNoise
	}
	return p, nil
}

var _ codec = (*plain)(nil)
