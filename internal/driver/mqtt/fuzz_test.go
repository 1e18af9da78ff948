package mqtt

import (
	"math"
	"testing"

	"millwright.dev/millwright/internal/room"
)

// Whatever a plug says, only a plain on or off is believed.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{
		"ON", "off", `{"state":"ON"}`, `{"state":{"state":"ON"}}`, `{"StatusSNS":{"ENERGY":{"Power":118}}}`,
		`{"aenergy":{"total":1e999}}`, `{"state":null}`, "\xff\x00", `[[[[[[`, `{"state":"online"}`,
	} {
		f.Add([]byte(seed))
	}
	plain, inJSON := point{on: "ON", off: "OFF", aliveIs: "online"}, point{value: []string{"state"}}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if st := plain.state(payload); st != room.StateUnknown && len(payload) > 100 && len(payload) == len(string(payload)) && payload[0] > ' ' && payload[len(payload)-1] > ' ' {
			t.Errorf("%q is taken for %v", payload, st)
		}
		_ = inJSON.state(payload)
		_ = plain.lives(payload)
		for _, r := range readings(3, payload) {
			if r.Plug != 3 || math.IsNaN(r.Value) {
				t.Errorf("%q gives %+v", payload, r)
			}
		}
	})
}
