package redfish_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/redfish"
)

func TestSystems(t *testing.T) {
	docs := machine()
	docs["/Systems/2"] = `{"@odata.id":"/redfish/v1/Systems/2","Id":"2","Name":"Other","HostName":"web2"}`
	collection(docs, "/Systems")
	c := newFake(t, false, docs).dial(t, nil)
	for name, want := range map[string]string{"2": "2", "other": "2", "WEB2": "2", "u-1": "1", "S1": "1", "/redfish/v1/Systems/2": "2", "": "", "3": "", "/redfish/v1/Systems/3": ""} {
		s, err := c.System(t.Context(), name)
		if want == "" {
			if err == nil {
				t.Errorf("%q: %v", name, s)
			}
			continue
		}
		if err != nil || s.ID != want {
			t.Errorf("%q: %v, %v", name, s, err)
		}
	}
	if all, err := c.Systems(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
}

// What is asked for, by what the machine is and what it allows.
func TestPower(t *testing.T) {
	all := `"On","ForceOff","GracefulShutdown","ForceRestart","GracefulRestart","PowerCycle","Nmi","PushPowerButton"`
	for name, c := range map[string]struct {
		is, allowed string
		do          redfish.Power
		want        string // ResetType; empty if nothing is asked, ! of a refusal
	}{
		"on":                         {"Off", all, redfish.PowerOn, "On"},
		"on already":                 {"On", all, redfish.PowerOn, ""},
		"on, by force only":          {"Off", `"ForceOn"`, redfish.PowerOn, "ForceOn"},
		"on, by the button":          {"Off", `"PushPowerButton","ForceOff"`, redfish.PowerOn, "PushPowerButton"},
		"off":                        {"On", all, redfish.PowerOff, "ForceOff"},
		"off already":                {"Off", all, redfish.PowerOff, ""},
		"off is not the button":      {"On", `"On","PushPowerButton"`, redfish.PowerOff, "!"},
		"soft":                       {"On", all, redfish.SoftOff, "GracefulShutdown"},
		"soft, by the button":        {"On", `"PushPowerButton"`, redfish.SoftOff, "PushPowerButton"},
		"reset":                      {"On", all, redfish.PowerReset, "ForceRestart"},
		"reset, by a cycle":          {"On", `"PowerCycle"`, redfish.PowerReset, "PowerCycle"},
		"reset of what is off":       {"Off", all, redfish.PowerReset, "!"},
		"cycle":                      {"On", all, redfish.PowerCycle, "PowerCycle"},
		"cycle of what is off":       {"Off", all, redfish.PowerCycle, "On"},
		"restart":                    {"On", all, redfish.SoftReset, "GracefulRestart"},
		"boot what is on":            {"On", all, redfish.PowerBoot, "ForceRestart"},
		"boot what is off":           {"Off", all, redfish.PowerBoot, "On"},
		"interrupt":                  {"On", all, redfish.Diagnose, "Nmi"},
		"the button":                 {"On", all, redfish.PushButton, "PushPowerButton"},
		"nothing is said":            {"On", ``, redfish.PowerOff, "ForceOff"},
		"an unknown state":           {"Perhaps", all, redfish.PowerOn, "On"},
		"written in another way":     {"Off", `"ON"`, redfish.PowerOn, "ON"},
		"one that is not there":      {"On", `"On"`, redfish.Diagnose, "!"},
		"on, and on its way already": {"PoweringOn", all, redfish.PowerOn, "On"},
	} {
		f := newFake(t, false, machine())
		f.put("/Systems/1", `{"@odata.id":"/redfish/v1/Systems/1","PowerState":"`+c.is+`","Actions":{"#ComputerSystem.Reset":{"ResetType@Redfish.AllowableValues":[`+c.allowed+`]}}}`)
		_, s := f.system(t)
		err := s.Power(t.Context(), c.do)
		got := strings.Join(f.asked(false), "; ")
		want := ""
		if c.want != "" && c.want != "!" {
			want = `POST /Systems/1/Actions/ComputerSystem.Reset {"ResetType":"` + c.want + `"}`
		}
		if got != want || (err != nil) != (c.want == "!") {
			t.Errorf("%s: asked %q, %v; want %q", name, got, err, want)
		}
	}
}

// What may be asked is in the action's ActionInfo; and a machine that refuses because it
// is as it should be has done it.
func TestResetTypes(t *testing.T) {
	docs := machine()
	docs["/Systems/1"] = `{"@odata.id":"/redfish/v1/Systems/1","PowerState":"Unknown","Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset","@Redfish.ActionInfo":"/redfish/v1/Systems/1/ResetActionInfo"}}}`
	docs["/Systems/1/ResetActionInfo"] = `{"Parameters":[{"Name":"Other"},{"Name":"ResetType","AllowableValues":["On","ForceOff"]}]}`
	f := newFake(t, false, docs)
	_, s := f.system(t)
	if types, err := s.ResetTypes(t.Context()); err != nil || strings.Join(types, " ") != "On ForceOff" {
		t.Errorf("%q, %v", types, err)
	}
	var no *redfish.UnsupportedError
	if err := s.Power(t.Context(), redfish.Diagnose); !errors.As(err, &no) || len(no.Allowed) != 2 || !errors.Is(err, redfish.Unsupported) {
		t.Error(err)
	}
	says := "The host is already powered off."
	f.handle("POST /Systems/1/Actions/ComputerSystem.Reset", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 409, "Vendor.1.0.AlreadyInState", says)
	})
	if err := s.Power(t.Context(), redfish.PowerOff); err != nil {
		t.Error(err)
	}
	if err := s.Power(t.Context(), redfish.PowerOn); !errors.Is(err, redfish.Conflict) {
		t.Errorf("it is off, and was to be on: %v", err)
	}
	if err := s.Reset(t.Context(), "Nonsense"); err == nil {
		t.Error("a reset that is not allowed was called")
	}
}

func TestWaitPower(t *testing.T) {
	f := newFake(t, false, machine())
	_, s := f.system(t)
	n := 0
	f.handle("GET /Systems/1", func(w http.ResponseWriter, r *http.Request) {
		switch n++; n {
		case 1:
			refuse(w, 500, "Base.1.0.InternalError", "Later.")
		case 2:
			_, _ = io.WriteString(w, `{"PowerState":"PoweringOn"}`)
		default:
			_, _ = io.WriteString(w, `{"PowerState":"On"}`)
		}
	})
	if err := s.WaitPower(t.Context(), redfish.StateOn, time.Millisecond); err != nil || n != 3 {
		t.Errorf("%v after %d looks", err, n)
	}
}

func TestBoot(t *testing.T) {
	for name, c := range map[string]struct {
		boot    redfish.Boot
		refuses string // a word in the body for which a PATCH is turned down
		want    string // the last PATCH; empty for an error
		ignored bool
	}{
		"once":               {boot: redfish.Boot{Target: "Pxe"}, want: `{"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Pxe"}}`},
		"for ever, by UEFI":  {boot: redfish.Boot{Target: "hdd", Enabled: "Continuous", Mode: "UEFI"}, want: `{"Boot":{"BootSourceOverrideEnabled":"Continuous","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget":"Hdd"}}`},
		"the mode is fixed":  {boot: redfish.Boot{Target: "Pxe", Mode: "Legacy"}, refuses: "Mode", want: `{"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Pxe"}}`, ignored: true},
		"not to be had":      {boot: redfish.Boot{Target: "UefiHttp"}},
		"turned down at all": {boot: redfish.Boot{Target: "Pxe", Mode: "UEFI"}, refuses: "Boot"},
		"as it was":          {boot: redfish.Boot{}, want: `{"Boot":{"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None"}}`},
	} {
		f := newFake(t, false, machine())
		f.strict = true
		_, s := f.system(t)
		if c.refuses != "" {
			f.handle("PATCH /Systems/1", func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if strings.Contains(string(body), c.refuses) {
					refuse(w, 400, "Base.1.0.PropertyValueError", "No.")
					return
				}
				f.patch(w, r, "/redfish/v1/Systems/1", body)
			})
		}
		ignored, err := s.SetBoot(t.Context(), c.boot)
		last := ""
		if all := f.asked(false); len(all) > 0 {
			last = strings.TrimPrefix(all[len(all)-1], "PATCH /Systems/1 ")
		}
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			continue
		}
		if err != nil || ignored != c.ignored || last != c.want {
			t.Errorf("%s: %s, %t, %v; want %s", name, last, ignored, err, c.want)
		}
		if b, err := s.Boot(t.Context()); err != nil || c.boot.Target != "" && !strings.EqualFold(b.Target, c.boot.Target) || len(b.Allowed) != 5 {
			t.Errorf("%s: read back %+v, %v", name, b, err)
		}
	}
}

func TestLight(t *testing.T) {
	for name, c := range map[string]struct{ system, chassis, want string }{
		"the old way":      {`"IndicatorLED":"Off"`, ``, `PATCH /Systems/1 {"IndicatorLED":"Lit"}`},
		"the new way":      {`"LocationIndicatorActive":false,"IndicatorLED":"Off"`, ``, `PATCH /Systems/1 {"LocationIndicatorActive":true}`},
		"on the enclosure": {`"Id":"1"`, `"IndicatorLED":"Off"`, `PATCH /Chassis/1 {"IndicatorLED":"Lit"}`},
		"it only blinks":   {`"IndicatorLED":"Off","OnlyBlinks":1`, ``, `PATCH /Systems/1 {"IndicatorLED":"Blinking"}`},
		"it has none":      {`"Id":"1"`, ``, ``},
	} {
		f := newFake(t, false, machine())
		f.put("/Systems/1", `{"@odata.id":"/redfish/v1/Systems/1",`+c.system+`}`)
		f.put("/Chassis/1", `{"@odata.id":"/redfish/v1/Chassis/1","x":1`+strings.TrimSuffix(","+c.chassis, ",")+`}`)
		if strings.Contains(c.system, "OnlyBlinks") {
			f.handle("PATCH /Systems/1", func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if strings.Contains(string(body), "Lit") {
					refuse(w, 400, "Base.1.0.PropertyValueNotInList", "No.")
					return
				}
				f.patch(w, r, "/redfish/v1/Systems/1", body)
			})
		}
		_, s := f.system(t)
		err := s.SetLight(t.Context(), redfish.LightOn)
		all := f.asked(false)
		if c.want == "" {
			if !errors.Is(err, redfish.Unsupported) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || all[len(all)-1] != c.want {
			t.Errorf("%s: %q, %v", name, all, err)
		}
		if l, err := s.Light(t.Context()); err != nil || l == redfish.LightOff || l == redfish.LightUnknown {
			t.Errorf("%s: then it is %q, %v", name, l, err)
		}
	}
}

func TestHealth(t *testing.T) {
	docs := machine()
	docs["/Systems/1/Processors/1"] = `{"@odata.id":"/p1","@odata.type":"#Processor.v1_0_0.Processor","Name":"CPU 1","Status":{"Health":"OK","State":"Enabled"}}`
	docs["/Systems/1/Processors/2"] = `{"@odata.id":"/p2","@odata.type":"#Processor.v1_0_0.Processor","Name":"CPU 2","Status":{"Health":"Strange","State":"Enabled"}}`
	docs["/Systems/1/Memory/1"] = `{"@odata.id":"/m1","Name":"DIMM 1","Status":{"Health":"Critical","State":"Enabled","Conditions":[{"Message":"It is broken."}]}}`
	docs["/Systems/1/Memory/2"] = `{"@odata.id":"/m2","Name":"DIMM 2","Status":{"Health":null,"State":"Absent"}}`
	docs["/Chassis/1/Thermal"] = `{"Fans":[{"Name":"Fan 3","Status":{"Health":"Warning","State":"Enabled"}}]}`
	for _, p := range []string{"/Systems/1/Processors", "/Systems/1/Memory"} {
		collection(docs, p)
	}
	f := newFake(t, false, docs)
	_, s := f.system(t)
	h, list, err := s.Health(t.Context(), false)
	var names []string
	for _, x := range list {
		names = append(names, x.Name+" "+x.Health.String()+" "+x.Text)
	}
	slices.Sort(names)
	if h != redfish.HealthCritical || strings.Join(names, "; ") != "CPU 2 Unknown ; DIMM 1 Critical It is broken.; Fan 3 Warning " {
		t.Errorf("%v, %q, %v", h, names, err)
	}
	if !errors.Is(err, redfish.NotFound) { // Storage and Power are promised, and not there
		t.Errorf("parts that could not be read: %v", err)
	}
	f.put("/Systems/1", `{"Status":{"Health":"OK"}}`)
	f.asked(true)
	if h, list, err := s.Health(t.Context(), false); h != redfish.HealthOK || list != nil || err != nil || len(f.asked(true)) != 1 {
		t.Errorf("all is well: %v, %v, %v", h, list, err)
	}
}

func TestSensors(t *testing.T) {
	for name, c := range map[string]struct{ docs map[string]string }{
		"Power and Thermal": {map[string]string{
			"/Chassis/1/Thermal": `{"Temperatures":[{"Name":"Inlet","ReadingCelsius":"24.5","PhysicalContext":"Intake","UpperThresholdCritical":45,"Status":{"Health":"OK","State":"Enabled"}},{"Name":"CPU","ReadingCelsius":null},
				{"Name":"Gone","Status":{"State":"Absent"}}],"Fans":[{"FanName":"Fan 1","Reading":40,"ReadingUnits":"Percent"},{"Name":"Fan 2","ReadingRPM":3000}]}`,
			"/Chassis/1/Power": `{"Voltages":[{"Name":"12V","ReadingVolts":12.1}],"PowerControl":[{"PowerConsumedWatts":212}],"PowerSupplies":[{"Name":"PSU 1","LastPowerOutputWatts":100},{"Name":"PSU 2"}]}`,
		}},
		"the Sensors collection": {map[string]string{
			"/Chassis/1":                    `{"@odata.id":"/redfish/v1/Chassis/1","Sensors":{"@odata.id":"/redfish/v1/Chassis/1/Sensors"},"EnvironmentMetrics":{"@odata.id":"/redfish/v1/Chassis/1/EnvironmentMetrics"}}`,
			"/Chassis/1/Sensors/a":          `{"@odata.id":"/redfish/v1/Chassis/1/Sensors/a","Name":"Inlet","Reading":76.1,"ReadingType":"Temperature","ReadingUnits":"[degF]","PhysicalContext":"Intake","Thresholds":{"UpperCritical":{"Reading":45}},"Status":{"Health":"OK"}}`,
			"/Chassis/1/Sensors/b":          `{"@odata.id":"/redfish/v1/Chassis/1/Sensors/b","Name":"12V","Reading":"12.1","ReadingUnits":"V"}`,
			"/Chassis/1/Sensors/c":          `{"@odata.id":"/redfish/v1/Chassis/1/Sensors/c","Name":"CPU","Reading":null,"ReadingType":"Temperature"}`,
			"/Chassis/1/Sensors/d":          `{"@odata.id":"/redfish/v1/Chassis/1/Sensors/d","Name":"Fan 1","Reading":40,"ReadingUnits":"%"}`,
			"/Chassis/1/Sensors/e":          `{"@odata.id":"/redfish/v1/Chassis/1/Sensors/e","Name":"Fan 2","Reading":3000,"ReadingUnits":"RPM"}`,
			"/Chassis/1/Sensors/f":          `{"@odata.id":"/redfish/v1/Chassis/1/Sensors/f","Name":"PSU 1","Reading":100,"ReadingType":"Power"}`,
			"/Chassis/1/EnvironmentMetrics": `{"Name":"Env","PowerWatts":{"Reading":212}}`,
		}},
	} {
		docs := machine()
		for k, v := range c.docs {
			docs[k] = v
		}
		collection(docs, "/Chassis/1/Sensors")
		_, s := newFake(t, false, docs).system(t)
		list, err := s.Sensors(t.Context())
		got := make(map[string]redfish.Sensor)
		total := 0.0
		for _, x := range list {
			got[x.Kind+" "+x.Name] = x
			if x.Total {
				total += x.Value
			}
		}
		inlet := got["Temperature Inlet"]
		if err != nil || len(list) != 7 || inlet.Value < 24.49 || inlet.Value > 24.51 || inlet.Unit != "Cel" || inlet.Part != "Intake" || inlet.Health != redfish.HealthOK ||
			inlet.Limits.UpperCritical == nil || *inlet.Limits.UpperCritical != 45 || got["Temperature CPU"].Valid ||
			got["Voltage 12V"].Value != 12.1 || got["Percent Fan 1"].Unit != "%" || got["Rotational Fan 2"].Value != 3000 || got["Power PSU 1"].Value != 100 || total != 212 {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
}

func TestSubsystems(t *testing.T) {
	docs := machine()
	docs["/Chassis/1"] = `{"@odata.id":"/redfish/v1/Chassis/1","ThermalSubsystem":{"@odata.id":"/redfish/v1/Chassis/1/ThermalSubsystem"},"PowerSubsystem":{"@odata.id":"/redfish/v1/Chassis/1/PowerSubsystem"}}`
	docs["/Chassis/1/ThermalSubsystem"] = `{"Fans":{"@odata.id":"/redfish/v1/Chassis/1/ThermalSubsystem/Fans"}}`
	docs["/Chassis/1/PowerSubsystem"] = `{"PowerSupplies":{"@odata.id":"/redfish/v1/Chassis/1/PowerSubsystem/PowerSupplies"}}`
	docs["/Chassis/1/ThermalSubsystem/Fans/1"] = `{"@odata.id":"/f","Name":"Fan 1","SpeedPercent":{"Reading":33}}`
	docs["/Chassis/1/PowerSubsystem/PowerSupplies/1"] = `{"@odata.id":"/s","Name":"PSU 1","Metrics":{"@odata.id":"/redfish/v1/m"}}`
	docs["/m"] = `{"Name":"PSU 1","InputPowerWatts":{"Reading":120},"InputVoltage":{"Reading":"230"}}`
	collection(docs, "/Chassis/1/ThermalSubsystem/Fans")
	collection(docs, "/Chassis/1/PowerSubsystem/PowerSupplies")
	_, s := newFake(t, false, docs).system(t)
	list, err := s.Sensors(t.Context())
	if err != nil || len(list) != 3 || list[0].Value != 33 || list[1].Value != 120 || list[2].Value != 230 || list[2].Unit != "V" {
		t.Errorf("%+v, %v", list, err)
	}
}
