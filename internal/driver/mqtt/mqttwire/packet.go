package mqttwire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// Kinds of packets; 2.2.1, MQTT Control Packet type. They are the upper half of the first
// byte, of which the lower half is flags.
const (
	connack    = 2
	published  = 3
	puback     = 4
	suback     = 9
	pingreq    = 12
	pingresp   = 13
	disconnect = 14

	headConnect   = 1 << 4
	headPublish   = published<<4 | 1<<1 // quality of service 1
	headSubscribe = 8<<4 | 2            // the flags are as 3.8.1 wants them
)

// MaxPacket bounds a packet that comes in, in bytes. What plugs say has a few hundred.
const MaxPacket = 1 << 20

// RefusedError is that the broker does not let us in; 3.2.2.3, Connect Return code.
type RefusedError struct{ Code byte }

// Password says whether it is for who we say that we are.
func (e *RefusedError) Password() bool { return e.Code == 4 || e.Code == 5 }

// Error implements error.
func (e *RefusedError) Error() string {
	reasons := [...]string{1: "it does not know this version of MQTT", 2: "it does not take our client's id", 3: "it is not ready", 4: "the user or password is wrong", 5: "we are not permitted"}
	if int(e.Code) < len(reasons) && e.Code > 0 {
		return "the broker does not let us in: " + reasons[e.Code]
	}
	return fmt.Sprintf("the broker does not let us in (code %d)", e.Code)
}

// packet puts a head and a length before a body; 2.2.3, Remaining Length.
func packet(head byte, body []byte) ([]byte, error) {
	const longest = 1<<28 - 1
	if len(body) > longest {
		return nil, fmt.Errorf("a packet of %d bytes is longer than MQTT has them", len(body))
	}
	p := append(make([]byte, 0, len(body)+5), head)
	left := len(body)
	for ; left > 0x7f; left >>= 7 {
		p = append(p, byte(left)|0x80)
	}
	return append(append(p, byte(left)), body...), nil
}

// words appends strings, each after its length; 1.5.3, UTF-8 encoded strings.
func words(to []byte, list ...string) ([]byte, error) {
	for _, w := range list {
		if len(w) > math.MaxUint16 {
			return nil, fmt.Errorf("%.40q… is longer than a string of MQTT may be", w)
		}
		to = append(binary.BigEndian.AppendUint16(to, uint16(len(w))), w...)
	}
	return to, nil
}

// connect is 3.1, CONNECT, of version 3.1.1, which has the number 4.
func connect(c *Config) ([]byte, error) {
	flags, list := byte(1<<1), []string{c.ID} // a clean session
	if c.User != "" {
		flags, list = flags|1<<7, append(list, c.User)
		if c.Password != "" {
			flags, list = flags|1<<6, append(list, c.Password)
		}
	}
	alive := min(uint64((c.KeepAlive+time.Second-1)/time.Second), math.MaxUint16)
	head := binary.BigEndian.AppendUint16([]byte{0, 4, 'M', 'Q', 'T', 'T', 4, flags}, uint16(alive))
	body, err := words(head, list...)
	if err != nil {
		return nil, err
	}
	return packet(headConnect, body)
}

// publish is 3.3, PUBLISH.
func publish(id uint16, topic, payload string) ([]byte, error) {
	body, err := words(nil, topic)
	if err != nil {
		return nil, err
	}
	return packet(headPublish, append(binary.BigEndian.AppendUint16(body, id), payload...))
}

// subscribe is 3.8, SUBSCRIBE, with quality of service 1 for all.
func subscribe(id uint16, topics []string) ([]byte, error) {
	body := binary.BigEndian.AppendUint16(nil, id)
	for _, topic := range topics {
		var err error
		if body, err = words(body, topic); err != nil {
			return nil, err
		}
		body = append(body, 1)
	}
	return packet(headSubscribe, body)
}

// parsePublish reads 3.3, PUBLISH. The id is 0 with quality of service 0; there is no 2,
// as nobody asked for it.
func parsePublish(head byte, body []byte) (m Message, id uint16, err error) {
	quality := head >> 1 & 3
	if len(body) < 2 || quality > 1 {
		return m, 0, errGarbled
	}
	size, rest := int(binary.BigEndian.Uint16(body)), body[2:]
	if size > len(rest) {
		return m, 0, errGarbled
	}
	m.Topic, rest = string(rest[:size]), rest[size:]
	if quality == 1 {
		if len(rest) < 2 || rest[0] == 0 && rest[1] == 0 {
			return m, 0, errGarbled
		}
		id, rest = binary.BigEndian.Uint16(rest), rest[2:]
	}
	m.Payload, m.Retained = rest, head&1 != 0
	return m, id, nil
}

// readPacket reads one packet; 2.2, Fixed header.
func readPacket(in *bufio.Reader) (head byte, body []byte, err error) {
	if head, err = in.ReadByte(); err != nil {
		return 0, nil, err
	}
	size := 0
	for shift := 0; ; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, nil, err
		}
		size |= int(b&0x7f) << shift
		if b < 0x80 {
			break
		}
		if shift == 21 { // four bytes at the most
			return 0, nil, errGarbled
		}
	}
	if size > MaxPacket {
		return 0, nil, fmt.Errorf("%w: a packet of %d bytes", errGarbled, size)
	}
	body = make([]byte, size)
	_, err = io.ReadFull(in, body)
	return head, body, err
}
