package devspec

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		scripts string
		op      Op
		plugs   []int
		all     bool
		want    string
		err     error
	}{
		"one plug":                            {"on on_ranged on_all", OpOn, []int{3}, true, "on[3]", nil},
		"all":                                 {"on on_ranged on_all", OpOn, []int{0, 1}, true, "on_all[]", nil},
		"several, ranged":                     {"on on_ranged on_all", OpOn, []int{0, 1}, false, "on_ranged[0 1]", nil},
		"several, one by one":                 {"on on_all", OpOn, []int{0, 2}, false, "on[0] on[2]", nil},
		"one plug, only ranged":               {"on_ranged on_all", OpOn, []int{1}, false, "on_ranged[1]", nil},
		"one plug that is all, no single":     {"on_ranged on_all", OpOn, []int{0}, true, "on_all[]", nil},
		"all, without all script":             {"on on_ranged", OpOn, []int{0, 1}, true, "on_ranged[0 1]", nil},
		"only for all":                        {"reset_all", OpReset, []int{0, 1}, true, "reset_all[]", nil},
		"only for all, some asked":            {"reset_all", OpReset, []int{0}, false, "", ErrPartly},
		"nothing":                             {"on", OpReset, []int{0}, false, "", ErrCannot},
		"query of some by all":                {"status_all", OpStatus, []int{1}, false, "status_all[]", nil},
		"query of some with single":           {"status status_all", OpStatus, []int{1, 2}, false, "status[1] status[2]", nil},
		"query of all with single":            {"status status_all", OpStatus, []int{1, 2}, true, "status_all[]", nil},
		"temperature":                         {"status_temp_all", OpTemp, []int{1}, false, "status_temp_all[]", nil},
		"beacon has no all":                   {"beacon_on", OpBeaconOn, []int{0, 1}, true, "beacon_on[0] beacon_on[1]", nil},
		"soft status":                         {"status_soft", OpStatusSoft, []int{0}, true, "status_soft[0]", nil},
		"no plugs":                            {"on", OpOn, nil, false, "", nil},
		"beacon off is not beacon on":         {"beacon_on", OpBeaconOff, []int{0}, false, "", ErrCannot},
		"status is no beacon status":          {"status_all", OpBeacon, []int{0}, false, "", ErrCannot},
		"cycle by one, unasked range ignored": {"cycle cycle_ranged", OpCycle, []int{4}, false, "cycle[4]", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			for _, s := range strings.Fields(c.scripts) {
				fmt.Fprintf(&text, "script %s { delay 0 } ", s)
			}
			spec := mustSpec(t, `specification "s" { `+text.String()+`}`)
			actions, err := spec.Choose(c.op, c.plugs, c.all)
			if n := spec.Runs(c.op, len(c.plugs), c.all); n != len(actions) {
				t.Errorf("Runs says %d, Choose gives %d", n, len(actions))
			}
			var got []string
			for _, a := range actions {
				got = append(got, fmt.Sprintf("%s%v", a.Script.Name, a.Plugs))
			}
			if s := strings.Join(got, " "); s != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %s, %v; want %s, %v", s, err, c.want, c.err)
			}
		})
	}
}
