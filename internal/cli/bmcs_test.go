package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/field"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sel"
)

// bmcs are service processors of a test, bmc1 and so on; the file that says where they
// are is what --bmc-config wants.
type bmcs struct {
	file     string
	machines []*bmc.Machine
}

// loopback is a host with a serial console that says again what is typed.
type loopback struct{ *bmc.Memory }

// Console implements [bmc.Consoler].
func (loopback) Console(context.Context, bmc.Caller) (io.ReadWriteCloser, error) {
	r, w := io.Pipe()
	return struct {
		io.Reader
		io.Writer
		io.Closer
	}{r, w, w}, nil
}

// startBMCs starts n machines, of which every second one is off.
func startBMCs(t *testing.T, n int) *bmcs {
	t.Helper()
	b := &bmcs{file: filepath.Join(t.TempDir(), "bmc.yaml")}
	text := "hosts:\n"
	ctx, stop := context.WithCancel(context.Background())
	var ended []chan struct{}
	at := "" // of the last one
	for i := range n {
		m, err := bmc.New(testMachine(i+1), loopback{bmc.NewMemory(i%2 == 0)})
		if err != nil {
			t.Fatal(err)
		}
		m.SetReading(0, 0x30, bmc.Reading{Raw: 42})
		m.SetReading(0, 0x31, bmc.Reading{Raw: 22})
		m.SetReading(0, 0x40, bmc.Reading{States: 1})
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		end := make(chan struct{})
		ended = append(ended, end)
		go func() {
			defer close(end)
			_ = bmc.Serve(ctx, conn, m)
		}()
		b.machines = append(b.machines, m)
		at = conn.LocalAddr().String()
		text += fmt.Sprintf("  - {match: bmc%d, address: %q}\n", i+1, at)
	}
	t.Cleanup(func() {
		stop()
		for i, end := range ended {
			<-end
			b.machines[i].Close()
		}
	})
	text += fmt.Sprintf("  - {match: stranger, address: %q, user: nobody}\n  - {match: 'bmc*', user: admin}\n", at)
	if err := os.WriteFile(b.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func testMachine(n int) bmc.Config {
	return bmc.Config{
		Name: fmt.Sprintf("node%d", n), GUID: mc.GUID{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x46, 0x88, 0x99, 1, 2, 3, 4, 5, 6},
		Users: []bmc.Account{
			{Privilege: bmc.NoAccess},
			{Name: "admin", Password: "password", Privilege: bmc.Administrator},
			{Name: "watch", Password: "watching", Privilege: bmc.User},
		},
		Limits: bmc.Limits{Burst: 10_000, PerSecond: 10_000},
		LAN:    bmc.LAN{Address: netip.MustParsePrefix("192.0.2.7/24"), Gateway: netip.MustParseAddr("192.0.2.1"), MAC: [6]byte{2, 0, 0, 0, 0, 7}},
		SDR: [][]byte{
			temperature(1, 0x30, "CPU Temp").Append(nil), temperature(2, 0x31, "Inlet").Append(nil), supply(3, 0x40, "PSU1").Append(nil),
			(&sdr.FRU{ID: 4, Access: sdr.BMC, Logical: true, Device: 1, Kind: 0x10, Entity: sdr.Entity{Kind: 7, Instance: 1}, Name: "Board"}).Append(nil),
		},
		FRU:   map[uint8][]byte{0: inventoryArea("Example Ltd", "Server 7", "S-4711"), 1: inventoryArea("Example Ltd", "Board 7", "B-1")},
		SEL:   []sel.Record{{ID: 1, Type: sel.TypeSystem, Time: 1_700_000_000, Event: sel.Event{Generator: 0x20, Revision: 4, SensorType: event.Temperature, Sensor: 0x30, Type: 1, Data: [3]byte{0x59, 96, 95}}}},
		Asset: "asset-4711", Power: bmc.Power{Watts: 231, Limit: 500},
		Behind: map[ipmi.Hop]*bmc.Machine{{Channel: 0, Address: 0x82}: satellite()},
	}
}

// satellite is a controller behind the BMC.
func satellite() *bmc.Machine {
	d := bmc.DefaultDevice()
	d.Product = 82
	m, err := bmc.New(bmc.Config{Name: "behind", Device: d}, nil)
	if err != nil {
		panic(err)
	}
	return m
}

func temperature(id sdr.ID, number uint8, name string) *sdr.Full {
	const events = 0x0a95
	return &sdr.Full{
		ID: id, Name: name, Factors: sdr.Factors{M: 1}, Max: 127, Thresholds: [sdr.LevelCount]uint8{5, 3, 1, 90, 95, 100}, Positive: 2, Negative: 2,
		Common: sdr.Common{
			Key: sdr.Key{Owner: sdr.BMC, Number: number}, Entity: sdr.Entity{Kind: event.EntityProcessor, Instance: 1}, Init: 0x7f,
			Capabilities: sdr.Capabilities{AutoRearm: true, Hysteresis: 2, Thresholds: 2}, Type: event.Temperature, Reading: 1,
			Masks: sdr.ThresholdMasks(sdr.AllLevels, sdr.AllLevels, sdr.AllLevels, events, events), Units: event.Units{Base: 1},
		},
	}
}

func supply(id sdr.ID, number uint8, name string) *sdr.Compact {
	return &sdr.Compact{
		ID: id, Name: name, Common: sdr.Common{
			Key: sdr.Key{Owner: sdr.BMC, Number: number}, Entity: sdr.Entity{Kind: 0x0a, Instance: 1}, Init: 0x67,
			Type: 0x08, Reading: event.SensorSpecific, Masks: sdr.Masks{Reading: 0x0f},
		},
	}
}

func inventoryArea(maker, name, serial string) []byte {
	text := func(s string) field.FRU {
		f, err := field.NewFRU(25, s)
		if err != nil {
			panic(err)
		}
		return f
	}
	b, err := fru.Inventory{Product: &fru.Product{Language: 25, Manufacturer: text(maker), Name: text(name), Serial: text(serial)}}.Append(nil)
	if err != nil {
		panic(err)
	}
	return append(b, make([]byte, 256-len(b))...)
}
