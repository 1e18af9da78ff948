package ipmi_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

var (
	getID = ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 1}
	cycle = ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: 2, Data: []byte{2}, Once: true}
)

// A request without answer is sent again, as another packet and the same request.
func TestResend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.change = deaf("06/01", 2)
		s := mustOpen(t, c, account())
		if _, err := s.Do(t.Context(), getID); err != nil {
			t.Error(err)
		}
		tries := f.times("06/01")
		if len(tries) != 3 || tries[0].rq != tries[2].rq || tries[0].seq == tries[1].seq || tries[1].seq == tries[2].seq {
			t.Errorf("tries %+v", tries)
		}
		// The round trip is known to be 2 ms, so that the least wait holds.
		if d := tries[1].when - tries[0].when; d < 60*time.Millisecond || d > 75*time.Millisecond {
			t.Errorf("the second try came after %v", d)
		}
		if got := s.Stats().Retries; got != 2 {
			t.Errorf("%d retries counted", got)
		}
		// The number of a request that needed several tries is not used again soon.
		for range 64 {
			if _, err := s.Do(t.Context(), getID); err != nil {
				t.Fatal(err)
			}
		}
		for _, h := range f.times("06/01")[3:] {
			if h.rq == tries[0].rq {
				t.Errorf("number %d was used again within 64 requests", h.rq)
			}
		}
	})
}

func TestLateAnswerCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.change = func(step string, nth int, b []byte) [][]byte {
			switch {
			case step != "06/01":
				return [][]byte{b}
			case nth == 1:
				f.later(200*time.Millisecond, b)
			}
			return nil
		}
		s := mustOpen(t, c, account())
		start := time.Now()
		if _, err := s.Do(t.Context(), getID); err != nil || time.Since(start) > 210*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if len(f.times("06/01")) < 2 {
			t.Error("it was not sent again meanwhile")
		}
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.change = deaf("00/02", 99)
		s := mustOpen(t, c, account())
		_, err := s.Do(t.Context(), cycle)
		var unsure *ipmi.UnsureError
		if !errors.As(err, &unsure) || !errors.Is(err, ipmi.ErrNoAnswer) {
			t.Errorf("error %v", err)
		}
		if got := len(f.times("00/02")); got != 1 {
			t.Errorf("sent %d times", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Do(ctx, cycle); !errors.As(err, &unsure) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that ends: %v", err)
		}
	})
}

// What the BMC was too busy to do was not done.
func TestOnceBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.code = func(m rmcp.Message, nth int) []byte {
			if m.NetFn == 0 && nth < 3 {
				return []byte{0xc0}
			}
			return nil
		}
		s := mustOpen(t, c, account())
		if _, err := s.Do(t.Context(), cycle); err != nil {
			t.Error(err)
		}
		if got := len(f.times("00/02")); got != 3 {
			t.Errorf("sent %d times", got)
		}
	})
}

func TestAlwaysBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.code = func(m rmcp.Message, _ int) []byte {
			if m.NetFn == 0 {
				return []byte{0xc0}
			}
			return nil
		}
		s := mustOpen(t, c, account())
		for _, r := range []ipmi.Request{cycle, {NetFn: 0, Cmd: 1}} {
			_, err := s.Do(t.Context(), r)
			var unsure *ipmi.UnsureError
			if err == nil || errors.As(err, &unsure) || !errors.Is(err, ipmi.CodeBusy) {
				t.Errorf("%02x: %v", r.Cmd, err)
			}
		}
	})
}

// A BMC that has forgotten the session is logged in to again, and what was asked is done.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		s := mustOpen(t, c, account())
		var lost atomic.Int32
		s.HandlePayload(rmcp.PayloadSOL, func(b []byte) {
			if b == nil {
				lost.Add(1)
			}
		})
		f.forget()
		start := time.Now()
		if _, err := s.Do(t.Context(), getID); err != nil || time.Since(start) > 4*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if s.Stats().Logins != 2 || lost.Load() != 1 {
			t.Errorf("%d logins, %d times told", s.Stats().Logins, lost.Load())
		}
		// After some time it is not sure that the BMC still knows us: what must not happen
		// twice is sent after something that does no harm.
		time.Sleep(15 * time.Second)
		f.forget()
		if _, err := s.Do(t.Context(), cycle); err != nil {
			t.Error(err)
		}
		if len(f.times("00/02")) != 1 {
			t.Errorf("the BMC heard %v", f.steps())
		}
	})
}

// While the BMC is away, requests end with the reason; once it is back they work again.
func TestAwayAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		s := mustOpen(t, c, account())
		f.forget()
		n.unplug(bmc1)
		_, err := s.Do(t.Context(), getID)
		if err == nil || time.Since(begin) > 40*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		time.Sleep(5 * time.Minute)
		n.plug(bmc1, f)
		if _, err := s.Do(t.Context(), getID); err != nil {
			t.Error(err)
		}
	})
}

func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		mustOpen(t, c, account())
		time.Sleep(5 * time.Minute)
		if got := len(f.times("06/01")); got < 10 || got > 12 {
			t.Errorf("asked %d times in five minutes, want every 25 to 28 s: %v", got, f.steps())
		}
		o := account()
		o.KeepAlive = -1
		mustOpen(t, c, o)
		before := len(f.steps())
		time.Sleep(24 * time.Second)
		if got := f.steps()[before:]; len(got) > 1 {
			t.Errorf("not kept alive, and yet %v", got)
		}
	})
}

func TestPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		n.delay = 10 * time.Millisecond
		f := n.add(bmc1)
		for _, depth := range []int{1, 4} {
			o := account()
			o.Pipeline = depth
			s := mustOpen(t, c, o)
			start := time.Now()
			done := make(chan error, 8)
			for range 8 {
				s.Go(getID, func(_ []byte, err error) { done <- err })
			}
			for range 8 {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if d, want := time.Since(start), time.Duration(8/depth)*20*time.Millisecond; d != want {
				t.Errorf("eight requests, %d at a time, took %v, want %v", depth, d, want)
			}
			_ = s.Close(t.Context())
		}
		// A BMC that is too busy gets one at a time.
		o := account()
		o.Pipeline = 4
		s := mustOpen(t, c, o)
		f.code = func(m rmcp.Message, nth int) []byte {
			if m.Cmd == 1 && nth == 18 {
				return []byte{0xc0}
			}
			return nil
		}
		done := make(chan error, 8)
		for range 8 {
			s.Go(getID, func(_ []byte, err error) { done <- err })
		}
		for range 8 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		last := f.times("06/01")
		if a, b := last[len(last)-2], last[len(last)-1]; b.when-a.when < 20*time.Millisecond {
			t.Errorf("the last two came %v apart", b.when-a.when)
		}
	})
}

func TestBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		s := mustOpen(t, c, account())
		var inner rmcp.Message
		var hops []uint8
		f.change = func(step string, _ int, b []byte) [][]byte {
			if step != "06/34" {
				return [][]byte{b}
			}
			// After the answer to Send Message, which went already, that of the controller behind it.
			for _, one := range f.sessions {
				reply := rmcp.Message{To: rmcp.AddressConsole, NetFn: inner.NetFn | 1, From: inner.To, Seq: inner.Seq, Cmd: inner.Cmd, Data: []byte{0, 42}}
				return [][]byte{b, one.channel.Seal(nil, rmcp.PayloadIPMI, reply.Append(nil))}
			}
			return nil
		}
		f.code = func(m rmcp.Message, _ int) []byte {
			if m.Cmd != rmcp.CmdSendMessage {
				return nil
			}
			hops = nil
			for inner = m; inner.Cmd == rmcp.CmdSendMessage && inner.NetFn == 6; {
				next, channel, track, err := rmcp.ParseBridged(inner.Data)
				if err != nil || track != rmcp.TrackRequest {
					t.Errorf("bridged: %v, tracking %x", err, track)
				}
				hops = append(hops, channel, next.To)
				inner = next
			}
			return []byte{0}
		}
		r := getID
		for _, bridge := range [][]ipmi.Hop{{{Channel: 7, Address: 0x72}}, {{Channel: 7, Address: 0x72}, {Channel: 2, Address: 0x88}}} {
			r.Bridge = bridge
			b, err := s.Do(t.Context(), r)
			if err != nil || !bytes.Equal(b, []byte{42}) {
				t.Errorf("%v: %x, %v", bridge, b, err)
			}
			var want []uint8
			for _, h := range bridge {
				want = append(want, h.Channel, h.Address)
			}
			if !bytes.Equal(hops, want) {
				t.Errorf("it went by %x, want %x", hops, want)
			}
		}
		f.code = func(m rmcp.Message, _ int) []byte { return []byte{0x83} }
		var e *ipmi.CodeError
		if _, err := s.Do(t.Context(), r); !errors.As(err, &e) || e.Cmd != rmcp.CmdSendMessage || e.Code != 0x83 {
			t.Errorf("a way that there is not: %v", err)
		}
		r.Bridge = make([]ipmi.Hop, 3)
		if _, err := s.Do(t.Context(), r); err == nil {
			t.Error("three hops were taken")
		}
	})
}

// Nothing but what the BMC made in this session is believed.
func TestForgeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.change = func(step string, _ int, b []byte) [][]byte {
			if step != "00/01" {
				return [][]byte{b}
			}
			on := rmcp.Message{To: rmcp.AddressConsole, NetFn: 1, From: rmcp.AddressBMC, Cmd: 1, Data: []byte{0, 1}}
			var all [][]byte
			for on.Seq = range uint8(64) {
				clear := rmcp.AppendPlain(nil, rmcp.PayloadIPMI, on.Append(nil))
				named := bytes.Clone(clear)
				copy(named[6:10], b[6:10]) // with the session's number
				all = append(all, clear, named, rmcp.AppendPlain15(nil, 0, 0, on.Append(nil)))
			}
			wrong := bytes.Clone(b)
			wrong[len(wrong)-1] ^= 1
			short := bytes.Clone(b[:len(b)-20])
			// The true answer, and a replay of it.
			return append(all, wrong, short, b, b)
		}
		f.code = func(m rmcp.Message, _ int) []byte {
			if m.NetFn == 0 {
				return []byte{0, 0}
			}
			return nil
		}
		s := mustOpen(t, c, account())
		b, err := s.Do(t.Context(), ipmi.Request{NetFn: 0, Cmd: 1})
		if err != nil || !bytes.Equal(b, []byte{0}) {
			t.Errorf("%x, %v", b, err)
		}
		if _, err := s.Do(t.Context(), getID); err != nil {
			t.Error(err)
		}
		dropped := s.Stats().Dropped
		if dropped[rmcp.FaultClear] != 64 || dropped[rmcp.FaultCode] == 0 || dropped[rmcp.FaultSequence] != 1 {
			t.Errorf("dropped %v", dropped)
		}
	})
}

func TestPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		n.add(bmc1)
		s := mustOpen(t, c, account())
		got := make(chan string, 2)
		s.HandlePayload(rmcp.PayloadSOL, func(b []byte) { got <- string(b) })
		if err := s.SendPayload(rmcp.PayloadSOL, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if b := <-got; b != "echo x" {
			t.Errorf("%q", b)
		}
		_ = s.Close(t.Context())
		if b := <-got; b != "" {
			t.Errorf("at the end %q", b)
		}
		if err := s.SendPayload(rmcp.PayloadSOL, []byte("x")); !errors.Is(err, ipmi.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// Close is said twice to a BMC that does not answer, and ends then.
func TestCloseUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.change = deaf("06/3c", 99)
		s := mustOpen(t, c, account())
		hang := make(chan error, 1)
		f.mu.Lock()
		f.change = func(step string, _ int, b []byte) [][]byte {
			if step == "06/3c" || step == "06/01" {
				return nil
			}
			return [][]byte{b}
		}
		f.mu.Unlock()
		s.Go(getID, func(_ []byte, err error) { hang <- err })
		_ = s.Close(t.Context())
		if err := <-hang; !errors.Is(err, ipmi.ErrClosed) {
			t.Errorf("a request under way: %v", err)
		}
		if got := len(f.times("06/3c")); got != 2 {
			t.Errorf("said %d times", got)
		}
		_ = s.Close(t.Context())
	})
}

func TestClientCloseClosesSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		a, b := mustOpen(t, c, account()), mustOpen(t, c, account())
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-a.Done()
		<-b.Done()
		if got := len(f.times("06/3c")); got != 2 {
			t.Errorf("%d sessions were closed", got)
		}
		if _, err := c.Open(t.Context(), bmc1, account()); err == nil {
			t.Error("a closed client opened a session")
		}
	})
}
