package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

type dial func(ctx context.Context, network, address string) (net.Conn, error)

// again is after which time a question is sent again: packets get lost.
const again = time.Second

// ask asks a name server, by UDP, and by TCP if the answer is too long for that.
func ask(ctx context.Context, dial dial, server string, q dnsmessage.Question) (*dnsmessage.Message, error) {
	for _, network := range []string{"udp", "tcp"} {
		conn, err := dial(ctx, network, server)
		if err != nil {
			return nil, err
		}
		m, err := exchange(ctx, conn, network == "tcp", q)
		_ = conn.Close()
		if err != nil || !m.Truncated {
			return m, err
		}
	}
	return nil, errors.New("its answer is cut off")
}

// exchange sends the question until there is an answer to it.
func exchange(ctx context.Context, conn net.Conn, stream bool, q dnsmessage.Question) (*dnsmessage.Message, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var number [2]byte
	_, _ = rand.Read(number[:]) // it never fails
	id := binary.BigEndian.Uint16(number[:])
	packet, err := (&dnsmessage.Message{
		Header: dnsmessage.Header{ID: id, RecursionDesired: true}, Questions: []dnsmessage.Question{q},
	}).Pack()
	if err != nil {
		return nil, err
	}
	if stream { // RFC 1035, section 4.2.2: its length goes before
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	}
	for ctx.Err() == nil {
		if _, err := conn.Write(packet); err != nil {
			return nil, err
		}
		if !stream {
			_ = conn.SetReadDeadline(time.Now().Add(again))
		}
		m, err := hear(ctx, conn, stream, id, q)
		var network net.Error
		if m != nil || stream || !errors.As(err, &network) || !network.Timeout() {
			return m, err
		}
	}
	return nil, ctx.Err()
}

// hear waits for the answer to a question. What is not one is passed over: anybody can
// send a packet.
func hear(ctx context.Context, conn net.Conn, stream bool, id uint16, q dnsmessage.Question) (*dnsmessage.Message, error) {
	buf := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := receive(conn, stream, buf)
		if err != nil {
			return nil, err
		}
		if m := understand(buf[:n], id, q); m != nil {
			return m, nil
		}
		if stream {
			return nil, errors.New("it says what nobody understands")
		}
	}
}

func receive(conn net.Conn, stream bool, buf []byte) (int, error) {
	if !stream {
		return conn.Read(buf)
	}
	if _, err := io.ReadFull(conn, buf[:2]); err != nil {
		return 0, err
	}
	return io.ReadFull(conn, buf[:binary.BigEndian.Uint16(buf)])
}

// understand reads a packet; nil if it is not the answer to the question.
func understand(packet []byte, id uint16, q dnsmessage.Question) *dnsmessage.Message {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil || h.ID != id || !h.Response {
		return nil
	}
	asked, err := p.Question()
	if err != nil || asked.Type != q.Type || asked.Class != q.Class || !strings.EqualFold(asked.Name.String(), q.Name.String()) {
		return nil
	}
	m := &dnsmessage.Message{Header: h}
	if h.Truncated || h.RCode != dnsmessage.RCodeSuccess || p.SkipAllQuestions() != nil {
		return m
	}
	if m.Answers, err = p.AllAnswers(); err != nil {
		return nil
	}
	return m
}
