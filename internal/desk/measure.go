package desk

import (
	"context"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// Measured is what one device has measured, as far as it may be seen.
type Measured struct {
	Device   room.DeviceID
	At       time.Time
	Readings []Reading
	Err      *room.Error // why there are none, or not all
}

// Reading is one value. It is of a plug, and then of the node on it, or of a part
// of the device, or of the whole.
type Reading struct {
	Node     room.NodeID // room.None when it is of no node
	Plug     string
	Part     string
	Quantity driver.Quantity
	Value    float64 // in the quantity's unit
}

// Measure asks the devices that targets hang on what they measure now. What is
// told of plugs is of the targets alone; what is told of the devices is of all that
// hangs on them. No targets are all nodes that may be seen, and their devices.
// Devices that measure nothing are left out then, and named with why if they were
// asked for. The answers are told as they come, by the calling goroutine.
func (d *Desk) Measure(ctx context.Context, by Actor, targets string, tell func(Measured)) (*room.Room, error) {
	v := d.View(by)
	nodes, err := v.Nodes(targets)
	if err != nil {
		return nil, err
	}
	asked, devices := make([]bool, len(v.Room.Nodes)), make([]room.DeviceID, 0, len(v.Room.Devices))
	wanted := make([]bool, len(v.Room.Devices))
	for _, id := range nodes {
		asked[id] = true
		for c := range v.Room.Nodes[id].Links() {
			wanted[c.Device] = true
		}
	}
	for i, is := range wanted {
		if is {
			devices = append(devices, room.DeviceID(i))
		}
	}
	d.fleet.Measure(ctx, v.Room, devices, func(m fleet.Measured) {
		if targets == "" && m.Err != nil && m.Err.Code == room.CodeRefused {
			return
		}
		tell(measuredOf(v.Room, m, asked))
	})
	return v.Room, nil
}

// measuredOf gives a device's readings with the nodes they are of.
func measuredOf(r *room.Room, m fleet.Measured, asked []bool) Measured {
	out := Measured{Device: m.Device, At: time.Now(), Err: m.Err, Readings: make([]Reading, 0, len(m.Readings))}
	plugs := r.Devices[m.Device].Plugs
	for _, v := range m.Readings {
		one := Reading{Node: room.None, Part: v.Part, Quantity: v.Quantity, Value: v.Value}
		if v.Plug >= 0 && v.Plug < len(plugs) {
			one.Plug, one.Node = plugs[v.Plug].Name, plugs[v.Plug].Node
			if one.Node == room.None || !asked[one.Node] {
				continue
			}
		}
		out.Readings = append(out.Readings, one)
	}
	return out
}

// Describe asks a device what it is. Who may see the device may know.
func (d *Desk) Describe(ctx context.Context, by Actor, device string) (driver.Description, error) {
	v := d.View(by)
	if err := v.rights.NeedAny(auth.View, "describe"); err != nil { // who may nothing learns no names
		return driver.Description{}, d.barred(by, "describe", "", err)
	}
	id, found := v.Room.Device(device)
	if !found || !v.SeesDevice(id) {
		return driver.Description{}, &room.Error{Code: room.CodeNotFound, Op: "describe", Subject: device, Said: "there is no such device"}
	}
	return d.fleet.Describe(ctx, v.Room, id)
}
