package ipmi

import (
	"fmt"

	"millwright.dev/millwright/ipmi/rmcp"
)

// payload is who takes packets of a type.
type payload struct {
	kind rmcp.PayloadType
	take func([]byte)
}

// HandlePayload has take called with each packet of the type that the BMC sends in the
// session, verified and decrypted; nil ends it. It is called by a goroutine of the
// client: it must not be held up, may use the session's methods that do not wait (Go, SendPayload), and the bytes are
// good until it returns. It is called with nil when the session with the BMC was lost, so that
// what was active on it is no more, also if the next request logs in again.
func (s *Session) HandlePayload(t rmcp.PayloadType, take func(b []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A new slice: a list of those to be told may still refer to the old one.
	var all []payload
	for _, p := range s.payloads {
		if p.kind != t {
			all = append(all, p)
		}
	}
	if take != nil {
		all = append(all, payload{kind: t, take: take})
	}
	s.payloads = all
}

func (s *Session) taker(t rmcp.PayloadType) func([]byte) {
	for _, p := range s.payloads {
		if p.kind == t {
			return p.take
		}
	}
	return nil
}

// lost tells who took payloads that the session with the BMC is no more.
func (s *Session) lost() {
	for _, p := range s.payloads {
		s.finished.push(&call{tell: func([]byte, error) { p.take(nil) }})
	}
}

// SendPayload sends a packet of another type than requests, once, and does not
// wait for anything: what it carries has its own ways to be sure.
func (s *Session) SendPayload(t rmcp.PayloadType, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateReady {
		return fmt.Errorf("send to the BMC at %v: %w", s.addr, ErrClosed)
	}
	if len(data) > mostData || s.old {
		return fmt.Errorf("send to the BMC at %v: %d bytes of payload type %d cannot be sent in this session", s.addr, len(data), t)
	}
	b := s.c.buffers.Get().(*buffers)
	defer s.c.buffers.Put(b)
	return s.socket.write(s.channel.Seal(b.packet[:0], t, data), s.addr)
}
