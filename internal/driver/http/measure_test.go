package httpdriver_test

import (
	"fmt"
	"slices"
	"testing"

	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
)

// TestMeasure: values come in their units, of the plugs that they are of, and what a
// model does not measure is left out.
func TestMeasure(t *testing.T) {
	for profile, want := range map[string][]string{
		"shelly-gen1": {
			"0 power 40.5 W", "1 power 41.5 W", "0 energy 100 Wh", "1 energy 200 Wh",
			"- voltage 231.2 V", "- device temperature 41.5 °C",
		},
		"shelly-gen2": {
			"0 power 12.5 W", "0 voltage 230.1 V", "0 current 0.5 A", "0 power_factor 0.98", "0 frequency 50 Hz", "0 energy 1234.5 Wh", "0 temperature 38.25 °C",
			"1 power 13.5 W", "1 voltage 230.1 V", "1 current 0.5 A", "1 power_factor 0.98", "1 frequency 50 Hz", "1 energy 1234.5 Wh", "1 temperature 38.25 °C",
		},
		"tasmota": {"- power 160 W", "- apparent_power 170 VA", "- power_factor 0.94", "- voltage 232 V", "- current 0.73 A", "- energy 3185 Wh"},
		"dli":     nil,
	} {
		b := newBox(t, profile, plugNames(2))
		session := mustOpen(t, &httpdriver.Settings{Address: listening(t, b), Profile: profile, Plugs: plugNames(2)}, env(plugNames(2), credential()))
		var got []string
		err := session.(driver.Meter).Measure(t.Context(), func(r driver.Reading) {
			of := fmt.Sprint(r.Plug)
			if r.Plug == driver.NoPlug {
				of = "-"
			}
			if r.Part != "" {
				of += " " + r.Part
			}
			text := fmt.Sprintf("%s %s %v", of, r.Quantity, float64(int(r.Value*1000+0.5))/1000)
			if u := r.Quantity.Unit(); u != "" {
				text += " " + u
			}
			got = append(got, text)
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n%q\nwant\n%q", profile, err, got, want)
		}
	}
}

// TestDescribe: what the devices say of themselves, and how their plugs are labelled.
func TestDescribe(t *testing.T) {
	for profile, want := range map[string]string{
		"shelly-gen1": "{SHSW-44 20230913-112003/v1.14.0 4022D88E4021 rack 3 map[0:channel 0 1:channel 1]}",
		"shelly-gen2": "{Pro4PM 1.4.4 F008D1D8B8B8 rack 3 map[0:channel 0 1:channel 1]}",
		"tasmota":     "{ 14.4.1(tasmota) DC:4F:22:B0:2E:3B rack 3 map[0:relay 1 1:relay 2]}",
		"dli-rest":    "{    map[0:Outlet 1 1:Outlet 2]}",
		"openbmc":     "{    map[]}",
	} {
		b := newBox(t, profile, plugNames(2))
		session := mustOpen(t, &httpdriver.Settings{Address: listening(t, b), Profile: profile, Plugs: plugNames(2)}, env(plugNames(2), credential()))
		d, err := session.(driver.Describer).Describe(t.Context())
		if got := fmt.Sprint(d); err != nil || got != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", profile, err, got, want)
		}
	}
}
