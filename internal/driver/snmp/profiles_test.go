package snmp

import (
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/room"
)

// TestEveryProfile takes each through all that it says a device can do, having found
// out by itself which one it is.
func TestEveryProfile(t *testing.T) {
	for _, name := range profile.Names() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := builtin(t, name)
				plugs := numbers(p.Index.First, 4)
				a := newAgent(t, agent.Config{Profile: p, Plugs: plugs, Community: community, Delay: 700 * time.Millisecond, Rest: 2 * time.Second})
				s, who := plainSettings(auto)
				session := open(t, s, who, a.Dial, plugs...)
				if session.profile.Name != name {
					t.Fatalf("it is taken for %s", session.profile.Name)
				}
				switches(t, session, a, plugs)
				measures(t, session, a, plugs)
				describes(t, session)
			})
		})
	}
}

func switches(t *testing.T, s *session, a *agent.Agent, plugs []string) {
	t.Helper()
	a.Set(plugs[1], true)
	for _, op := range []room.Op{room.Cycle, room.Off, room.On, room.Status} {
		before := a.Moves(plugs[1])
		h, err := do(t, s, op)
		if err != nil || len(h.done)+len(h.states) != len(plugs) {
			t.Fatalf("%v: %v, failed %v", op, err, h.failed)
		}
		for i, plug := range plugs {
			if on := a.On(plug); on != (op != room.Off) || op == room.Status && h.states[i] != room.StateOn {
				t.Errorf("after %v plug %s is %v, and read as %v", op, plug, on, h.states[i])
			}
		}
		if op == room.Cycle && a.Moves(plugs[1])-before != 2 {
			t.Errorf("the cycle moved plug %s %d times", plugs[1], a.Moves(plugs[1])-before)
		}
	}
}

func measures(t *testing.T, s *session, a *agent.Agent, plugs []string) {
	t.Helper()
	a.Set(plugs[0], false)
	type key struct {
		plug     int
		quantity driver.Quantity
	}
	told := make(map[key]float64)
	rows := make(map[string]int)
	err := s.Measure(t.Context(), func(r driver.Reading) {
		told[key{r.Plug, r.Quantity}] = r.Value
		if rows[r.Part]++; r.Plug == driver.NoPlug && math.Abs(r.Value-agent.Reading(r.Quantity)) > 5.1 {
			t.Errorf("%s %s is %v %s, want about %v", r.Part, r.Quantity, r.Value, r.Quantity.Unit(), agent.Reading(r.Quantity))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.profile.Measures {
		if m.Of == profile.OfRows && rows[strings.ReplaceAll(m.Part, "{row}", map[bool]string{true: "R2", false: "2"}[m.Names != ""])] == 0 {
			t.Errorf("nothing of %s: %v", m.Part, rows)
		}
		if m.Of != profile.OfPlug {
			continue
		}
		for i := range plugs {
			want := agent.Reading(m.Quantity)
			if i == 0 {
				want = 0 // it is off
			}
			if got, ok := told[key{i, m.Quantity}]; !ok || math.Abs(got-want) > 1e-6 {
				t.Errorf("plug %s: %s is %v (%v), want %v", plugs[i], m.Quantity, got, ok, want)
			}
		}
	}
}

// TestWhatIsNotMeasured: a device whose outlets have no meters is asked once for what
// it has not, also in version 1, which tells one object at a time.
func TestWhatIsNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bare := *builtin(t, "apc-rpdu2")
		bare.Measures = bare.Measures[3:4] // the power of the device
		a := newAgent(t, agent.Config{Profile: &bare, Community: community})
		s, who := plainSettings("apc-rpdu2")
		s.Version = "1"
		session := open(t, s, who, a.Dial, numbers(1, 8)...)
		for _, most := range []int{100, 16} { // 7 tables are walked, one of them thrice
			before, told := a.Heard(), 0
			err := session.Measure(t.Context(), func(driver.Reading) { told++ })
			if n := a.Heard() - before; err != nil || told != 1 || n > most {
				t.Errorf("%d messages for %d values, %v", n, told, err)
			}
		}
	})
}

func describes(t *testing.T, s *session) {
	t.Helper()
	d, err := s.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := s.profile.Identity
	for what, x := range map[string][2]string{
		"product": {id.Product, d.Product}, "firmware": {id.Firmware, d.Firmware}, "serial": {id.Serial, d.Serial}, "name": {id.Name, d.Name},
	} {
		if (x[0] != "") != (x[1] != "") {
			t.Errorf("%s: it says %q", what, x[1])
		}
	}
	if s.profile.Label != "" && d.Labels[2] != "outlet "+s.env.Plugs[2].Name {
		t.Errorf("the labels are %v", d.Labels)
	}
}

// TestNamesOfPlugs: as devices label them, and along a chain.
func TestNamesOfPlugs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct{ profile, plugs, wrong string }{
			{"sentry3", "AA1 AB12 1.2.3 4 ba2", "A1"},
			{"raritan-px2", "1 2.5 3.5", "AA1"},
			{"eaton-epdu", "0.1 1.1 2", "1.2.3"},
			{"apc-rpdu2", "1 24", "1.1"},
		} {
			plugs := strings.Fields(c.plugs)
			a := newAgent(t, agent.Config{Profile: builtin(t, c.profile), Plugs: plugs, Community: community})
			s, who := plainSettings(c.profile)
			session := open(t, s, who, a.Dial, append(plugs, c.wrong)...)
			h, err := do(t, session, room.On)
			if err != nil || len(h.done) != len(plugs) || !strings.Contains(h.failed[len(plugs)], c.wrong) {
				t.Errorf("%s: %v, %v, %v", c.profile, h.done, h.failed, err)
			}
			for _, plug := range plugs {
				if !a.On(plug) {
					t.Errorf("%s: plug %s is off", c.profile, plug)
				}
			}
		}
	})
}

// TestSettings: what is turned down before any contact, and where it is said to be.
func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Settings)
		field  string // empty if all is well
	}{
		"all well":              {func(*Settings) {}, ""},
		"no address":            {func(s *Settings) { s.Address = "" }, "address"},
		"another way":           {func(s *Settings) { s.Address = "telnet://pdu" }, "address"},
		"a port that is none":   {func(s *Settings) { s.Address = "pdu:snmp" }, "address"},
		"IPv6":                  {func(s *Settings) { s.Address = "2001:db8::1" }, ""},
		"IPv6 with a port":      {func(s *Settings) { s.Address = "tcp://[2001:db8::1]:1161" }, ""},
		"no such profile":       {func(s *Settings) { s.Profile = "apc" }, "profile"},
		"a plug twice":          {func(s *Settings) { s.Plugs = []string{"[1-3]", "2"} }, "plugs"},
		"a plug it cannot have": {func(s *Settings) { s.Plugs = []string{"AA1"} }, "plugs"},
		"outlets and plugs":     {func(s *Settings) { s.Outlets, s.Plugs = 2, []string{"1"} }, "plugs"},
		"no time":               {func(s *Settings) { s.Timeout = 0 }, "timeout"},
		"a rest too long":       {func(s *Settings) { s.Rest = s.Timeout }, "rest"},
		"no auth, but privacy":  {func(s *Settings) { s.Version, s.Auth = version3, none }, "privacy"},
		"generic and no state":  {func(s *Settings) { s.Profile = generic }, "state-object"},
		"generic": {func(s *Settings) {
			s.Profile, s.StateObject, s.StateOn, s.StateOff, s.CommandOn = generic, "1.3.6.1.4.1.99.1", []string{"1"}, []string{"0"}, "1"
		}, ""},
		"no such file": {func(s *Settings) { s.ProfileFile = "mine.yaml" }, "profile-file"},
	} {
		s, _ := plainSettings("apc-rpdu2")
		c.change(s)
		_, err := s.Traits(noFiles{})
		f := &driver.FieldError{}
		_ = errors.As(err, &f)
		if (err != nil) != (c.field != "") || f.Field != c.field {
			t.Errorf("%s: %v, want a complaint about %q", name, err, c.field)
		}
	}
}

// folder is a shelf with files.
type folder struct {
	noFiles
	files map[string]string
}

func (f folder) File(name string) ([]byte, error) {
	text, ok := f.files[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	return []byte(text), nil
}

const ownProfile = `
name: garage
title: the board in the garage
state: {object: 1.3.6.1.4.1.99999.1.2, on: ON, off: "OFF"}
command:
  object: 1.3.6.1.4.1.99999.1.3
  type: string
  on: {value: switch-on}
  off: {value: switch-off}
`

// TestAProfileOfOnesOwn: from a file of the room, with texts as values; and the same
// by settings alone.
func TestAProfileOfOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := profile.Parse([]byte(ownProfile))
		if err != nil {
			t.Fatal(err)
		}
		a := newAgent(t, agent.Config{Profile: p, Plugs: numbers(1, 3), Community: community})
		own, who := plainSettings(auto)
		own.ProfileFile, own.Rest = "profiles/garage.yaml", time.Second
		traits, err := own.Traits(folder{files: map[string]string{"profiles/garage.yaml": ownProfile}})
		if err != nil || traits.Type != "garage" || !traits.Can(room.Cycle) {
			t.Fatalf("%+v, %v", traits, err)
		}
		bySettings, _ := plainSettings(generic)
		bySettings.StateObject, bySettings.StateOn, bySettings.StateOff = "1.3.6.1.4.1.99999.1.2.{outlet}", []string{"ON"}, []string{"OFF"}
		bySettings.CommandObject, bySettings.CommandType = ".1.3.6.1.4.1.99999.1.3", "string"
		bySettings.CommandOn, bySettings.CommandOff, bySettings.Rest = "switch-on", "switch-off", time.Second
		if _, err := bySettings.Traits(noFiles{}); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Settings{own, bySettings} {
			got, err := s.Open(t.Context(), environment(who, a.Dial, "1", "2", "3"))
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			for _, op := range []room.Op{room.On, room.Cycle, room.Off} {
				before := a.Moves("2")
				h, err := do(t, got.(*session), op)
				if err != nil || len(h.done) != 3 || a.On("2") != (op != room.Off) || op == room.Cycle && a.Moves("2") != before+2 {
					t.Errorf("%v: %v, %v; it is %v", op, h.failed, err, a.On("2"))
				}
			}
		}
	})
}

// TestTheEnumNamesTheProfiles: what editors offer is what there is.
func TestTheEnumNamesTheProfiles(t *testing.T) {
	f, _ := reflect.TypeFor[Settings]().FieldByName("Profile")
	want := append([]string{auto, generic}, profile.Names()...)
	if got := strings.Split(f.Tag.Get("enum"), ","); !slices.Equal(got, want) {
		t.Errorf("the enum is\n%v, want\n%v", strings.Join(got, ","), strings.Join(want, ","))
	}
}

// TestNothingFits: a device of which no profile knows is told of by what it says it is.
func TestNothingFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := profile.Parse([]byte(ownProfile))
		if err != nil {
			t.Fatal(err)
		}
		a := newAgent(t, agent.Config{Profile: p, Community: community})
		s, who := plainSettings(auto)
		if _, err := s.Traits(noFiles{}); err != nil {
			t.Fatal(err)
		}
		_, err = s.Open(t.Context(), environment(who, a.Dial, "1"))
		if err == nil || !strings.Contains(err.Error(), "1.3.6.1.4.1.8072.3.2.10") {
			t.Errorf("it says %v", err)
		}
	})
}
