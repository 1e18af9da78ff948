package sim_test

import (
	"testing"

	"millwright.dev/millwright/internal/sim"
)

// TestDescribedMakesCanBePlayed holds that each description is sound: a room of
// every make starts.
func TestDescribedMakesCanBePlayed(t *testing.T) {
	cfg := sim.Config{InMemory: true}
	for _, s := range sim.Styles() {
		cfg.PDUs = append(cfg.PDUs, sim.PDU{Name: s.Name(), Style: s.Name(), Outlets: sim.Numbered(1, 8)})
	}
	if len(cfg.PDUs) < 20 {
		t.Errorf("there are only %d makes", len(cfg.PDUs))
	}
	start(t, cfg)
}
