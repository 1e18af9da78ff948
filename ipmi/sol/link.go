package sol

import (
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// LinkOptions say how one end sends.
type LinkOptions struct {
	// MaxData is how many characters fit into a packet; at least 1, at most 251
	// (acknowledgements count in one byte, and payloads end at 255).
	MaxData int
	// Queue is how many characters wait at most to be sent.
	Queue int
	// Retry is how long an acknowledgement is waited for; each further time takes half as
	// long again, up to two seconds.
	Retry time.Duration
	// Retries is how often a packet is sent again before it is given up.
	Retries int
	// Gather is how long after a packet few characters wait for more, and Enough how many do
	// not (the character accumulate interval and send threshold, section 26.3). Zero sends
	// at once. What follows on something typed does not wait: it is its echo.
	Gather time.Duration
	Enough int
}

// Link is one end of the protocol. It does nothing by itself: what comes in is given
// to Receive, what is to go out is fetched from Poll, and Due says when Poll must be
// asked again even if nothing comes in. It is for one goroutine at a time.
type Link struct {
	o LinkOptions

	// What goes out. Characters in flight are the first of the queue.
	queue    []byte
	flags    uint8 // of the next packet: a break, for example
	seq      uint8 // of the packet in flight, or of the last one
	flying   bool
	inFlight int
	carried  uint8     // the flags in flight
	due      time.Time // when the packet in flight is to be sent again; when gathering ends
	wait     time.Duration
	tries    int
	typed    bool      // something came in since the last packet went out
	rested   time.Time // when few characters may be sent again
	held     bool      // the other end cannot take more; due says when to try again

	// What comes in.
	last   uint8 // the number of the last packet; 0: none yet
	taken  int   // how many of its characters were accepted
	brake  bool  // its break was told
	ack    bool  // it is to be acknowledged
	length int   // how long it was
	choked bool  // not all of it was accepted, and the reader can take no more
	dead   bool
}

// NewLink begins with nothing sent and nothing received.
func NewLink(o LinkOptions) *Link {
	o.MaxData = min(max(o.MaxData, 1), 251)
	return &Link{o: o}
}

// Write queues characters to be sent and says how many there was room for.
func (l *Link) Write(now time.Time, p []byte) int {
	n := min(len(p), max(0, l.o.Queue-len(l.queue)))
	if len(l.queue) == 0 && n > 0 && !l.flying {
		l.due = l.rested
	}
	if n > 0 && l.typed && !l.flying && !l.held {
		l.due = now // the echo of a key does not wait
	}
	l.queue = append(l.queue, p[:n]...)
	return n
}

// Room is how many characters can be queued.
func (l *Link) Room() int { return max(0, l.o.Queue-len(l.queue)) }

// Signal has the next packet carry flags, such as [rmcp.SOLBreak].
func (l *Link) Signal(flags uint8) { l.flags |= flags }

// Flush forgets what is queued and not under way.
func (l *Link) Flush() { l.queue = l.queue[:l.inFlight] }

// Dead says that a packet was never acknowledged.
func (l *Link) Dead() bool { return l.dead }

// Idle says that nothing waits to be sent or acknowledged.
func (l *Link) Idle() bool { return len(l.queue) == 0 && !l.flying && l.flags == 0 && !l.ack }

// In is what a packet has brought.
type In struct {
	Data  []byte // characters that are new, and accepted; a slice of the packet
	Flags uint8  // what else it says, without [rmcp.SOLNack]; told once for each packet
	Lost  bool   // a packet before this one never came
}

// Receive takes a packet in. Room is how many characters the reader can take.
func (l *Link) Receive(now time.Time, p rmcp.SOL, room int) In {
	if p.Ack != 0 {
		l.acknowledged(now, p)
	}
	if p.Seq == 0 {
		return In{Flags: p.Flags &^ rmcp.SOLNack}
	}
	in := In{}
	fresh := p.Seq != l.last
	if fresh && l.last != 0 && (p.Seq+15-l.last)%15 > 7 {
		return in // one from long ago, overtaken on its way
	}
	if fresh {
		in.Lost = l.last != 0 && p.Seq != next(l.last)
		l.last, l.taken, l.length, l.brake = p.Seq, 0, 0, false
	}
	if !l.brake {
		in.Flags, l.brake = p.Flags&^rmcp.SOLNack, true
	}
	// The same packet again may be longer than it was: then its tail is new. What was
	// not accepted of it comes in a packet of its own, so of such a one nothing is.
	if fresh || l.taken == l.length && len(p.Data) > l.length {
		in.Data = p.Data[l.taken:]
		in.Data = in.Data[:min(len(in.Data), max(room, 0), 255-l.taken)]
		l.taken, l.length = l.taken+len(in.Data), len(p.Data)
		l.typed = l.typed || len(in.Data) > 0
	}
	l.choked = l.taken < l.length && room <= len(in.Data)
	l.ack = true
	return in
}

// Roomy tells the other end that the reader can take characters again, if it was told
// otherwise.
func (l *Link) Roomy() {
	if l.choked {
		l.choked, l.ack = false, true
	}
}

// acknowledged takes an acknowledgement of what was sent.
func (l *Link) acknowledged(now time.Time, p rmcp.SOL) {
	nack := p.Flags&rmcp.SOLNack != 0
	if !l.flying {
		if l.held && !nack && p.Ack == l.seq {
			l.held, l.due = false, now
		}
		return
	}
	if p.Ack != l.seq {
		return // of a packet that was sent again meanwhile
	}
	n := min(int(p.Accepted), l.inFlight)
	if l.inFlight == 0 || n > 0 || !nack {
		l.flags &^= l.carried
	}
	l.queue = append(l.queue[:0], l.queue[n:]...)
	all := n == l.inFlight
	l.flying, l.inFlight, l.carried, l.tries = false, 0, 0, 0
	l.held = nack && !all
	l.due = l.rested
	if l.held {
		l.due = now.Add(l.o.Retry)
	}
}

// Due says when Poll must be asked again; ok is false if only a packet or a Write can
// change something.
func (l *Link) Due() (at time.Time, ok bool) {
	switch {
	case l.dead:
		return time.Time{}, false
	case l.ack:
		return time.Time{}, true
	case l.flying, l.held, len(l.queue) > 0, l.flags != 0:
		return l.due, true
	}
	return time.Time{}, false
}

// Poll adds the next packet to b, if there is one to be sent now.
func (l *Link) Poll(now time.Time, b []byte) (packet []byte, ok bool) {
	switch {
	case l.dead:
		return b, false
	case l.flying && !now.Before(l.due):
		return l.again(now, b)
	case !l.flying && l.ready(now):
		return l.send(now, b), true
	case l.ack:
		p := rmcp.SOL{}
		l.acknowledge(&p)
		return p.Append(b), true
	}
	return b, false
}

// ready says whether a new packet is to be sent.
func (l *Link) ready(now time.Time) bool {
	switch {
	case l.held:
		return !now.Before(l.due)
	case l.flags != 0:
		return true
	case len(l.queue) == 0:
		return false
	}
	enough := l.o.Enough
	if enough == 0 {
		enough = l.o.MaxData
	}
	return len(l.queue) >= enough || !now.Before(l.due)
}

func (l *Link) send(now time.Time, b []byte) []byte {
	l.seq, l.flying, l.held, l.typed = next(l.seq), true, false, false
	l.inFlight = min(len(l.queue), l.o.MaxData)
	l.carried, l.tries, l.wait = l.flags, 0, l.o.Retry
	l.due, l.rested = now.Add(l.wait), now.Add(l.o.Gather)
	return l.pack(b)
}

func (l *Link) again(now time.Time, b []byte) ([]byte, bool) {
	if l.tries++; l.tries > l.o.Retries {
		if l.inFlight > 0 {
			l.dead = true
		}
		l.flags &^= l.carried // an end that does not acknowledge a bare signal has had it
		l.flying = false
		return b, false
	}
	l.wait = min(l.wait+l.wait/2, 2*time.Second)
	l.due = now.Add(l.wait)
	return l.pack(b), true
}

// Drop gives up the packet that killed the link, and goes on with what came behind it:
// what a BMC does whose console has stopped answering.
func (l *Link) Drop(now time.Time) {
	l.queue = append(l.queue[:0], l.queue[l.inFlight:]...)
	l.dead, l.flying, l.inFlight, l.tries, l.due = false, false, 0, 0, now
}

// pack builds the packet in flight, which carries an acknowledgement as well.
func (l *Link) pack(b []byte) []byte {
	p := rmcp.SOL{Seq: l.seq, Flags: l.carried, Data: l.queue[:l.inFlight]}
	l.acknowledge(&p)
	return p.Append(b)
}

func (l *Link) acknowledge(p *rmcp.SOL) {
	if !l.ack {
		return
	}
	p.Ack, p.Accepted = l.last, uint8(min(l.taken, 255))
	if l.choked {
		p.Flags |= rmcp.SOLNack
	}
	l.ack = false
}

// next counts from 1 to 15 and begins again.
func next(seq uint8) uint8 { return seq%15 + 1 }
