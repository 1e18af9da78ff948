package power_test

import (
	"context"
	"errors"
	"testing"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/power"
	"millwright.dev/millwright/internal/room"
)

func TestStates(t *testing.T) {
	for _, tt := range []struct {
		s    power.Settings
		is   room.State
		err  error
		want check.Verdict
	}{
		{power.Settings{}, room.StateOn, nil, check.OK},
		{power.Settings{}, room.StateOff, nil, check.Bad},
		{power.Settings{}, room.StateDegraded, nil, check.OK},
		{power.Settings{Whole: true}, room.StateDegraded, nil, check.Bad},
		{power.Settings{}, room.StateUnknown, nil, check.Unknown},
		{power.Settings{}, room.StateOn, errors.New("its PDU is silent"), check.Unknown},
		{power.Settings{Want: "off"}, room.StateOff, nil, check.OK},
		{power.Settings{Want: "off"}, room.StateDegraded, nil, check.Bad},
		{power.Settings{Of: "system"}, room.StateOn, nil, check.OK},
	} {
		env := checktest.Env()
		env.State = func(_ context.Context, op room.Op) (room.State, error) {
			if want := map[string]room.Op{"": room.Status, "system": room.StatusSoft}[tt.s.Of]; op != want {
				t.Errorf("%v is read", op)
			}
			return tt.is, tt.err
		}
		checktest.Says(t, checktest.Look(t, &tt.s, env), tt.want)
	}
	for _, s := range []power.Settings{{Of: "all"}, {Want: "maybe"}} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
