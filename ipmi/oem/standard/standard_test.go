package standard_test

import (
	"errors"
	"slices"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/intel"
	"millwright.dev/millwright/ipmi/oem/lenovo"
	"millwright.dev/millwright/ipmi/oem/standard"
	"millwright.dev/millwright/ipmi/sel"
)

func TestVariants(t *testing.T) {
	for name, tt := range map[string]struct {
		id      mc.DeviceID
		answers map[string]string
		want    string
	}{
		"XCC":                 {mc.DeviceID{Maker: 19046, Product: 1, ID: 32}, map[string]string{"3a/c1": "00 00 10 00"}, "lenovo xcc"},
		"IMM2":                {mc.DeviceID{Maker: 20301, Product: 1, ID: 32}, map[string]string{"3a/c1": "00 00 01 00"}, "lenovo imm"},
		"IMM2 under 7154":     {mc.DeviceID{Maker: 7154, Product: 1}, map[string]string{"3a/c1": "00 00 01 00"}, "lenovo imm"},
		"FPC":                 {mc.DeviceID{Maker: 19046, Product: 1063, ID: 32}, nil, "lenovo fpc"},
		"FPC of IBM":          {mc.DeviceID{Maker: 20301, Product: 462, ID: 32}, nil, "lenovo fpc"},
		"SMM":                 {mc.DeviceID{Maker: 19046, Product: 1180, ID: 32}, nil, "lenovo smm"},
		"SMM2 2U":             {mc.DeviceID{Maker: 19046, Product: 1360, ID: 32}, nil, "lenovo smm2"},
		"SMM2 6U":             {mc.DeviceID{Maker: 19046, Product: 1387, ID: 32}, nil, "lenovo smm2"},
		"TSMA":                {mc.DeviceID{Maker: 19046, Product: 1287, ID: 32}, nil, "lenovo tsma"},
		"AMI":                 {mc.DeviceID{Maker: 19046, Product: 13616, ID: 32}, map[string]string{"3a/80": "00"}, "lenovo ami"},
		"ASRock":              {mc.DeviceID{Maker: 19046, Product: 1182, ID: 32}, map[string]string{"3a/50": "c7"}, "lenovo asrock"},
		"TSM":                 {mc.DeviceID{Maker: 19046, Product: 5, ID: 32}, map[string]string{"3a/0f": "cc"}, "lenovo tsm"},
		"MegaRAC":             {mc.DeviceID{Maker: 20974, Product: 5, ID: 32}, map[string]string{"32/7e": "00 01"}, "megarac"},
		"not MegaRAC":         {mc.DeviceID{Maker: 20974, Product: 5, ID: 32}, map[string]string{"32/7e": "00 02"}, ""},
		"Intel":               {mc.DeviceID{Maker: 343, Product: 5, ID: 32}, nil, "intel"},
		"some other":          {mc.DeviceID{Maker: 11, Product: 256, ID: 32}, nil, ""},
		"Lenovo that is none": {mc.DeviceID{Maker: 19046, Product: 5, ID: 33}, nil, ""},
	} {
		got, _, err := oem.Find(t.Context(), standard.Makers(), oem.Target{Doer: ipmitest.Table(t, tt.answers), ID: tt.id}, oem.Options{})
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	var names []string
	for _, m := range standard.Makers() {
		if slices.Contains(names, m.Name) {
			t.Errorf("two are called %q", m.Name)
		}
		names = append(names, m.Name)
	}
}

// The answer is the one that Lenovo's documentation shows.
const statistics = "57 01 00 38 00 04 00 41 00 39 00 ec 56 f7 53 5a 86 00 00 50"

func TestPowerOfANodeManager(t *testing.T) {
	for id, hop := range map[uint32]ipmi.Hop{343: {Channel: 6, Address: 0x2c}, 19046: {Channel: 0, Address: 0x2c}} {
		d := ipmitest.Table(t, map[string]string{"3a/c1": "00 00 10 00", "2e/c8 57 01 00 01 00 00": "00 " + statistics, "3a/c7 01": "00"})
		_, m, err := oem.Find(t.Context(), standard.Makers(), oem.Target{Doer: d, ID: mc.DeviceID{Maker: id, Product: 1}}, oem.Options{})
		if err != nil {
			t.Fatal(err)
		}
		meter, ok := oem.As[oem.PowerMeter](m)
		if !ok {
			t.Fatalf("%d has no power meter", id)
		}
		p, err := meter.Power(t.Context())
		if err != nil || p.Now != 56 || p.Min != 4 || p.Max != 65 || p.Average != 57 || p.Over.Seconds() != 34394 {
			t.Errorf("%d: %+v, %v", id, p, err)
		}
		if r := d.Requests(); !slices.Equal(r[len(r)-1].Bridge, []ipmi.Hop{hop}) {
			t.Errorf("%d: asked by way of %v, not %v", id, r[len(r)-1].Bridge, hop)
		}
		if x, ok := m.(*lenovo.XCC); ok {
			if err := x.AllowNodeManager(t.Context(), true); err != nil {
				t.Error(err)
			}
		}
	}
	for _, bad := range []string{"57 01 00", "11 22 33" + statistics[8:]} {
		if _, err := intel.ParseStatistics(ipmitest.Bytes(t, bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if _, err := intel.ParseStatistics(nil); !errors.Is(err, ipmi.ErrShort) {
		t.Error(err)
	}
}

func FuzzStatistics(f *testing.F) {
	f.Add(ipmitest.Bytes(f, statistics))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = intel.ParseStatistics(b) })
}

func TestEvents(t *testing.T) {
	for name, tt := range map[string]struct {
		record   sel.Record
		want     string
		severity event.Severity
	}{
		"management engine": {sel.Record{Type: sel.TypeSystem, Event: sel.Event{SensorType: 0xdc, Type: 0x75, Data: [3]byte{0xa0, 0x09, 0x01}}}, "ME: firmware exception", event.Critical},
		"firmware update":   {sel.Record{Type: 0xd0, Maker: 19046}, "firmware update", event.OK},
		"eMMC":              {sel.Record{Type: 0xd2, Maker: 19046}, "eMMC", event.Warning},
		"another":           {sel.Record{Type: 0xd9, Maker: 19046}, "as it was", event.OK},
	} {
		_, m, err := oem.Find(t.Context(), lenovo.Makers(), oem.Target{ID: mc.DeviceID{Maker: 19046, Product: 1287, ID: 32}}, oem.Options{})
		events, ok := oem.As[oem.Events](m)
		if err != nil || !ok {
			t.Fatal(err)
		}
		e := sel.Entry{Record: tt.record, State: event.State{Name: "as it was"}}
		if events.DecodeEvent(&e); e.State.Name != tt.want || e.Severity != tt.severity {
			t.Errorf("%s: %q, %v", name, e.State.Name, e.Severity)
		}
	}
}
