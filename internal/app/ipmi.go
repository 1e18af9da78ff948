package app

import (
	"context"

	ipmidoor "millwright.dev/millwright/internal/door/ipmi"
	"millwright.dev/millwright/internal/room"
)

// openIPMI opens the door that shows nodes as BMCs, where the room says. It fails only if
// none of them could be opened; of the others the log tells. The door follows the room.
func (a *App) openIPMI(ctx context.Context, doors *openDoors) error {
	door := ipmidoor.New(ipmidoor.Options{Desk: a.desk, Secret: a.secret, Log: a.log})
	r := a.fleet.Room()
	err := door.Apply(ctx, r)
	doors.addresses.IPMI = door.Addresses()
	if err != nil && len(doors.addresses.IPMI) == 0 {
		door.Close()
		return err
	}
	if err != nil {
		a.log.Warn("some nodes are no BMCs", "why", err)
	}
	a.bmcs = door
	doors.servers = append(doors.servers, door.Run)
	return nil
}

// showBMCs has the door for IPMI follow the room. What cannot be opened is no reason not
// to take a room.
func (a *App) showBMCs(r *room.Room) {
	if a.bmcs == nil {
		return
	}
	if err := a.bmcs.Apply(context.Background(), r); err != nil {
		a.log.Warn("some nodes are no BMCs", "why", err)
	}
}
