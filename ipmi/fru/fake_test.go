package fru

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/field"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDevices are the FRU devices of a BMC, with what BMCs do wrong.
type fakeDevices struct {
	mu    sync.Mutex
	mem   map[uint8][]byte
	words bool
	most  int       // bytes at once, 0 is any
	code  ipmi.Code // for too many
	lies  int       // bytes that it says the memory has beyond those it has
	rot   int       // a byte that does not keep what is written, if not 0
	empty bool      // answers reads with nothing
	asked int
	wrote int
}

func (f *fakeDevices) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	fail := func(c ipmi.Code) ([]byte, error) {
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: c}
	}
	word := 1
	if f.words {
		word = 2
	}
	mem, ok := f.mem[r.Data[0]]
	if !ok {
		return fail(ipmi.CodeNotPresent)
	}
	switch r.Cmd {
	case CmdInfo:
		return Info{Size: uint16(len(mem) + f.lies), Words: f.words}.Append(nil), nil
	case CmdRead:
		q, err := ParseReadRequest(r.Data)
		at, n := int(q.Offset)*word, int(q.Count)*word
		switch {
		case err != nil || n == 0:
			return fail(ipmi.CodeInvalidField)
		case f.empty:
			return ReadAnswer{}.Append(nil), nil
		case f.most != 0 && n > f.most:
			return fail(f.code)
		case at >= len(mem):
			return fail(ipmi.CodeOutOfRange)
		}
		b := mem[at:min(at+n, len(mem))]
		return ReadAnswer{Count: uint8(len(b) / word), Data: b}.Append(nil), nil
	case CmdWrite:
		q, err := ParseWriteRequest(r.Data)
		at := int(q.Offset) * word
		switch {
		case err != nil || at+len(q.Data) > len(mem):
			return fail(ipmi.CodeOutOfRange)
		case f.most != 0 && len(q.Data) > f.most:
			return fail(f.code)
		}
		f.wrote += len(q.Data)
		kept := mem[f.rot]
		copy(mem[at:], q.Data)
		if f.rot != 0 {
			mem[f.rot] = kept
		}
		return WriteAnswer(len(q.Data) / word).Append(nil), nil
	}
	return fail(ipmi.CodeInvalidCommand)
}

func text(t testing.TB, s string) field.FRU {
	t.Helper()
	f, err := field.NewFRU(25, s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// full is an inventory with everything.
func full(t testing.TB) Inventory {
	i := Inventory{
		Internal: []byte{9, 8, 7, 6, 5, 4, 3},
		Chassis:  &Chassis{Type: 23, Part: text(t, "CH-100"), Serial: text(t, "C0001"), Extra: []field.FRU{text(t, "rack 7")}},
		Board: &Board{
			Language: 25, Manufacturer: text(t, "Acme"), Product: text(t, "Mainboard"), Serial: text(t, "B0001"),
			Part: text(t, "MB-7"), File: text(t, "01"), Extra: []field.FRU{{Type: field.Binary, Data: []byte{0xca, 0xfe}}},
		},
		Product: &Product{
			Language: 25, Manufacturer: text(t, "Acme"), Name: text(t, "Server 9000"), Part: text(t, "S9K"), Version: text(t, "v2"),
			Serial: text(t, "P0001"), Asset: text(t, "owned"), File: text(t, "02"),
		},
		Records: []Record{
			PowerSupply{
				Capacity: 750, PeakVA: 900, Inrush: 40, InrushInterval: 5, Input: [2][2]int{{90000, 140000}, {180000, 264000}},
				Frequency: [2]uint8{47, 63}, Dropout: 12, Flags: 0x0a, HoldUp: 10, Peak: 800, Combined: [2]uint8{0, 2}, CombinedWatts: 600, Tachometer: 20,
			}.Record(),
			DC{Type: TypeDCOutput, Output: 1, Standby: true, Nominal: 12000, Low: 11400, High: 12600, Ripple: 120, Min: 100, Max: 60000}.Record(),
			DC{Type: TypeDCLoad, Output: 2, Nominal: -12000, Low: -12600, High: -11400, Ripple: 50, Min: 10, Max: 500}.Record(),
			DC{Type: TypeExtendedDCOutput, Output: 3, Coarse: true, Nominal: 12000, Max: 120000}.Record(),
			ManagementAccess{Kind: 1, Data: []byte("https://bmc.example")}.Record(),
			Compatibility{Type: TypeBaseCompatible, Maker: 7244, Entity: 7, Base: 1, Start: 2, Mask: []byte{0xff}}.Record(),
			OEM{Type: 0xc5, Maker: 343, Data: []byte{1, 2, 3}}.Record(),
			{Type: 0x77, Data: []byte{5}},
		},
	}
	i.Board.SetDate(time.Date(2024, 5, 6, 7, 8, 0, 0, time.UTC))
	return i
}

func image(t testing.TB, i Inventory, size int) []byte {
	t.Helper()
	b, err := i.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, make([]byte, max(0, size-len(b)))...)
}
