package ups

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millwright.dev/millwright/nut"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func reading(status, charge, runtime string) nut.Reading {
	return nut.Vars{"ups.status": status, "battery.charge": charge, "battery.runtime": runtime}.Reading()
}

// Each step is a second of the story, what is seen then ("-" for no answer) and
// what counts then.
func TestWhatCounts(t *testing.T) {
	type step struct {
		at     int // seconds after noon
		status string
		want   State
		said   string // a part of the sentence
	}
	for name, story := range map[string][]step{
		"a blink does not count": {
			{0, "OL", Online, "online"}, {5, "OB DISCHRG", Online, "seem to be gone, but not for 10s yet"}, {10, "OB DISCHRG", Online, ""}, {14, "OL", Online, ""}, {16, "OB", Online, ""}, {25, "OB", Online, ""}, {26, "OB", OnBattery, "without mains for 10s"},
		},
		"back only when it has held": {
			{0, "OB", Unknown, ""}, {10, "OB", OnBattery, ""}, {20, "OL CHRG", OnBattery, "have not held for 1m yet"}, {70, "OL", OnBattery, ""}, {71, "OB", OnBattery, "for 1m11s"}, {75, "OL", OnBattery, ""}, {134, "OL", OnBattery, ""}, {135, "OL", Online, "100 % charge"},
		},
		"low does not get better on battery": {
			{0, "OB", Unknown, ""}, {10, "OB LB", Low, "low, without mains for 10s"}, {15, "OB", Low, ""}, {20, "OL", Low, ""}, {80, "OL", Online, ""},
		},
		"low holds as any other":    {{0, "OL", Online, ""}, {5, "OB LB", Online, ""}, {14, "OB LB", Online, ""}, {15, "OB LB", Low, ""}},
		"an order counts at once":   {{0, "OL", Online, ""}, {5, "OL FSD", Low, "has ordered the shutdown"}},
		"measuring is not failing":  {{0, "OL", Online, ""}, {5, "OB CAL DISCHRG", Online, "measuring"}, {60, "OB LB CAL", Online, ""}},
		"off":                       {{0, "OL", Online, ""}, {5, "OFF", Online, ""}, {15, "OFF", Off, "gives no power for 10s"}, {20, "OL", Off, ""}, {80, "OL", Online, ""}},
		"lost while online":         {{0, "OL", Online, ""}, {5, "-", Online, "gone away"}, {19, "-", Online, ""}, {20, "-", Unknown, "no answer for 20s"}, {30, "OL", Online, ""}},
		"words that say nothing":    {{0, "OL", Online, ""}, {5, "WAIT", Online, ""}, {20, "WAIT", Unknown, `status "WAIT"`}},
		"lost in the blink":         {{0, "OL", Online, ""}, {5, "OB", Online, ""}, {10, "-", Online, ""}, {15, "-", OnBattery, ""}},
		"lost on battery":           {{0, "OB", Unknown, ""}, {10, "OB", OnBattery, "10m left"}, {15, "-", OnBattery, ""}, {40, "-", OnBattery, "at worst 95 % charge, at worst 9m30s left, no answer for 30s"}, {610, "-", Low, "0s left"}},
		"lost while it settles":     {{0, "OB", Unknown, ""}, {10, "OB", OnBattery, ""}, {20, "OL", OnBattery, ""}, {30, "-", OnBattery, ""}, {50, "-", OnBattery, ""}, {85, "OL", OnBattery, ""}, {144, "OL", OnBattery, ""}, {145, "OL", Online, ""}},
		"never reached":             {{0, "-", Unknown, "not reached yet, gone away"}, {600, "-", Unknown, ""}},
		"on bypass without battery": {{0, "BYPASS RB", Online, "not protected, its battery needs to be replaced"}},
	} {
		tr := newTracker(Source{Name: "rack"}.withDefaults(), noon)
		for _, s := range story {
			now := noon.Add(time.Duration(s.at) * time.Second)
			if s.status == "-" {
				tr.miss(now, "gone away")
			} else {
				tr.see(now, reading(s.status, "100", "600"), "")
			}
			got := tr.standing(now)
			if got.State != s.want || !strings.Contains(got.Said, s.said) || !strings.HasPrefix(got.Said, "rack: ") {
				t.Errorf("%s, at %d s: %s (%s), want %s (%s)", name, s.at, got.State, got.Said, s.want, s.said)
			}
		}
	}
}

func TestAUPSThatDoesNotSayItsRuntime(t *testing.T) {
	tr := newTracker(Source{Name: "rack", Assumed: 2 * time.Minute}.withDefaults(), noon)
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	tr.see(at(0), reading("OB", "", ""), "")
	tr.see(at(60), reading("OB", "", ""), "")
	if s := tr.standing(at(60)); s.Runtime != nil || s.Charge != nil || s.State != OnBattery {
		t.Errorf("%+v", s)
	}
	tr.miss(at(65), "gone")
	tr.miss(at(80), "gone")
	if s := tr.standing(at(80)); s.Runtime == nil || *s.Runtime != 40*time.Second || !s.Reckoned || s.Contact {
		t.Errorf("%+v", s)
	}
	tr.miss(at(120), "gone")
	if s := tr.standing(at(120)); s.State != Low {
		t.Errorf("%+v", s)
	}
}

// Whatever a UPS does, what counts cannot change more often than the times allow.
func TestFlappingIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := newTracker(Source{Name: "rack"}.withDefaults(), noon)
		words := []string{"OL", "OB", "OB LB", "OFF", "-", "WAIT"}
		changes, now := 0, noon
		for range 300 {
			now = now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "pause")) * time.Second)
			before := tr.state.Out()
			switch w := rapid.SampledFrom(words).Draw(t, "status"); w {
			case "-":
				tr.miss(now, "gone")
			default:
				tr.see(now, reading(w, "50", "300"), "")
			}
			if before != tr.state.Out() {
				changes++
			}
			if tr.state.Out() != !tr.battery.IsZero() {
				t.Fatalf("%s since %v, battery since %v", tr.state, tr.since, tr.battery)
			}
		}
		if most := int(now.Sub(noon)/(70*time.Second))*2 + 2; changes > most {
			t.Errorf("%d changes in %s, at most %d", changes, now.Sub(noon), most)
		}
	})
}

func TestAllowance(t *testing.T) {
	var a allowance
	told, untold := 0, 0
	for i := range 10_000 { // one each 10 s, for 28 hours
		if n, ok := a.take(noon.Add(time.Duration(i) * 10 * time.Second)); ok {
			told, untold = told+1, untold+n
		}
	}
	if told < 340 || told > 360 || untold+a.dropped+told != 10_000 {
		t.Errorf("%d told, %d not, %d still to be told", told, untold, a.dropped)
	}
}
