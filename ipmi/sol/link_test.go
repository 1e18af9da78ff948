package sol_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sol"
)

func options() sol.LinkOptions {
	return sol.LinkOptions{MaxData: 40, Queue: 1 << 20, Retry: 100 * time.Millisecond, Retries: 60}
}

// end is one end of a simulated wire, with a reader that may be slow.
type end struct {
	link *sol.Link
	got  []byte
	room int // characters that its reader takes before it rests
}

// flight is a packet under way.
type flight struct {
	to     int
	at     time.Time
	packet []byte
}

// wire carries packets between two links with a clock of its own.
type wire struct {
	t       *rapid.T
	now     time.Time
	ends    [2]*end
	flying  []flight
	trouble int // percent of packets lost, and of those doubled
}

func newWire(t *rapid.T, o sol.LinkOptions) *wire {
	w := &wire{t: t, now: time.Unix(0, 0)}
	for i := range w.ends {
		w.ends[i] = &end{link: sol.NewLink(o), room: 1 << 20}
	}
	return w
}

// poll fetches all that the ends want to send now.
func (w *wire) poll() {
	for i, e := range w.ends {
		for range 100 {
			packet, ok := e.link.Poll(w.now, nil)
			if !ok {
				break
			}
			w.send(1-i, packet)
		}
	}
}

func (w *wire) send(to int, packet []byte) {
	copies := 1
	if w.trouble > 0 {
		switch n := rapid.IntRange(0, 99).Draw(w.t, "luck"); {
		case n < w.trouble:
			copies = 0
		case n < 2*w.trouble:
			copies = 2
		}
	}
	for range copies {
		delay := time.Millisecond
		if w.trouble > 0 {
			delay = time.Duration(rapid.IntRange(1, 60).Draw(w.t, "delay")) * time.Millisecond
		}
		w.flying = append(w.flying, flight{to, w.now.Add(delay), packet})
	}
}

// step goes to the next thing that happens; false if nothing will.
func (w *wire) step() bool {
	w.poll()
	next, found := time.Time{}, false
	look := func(at time.Time) {
		if !found || at.Before(next) {
			next, found = at, true
		}
	}
	for _, f := range w.flying {
		look(f.at)
	}
	for _, e := range w.ends {
		if at, ok := e.link.Due(); ok {
			look(at)
		}
	}
	if !found {
		return false
	}
	if next.After(w.now) {
		w.now = next
	}
	rest := w.flying[:0:0]
	for _, f := range w.flying {
		if f.at.After(w.now) {
			rest = append(rest, f)
			continue
		}
		p, err := rmcp.ParseSOL(f.packet)
		if err != nil {
			w.t.Fatal(err)
		}
		e := w.ends[f.to]
		in := e.link.Receive(w.now, p, e.room)
		e.got = append(e.got, in.Data...)
		e.room -= len(in.Data)
	}
	w.flying = rest
	return true
}

// TestNothingIsLostOrDoubled: whatever the wire does, and however slow the readers
// are, each end gets what the other wrote.
func TestNothingIsLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWire(t, options())
		w.trouble = rapid.SampledFrom([]int{0, 5, 20}).Draw(t, "trouble")
		slow := rapid.Bool().Draw(t, "slow readers")
		var wrote [2][]byte
		for i := range wrote {
			wrote[i] = make([]byte, rapid.IntRange(0, 600).Draw(t, "length"))
			for k := range wrote[i] {
				wrote[i][k] = byte(k + k/256)
			}
			if n := w.ends[i].link.Write(w.now, wrote[i]); n != len(wrote[i]) {
				t.Fatalf("%d of %d were queued", n, len(wrote[i]))
			}
		}
		for i := range 20_000 {
			if slow && i%7 == 0 {
				for _, e := range w.ends {
					e.room = rapid.IntRange(0, 30).Draw(t, "room")
					if e.room > 0 {
						e.link.Roomy()
					}
				}
			}
			if !w.step() {
				break
			}
		}
		for i := range wrote {
			if got := w.ends[1-i].got; !bytes.Equal(got, wrote[i]) {
				t.Fatalf("end %d wrote %d characters, %d arrived: %q, %q", i, len(wrote[i]), len(got), wrote[i], got)
			}
			if w.ends[i].link.Dead() || !w.ends[i].link.Idle() {
				t.Fatalf("end %d is not at rest", i)
			}
		}
	})
}

// TestRoundTrips: a key and its echo take two journeys, and an acknowledgement rides
// along with what goes the same way.
func TestRoundTrips(t *testing.T) {
	now := time.Unix(0, 0)
	console, machine := sol.NewLink(options()), sol.NewLink(options())
	console.Write(now, []byte("x"))
	key, _ := console.Poll(now, nil)
	p, _ := rmcp.ParseSOL(key)
	in := machine.Receive(now, p, 100)
	machine.Write(now, in.Data)
	echo, _ := machine.Poll(now, nil)
	p, _ = rmcp.ParseSOL(echo)
	if p.Ack != 1 || p.Accepted != 1 || string(p.Data) != "x" {
		t.Errorf("the echo is %+v", p)
	}
	if _, more := machine.Poll(now, nil); more {
		t.Error("the machine has more to say")
	}
}

// TestSentAgain: a packet that is sent again may be longer than it was, and only what
// is new in it is told.
func TestSentAgain(t *testing.T) {
	now := time.Unix(0, 0)
	l := sol.NewLink(options())
	for _, step := range []struct {
		packet rmcp.SOL
		room   int
		want   string
		ack    rmcp.SOL
	}{
		{rmcp.SOL{Seq: 1, Data: []byte("hello")}, 99, "hello", rmcp.SOL{Ack: 1, Accepted: 5}},
		{rmcp.SOL{Seq: 1, Data: []byte("hello")}, 99, "", rmcp.SOL{Ack: 1, Accepted: 5}},
		{rmcp.SOL{Seq: 1, Data: []byte("hello world")}, 99, " world", rmcp.SOL{Ack: 1, Accepted: 11}},
		{rmcp.SOL{Seq: 2, Data: []byte("abcdef")}, 2, "ab", rmcp.SOL{Ack: 2, Accepted: 2, Flags: rmcp.SOLNack}},
		{rmcp.SOL{Seq: 2, Data: []byte("abcdef")}, 3, "", rmcp.SOL{Ack: 2, Accepted: 2}},
		{rmcp.SOL{Seq: 3, Data: []byte("cdef")}, 99, "cdef", rmcp.SOL{Ack: 3, Accepted: 4}},
	} {
		in := l.Receive(now, step.packet, step.room)
		packet, _ := l.Poll(now, nil)
		if want := step.ack.Append(nil); string(in.Data) != step.want || !bytes.Equal(packet, want) {
			t.Errorf("%+v: got %q and the answer % x, want %q and % x", step.packet, in.Data, packet, step.want, want)
		}
	}
	if in := l.Receive(now, rmcp.SOL{Seq: 9}, 99); !in.Lost {
		t.Error("a gap was not noticed")
	}
}

// TestGivingUp: a packet that is never acknowledged kills the link, or is dropped.
func TestGivingUp(t *testing.T) {
	now := time.Unix(0, 0)
	o := options()
	o.Retries = 3
	l := sol.NewLink(o)
	l.Write(now, bytes.Repeat([]byte("x"), 50))
	sent := 0
	for !l.Dead() && sent < 100 {
		if _, ok := l.Poll(now, nil); ok {
			sent++
		}
		now, _ = l.Due()
	}
	if sent != 4 {
		t.Errorf("it was sent %d times", sent)
	}
	l.Drop(now)
	packet, ok := l.Poll(now, nil)
	if p, _ := rmcp.ParseSOL(packet); !ok || len(p.Data) != 10 || p.Seq != 2 {
		t.Errorf("behind what was dropped comes % x", packet)
	}
}

// TestBreak: a signal goes once, whether or not it is acknowledged.
func TestBreak(t *testing.T) {
	now := time.Unix(0, 0)
	a, b := sol.NewLink(options()), sol.NewLink(options())
	a.Signal(rmcp.SOLBreak)
	packet, _ := a.Poll(now, nil)
	p, _ := rmcp.ParseSOL(packet)
	for i, want := range []uint8{rmcp.SOLBreak, 0} {
		if in := b.Receive(now, p, 99); in.Flags != want {
			t.Errorf("time %d: flags %x, want %x", i, in.Flags, want)
		}
	}
	answer, _ := b.Poll(now, nil)
	ack, _ := rmcp.ParseSOL(answer)
	a.Receive(now, ack, 99)
	if !a.Idle() {
		t.Error("the break is still under way")
	}
}

func FuzzLink(f *testing.F) {
	f.Add([]byte{4, 1, 0, 0, 0, 5, 2, 1, 1, 0, 'x'})
	f.Add([]byte{4, 0, 15, 255, 0x7f})
	f.Fuzz(func(t *testing.T, script []byte) {
		now := time.Unix(0, 0)
		l := sol.NewLink(options())
		wrote, accepted := 0, 0
		for len(script) > 0 {
			n := min(int(script[0]), len(script)-1)
			one := script[1 : 1+n]
			script = script[1+n:]
			if p, err := rmcp.ParseSOL(one); err == nil {
				room := int(p.Accepted)
				if in := l.Receive(now, p, room); len(in.Data) > room {
					t.Fatalf("%d characters came where there was room for %d", len(in.Data), room)
				}
			}
			wrote += l.Write(now, one)
			packet, _ := l.Poll(now, nil)
			if len(packet) > 255 {
				t.Fatalf("a packet of %d bytes", len(packet))
			}
			if l.Room() < 0 || wrote < accepted {
				t.Fatal("it has more than it was given")
			}
			now = now.Add(30 * time.Millisecond)
		}
	})
}
