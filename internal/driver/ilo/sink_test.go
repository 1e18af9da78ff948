package ilo_test

import (
	"errors"
	"strings"
	"testing"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

const on = room.On

var steps = []struct {
	op   room.Op
	want string
}{
	{room.Status, "off"},
	{room.Off, "done"}, // which must not switch it on
	{room.Status, "off"},
	{room.Cycle, "done"}, // 1: on
	{room.Status, "on"},
	{room.On, "done"},    // it is already
	{room.Cycle, "done"}, // 2, 3
	{room.Reset, "done"},
	{room.Off, "done"},   // 4
	{room.Reset, "done"}, // 5: on
	{room.Status, "on"},
	{room.BeaconOn, "done"},
	{room.Beacon, "on"},
	{room.BeaconOff, "done"},
	{room.Beacon, "off"},
	{room.Off, "done"}, // 6
	{room.On, "done"},  // 7
	{room.Off, "done"}, // 8
	{room.Temp, "failed: the device cannot temp"},
}

// sink keeps the last that was told.
type sink struct {
	told  string
	trace strings.Builder
}

func (s *sink) State(_ int, st room.State, _ string) { s.told = st.String() }
func (s *sink) Done(int)                             { s.told = "done" }
func (s *sink) Failed(_ int, said string)            { s.told = "failed: " + said }
func (s *sink) Unknown(_ int, why *driver.Fault)     { s.told = "unknown: " + why.Why() }
func (s *sink) Fault(*driver.Fault)                  {}
func (s *sink) Trace(t devspec.Trace)                { s.trace.WriteString(t.Text) }

func do(t *testing.T, n driver.Session, op room.Op) string {
	t.Helper()
	got := &sink{}
	err := n.Do(t.Context(), driver.Batch{Op: op, Plugs: []int{0}}, got)
	var f *driver.Fault
	if errors.As(err, &f) && f.Phase == driver.Lost {
		return "lost"
	}
	if err != nil {
		t.Fatal(err)
	}
	return got.told
}
