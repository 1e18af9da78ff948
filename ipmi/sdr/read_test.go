package sdr_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/sdr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// oneWay and back: how long requests to the controllers of these tests take.
const roundTrip = 4 * time.Millisecond

// controller is a BMC with records and habits.
type controller struct {
	device  mc.DeviceID
	records [][]byte
	next    func(i int) sdr.ID // nil is the proper chain
	own     bool               // device SDRs, no repository

	most     int       // bytes at once, 0 is any number
	refuse   ipmi.Code // what it says to more
	cancel   int       // every so many requests it cancels its reservations
	strict   bool      // it wants a reservation for everything
	short    bool      // it gives fewer bytes, rather than refuse
	change   int       // the repository changes at that request
	old      bool      // device SDRs of IPMI 1.0
	restless bool      // it always changes
	noTiming bool

	mu          sync.Mutex
	added       sdr.Stamp
	reservation uint16
	requests    int
	bridged     []ipmi.Hop
}

func (c *controller) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	if !c.noTiming {
		select {
		case <-time.After(roundTrip):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bridged = r.Bridge
	c.requests++
	if c.requests == c.change || c.restless {
		c.added++
	}
	if c.cancel > 0 && c.requests%c.cancel == 0 {
		c.reservation++
	}
	fn, get, reserve := ipmi.NetFnStorage, uint8(sdr.CmdGet), uint8(sdr.CmdReserve)
	if c.own {
		fn, get, reserve = ipmi.NetFnSensor, sdr.CmdDeviceGet, sdr.CmdDeviceReserve
	}
	switch {
	case r.NetFn == ipmi.NetFnApp && r.Cmd == mc.CmdDeviceID:
		return c.device.Append(nil), nil
	case c.own && c.old && r.NetFn == fn && r.Cmd == sdr.CmdDeviceInfo && len(r.Data) > 0:
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: ipmi.CodeLength}
	case c.own && r.NetFn == fn && r.Cmd == sdr.CmdDeviceInfo:
		return sdr.DeviceInfo{Count: uint8(len(c.records)), LUNs: 1, Dynamic: true, Changed: uint32(c.added), Stamped: true}.Append(nil), nil
	case !c.own && r.NetFn == fn && r.Cmd == sdr.CmdInfo:
		return sdr.Info{Version: 0x51, Records: uint16(len(c.records)), Added: c.added, Can: 2}.Append(nil), nil
	case r.NetFn == fn && r.Cmd == reserve:
		c.reservation++
		return sdr.Word(c.reservation).Append(nil), nil
	case r.NetFn == fn && r.Cmd == get:
		return c.read(r)
	}
	return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: ipmi.CodeInvalidCommand}
}

func (c *controller) read(r ipmi.Request) ([]byte, error) {
	fail := func(code ipmi.Code) ([]byte, error) {
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: code}
	}
	q, err := sdr.ParseGetRequest(r.Data)
	if err != nil {
		return nil, err
	}
	if (c.strict || q.Offset > 0) && q.Reservation != c.reservation {
		return fail(ipmi.CodeReservation)
	}
	for i, b := range c.records {
		if q.Record != sdr.ID(binary.LittleEndian.Uint16(b)) && (q.Record != 0 || i != 0) {
			continue
		}
		next := sdr.LastRecord
		if i+1 < len(c.records) {
			next = sdr.ID(binary.LittleEndian.Uint16(c.records[i+1]))
		}
		if c.next != nil {
			next = c.next(i)
		}
		count := int(q.Count)
		if c.most > 0 && count > c.most {
			if !c.short {
				return fail(c.refuse)
			}
			count = c.most
		}
		from := min(int(q.Offset), len(b))
		return sdr.GetAnswer{Next: next, Data: b[from:min(len(b), from+count)]}.Append(nil), nil
	}
	return fail(ipmi.CodeNotPresent)
}

// machine gives a BMC with n sensors whose ids go up by step.
func machine(n, step int) *controller {
	c := &controller{device: mc.DeviceID{Version: 2, Support: mc.SupportSDRRepository | mc.SupportSensor, Maker: 343, Product: 7}, added: 1000}
	for i := range n {
		r := &sdr.Full{ID: sdr.ID(1 + i*step), Name: fmt.Sprintf("Sensor %d", i)}
		r.Owner, r.Number, r.Factors.M = 0x20, uint8(i), 1
		c.records = append(c.records, r.Append(nil))
	}
	return c
}

// inBubble reads in a bubble, where time is only what round trips take.
func inBubble(t *testing.T, c *controller, o sdr.Options) (s *sdr.Set, trips int, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s, err = sdr.Read(t.Context(), c, o)
		trips = int(time.Since(start) / roundTrip)
	})
	return s, trips, err
}

func TestReadTakesFewRoundTrips(t *testing.T) {
	for _, tt := range []struct{ records, step, most int }{
		{1, 1, 3}, {12, 1, 4}, {60, 1, 7}, {60, 0x40, 8}, {0x40, 3, 8},
	} {
		c := machine(tt.records, tt.step)
		s, trips, err := inBubble(t, c, sdr.Options{})
		if err != nil || len(s.Records) != tt.records || len(s.Faults) > 0 {
			t.Fatalf("%d by %d: %v, %+v", tt.records, tt.step, err, s)
		}
		for i, sensor := range s.Sensors() {
			if int(sensor.Number) != i {
				t.Fatalf("%d by %d: sensor %d came at %d", tt.records, tt.step, sensor.Number, i)
			}
		}
		t.Logf("%d records by %d: %d round trips, %d requests", tt.records, tt.step, trips, c.requests)
		if trips > tt.most {
			t.Errorf("%d records by %d took %d round trips and %d requests, want at most %d trips", tt.records, tt.step, trips, c.requests, tt.most)
		}
		if c.requests > 2*tt.records+12 {
			t.Errorf("%d records took %d requests", tt.records, c.requests)
		}
	}
}

func TestBMCsWithHabits(t *testing.T) {
	for name, habit := range map[string]func(c *controller){
		"CA above 32 bytes":                 func(c *controller) { c.most, c.refuse = 32, ipmi.CodeTooManyBytes },
		"C7 above 16 bytes":                 func(c *controller) { c.most, c.refuse = 16, ipmi.CodeLength },
		"C8 above 20 bytes":                 func(c *controller) { c.most, c.refuse = 20, ipmi.CodeLengthLimit },
		"CE above 8 bytes":                  func(c *controller) { c.most, c.refuse = 8, ipmi.CodeNoResponse },
		"fewer bytes than asked for":        func(c *controller) { c.most, c.short = 24, true },
		"the header, and 5 bytes at a time": func(c *controller) { c.most, c.refuse = 5, ipmi.CodeTooManyBytes },
		"a reservation for all":             func(c *controller) { c.strict = true },
		"reservations get lost": func(c *controller) {
			c.strict, c.cancel, c.most, c.refuse = true, 13, 32, ipmi.CodeTooManyBytes
		},
		"device SDRs": func(c *controller) { c.own, c.device.Support, c.device.DeviceSDR = true, mc.SupportSensor, true },
		"device SDRs in parts, with reservations": func(c *controller) {
			c.own, c.device.Support, c.device.DeviceSDR = true, mc.SupportSensor, true
			c.strict, c.most, c.refuse = true, 20, ipmi.CodeTooManyBytes
		},
		"device SDRs of an old controller": func(c *controller) {
			c.own, c.old, c.device.Support, c.device.DeviceSDR = true, true, mc.SupportSensor, true
		},
		"it says nothing of what it supports": func(c *controller) { c.device.Support = 0 },
		"it changes meanwhile":                func(c *controller) { c.change = 10 },
		"ids that jump about": func(c *controller) {
			for i, b := range c.records {
				binary.LittleEndian.PutUint16(b, uint16(1+i*7919%20011))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := machine(20, 1)
			habit(c)
			s, trips, err := inBubble(t, c, sdr.Options{})
			if err != nil || len(s.Faults) > 0 {
				t.Fatalf("%v, %+v", err, s)
			}
			sensors := s.Sensors()
			if len(sensors) != 20 || sensors[19].Name != "Sensor 19" {
				t.Errorf("got %d sensors in %d trips", len(sensors), trips)
			}
		})
	}
}

func TestBMCsThatLie(t *testing.T) {
	for name, tt := range map[string]struct {
		lie  func(c *controller)
		want int // records all the same
		err  error
	}{
		"a record that leads to itself": {func(c *controller) { c.next = func(i int) sdr.ID { return sdr.ID(i + 1) } }, 1, sdr.ErrChain},
		"a chain that leads back": {func(c *controller) {
			c.next = func(i int) sdr.ID { return sdr.ID((i+1)%12 + 1) }
		}, 12, sdr.ErrChain},
		"a chain that leads to the first": {func(c *controller) { c.next = func(int) sdr.ID { return 0 } }, 1, sdr.ErrChain},
		"a chain into nothing":            {func(c *controller) { c.next = func(i int) sdr.ID { return sdr.ID(i + 2 + i/11*50) } }, 12, ipmi.CodeNotPresent},
		"a record of nothing":             {func(c *controller) { c.records[5] = c.records[5][:0:0] }, 5, ipmi.CodeNotPresent},
		"a record that is cut off":        {func(c *controller) { c.records[5] = c.records[5][:20] }, 5, ipmi.ErrShort},
		"a header that is cut off":        {func(c *controller) { c.records[5] = c.records[5][:3] }, 5, ipmi.ErrShort},
		"a record without a body":         {func(c *controller) { c.records[5][4] = 0 }, 11, ipmi.ErrShort},
		"a version that is none":          {func(c *controller) { c.records[5][2] = 0x99 }, 11, sdr.ErrVersion},
	} {
		t.Run(name, func(t *testing.T) {
			c := machine(12, 1)
			if name == "a record of nothing" {
				c.next = func(i int) sdr.ID { return sdr.ID(i + 2) }
				c.records[5] = []byte{99, 99}
			} else {
				tt.lie(c)
			}
			s, _, err := inBubble(t, c, sdr.Options{})
			if err != nil || len(s.Records) != tt.want || len(s.Faults) != 1 || !errors.Is(s.Faults[0], tt.err) {
				t.Errorf("err %v, set %+v", err, s)
			}
		})
	}
}

func TestAnEndlessChainEnds(t *testing.T) {
	c := &endless{}
	s, err := sdr.Read(t.Context(), c, sdr.Options{})
	if err != nil || len(s.Faults) == 0 || !errors.Is(s.Faults[0], sdr.ErrChain) || len(s.Records) > 10_000 {
		t.Errorf("%v, %d records", err, len(s.Records))
	}
}

// endless has a record for each id, and each leads to the next but one.
type endless struct{}

func (endless) Do(_ context.Context, r ipmi.Request) ([]byte, error) {
	switch {
	case r.NetFn == ipmi.NetFnApp:
		return mc.DeviceID{Support: mc.SupportSDRRepository}.Append(nil), nil
	case r.Cmd == sdr.CmdInfo:
		return sdr.Info{Version: 0x51}.Append(nil), nil
	}
	q, err := sdr.ParseGetRequest(r.Data)
	record := &sdr.OEM{ID: q.Record}
	return sdr.GetAnswer{Next: q.Record + 2, Data: record.Append(nil)}.Append(nil), err
}

func TestASilentBMCIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := sdr.Read(ctx, machine(3, 1), sdr.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", s, err)
	}
	c := machine(3, 1)
	c.noTiming, c.own = true, true // asked for a repository it says it does not know the command
	if s, err := sdr.Read(t.Context(), c, sdr.Options{}); err == nil {
		t.Errorf("no repository: %v", s)
	}
	c.device.Support = 0
	if s, err := sdr.Read(t.Context(), c, sdr.Options{}); !errors.Is(err, sdr.ErrNone) {
		t.Errorf("nothing: %v, %v", s, err)
	}
	empty := machine(0, 1)
	empty.noTiming = true
	if s, err := sdr.Read(t.Context(), empty, sdr.Options{}); err != nil || len(s.Records) > 0 || len(s.Faults) > 0 {
		t.Errorf("an empty repository: %+v, %v", s, err)
	}
	changing := machine(20, 1)
	changing.noTiming, changing.restless = true, true
	if s, err := sdr.Read(t.Context(), changing, sdr.Options{}); !errors.Is(err, sdr.ErrChanging) {
		t.Errorf("one that changes all the time: %+v, %v", s, err)
	}
}

func TestSatellites(t *testing.T) {
	d := &bridge{bmc: machine(3, 1), behind: machine(4, 1)}
	d.behind.own, d.behind.device.DeviceSDR = true, true
	for i, b := range d.behind.records {
		b[5] = 0x24
		d.behind.records[i] = b
	}
	d.bmc.records = append(d.bmc.records, (&sdr.Controller{ID: 4, Address: 0x24, Channel: 6, Support: mc.SupportSensor, Name: "blade"}).Append(nil))
	d.bmc.noTiming, d.behind.noTiming = true, true
	s, err := sdr.Read(t.Context(), d, sdr.Options{Satellites: true})
	if err != nil || len(s.Sensors()) != 7 || s.Sensors()[6].Owner != 0x24 || len(s.Faults) > 0 {
		t.Errorf("%v, %+v", err, s)
	}
	if len(d.behind.bridged) != 1 || d.behind.bridged[0] != (ipmi.Hop{Channel: 6, Address: 0x24}) {
		t.Errorf("asked by %v", d.behind.bridged)
	}
}

type bridge struct{ bmc, behind *controller }

func (b *bridge) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	if len(r.Bridge) > 0 {
		return b.behind.Do(ctx, r)
	}
	return b.bmc.Do(ctx, r)
}

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sdr")
	o := sdr.Options{Cache: sdr.NewCache(dir), Host: "bmc1.example"}
	c := machine(60, 1)
	if s, _, err := inBubble(t, c, o); err != nil || s.Cached || len(s.Faults) > 0 {
		t.Fatalf("%v, %+v", err, s)
	}
	s, trips, err := inBubble(t, c, o)
	if err != nil || !s.Cached || len(s.Records) != 60 || trips != 1 {
		t.Errorf("from the cache in %d trips: %v, %+v", trips, err, s)
	}
	if left, err := filepath.Glob(dir + "/new-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	files, err := filepath.Glob(dir + "/*.sdr")
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 97 {
		damaged := append([]byte(nil), whole...)
		damaged[n] ^= 0x10
		for _, content := range [][]byte{damaged, whole[:n]} {
			if err := os.WriteFile(files[0], content, 0o600); err != nil {
				t.Fatal(err)
			}
			c.noTiming = true
			if s, err := sdr.Read(t.Context(), c, o); err != nil || s.Cached || len(s.Records) != 60 {
				t.Fatalf("damaged at %d: %v, %+v", n, err, s)
			}
		}
	}
	for name, change := range map[string]func(){
		"an addition":    func() { c.added++ },
		"other firmware": func() { c.device.Minor++ },
		"other records":  func() { c.records = c.records[:40] },
	} {
		change()
		if s, err := sdr.Read(t.Context(), c, o); err != nil || s.Cached || len(s.Records) != len(c.records) {
			t.Errorf("after %s: %v, %+v", name, err, s)
		}
		if s, err := sdr.Read(t.Context(), c, o); err != nil || !s.Cached {
			t.Errorf("after %s, again: %v, %+v", name, err, s)
		}
	}
}

func TestACacheThatCannotBeWrittenIsOnlyAFault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := machine(3, 1)
	c.noTiming = true
	s, err := sdr.Read(t.Context(), c, sdr.Options{Cache: sdr.NewCache(filepath.Join(file, "x"))})
	if err != nil || len(s.Records) != 3 || len(s.Faults) != 1 {
		t.Errorf("%v, %+v", err, s)
	}
}

// FuzzRead has a BMC answer with what it likes: reading must come to an end.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, script []byte) {
		d := &liar{script: script}
		s, err := sdr.Read(t.Context(), d, sdr.Options{Parallel: 2, Satellites: true, Device: &mc.DeviceID{Support: mc.SupportSDRRepository}})
		if err == nil && s == nil {
			t.Error("neither records nor an error")
		}
	})
}

// liar answers with parts of its script, one after the other, over and over: a completion code, a length, data.
type liar struct {
	mu     sync.Mutex
	script []byte
	at     int
}

func (l *liar) take() byte {
	if len(l.script) == 0 {
		return 0xc1
	}
	l.at++
	return l.script[l.at%len(l.script)]
}

func (l *liar) Do(_ context.Context, r ipmi.Request) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at > 20_000 {
		return nil, context.DeadlineExceeded
	}
	if code := l.take(); code >= 0xc0 {
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: ipmi.Code(code)}
	}
	b := make([]byte, l.take()&0x7f)
	for i := range b {
		b[i] = l.take()
	}
	return b, nil
}
