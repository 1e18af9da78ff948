package sol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/rmcp"
)

// Options say how a console is opened.
type Options struct {
	// Force takes the console from whoever has it.
	Force bool
	// Plain asks for it without encryption, for BMCs that cannot do otherwise. What is typed
	// is then readable on the network.
	Plain bool
	// Check is how often the BMC is asked whether the console is still ours; 0: 20 s.
	Check time.Duration
	// Tell hears what is not text. It is called by a goroutine of the client and
	// must not be held up.
	Tell func(Notice)
}

// Notice is something that the BMC says of its console.
type Notice uint8

// The notices.
const (
	Overrun     Notice = iota + 1 // the BMC has dropped characters
	BreakSeen                     // the machine has sent a break
	Unavailable                   // characters do not reach the machine: it is off, or the line is elsewhere
	PacketLost                    // characters of the machine never arrived
)

// String says it for people.
func (n Notice) String() string {
	switch n {
	case Overrun:
		return "the BMC has dropped characters"
	case BreakSeen:
		return "the machine has sent a break"
	case Unavailable:
		return "characters do not reach the machine: it is off, or its line is used elsewhere"
	}
	return "characters of the machine were lost on the way"
}

// The ways in which a console ends, or cannot be had.
var (
	ErrInUse       = errors.New("somebody else has the console")
	ErrDisabled    = errors.New("the BMC's console is switched off")
	ErrDeactivated = errors.New("the BMC has ended the console")
	ErrTaken       = errors.New("somebody else has taken the console")
	ErrSilent      = errors.New("the BMC has stopped answering")
	ErrSessionLost = errors.New("the session with the BMC was lost")
)

const (
	buffered = 64 << 10 // characters of the machine that wait for a Read
	queued   = 16 << 10 // characters that wait for the BMC
	least    = 16       // the smallest payload that a BMC may offer; some say 0
	usual    = 200      // what is taken instead of nonsense
)

// Console is a machine's console in a session. It lives in the session's goroutines and
// has none of its own. Its methods may be called from any goroutine.
type Console struct {
	session *ipmi.Session
	o       Options

	mu       sync.Mutex
	changed  *sync.Cond
	link     *Link
	early    [][]byte // packets that came before the link was there
	in       []byte
	err      error
	timer    *time.Timer
	check    *time.Timer
	closed   bool
	noticed  Notice // the last of those that would repeat
	instance channel.PayloadRef
}

// Open activates a machine's console. A session has one console at a time. Activating what
// somebody else has is [ErrInUse], unless it is forced.
func Open(ctx context.Context, s *ipmi.Session, o Options) (*Console, error) {
	if o.Check == 0 {
		o.Check = 20 * time.Second
	}
	c := &Console{session: s, o: o, instance: channel.PayloadRef{Type: channel.PayloadSOL, Instance: 1}}
	c.changed = sync.NewCond(&c.mu)
	suite, plus := s.Suite()
	if !plus {
		return nil, fmt.Errorf("open the console of %v: sessions of IPMI 1.5 have none", s.Addr())
	}
	encrypt := !o.Plain && suite.Encrypts()
	s.HandlePayload(rmcp.PayloadSOL, c.receive)
	algorithms, _ := suite.Algorithms()
	a, err := c.activate(ctx, encrypt, algorithms.Integrity != 0)
	if err != nil {
		s.HandlePayload(rmcp.PayloadSOL, nil)
		return nil, fmt.Errorf("open the console of %v: %w", s.Addr(), err)
	}
	size := int(a.Inbound)
	if size < least || size > 255 {
		size = usual
	}
	c.begin(LinkOptions{
		MaxData: size - 4, Queue: queued, Retry: min(max(4*s.RTT(), 100*time.Millisecond), time.Second), Retries: 9,
	})
	return c, nil
}

// begin takes what has come before the BMC had said that the console is ours.
func (c *Console) begin(o LinkOptions) {
	c.mu.Lock()
	early := c.early
	c.early, c.link = nil, NewLink(o)
	c.check = time.AfterFunc(c.o.Check, c.ask)
	c.mu.Unlock()
	for _, b := range early {
		c.receive(b)
	}
}

func (c *Console) activate(ctx context.Context, encrypt, authenticate bool) (channel.Activated, error) {
	forced := false
	for {
		a, err := channel.ActivatePayload(ctx, c.session, channel.Activation{PayloadRef: c.instance, Encrypt: encrypt, Authenticate: authenticate})
		var code *ipmi.CodeError
		switch {
		case err == nil:
			if at := c.session.Addr().Port(); a.Port != 0 && a.Port != at && a.Port>>8|a.Port<<8 != at && a.Port != 623 && a.Port != 623>>8|623&0xff<<8 {
				return a, fmt.Errorf("the BMC wants it on UDP port %d, and the session is on %d", a.Port, at)
			}
			return a, nil
		case !errors.As(err, &code):
			return a, err
		case code.Code == 0x80 && c.o.Force && !forced:
			forced = true
			if err := channel.DeactivatePayload(ctx, c.session, c.instance); err != nil && !errors.Is(err, ipmi.Code(0x80)) {
				return a, err
			}
		case code.Code == 0x80, code.Code == 0x82:
			return a, fmt.Errorf("%w: %w", ErrInUse, err)
		case code.Code == 0x81:
			return a, fmt.Errorf("%w: %w", ErrDisabled, err)
		case code.Code == 0x83 && encrypt:
			return a, fmt.Errorf("%w; without encryption it would be readable on the network", err)
		default:
			return a, err
		}
	}
}

// receive takes a packet that the session has verified; nil is the loss of the session.
func (c *Console) receive(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil && b != nil && len(c.early) < 15 {
		c.early = append(c.early, append([]byte{}, b...))
	}
	if c.link == nil || c.err != nil {
		return
	}
	if b == nil {
		c.end(ErrSessionLost)
		return
	}
	p, err := rmcp.ParseSOL(b)
	if err != nil {
		return
	}
	in := c.link.Receive(time.Now(), p, buffered-len(c.in))
	c.in = append(c.in, in.Data...)
	c.notice(in)
	if in.Flags&rmcp.SOLDeactivating != 0 {
		c.end(ErrDeactivated)
		return
	}
	c.pump()
	c.changed.Broadcast()
}

// notice tells what a packet says beside its characters.
func (c *Console) notice(in In) {
	if c.o.Tell == nil {
		return
	}
	if in.Lost {
		c.o.Tell(PacketLost)
	}
	if in.Flags&rmcp.SOLOverrun != 0 {
		c.o.Tell(Overrun)
	}
	if in.Flags&rmcp.SOLBreakSeen != 0 {
		c.o.Tell(BreakSeen)
	}
	now := Notice(0)
	if in.Flags&rmcp.SOLUnavailable != 0 {
		now = Unavailable
	}
	if now != 0 && now != c.noticed {
		c.o.Tell(now)
	}
	c.noticed = now
}

// pump sends what is to be sent now, and sees to it that it is called again in time.
func (c *Console) pump() {
	now := time.Now()
	for c.err == nil {
		b, ok := c.link.Poll(now, nil)
		if !ok {
			break
		}
		if err := c.session.SendPayload(rmcp.PayloadSOL, b); err != nil {
			c.end(fmt.Errorf("%w: %w", ErrSessionLost, err))
		}
	}
	if c.link.Dead() {
		c.end(ErrSilent)
	}
	at, ok := c.link.Due()
	switch {
	case c.err != nil || !ok:
	case c.timer == nil:
		c.timer = time.AfterFunc(at.Sub(now), c.ring)
	default:
		c.timer.Reset(at.Sub(now))
	}
}

func (c *Console) ring() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.pump()
		c.changed.Broadcast()
	}
}

// ask asks the BMC whether the console is still ours: packets of the console alone
// do not keep a session alive, and not every BMC says when it gives the console away.
func (c *Console) ask() {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: channel.CmdPayloadInstance, Data: c.instance.Append(nil)}
	c.session.Go(r, func(data []byte, err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err != nil {
			return
		}
		c.check.Reset(c.o.Check)
		if err != nil {
			return // one that cannot say
		}
		ours, theirs := c.session.IDs()
		switch i, err := channel.ParsePayloadInstance(data); {
		case err != nil:
		case i.Session == 0:
			c.end(ErrDeactivated)
		case i.Session != ours && i.Session != theirs:
			c.end(ErrTaken)
		}
	})
}

// end gives the console up, because of err. What has come can still be read.
func (c *Console) end(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	if c.timer != nil {
		c.timer.Stop()
	}
	c.check.Stop()
	c.changed.Broadcast()
}

// Read gives what the machine writes. Behind the last of it stands the error that
// the console ended with; io.EOF after Close.
func (c *Console) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.in) == 0 && c.err == nil {
		c.changed.Wait()
	}
	if len(c.in) == 0 {
		return 0, c.err
	}
	n := copy(p, c.in)
	c.in = append(c.in[:0], c.in[n:]...)
	if c.err == nil {
		c.link.Roomy()
		c.pump()
	}
	return n, nil
}

// Write types. It returns when all of it is queued.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := 0; ; {
		if c.err != nil {
			return n, fmt.Errorf("write to the console of %v: %w", c.session.Addr(), c.err)
		}
		n += c.link.Write(time.Now(), p[n:])
		c.pump()
		if n == len(p) {
			return n, nil
		}
		c.changed.Wait()
	}
}

// Break sends the line's break signal.
func (c *Console) Break() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return fmt.Errorf("send a break to the console of %v: %w", c.session.Addr(), c.err)
	}
	c.link.Signal(rmcp.SOLBreak)
	c.pump()
	return nil
}

// Close gives the console back. The session stays.
func (c *Console) Close() error {
	c.mu.Lock()
	active := c.err == nil
	first := !c.closed
	c.closed = true
	c.end(io.EOF)
	c.mu.Unlock()
	if !first {
		return nil
	}
	c.session.HandlePayload(rmcp.PayloadSOL, nil)
	if !active {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := channel.DeactivatePayload(ctx, c.session, c.instance); err != nil && !errors.Is(err, ipmi.Code(0x80)) {
		return fmt.Errorf("give back the console of %v: %w", c.session.Addr(), err)
	}
	return nil
}
