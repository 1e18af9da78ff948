package softoff_test

import (
	"context"
	"errors"
	"testing"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/control/softoff"
	"millwright.dev/millwright/internal/room"
)

func TestItIsTheDevicesAffair(t *testing.T) {
	c, err := softoff.New().New().Prepare()
	if err != nil {
		t.Fatal(err)
	}
	var asked []room.Op
	no := errors.New("the device says no")
	env := control.Env{
		Node: "n1",
		Do:   func(_ context.Context, op room.Op) error { asked = append(asked, op); return no },
		State: func(_ context.Context, op room.Op) (room.State, error) {
			asked = append(asked, op)
			return room.StateOff, nil
		},
	}
	if err := c.Off(t.Context(), env); !errors.Is(err, no) {
		t.Errorf("off: %v", err)
	}
	if got, err := c.Status(t.Context(), env); got != room.StateOff || err != nil {
		t.Errorf("status: %v, %v", got, err)
	}
	if len(asked) != 2 || asked[0] != room.SoftOff || asked[1] != room.Status {
		t.Errorf("the device was asked %v", asked)
	}
	if err := c.On(t.Context(), env); !errors.Is(err, control.ErrCannot) || c.Can().On {
		t.Errorf("on: %v", err)
	}
}
