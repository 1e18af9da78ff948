package modbus_test

import (
	"errors"
	"io"
	"log"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	protocol "github.com/simonvetter/modbus"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/modbus"
	"millwright.dev/millwright/internal/freeport"
)

const relays = 5

// board is a simulated relay board behind a line that can be made to fail.
type board struct {
	inverted bool
	first    int

	mu     sync.Mutex
	closed [relays]bool
	moves  [relays]int
	stuck  [relays]bool
	no     [relays]bool
	server *protocol.ModbusServer
	line   net.Listener
	conns  map[net.Conn]bool
	hang   bool
	cut    bool
	noise  bool
	pieces bool
}

func newBoard(t testing.TB, first int, inverted bool) *board {
	t.Helper()
	b := &board{first: first, inverted: inverted, conns: make(map[net.Conn]bool)}
	inside := freeport.For(t, "127.0.0.1")
	var err error
	if b.server, err = protocol.NewServer(&protocol.ServerConfiguration{URL: "tcp://" + inside, Logger: log.New(io.Discard, "", 0)}, b); err == nil {
		err = b.server.Start()
	}
	if err == nil {
		b.line, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	var lines sync.WaitGroup
	lines.Go(func() { b.accept(inside, &lines) })
	t.Cleanup(func() {
		b.line.Close()
		b.hangUp()
		lines.Wait()
		b.server.Stop()
	})
	return b
}

// accept passes lines on to the board's own server.
func (b *board) accept(inside string, lines *sync.WaitGroup) {
	for {
		near, err := b.line.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", inside)
		if err != nil {
			near.Close()
			continue
		}
		b.locked(func() { b.conns[near], b.conns[far] = true, true })
		lines.Go(func() { b.pass(far, near, false) })
		lines.Go(func() { b.pass(near, far, true) })
	}
}

// pass hands on what one end says; answers are where faults come in.
func (b *board) pass(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 512)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		var hang, cut, noise, pieces bool
		b.locked(func() {
			hang, noise, pieces = b.hang, b.noise, b.pieces
			if answers {
				cut, b.cut = b.cut, false
			}
		})
		switch {
		case hang:
			continue
		case answers && cut:
			_, _ = to.Write(buf[:n/2])
			return
		case answers && noise:
			copy(buf[7:n], "\xff\xff\xff\xff\xff\xff\xff\xff\xff")
		}
		for i := 0; pieces && answers && i < n-1; i++ {
			if _, err := to.Write(buf[i : i+1]); err != nil {
				return
			}
			buf[i] = 0
		}
		if pieces && answers {
			buf[0], n = buf[n-1], 1
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (b *board) hangUp() {
	b.locked(func() {
		for c := range b.conns {
			c.Close()
		}
		clear(b.conns)
	})
}

func (b *board) locked(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// HandleCoils implements the server's interface.
func (b *board) HandleCoils(req *protocol.CoilsRequest) ([]bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := int(req.Addr) - b.first
	if req.UnitId != 1 || at < 0 || at+int(req.Quantity) > relays {
		return nil, protocol.ErrIllegalDataAddress
	}
	var out []bool
	for i := range int(req.Quantity) {
		if req.IsWrite {
			if b.no[at+i] {
				return nil, protocol.ErrIllegalDataValue
			}
			if req.Args[i] != b.closed[at+i] && !b.stuck[at+i] {
				b.closed[at+i] = req.Args[i]
				b.moves[at+i]++
			}
		}
		out = append(out, b.closed[at+i])
	}
	return out, nil
}

// HandleHoldingRegisters implements the server's interface: 3 closes, 4 opens.
func (b *board) HandleHoldingRegisters(req *protocol.HoldingRegistersRequest) ([]uint16, error) {
	coils := &protocol.CoilsRequest{UnitId: req.UnitId, Addr: req.Addr, Quantity: req.Quantity, IsWrite: req.IsWrite}
	for _, v := range req.Args {
		coils.Args = append(coils.Args, v == 3)
	}
	closed, err := b.HandleCoils(coils)
	out := make([]uint16, len(closed))
	for i, c := range closed {
		if out[i] = 4; c {
			out[i] = 3
		}
	}
	return out, err
}

// HandleDiscreteInputs implements the server's interface: contacts at 100.
func (b *board) HandleDiscreteInputs(req *protocol.DiscreteInputsRequest) ([]bool, error) {
	return b.HandleCoils(&protocol.CoilsRequest{UnitId: req.UnitId, Addr: req.Addr - 100 + uint16(b.first), Quantity: req.Quantity})
}

// HandleInputRegisters implements the server's interface.
func (*board) HandleInputRegisters(*protocol.InputRegistersRequest) ([]uint16, error) {
	return nil, protocol.ErrIllegalFunction
}

func (b *board) rig(change func(*modbus.Settings)) drivertest.Rig {
	s := modbus.New().New().(*modbus.Settings)
	s.Address, s.Relays, s.First, s.Inverted, s.Inputs = "tcp://"+b.line.Addr().String(), relays, b.first, b.inverted, -1
	s.Rest, s.Timeout = time.Millisecond, 300*time.Millisecond
	change(s)
	at := func(plug string) int { n, _ := strconv.Atoi(plug); return n - 1 }
	set := func(f func()) func() { return func() { b.locked(f) } }
	return drivertest.Rig{
		Settings: s, Plugs: []string{"1", "2", "3", "4", "5"},
		Truth: drivertest.Truth{
			On:    func(plug string) (on bool) { b.locked(func() { on = b.closed[at(plug)] != b.inverted }); return on },
			Set:   func(plug string, on bool) { b.locked(func() { b.closed[at(plug)] = on != b.inverted }) },
			Moves: func(plug string) (n int) { b.locked(func() { n = b.moves[at(plug)] }); return n },
		},
		Faults: drivertest.Faults{
			Refuse: func() { b.line.Close(); b.hangUp() },
			Hang:   set(func() { b.hang = true }), Cut: set(func() { b.cut = true }), Garbage: set(func() { b.noise = true }),
			Pieces: set(func() { b.pieces = true }),
			Reject: func(plug string) { b.locked(func() { b.no[at(plug)] = true }) },
			Stick:  func(plug string) { b.locked(func() { b.stuck[at(plug)] = true }) },
		},
	}
}

func TestDriver(t *testing.T) {
	for _, tt := range []struct {
		name     string
		first    int
		inverted bool
		change   func(*modbus.Settings)
	}{
		{"coils", 0, false, func(*modbus.Settings) {}},
		{"inverted coils in the middle", 16, true, func(*modbus.Settings) {}},
		{"registers, and inputs that show them", 0, false, func(s *modbus.Settings) { s.Kind, s.On, s.Off, s.Inputs = "registers", 3, 4, 100 }},
		{"registers", 8, false, func(s *modbus.Settings) { s.Kind, s.On, s.Off = "registers", 3, 4 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{New: func(t *testing.T) drivertest.Rig {
				return newBoard(t, tt.first, tt.inverted).rig(tt.change)
			}})
		})
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, tt := range []struct {
		field string
		spoil func(*modbus.Settings)
	}{
		{"address", func(s *modbus.Settings) { s.Address = "board:502" }},
		{"unit", func(s *modbus.Settings) { s.Unit = 248 }},
		{"relays", func(s *modbus.Settings) { s.Relays = 0 }},
		{"first", func(s *modbus.Settings) { s.First = 65535 }},
		{"inputs", func(s *modbus.Settings) { s.Inputs = -2 }},
		{"kind", func(s *modbus.Settings) { s.Kind = "relays" }},
		{"on", func(s *modbus.Settings) { s.Off = s.On }},
		{"timeout", func(s *modbus.Settings) { s.Timeout = 0 }},
	} {
		s := modbus.New().New().(*modbus.Settings)
		s.Address = "tcp://board:502"
		tt.spoil(s)
		_, err := s.Traits(nil)
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}
