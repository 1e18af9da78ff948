package bmc

import (
	"io"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sol"
)

// Bounds of a console: what waits to be sent, and what waits for the host to take it.
const (
	consoleQueue = 16 << 10
	consoleInput = 4 << 10
)

// solTiming is the SOL parameters that say when characters are sent (section 26.3).
type solTiming struct{ accumulate, retry []byte }

func (t solTiming) options() sol.LinkOptions {
	return sol.LinkOptions{
		MaxData: solSize - 4, Queue: consoleQueue,
		Gather:  time.Duration(t.accumulate[0]) * 5 * time.Millisecond,
		Enough:  int(t.accumulate[1]),
		Retries: max(1, int(t.retry[0]&0x07)),
		Retry:   max(50*time.Millisecond, time.Duration(t.retry[1])*10*time.Millisecond),
	}
}

// port is a console while a session has it. Three goroutines serve it: one reads the
// host's stream, one writes it, one sends when something is due. The lock of a
// port is taken before the machine's and never with it held.
type port struct {
	m       *Machine
	session *session
	stream  io.ReadWriteCloser
	done    chan struct{}
	once    sync.Once
	work    chan struct{} // something is to be sent, or the queue has room
	roomy   chan struct{}
	typed   chan struct{}

	mu    sync.Mutex
	link  *sol.Link
	input []byte
}

// newPort starts to serve a console. The machine is locked.
func newPort(m *Machine, s *session, stream io.ReadWriteCloser, t solTiming) *port {
	p := &port{
		m: m, session: s, stream: stream, link: sol.NewLink(t.options()),
		done: make(chan struct{}), work: make(chan struct{}, 1), roomy: make(chan struct{}, 1), typed: make(chan struct{}, 1),
	}
	m.wait.Go(p.read)
	m.wait.Go(p.write)
	m.wait.Go(p.pump)
	return p
}

// close ends it. It does not wait, and may be called with the machine locked.
func (p *port) close() {
	p.once.Do(func() {
		close(p.done)
		// A stream may take its time over it.
		p.m.wait.Go(func() { p.stream.Close() })
	})
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// receive takes a SOL packet that was verified.
func (p *port) receive(payload []byte) {
	packet, err := rmcp.ParseSOL(payload)
	if err != nil {
		return
	}
	p.mu.Lock()
	in := p.link.Receive(time.Now(), packet, consoleInput-len(p.input))
	p.input = append(p.input, in.Data...)
	if in.Flags&rmcp.SOLFlushOutbound != 0 {
		p.link.Flush()
	}
	if in.Flags&rmcp.SOLFlushInbound != 0 {
		p.input = nil
	}
	p.mu.Unlock()
	if in.Flags&rmcp.SOLBreak != 0 {
		if b, ok := p.stream.(interface{ SendBreak() error }); ok {
			p.m.wait.Go(func() { _ = b.SendBreak() })
		}
	}
	poke(p.typed)
	poke(p.work)
	poke(p.roomy)
}

// write gives the host what the client typed.
func (p *port) write() {
	for {
		p.mu.Lock()
		data := p.input
		p.input = nil
		p.mu.Unlock()
		if len(data) > 0 {
			if _, err := p.stream.Write(data); err != nil {
				p.lost()
				return
			}
			p.mu.Lock()
			p.link.Roomy()
			p.mu.Unlock()
			poke(p.work)
			continue
		}
		select {
		case <-p.typed:
		case <-p.done:
			return
		}
	}
}

// read takes what the host says, as fast as the client takes it.
func (p *port) read() {
	buf := make([]byte, 1024)
	for {
		n, err := p.stream.Read(buf)
		for data := buf[:n]; len(data) > 0; {
			p.mu.Lock()
			k := p.link.Write(time.Now(), data)
			p.mu.Unlock()
			data = data[k:]
			poke(p.work)
			if len(data) == 0 {
				break
			}
			select {
			case <-p.roomy:
			case <-p.done:
				return
			}
		}
		if err != nil {
			p.lost()
			return
		}
	}
}

// lost ends a console whose host has gone: the client is told, and can activate it anew.
func (p *port) lost() {
	m := p.m
	m.mu.Lock()
	defer m.unlock()
	if m.line != p {
		return
	}
	gone := rmcp.SOL{Flags: rmcp.SOLDeactivating}.Append(nil)
	if s := p.session; !s.over {
		m.transmit(s.way, s.channel.Seal(make([]byte, 0, packetRoom), rmcp.PayloadSOL, gone))
	}
	p.close()
	m.line = nil
}

// pump sends what is due.
func (p *port) pump() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		p.mu.Lock()
		packet, ok := p.link.Poll(now, nil)
		if p.link.Dead() { // the client does not answer: what it did not take is lost
			p.link.Drop(now)
			poke(p.roomy)
		}
		at, later := p.link.Due()
		p.mu.Unlock()
		if ok {
			p.send(packet)
			continue
		}
		wait := time.Hour
		if later {
			wait = max(time.Millisecond, at.Sub(now))
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-p.work:
		case <-p.done:
			return
		}
	}
}

func (p *port) send(payload []byte) {
	m, s := p.m, p.session
	m.mu.Lock()
	defer m.unlock()
	if m.line != p || s.over {
		return
	}
	m.transmit(s.way, s.channel.Seal(make([]byte, 0, packetRoom), rmcp.PayloadSOL, payload))
}
