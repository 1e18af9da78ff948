package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

type dial func(ctx context.Context, network, address string) (net.Conn, error)

// again is after which time a question is sent again: packets get lost.
const again = time.Second

// ask asks a name server, by UDP, and by TCP if the answer is too long for that.
func ask(ctx context.Context, dial dial, server string, q dnsmessage.Question) (*reply, error) {
	for _, network := range []string{"udp", "tcp"} {
		conn, err := dial(ctx, network, server)
		if err != nil {
			return nil, err
		}
		m, err := exchange(ctx, conn, network == "tcp", q)
		_ = conn.Close()
		if err != nil || !m.cut {
			return m, err
		}
	}
	return nil, errors.New("its answer is cut off")
}

// exchange sends the question until there is an answer to it.
func exchange(ctx context.Context, conn net.Conn, stream bool, q dnsmessage.Question) (*reply, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var number [2]byte
	_, _ = rand.Read(number[:]) // it never fails
	id := binary.BigEndian.Uint16(number[:])
	build := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	if err := errors.Join(build.StartQuestions(), build.Question(q)); err != nil {
		return nil, err
	}
	packet, err := build.Finish()
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
func hear(ctx context.Context, conn net.Conn, stream bool, id uint16, q dnsmessage.Question) (*reply, error) {
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

// reply is what a name server says.
type reply struct {
	code    dnsmessage.RCode
	cut     bool // it was too long
	records []string
}

// understand reads a packet; nil if it is not the answer to the question.
func understand(packet []byte, id uint16, q dnsmessage.Question) *reply {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil || h.ID != id || !h.Response {
		return nil
	}
	asked, err := p.Question()
	if err != nil || asked.Type != q.Type || asked.Class != q.Class || !strings.EqualFold(asked.Name.String(), q.Name.String()) {
		return nil
	}
	a := &reply{code: h.RCode, cut: h.Truncated}
	if a.cut || a.code != dnsmessage.RCodeSuccess || p.SkipAllQuestions() != nil {
		return a
	}
	if a.records, err = records(&p, q.Type); err != nil {
		return nil
	}
	return a
}

// records gives the records of an answer that are of a type, sorted. They may be of
// another name than was asked for: that of an alias.
func records(p *dnsmessage.Parser, kind dnsmessage.Type) ([]string, error) {
	var list []string
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			sort.Strings(list)
			return slices.Compact(list), nil
		}
		if err != nil {
			return nil, err
		}
		if h.Type != kind {
			if err := p.SkipAnswer(); err != nil {
				return nil, err
			}
			continue
		}
		text, err := record(p, kind)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
}

// record reads one record, of the types that there are. The message of the library has
// them all, in a way that brings all there are in the world into the program.
func record(p *dnsmessage.Parser, kind dnsmessage.Type) (string, error) {
	name := func(n dnsmessage.Name) string { return strings.ToLower(strings.TrimSuffix(n.String(), ".")) }
	switch kind {
	case dnsmessage.TypeA:
		b, err := p.AResource()
		return netip.AddrFrom4(b.A).String(), err
	case dnsmessage.TypeAAAA:
		b, err := p.AAAAResource()
		return netip.AddrFrom16(b.AAAA).String(), err
	case dnsmessage.TypeCNAME:
		b, err := p.CNAMEResource()
		return name(b.CNAME), err
	case dnsmessage.TypeMX:
		b, err := p.MXResource()
		return fmt.Sprintf("%d %s", b.Pref, name(b.MX)), err
	case dnsmessage.TypeNS:
		b, err := p.NSResource()
		return name(b.NS), err
	case dnsmessage.TypePTR:
		b, err := p.PTRResource()
		return name(b.PTR), err
	case dnsmessage.TypeSRV:
		b, err := p.SRVResource()
		return fmt.Sprintf("%d %d %d %s", b.Priority, b.Weight, b.Port, name(b.Target)), err
	case dnsmessage.TypeTXT:
		b, err := p.TXTResource()
		return strings.Join(b.TXT, ""), err
	}
	return "", fmt.Errorf("no check looks at records of type %d", kind)
}
