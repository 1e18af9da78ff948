package mqtt_test

import (
	"testing"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// sink keeps what was told, by plug, as text.
type sink map[int]string

func (s sink) State(p int, st room.State, _ string) { s[p] = st.String() }
func (s sink) Done(p int)                           { s[p] = "done" }
func (s sink) Failed(p int, said string)            { s[p] = "failed: " + said }
func (s sink) Unknown(p int, why *driver.Fault)     { s[p] = "unknown: " + why.Why() }
func (s sink) Fault(*driver.Fault)                  {}
func (s sink) Trace(devspec.Trace)                  {}

// do does an operation on all plugs.
func do(t *testing.T, s driver.Session, op room.Op) sink {
	t.Helper()
	got := sink{}
	b := driver.Batch{Op: op}
	for i := range plugCount {
		b.Plugs = append(b.Plugs, i)
	}
	if err := s.Do(t.Context(), b, got); err != nil {
		t.Fatal(err)
	}
	return got
}
