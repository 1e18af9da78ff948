package bmc

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/rmcp"
)

// TestPrivileges asks for commands at each privilege: those below the one of appendix G are refused.
func TestPrivileges(t *testing.T) {
	for _, test := range []struct {
		fn   ipmi.NetFn
		cmd  uint8
		want Privilege
		data []byte
	}{
		{0x06, 0x01, User, nil},
		{0x06, 0x02, Administrator, nil},
		{0x06, 0x25, User, nil},
		{0x06, 0x24, Operator, []byte{4, 0, 0, 0, 10, 0}},
		{0x06, 0x40, Administrator, []byte{1, 0, 0}},
		{0x06, 0x44, Operator, []byte{1, 2}},
		{0x06, 0x45, Administrator, append([]byte{5}, make([]byte, 16)...)},
		{0x06, 0x47, Administrator, append([]byte{2, 3}, make([]byte, 16)...)},
		{0x00, 0x01, User, nil},
		{0x00, 0x02, Operator, []byte{1}},
		{0x00, 0x08, Operator, []byte{5, 0, 0, 0, 0, 0}},
		{0x04, 0x2d, User, []byte{0x30}},
		{0x04, 0x26, Operator, []byte{0x30, 0, 0, 0, 0, 0, 0, 0}},
		{0x0a, 0x43, User, []byte{0, 0, 0, 0, 0, 0xff}},
		{0x0a, 0x42, User, nil},
		{0x0a, 0x47, Operator, []byte{0, 0, 'C', 'L', 'R', 0xaa}},
		{0x0c, 0x02, Operator, []byte{1, 3, 0, 0}},
		{0x0c, 0x01, Administrator, []byte{1, 3, 1, 2, 3, 4}},
		{0x2c, 0x02, User, []byte{0xdc, 1, 0, 0}},
	} {
		m := machine(t, nil, NewMemory(true))
		for p := Callback; p <= Administrator; p++ {
			_, err := m.As("somebody", p).Do(t.Context(), ipmi.Request{NetFn: test.fn, Cmd: test.cmd, Data: test.data})
			if refused := errors.Is(err, ipmi.CodePrivilege); refused != (p < test.want) {
				t.Errorf("%02x/%02x as %v: %v", uint8(test.fn), test.cmd, p, err)
			}
		}
	}
	// In a session it is the session's level that counts, up to the user's own.
	m := machine(t, nil, NewMemory(true))
	c := signIn(t, m, "watch", "watching", User)
	if code, _ := c.do(ipmi.NetFnChassis, chassis.CmdControl, 0); code != ipmi.CodePrivilege {
		t.Errorf("power off as user: %v", code)
	}
	if code, _ := c.do(ipmi.NetFnApp, 0x3b, byte(Administrator)); code == ipmi.CodeOK {
		t.Error("a user became administrator")
	}
}

func TestTheWatchdogActs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := NewMemory(true)
		m := machine(t, nil, host)
		d := m.As("admin", Administrator)
		if err := mc.ResetWatchdog(t.Context(), d); err == nil {
			t.Error("it was started before it was set")
		}
		w := mc.Watchdog{Use: mc.WatchdogSMSOS, Action: mc.WatchdogPowerDown, Initial: 10 * time.Second}
		if err := mc.SetWatchdog(t.Context(), d, w); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := mc.ResetWatchdog(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			time.Sleep(9 * time.Second)
		}
		if got, err := mc.GetWatchdog(t.Context(), d); err != nil || !got.Running || got.Left != time.Second {
			t.Errorf("%+v, %v", got, err)
		}
		if on, _ := host.Powered(t.Context()); !on {
			t.Fatal("it acted too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if on, _ := host.Powered(t.Context()); on {
			t.Error("it did not act")
		}
		log := m.Records()
		if last := log[len(log)-1].Event; last.SensorType != 0x23 || last.Data[0]&0x0f != 2 {
			t.Errorf("logged %+v", last)
		}
		if got, _ := mc.GetWatchdog(t.Context(), d); got.Running || got.Expired != 1<<mc.WatchdogSMSOS {
			t.Errorf("%+v", got)
		}
	})
}

func TestSensorsLogWhatTheyPass(t *testing.T) {
	m := machine(t, nil, nil)
	before := len(m.Records())
	for _, raw := range []uint8{42, 91, 96, 92, 50} {
		m.SetReading(0, 0x30, Reading{Raw: raw})
	}
	var got []string
	for _, r := range m.Records()[before:] {
		got = append(got, map[bool]string{false: "+", true: "-"}[r.Event.Deassert]+string(rune('0'+r.Event.Offset())))
	}
	if want := []string{"+7", "+9", "-9", "-7"}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestBridgedRequests(t *testing.T) {
	far := machine(t, func(c *Config) { c.Device.ID, c.Device.Version = 0x99, 2 }, nil)
	m := machine(t, func(c *Config) { c.Behind = map[ipmi.Hop]*Machine{{Channel: 0, Address: 0x82}: far} }, nil)
	c := signIn(t, m, "admin", "password", Administrator)
	inner := rmcp.Message{To: 0x82, NetFn: 6, From: rmcp.AddressBMC, Seq: 33, Cmd: 1}
	got := c.put(c.packet(ipmi.NetFnApp, rmcp.CmdSendMessage, inner.AppendBridged(nil, 0, rmcp.TrackRequest)...))
	if len(got) != 2 {
		t.Fatalf("%d answers", len(got))
	}
	if code, _ := c.read(got[:1]); code != ipmi.CodeOK {
		t.Error(code)
	}
	if code, data := c.read(got[1:]); code != ipmi.CodeOK || data[0] != 0x99 {
		t.Errorf("%v % x", code, data)
	}
	inner.To = 0x84
	if code, _ := c.do(ipmi.NetFnApp, rmcp.CmdSendMessage, inner.AppendBridged(nil, 0, rmcp.TrackRequest)...); code != ipmi.CodeDestination {
		t.Errorf("nobody there: %v", code)
	}
}

func TestDataFiles(t *testing.T) {
	d := demo()
	files := fstest.MapFS{
		"bmc.json": {Data: []byte(`{"name":"n1","guid":"00112233-4455-4677-8899-010203040506","users":[{"name":"root","password":"calvin","privilege":"administrator"}],"address":"192.0.2.4/24","mac":"02:00:00:00:00:01","watts":90}`)},
		"sdr.bin":  {Data: slices.Concat(d.SDR...)},
		"fru0.bin": {Data: d.FRU[0]},
		"sel.bin":  {Data: d.SEL[0].Append(nil)},
	}
	c, err := ReadConfig(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.SDR) != len(d.SDR) || c.GUID != d.GUID || !bytes.Equal(c.FRU[0], d.FRU[0]) || c.SEL[0] != d.SEL[0] || c.Users[0].Privilege != Administrator {
		t.Errorf("%+v", c)
	}
	files["sdr.bin"].Data = files["sdr.bin"].Data[:70]
	if _, err := ReadConfig(files); err == nil {
		t.Error("half a record was taken")
	}
}

func TestFaults(t *testing.T) {
	ask := func(f *Faults, r ipmi.Request) ([]byte, error) {
		return machine(t, func(c *Config) { c.Faults = f }, NewMemory(true)).As("", Administrator).Do(t.Context(), r)
	}
	id := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 1}
	if b, _ := ask(&Faults{ShortDeviceID: true}, id); len(b) != 14 {
		t.Errorf("device id of %d bytes", len(b))
	}
	if _, err := ask(&Faults{Codes: map[[2]uint8]ipmi.Code{{6, 1}: ipmi.CodeBusy}}, id); !errors.Is(err, ipmi.CodeBusy) {
		t.Error(err)
	}
	sdr := ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: 0x23, Data: []byte{0, 0, 1, 0, 0, 0xff}}
	if b, _ := ask(&Faults{SDRChain: ChainItself}, sdr); len(b) < 2 || b[0] != 1 {
		t.Errorf("next % x", b)
	}
	if _, err := ask(&Faults{MaxRead: 16, ReadCode: ipmi.CodeLengthLimit}, sdr); !errors.Is(err, ipmi.CodeLengthLimit) {
		t.Error(err)
	}
	m := machine(t, func(c *Config) { c.Faults = &Faults{EchoPrivilege: true, WrongTags: true} }, nil)
	if _, o := newWire(m).knock(t, 1, 17, 0); o.Privilege != 0 || o.Tag == 7 {
		t.Errorf("%+v", o)
	}
	m = machine(t, func(c *Config) { c.Faults = &Faults{Silent: true} }, nil)
	if got := newWire(m).put(rmcp.ASF{Type: rmcp.ASFPing, Tag: 1}.Append(nil)); len(got) != 0 {
		t.Error("a silent one answered")
	}
}
