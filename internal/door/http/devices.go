package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

type devicesInput struct {
	Targets string `query:"targets" doc:"Only those that these nodes hang on: a host list." example:"web7"`
	Link    string `query:"link" doc:"Only those that are so far connected." enum:"connected,connecting,disconnected"`
	Limit   int    `query:"limit" doc:"At most so many on a page." minimum:"1" maximum:"10000" default:"1000"`
	After   string `query:"after" doc:"Go on behind this device: what the page before gave as next."`
}

type devicesOutput struct{ Body wire.Devices }

type deviceInput struct {
	Name string `path:"name" doc:"The device's name." maxLength:"256" example:"pdu1"`
}

type deviceOutput struct{ Body wire.Device }

func (d *Door) registerDevices() {
	register(d, route{
		method: http.MethodGet, path: "/v1/devices", id: "list-devices", tag: tagDevices, errors: []int{404},
		summary: "List devices", doc: "How it stands with each device and the connection to it, in the order of the configuration.",
	}, d.listDevices)
	register(d, route{
		method: http.MethodGet, path: "/v1/devices/{name}", id: "get-device", tag: tagDevices, errors: []int{404},
		summary: "Show one device", doc: "How it stands with a device, and what hangs on its plugs.",
	}, d.getDevice)
}

func (d *Door) listDevices(ctx context.Context, in *devicesInput) (*devicesOutput, error) {
	v := d.viewOf(ctx)
	wanted, err := devicesOf(v, in.Targets)
	if err != nil {
		return nil, err
	}
	out := wire.Devices{Items: []wire.Device{}}
	behind := in.After == ""
	for i := range v.Room.Devices {
		id := room.DeviceID(i)
		if wanted != nil && !wanted[id] {
			continue
		}
		one, ok := deviceOf(v, id)
		if !ok || in.Link != "" && string(one.Link) != in.Link {
			continue
		}
		out.Total++
		switch {
		case !behind:
			behind = one.Name == in.After
		case len(out.Items) < in.Limit:
			out.Items = append(out.Items, one)
		default:
			out.Next = out.Items[in.Limit-1].Name
		}
	}
	if !behind {
		return nil, invalid("there is no device " + shorten(in.After) + " to go on behind (any more); begin again without after")
	}
	return &devicesOutput{out}, nil
}

// devicesOf says on which devices the targets hang; nil is all.
func devicesOf(v desk.View, targets string) ([]bool, error) {
	ids, err := v.Nodes(targets)
	if err != nil || targets == "" {
		return nil, err
	}
	wanted := make([]bool, len(v.Room.Devices))
	for _, id := range ids {
		for c := range v.Room.Nodes[id].Links() {
			wanted[c.Device] = true
		}
	}
	return wanted, nil
}

// deviceOf puts a device into words; it is not ok for one that may not be seen,
// or that a reload has taken away.
func deviceOf(v desk.View, id room.DeviceID) (wire.Device, bool) {
	s, ok := v.Device(id)
	dev := &v.Room.Devices[id]
	return wire.Device{
		Name: s.Name, Type: s.Type, Link: s.Link, Reconnects: s.Reconnects, Actions: s.Actions, Queue: s.Queue, Said: s.Said,
		Driver: dev.Driver, Feed: dev.Feed, Plugs: len(dev.Plugs), Nodes: v.Room.Fold(v.NodesOf(id)),
	}, ok
}

func (d *Door) getDevice(ctx context.Context, in *deviceInput) (*deviceOutput, error) {
	v := d.viewOf(ctx)
	id, ok := v.Room.Device(in.Name)
	if !ok {
		return nil, noSuch("get device", "device", in.Name)
	}
	one, ok := deviceOf(v, id)
	if !ok {
		return nil, noSuch("get device", "device", in.Name)
	}
	for _, p := range v.Room.Devices[id].Plugs {
		outlet := wire.Outlet{Name: p.Name}
		if p.Node != room.None && v.Sees(p.Node) {
			outlet.Node = v.Room.Nodes[p.Node].Name
		}
		one.Outlets = append(one.Outlets, outlet)
	}
	return &deviceOutput{one}, nil
}
