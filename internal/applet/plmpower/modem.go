package plmpower

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Bytes of the modem's protocol.
const (
	start = 0x02
	ack   = 0x06
	nak   = 0x15

	sendInfo    = 0x60
	sendInsteon = 0x62
	sendX10     = 0x63
	sendReset   = 0x67
	gotInsteon  = 0x50

	cmdPing    = 0x10
	cmdOnFast  = 0x12
	cmdOffFast = 0x14
	cmdStatus  = 0x19

	x10On  = 0x2
	x10Off = 0x3

	// What a message of a device is, in its flags.
	kindMask, isAck, isNak = 0xe0, 0x20, 0xa0

	// hops are the flags of a message that goes straight to a device, over at most 3 hops.
	hops = 0x03
)

// again is how long to wait before a modem that was busy is asked again.
const again = 100 * time.Millisecond

const (
	// modemTime is how long the modem itself may take to take up a message.
	modemTime = 5 * time.Second
	// maxAsked bounds how often a device is asked that does not answer.
	maxAsked = 60
	// maxBusy bounds how often a busy modem is asked.
	maxBusy = 100
	// maxNoise bounds what may come before what is waited for.
	maxNoise = 4096
)

var (
	errNoAnswer = errors.New("no answer")
	errRefused  = errors.New("the device refuses")
)

// port is the serial line: any stream whose reads can be bounded.
type port interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
}

// modem is the near end of the conversation.
type modem struct {
	port    port
	timeout time.Duration // for an answer of a device
	buf     [64]byte
	have    []byte // read and not yet looked at
}

func newModem(p port, timeout time.Duration) *modem { return &modem{port: p, timeout: timeout} }

func (m *modem) close() { _ = m.port.Close() }

// length is that of a message that a modem sends, start byte included; 0 if there
// is none of its kind.
func length(kind byte) int {
	return map[byte]int{
		0x50: 11, 0x51: 25, 0x52: 4, 0x53: 10, 0x54: 3, 0x55: 2, 0x56: 7, 0x57: 10, 0x58: 3,
		0x60: 9, 0x61: 6, 0x63: 5, 0x64: 5, 0x65: 3, 0x66: 6, 0x67: 3, 0x68: 4, 0x69: 3, 0x6a: 3, 0x6b: 4,
		0x6c: 3, 0x6d: 3, 0x6e: 3, 0x6f: 12, 0x70: 4, 0x71: 5, 0x72: 3, 0x73: 6,
		0x62: 9, // the echo of ours; we send no extended ones
	}[kind]
}

// peek makes sure that n bytes are there, by a deadline.
func (m *modem) peek(ctx context.Context, n int, deadline time.Time) error {
	for len(m.have) < n {
		if err := m.port.SetReadDeadline(deadline); err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = m.port.SetReadDeadline(time.Unix(1, 0)) })
		k := copy(m.buf[:], m.have)
		got, err := m.port.Read(m.buf[k:])
		stop()
		m.have = m.buf[:k+got]
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case got > 0:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errNoAnswer
		case err != nil:
			return fmt.Errorf("read from the modem: %w", err)
		}
	}
	return nil
}

func (m *modem) take(n int) []byte {
	b := m.have[:n]
	m.have = m.have[n:]
	return b
}

// next gives the next message, or a lone NAK as one byte. What is neither is
// passed over. The message is good until the next call.
func (m *modem) next(ctx context.Context, deadline time.Time) ([]byte, error) {
	for range maxNoise {
		if err := m.peek(ctx, 1, deadline); err != nil {
			return nil, err
		}
		if m.have[0] == nak {
			return m.take(1), nil
		}
		if m.have[0] != start {
			m.take(1)
			continue
		}
		if err := m.peek(ctx, 2, deadline); err != nil {
			return nil, err
		}
		if m.have[1] == nak { // "02 15": not understood
			m.take(1)
			continue
		}
		n := length(m.have[1])
		if n == 0 {
			m.take(1)
			continue
		}
		if err := m.peek(ctx, n, deadline); err != nil {
			return nil, err
		}
		return m.take(n), nil
	}
	return nil, errors.New("what comes from the modem is nothing that one says")
}

// send writes a message until the modem takes it up, and gives its echo. What
// comes in between that nobody asked for is passed over.
func (m *modem) send(ctx context.Context, message ...byte) ([]byte, error) {
	for range maxBusy {
		if _, err := m.port.Write(message); err != nil {
			return nil, fmt.Errorf("write to the modem: %w", err)
		}
		echo, err := m.echo(ctx, message[1])
		if err != nil {
			return nil, err
		}
		if echo[len(echo)-1] == ack {
			return echo, nil
		}
		if err := sleep(ctx, again); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the modem is busy: %w", errNoAnswer)
}

func (m *modem) echo(ctx context.Context, kind byte) ([]byte, error) {
	deadline := time.Now().Add(modemTime)
	for {
		got, err := m.next(ctx, deadline)
		if errors.Is(err, errNoAnswer) {
			return nil, fmt.Errorf("the modem says nothing: %w", err)
		}
		if err != nil || len(got) == 1 || got[1] == kind {
			return got, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the modem says other things: %w", errNoAnswer)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// model is what a modem is.
type model struct {
	id                              id
	category, subcategory, firmware byte
}

func (m *modem) info(ctx context.Context) (model, error) {
	e, err := m.send(ctx, start, sendInfo)
	if err != nil {
		return model{}, err
	}
	return model{id: id(e[2:5]), category: e[5], subcategory: e[6], firmware: e[7]}, nil
}

func (m *modem) reset(ctx context.Context) error {
	_, err := m.send(ctx, start, sendReset)
	return err
}

// x10 switches an X10 device some times over, since it gives no answer.
func (m *modem) x10(ctx context.Context, a address, what byte, attempts int) error {
	choose, order := a.select10(), a.order10(what)
	for range attempts {
		if _, err := m.send(ctx, start, sendX10, choose[0], choose[1]); err != nil {
			return err
		}
		if _, err := m.send(ctx, start, sendX10, order[0], order[1]); err != nil {
			return err
		}
	}
	return nil
}

// reply is what an Insteon device answers.
type reply struct {
	level   byte
	retries int
}

// insteon sends a command to a device until it answers.
func (m *modem) insteon(ctx context.Context, to id, command, level byte) (reply, error) {
	for asked := range maxAsked {
		if _, err := m.send(ctx, start, sendInsteon, to[0], to[1], to[2], hops, command, level); err != nil {
			return reply{}, err
		}
		got, err := m.answer(ctx, to)
		if err == nil {
			return reply{level: got, retries: asked}, nil
		}
		if !errors.Is(err, errNoAnswer) {
			return reply{}, err
		}
	}
	return reply{}, fmt.Errorf("%s: %w", to, errNoAnswer)
}

// answer waits for what a device says, and passes over what others say.
func (m *modem) answer(ctx context.Context, from id) (level byte, err error) {
	deadline := time.Now().Add(m.timeout)
	for {
		got, err := m.next(ctx, deadline)
		if err != nil {
			return 0, err
		}
		if len(got) == 11 && got[1] == gotInsteon && id(got[2:5]) == from {
			switch got[8] & kindMask {
			case isAck:
				return got[10], nil
			case isNak:
				return 0, fmt.Errorf("%s: %w", from, errRefused)
			} // else a button was pressed: that is told to all
		}
		if time.Now().After(deadline) {
			return 0, errNoAnswer
		}
	}
}
