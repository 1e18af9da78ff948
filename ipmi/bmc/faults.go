package bmc

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// Faults is what a machine does wrong, as real ones do. For tests of clients.
type Faults struct {
	Seed uint64 // of what is by chance

	// Of the network: shares from 0 to 1 of the datagrams of each way.
	Loss, Duplicate, Reorder float64
	Delay                    time.Duration // of each answer
	Silent                   bool          // it answers nothing

	// Of the session.
	EchoPrivilege  bool // the Open Session response repeats the privilege that was asked for, even 0
	NoSessions     bool // all are taken
	RefuseSuites   []rmcp.Suite
	WrongTags      bool
	WrongChecksums bool // of messages
	Anonymous      bool // the capabilities promise what is not there

	// What makers did differently with the codes of logins.
	OpenPrivilege bool // made with the privilege of the Open Session request, without the name-only bit
	PaddedName    bool // made with the name filled up to 16 bytes, and 16 bytes of the password
	ShortCodes    int  // they lose as many bytes

	// Of the data.
	ShortDeviceID  bool // 14 bytes
	MaxRead        int  // more bytes of a record or an inventory at a time are refused,
	ReadCode       ipmi.Code
	SDRChain       Chain
	EmptyFRU       bool // an inventory area of no size
	ClockBackwards bool

	// Codes answers commands, by network function and number, with a code.
	Codes map[[2]uint8]ipmi.Code
	// Answer changes the data of answers; it must not change its argument.
	Answer func(r ipmi.Request, data []byte) []byte
	// Swallow has that many answers to a command get lost after it was carried out.
	Swallow map[[2]uint8]int

	mu     sync.Mutex
	chance *rand.Rand
	held   func() // a datagram that was overtaken
}

// Chain is how the records of a repository hang together.
type Chain uint8

// The chains.
const (
	ChainRight   Chain = iota
	ChainItself        // each record is followed by itself
	ChainEndless       // the last is followed by the first
)

func (f *Faults) nextRecord(id, next uint16) uint16 {
	switch {
	case f.SDRChain == ChainItself:
		return id
	case f.SDRChain == ChainEndless && next == sdrLast:
		return 1
	}
	return next
}

// hits says whether something that happens to a share of datagrams happens now.
func (f *Faults) hits(share float64) bool {
	if share <= 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.chance == nil {
		f.chance = rand.New(rand.NewPCG(f.Seed, 1)) //nolint:gosec // faults must come again, not be secret
	}
	return f.chance.Float64() < share
}

func (f *Faults) arrives() bool { return !f.Silent && !f.hits(f.Loss) }

func (f *Faults) swallow(fn, cmd uint8) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Swallow[[2]uint8{fn, cmd}] <= 0 {
		return false
	}
	f.Swallow[[2]uint8{fn, cmd}]--
	return true
}

func (f *Faults) cut(code []byte) []byte { return code[:max(0, len(code)-f.ShortCodes)] }

// exchange gives what the codes of a login are made of.
func (f *Faults) exchange(x *rmcp.Exchange, key *rmcp.Key) *rmcp.Exchange {
	quirk := *x
	if f.OpenPrivilege {
		quirk.Role &= 0x0f
	}
	if f.PaddedName {
		quirk.Name = make([]byte, rmcp.MaxName)
		copy(quirk.Name, x.Name)
		clear(key[rmcp.MaxPassword15:])
	}
	return &quirk
}

func (f *Faults) transmit(m *Machine, w way, b []byte) {
	if f.Silent || f.hits(f.Loss) {
		return
	}
	send := func() { w.out.send(b, w.from, w.local) }
	times := 1
	if f.hits(f.Duplicate) {
		times = 2
	}
	if f.Delay > 0 || f.Reorder > 0 {
		b = bytes.Clone(b)
	}
	for range times {
		if f.Delay > 0 {
			time.AfterFunc(f.Delay, func() {
				if m.ctx.Err() == nil {
					f.inOrder(send)
				}
			})
			continue
		}
		f.inOrder(send)
	}
}

// inOrder sends a datagram, or holds it back until the next was sent.
func (f *Faults) inOrder(send func()) {
	late := f.hits(f.Reorder)
	f.mu.Lock()
	held := f.held
	f.held = nil
	if late && held == nil {
		f.held = send
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	send()
	if held != nil {
		held()
	}
}
