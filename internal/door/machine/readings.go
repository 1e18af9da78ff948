package machine

import (
	"cmp"
	"context"
	"sort"
	"strings"
	"time"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Reading is one value of a node.
type Reading struct {
	Device   string // that measured it
	Part     string // of the device, or the plug that the node hangs on; may be empty
	Whole    bool   // it is of the device rather than of one plug
	Quantity driver.Quantity
	Value    float64 // in the quantity's unit
	At       time.Time
}

// Name gives a name for people: "pdu1 3 power".
func (r *Reading) Name() string {
	return strings.Join(strings.Fields(r.Device+" "+r.Part+" "+string(r.Quantity)), " ")
}

// Readings gives what is measured of a node, in a stable order. What a device measures as
// a whole is the node's own only if nothing else hangs on it. It fails only if there is
// nothing to give.
func Readings(ctx context.Context, d *desk.Desk, actor desk.Actor, node string) ([]Reading, error) {
	var measured []desk.Measured
	r, err := d.Measure(ctx, actor, node, func(m desk.Measured) { measured = append(measured, m) })
	if err != nil {
		return nil, err
	}
	sort.Slice(measured, func(i, j int) bool { return measured[i].Device < measured[j].Device })
	var list []Reading
	var failed error
	for _, m := range measured {
		if m.Err != nil {
			failed = cmp.Or(failed, error(m.Err))
		}
		alone := len(r.NodesOf(m.Device)) == 1
		for _, v := range m.Readings {
			if v.Node == room.None && !alone {
				continue
			}
			list = append(list, Reading{
				Device: r.Devices[m.Device].Name, Part: cmp.Or(v.Part, v.Plug), Whole: v.Node == room.None,
				Quantity: v.Quantity, Value: v.Value, At: m.At,
			})
		}
	}
	if len(list) == 0 {
		return nil, failed
	}
	return list, nil
}
