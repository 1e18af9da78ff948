package sampler

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/series"
)

// book counts what it is given.
type book map[series.Key]int

func (b book) Append(_ time.Time, k series.Key, _ float64) { b[k]++ }
func (b book) Ask(context.Context, series.Query) (*series.Answer, error) {
	return &series.Answer{}, nil
}

// TestDevicesThatMakeThingsUp is about devices that say what cannot be.
func TestDevicesThatMakeThingsUp(t *testing.T) {
	r, problems := room.New(room.Draft{
		Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}},
		Nodes:   []room.DraftNode{{Name: "web", Cords: []room.DraftCord{{Device: "pdu", Plug: "1"}}}},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	kept := make(book)
	s := New(nil, kept, nil)
	tell := func(v driver.Reading) { s.take(r, fleet.Measured{Readings: []driver.Reading{v}}, time.Now()) }
	for i := range 3 * parts {
		tell(driver.Reading{Plug: driver.NoPlug, Part: fmt.Sprint("bank ", i), Quantity: driver.Temperature, Value: 20})
	}
	tell(driver.Reading{Plug: driver.NoPlug, Part: "bank 0", Quantity: driver.Temperature, Value: 20})
	if first := kept[series.Key{Device: "pdu", Part: "bank 0", Quantity: series.Temperature}]; len(kept) != parts || first != 2 {
		t.Errorf("%d series, the first has %d samples", len(kept), first)
	}
	for _, w := range []float64{math.NaN(), math.Inf(1), 1e300, -5, 120} {
		tell(driver.Reading{Plug: 0, Quantity: driver.Power, Value: w})
	}
	if w, known := s.Watts(r, 0); w != 120 || !known {
		t.Errorf("it usually draws %v W, %v", w, known)
	}
}
