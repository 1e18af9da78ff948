package bmc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/pef"
	"millwright.dev/millwright/ipmi/pet"
	"millwright.dev/millwright/ipmi/sel"
)

// inbox keeps the traps that a machine sends.
type inbox struct {
	mu  sync.Mutex
	got map[netip.AddrPort][][]byte
	err error
}

func (x *inbox) carry(_ context.Context, to netip.AddrPort, trap []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return x.err
	}
	if x.got == nil {
		x.got = map[netip.AddrPort][][]byte{}
	}
	x.got[to] = append(x.got[to], trap)
	return nil
}

func (x *inbox) at(to string) [][]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.got[netip.AddrPortFrom(netip.MustParseAddr(to), 162)]
}

// readTrap has another program's reader read a trap of SNMP.
func readTrap(t *testing.T, b []byte) (*gosnmp.SnmpPacket, pet.Trap) {
	t.Helper()
	p, err := (&gosnmp.GoSNMP{}).UnmarshalTrap(b, false)
	if err != nil || len(p.Variables) != 1 {
		t.Fatalf("trap % x: %+v, %v", b, p, err)
	}
	octets, _ := p.Variables[0].Value.([]byte)
	trap, err := pet.Parse(uint32(p.SpecificTrap), octets)
	if err != nil {
		t.Fatal(err)
	}
	return p, trap
}

// watched is a machine that tells two destinations of critical temperatures, as a client sets it up.
func watched(t *testing.T, x *inbox) (*Machine, ipmi.Doer) {
	t.Helper()
	m := machine(t, nil, nil)
	m.SetTrapper(x.carry)
	d, ctx := m.As("admin", Administrator), t.Context()
	for i, a := range []string{"192.0.2.101", "192.0.2.102"} {
		n := uint8(i + 1)
		err := lan.SetDestination(ctx, d, lanChannel, lan.Destination{
			DestType: lan.DestType{Index: n, Ack: n == 2, Timeout: 5 * time.Second, Retries: 2},
			Address:  lan.DestAddress{Index: n, Addr: netip.MustParseAddr(a)},
		})
		if err := errors.Join(err, pef.EnsurePolicy(ctx, d, lanChannel, n)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := pef.GetPolicies(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	f := pef.Filter{
		Index: 1, Enabled: true, Actions: pef.Alert, Policy: p[0].Number, Severity: 0x10, Generator: [2]byte{0xff, 0xff},
		SensorType: uint8(event.Temperature), Sensor: 0xff, EventType: 1, Offsets: 1 << 9,
	}
	if err := errors.Join(pef.SetFilter(ctx, d, f), pef.Set(ctx, d, pef.GlobalActions, byte(pef.Alert)), pef.Set(ctx, d, pef.Control, byte(pef.EnablePEF))); err != nil {
		t.Fatal(err)
	}
	return m, d
}

func hot(offset byte) sel.Event {
	return sel.Event{Generator: 0x20, SensorType: event.Temperature, Sensor: 0x30, Type: 1, Data: [3]byte{0x50 | offset, 99, 95}}
}

func TestEventsAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &inbox{}
		m, d := watched(t, x)
		m.Log(hot(7)) // not critical
		synctest.Wait()
		if len(x.got) != 0 {
			t.Fatalf("alerted: %v", x.got)
		}
		m.Log(hot(9))
		synctest.Wait()
		first := x.at("192.0.2.101")
		if len(first) != 1 {
			t.Fatalf("%d traps", len(first))
		}
		p, trap := readTrap(t, first[0])
		if p.Community != "public" || p.Enterprise != "."+pet.Enterprise || p.GenericTrap != 6 || p.AgentAddress != "192.0.2.7" ||
			p.Variables[0].Name != "."+pet.Enterprise+".1" {
			t.Errorf("%+v", p)
		}
		e := trap.Event()
		if e.Sensor != 0x30 || e.Offset() != 9 || trap.Severity != pet.SeverityCritical || trap.GUID != [16]byte(m.cfg.GUID) || trap.Sequence == 0 {
			t.Errorf("%+v", trap)
		}
		// The second wants to be asked again until it says that the trap has come.
		if n := len(x.at("192.0.2.102")); n != 1 {
			t.Errorf("%d traps at once", n)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		second := x.at("192.0.2.102")
		if len(second) != 2 {
			t.Fatalf("%d traps after 6 s", len(second))
		}
		_, trap = readTrap(t, second[1])
		if err := pet.Acknowledge(t.Context(), d, trap.Ack()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(x.at("192.0.2.102")); n != 2 {
			t.Errorf("%d traps, though it was acknowledged", n)
		}
		for i, want := range []pef.AlertState{pef.AlertDone, pef.AlertDone} {
			if s, err := pef.GetAlert(t.Context(), d, lanChannel, uint8(i+1)); err != nil || s != want {
				t.Errorf("alert %d: %v, %v", i+1, s, err)
			}
		}
	})
}

func TestAlertsInFloodsAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &inbox{}
		m, d := watched(t, x)
		if err := lan.ClearDestination(t.Context(), d, lanChannel, 2); err != nil {
			t.Fatal(err)
		}
		for range 500 {
			m.Log(hot(9))
			synctest.Wait()
		}
		if n := len(x.at("192.0.2.101")); n != alertsAtMax {
			t.Errorf("%d traps", n)
		}
		time.Sleep(alertPeriod)
		m.Log(hot(9))
		synctest.Wait()
		if n := len(x.at("192.0.2.101")); n != alertsAtMax+1 {
			t.Errorf("%d traps after a minute", n)
		}
	})
}

func TestAlertImmediate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &inbox{}
		_, d := watched(t, x)
		ctx := t.Context()
		state := func(n uint8) string {
			s, err := pef.GetAlert(ctx, d, lanChannel, n)
			return fmt.Sprint(s, err)
		}
		if err := pef.SendAlert(ctx, d, lanChannel, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(x.at("192.0.2.101")); n != 1 || state(1) != fmt.Sprint(pef.AlertDone, nil) {
			t.Errorf("%d traps, %s", n, state(1))
		}
		if err := pef.SendAlert(ctx, d, lanChannel, 3); !errors.Is(err, ipmi.CodeNotPresent) {
			t.Errorf("to nobody: %v", err)
		}
		// Nobody acknowledges: three tries of five seconds.
		if err := pef.SendAlert(ctx, d, lanChannel, 2); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if state(2) != fmt.Sprint(pef.AlertInProgress, nil) {
			t.Error(state(2))
		}
		time.Sleep(20 * time.Second)
		if n := len(x.at("192.0.2.102")); n != 3 || state(2) != fmt.Sprint(pef.AlertTimedOut, nil) {
			t.Errorf("%d traps, %s", n, state(2))
		}
		x.err = errors.New("no route to it")
		if err := pef.SendAlert(ctx, d, lanChannel, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if state(1) != fmt.Sprint(pef.AlertFailed, nil) {
			t.Error(state(1))
		}
	})
}

func TestDataBytesOfFilters(t *testing.T) {
	for _, tt := range []struct {
		f    pef.FilterData
		b    byte
		want bool
	}{
		{pef.FilterData{}, 0xa5, true},
		{pef.FilterData{AndMask: 0xff, Compare1: 0xff, Compare2: 0xa5}, 0xa5, true},
		{pef.FilterData{AndMask: 0xff, Compare1: 0xff, Compare2: 0xa4}, 0xa5, false},
		{pef.FilterData{AndMask: 0x0f, Compare1: 0xff, Compare2: 0x05}, 0xa5, true},
		{pef.FilterData{AndMask: 0xff, Compare2: 0x81}, 0x01, true}, // one of the bits
		{pef.FilterData{AndMask: 0xff, Compare2: 0x81}, 0x7e, false},
	} {
		if got := fitsData(tt.f, tt.b); got != tt.want {
			t.Errorf("%+v of %#x: %v", tt.f, tt.b, got)
		}
	}
}

func TestNumbersOfTraps(t *testing.T) {
	for n, want := range map[uint32]string{0: "020100", 127: "02017f", 128: "02020080", 0xffff: "020300ffff", 0xffffffff: "020500ffffffff"} {
		if got := fmt.Sprintf("%x", appendNumber(nil, tagInteger, n)); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
