package wol_test

import (
	"testing"
	"testing/synctest"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

const on = room.On

func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// sink keeps what was told, by plug, as text.
type sink map[int]string

func (s sink) State(p int, st room.State, _ string) { s[p] = st.String() }
func (s sink) Done(p int)                           { s[p] = "done" }
func (s sink) Failed(p int, said string)            { s[p] = "failed: " + said }
func (s sink) Unknown(p int, why *driver.Fault)     { s[p] = "unknown: " + why.Why() }
func (s sink) Fault(*driver.Fault)                  {}
func (s sink) Trace(devspec.Trace)                  {}
