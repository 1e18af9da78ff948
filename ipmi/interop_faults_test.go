package ipmi_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sel"
)

// faulty is a machine with a few sensors that does something wrong.
func faulty(t *testing.T, f *bmc.Faults) *bmc.Machine {
	t.Helper()
	var records [][]byte
	for i, name := range []string{"Inlet", "Outlet", "Board", "CPU 1", "CPU 2"} {
		r := &sdr.Compact{ID: sdr.ID(i + 1), Name: name}
		r.Owner, r.Number, r.Type, r.Reading, r.Masks.Reading = sdr.BMC, uint8(0x30+i), event.Temperature, event.SensorSpecific, 0xff
		records = append(records, r.Append(nil))
	}
	m, err := bmc.New(bmc.Config{
		Users: []bmc.Account{{Name: "admin", Password: "secret", Privilege: bmc.Administrator}},
		SDR:   records, FRU: map[uint8][]byte{0: make([]byte, 64)}, Faults: f,
		Limits: bmc.Limits{Sessions: 100, HalfOpen: 100, Burst: 1 << 20},
	}, bmc.NewMemory(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// served puts a machine on the network.
func served(t *testing.T, m *bmc.Machine) string {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bmc.Serve(ctx, conn, m) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return conn.LocalAddr().String()
}

// What a BMC's own network loses, doubles and reorders is asked again; what must not be done twice is
// done once.
func TestFaultsOfTheNetwork(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*bmc.Faults{
		"loss":      {Seed: 3, Loss: 0.1},
		"duplicate": {Seed: 4, Duplicate: 0.5},
		"reorder":   {Seed: 5, Reorder: 0.3},
		"delay":     {Seed: 6, Delay: 5 * time.Millisecond},
		"swallowed": {Swallow: map[[2]uint8]int{{0x04, 0x02}: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := faulty(t, f)
			c := newClient(t)
			o := account()
			o.Timeout = time.Minute
			s, err := c.Open(t.Context(), served(t, m), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(t.Context())
			const events = 20
			for i := range events {
				// Logged each time that it is carried out.
				_, err := s.Do(t.Context(), ipmi.Request{NetFn: ipmi.NetFnSensor, Cmd: 2, Data: []byte{4, 1, byte(i), 1, 9, 0, 0}})
				if sure := (*ipmi.UnsureError)(nil); err != nil && !errors.As(err, &sure) {
					t.Fatal(err)
				}
				if b, err := s.Do(t.Context(), getID); err != nil || len(b) != 15 {
					t.Fatalf("device id % x, %v", b, err)
				}
			}
			seen := map[uint8]int{}
			for _, r := range m.Records() {
				seen[r.Event.Sensor]++
			}
			for n, times := range seen {
				if times > 1 {
					t.Errorf("event %d was logged %d times", n, times)
				}
			}
			if len(seen) != events {
				t.Errorf("%d events of %d", len(seen), events)
			}
		})
	}
}

// Other clients cope as well, or say what is wrong.
func TestFaultsAndOtherClients(t *testing.T) {
	t.Parallel()
	const ipmitool = "ipmitool -I lanplus -C 3 -H 127.0.0.1 -U admin -P secret -p PORT sdr list compact"
	const sensors = "ipmi-sensors -D LAN_2_0 -I 3 -h 127.0.0.1:PORT -u admin -p secret -l admin --sdr-cache-directory=DIR --quiet-cache "
	for name, tt := range map[string]struct {
		faults *bmc.Faults
		args   string
		want   string
	}{
		"duplicates, ipmitool":         {&bmc.Faults{Seed: 4, Duplicate: 0.3}, ipmitool, "CPU 2"},
		"delay, ipmitool":              {&bmc.Faults{Delay: 5 * time.Millisecond}, ipmitool, "CPU 2"},
		"echoed privilege, ipmitool":   {&bmc.Faults{EchoPrivilege: true}, ipmitool, "CPU 2"},
		"short device id, ipmitool":    {&bmc.Faults{ShortDeviceID: true}, ipmitool, "CPU 2"},
		"records in pieces, ipmitool":  {&bmc.Faults{MaxRead: 16, ReadCode: ipmi.CodeTooManyBytes}, ipmitool, "CPU 2"},
		"codes of discovery, ipmitool": {&bmc.Faults{Codes: map[[2]uint8]ipmi.Code{{0x2c, 0x00}: 0xd4, {0x2c, 0x3e}: 0xc3}}, ipmitool, "CPU 2"},
		"echoed privilege, FreeIPMI":   {&bmc.Faults{EchoPrivilege: true}, sensors + "-W opensesspriv", "CPU 2"},
		"loss, FreeIPMI":               {&bmc.Faults{Seed: 1, Loss: 0.02}, sensors, "CPU 2"},
		"reordering, FreeIPMI":         {&bmc.Faults{Seed: 1, Reorder: 0.1, Duplicate: 0.1}, sensors, "CPU 2"},
		"padded names, FreeIPMI":       {&bmc.Faults{PaddedName: true}, sensors, "password invalid"},
		"other privilege, FreeIPMI":    {&bmc.Faults{OpenPrivilege: true}, sensors, "password invalid"},
		"short codes, FreeIPMI":        {&bmc.Faults{ShortCodes: 4}, sensors, "password invalid"},
		"no sessions, FreeIPMI":        {&bmc.Faults{NoSessions: true}, sensors, "BMC busy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, port, _ := net.SplitHostPort(served(t, faulty(t, tt.faults)))
			args := strings.Fields(strings.NewReplacer("PORT", port, "DIR", t.TempDir()).Replace(tt.args))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
			if !strings.Contains(string(out), tt.want) || (err == nil) != (tt.want == "CPU 2") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// What is wrong in the data is coped with, or named; nothing hangs.
func TestFaultsOfTheData(t *testing.T) {
	t.Parallel()
	as := func(t *testing.T, f *bmc.Faults) *host.Host {
		return host.New(faulty(t, f).As("admin", bmc.Administrator), host.Options{})
	}
	for name, tt := range map[string]struct {
		faults *bmc.Faults
		names  int // of sensors; 0: an error
	}{
		"none":                      {nil, 5},
		"records in small pieces":   {&bmc.Faults{MaxRead: 8, ReadCode: ipmi.CodeLengthLimit}, 5},
		"records in pieces, by CA":  {&bmc.Faults{MaxRead: 24, ReadCode: ipmi.CodeTooManyBytes}, 5},
		"a record that is its next": {&bmc.Faults{SDRChain: bmc.ChainItself}, 1},
		"records without end":       {&bmc.Faults{SDRChain: bmc.ChainEndless}, 5},
		"no reservation":            {&bmc.Faults{Codes: map[[2]uint8]ipmi.Code{{0x0a, 0x22}: ipmi.CodeInvalidCommand}}, 5},
		"no repository":             {&bmc.Faults{Codes: map[[2]uint8]ipmi.Code{{0x0a, 0x20}: ipmi.CodeUnspecified, {0x0a, 0x23}: ipmi.CodeUnspecified, {0x04, 0x20}: ipmi.CodeUnspecified, {0x04, 0x21}: ipmi.CodeUnspecified}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			names, err := as(t, tt.faults).SensorNames(ctx)
			if ctx.Err() != nil || (err == nil) != (tt.names > 0) || len(names) != tt.names {
				t.Errorf("%d sensors, %v", len(names), err)
			}
		})
	}
	t.Run("an inventory of no size", func(t *testing.T) {
		if parts, err := as(t, &bmc.Faults{EmptyFRU: true}).Inventory(t.Context()); err != nil {
			t.Errorf("%+v, %v", parts, err)
		}
	})
	t.Run("a power command in the wrong state", func(t *testing.T) {
		h := as(t, &bmc.Faults{Codes: map[[2]uint8]ipmi.Code{{0x00, chassis.CmdControl}: ipmi.CodeState}})
		if err := h.SetPower(t.Context(), host.Off, 0); !errors.Is(err, ipmi.CodeState) {
			t.Error(err)
		}
	})
}

// A clock that runs backwards is noticed: no time is called corrected that cannot be.
func TestAClockThatRunsBackwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := faulty(t, &bmc.Faults{ClockBackwards: true})
		for range 4 {
			time.Sleep(time.Hour)
			m.Log(sel.Event{Generator: 0x20, SensorType: event.Temperature, Sensor: 0x30, Type: 1, Data: [3]byte{9}})
		}
		entries, err := host.New(m.As("admin", bmc.Administrator), host.Options{}).Log(t.Context(), false)
		if err != nil || len(entries) != 4 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		for i, e := range entries[:3] {
			if e.When.Quality == sel.Corrected {
				t.Errorf("entry %d: %+v", i, e.When)
			}
		}
	})
}
