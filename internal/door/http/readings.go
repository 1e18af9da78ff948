package httpdoor

import (
	"context"
	"net/http"
	"sort"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

type readingsInput struct {
	Targets string `query:"targets" doc:"The nodes whose readings are wanted: a host list. Without it, all that may be seen." example:"web[1-40]" maxLength:"65536"`
}

type readingsOutput struct{ Body wire.Readings }

type descriptionOutput struct{ Body wire.Description }

func (d *Door) registerReadings() {
	register(d, route{
		method: http.MethodGet, path: "/v1/readings", id: "read-readings", tag: tagDevices, errors: []int{404},
		summary: "Measure",
		doc:     "Asks the devices that the nodes hang on, all at the same time, what they measure now: current, voltage, power, energy, temperature, for each plug, part and the whole, as far as they can. A device that measures nothing is left out, or says so if its nodes were named.",
	}, d.readings)
	register(d, route{
		method: http.MethodGet, path: "/v1/devices/{name}/description", id: "describe-device", tag: tagDevices, errors: []int{404, 409, 502, 504},
		summary: "Ask a device what it is", doc: "Its product, firmware, serial number, and the labels of its plugs, as far as it says.",
	}, d.describeDevice)
}

func (d *Door) readings(ctx context.Context, in *readingsInput) (*readingsOutput, error) {
	var list []desk.Measured
	r, err := d.opts.Desk.Measure(ctx, actorOf(ctx), in.Targets, func(m desk.Measured) { list = append(list, m) })
	if err != nil {
		return nil, err
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Device < list[j].Device })
	out := wire.Readings{Items: make([]wire.Measured, len(list))}
	for i, m := range list {
		out.Items[i] = measuredOf(r, m)
	}
	return &readingsOutput{out}, nil
}

func measuredOf(r *room.Room, m desk.Measured) wire.Measured {
	out := wire.Measured{Device: r.Devices[m.Device].Name, Time: m.At, Readings: make([]wire.Reading, len(m.Readings))}
	if m.Err != nil {
		out.Code, out.Said = m.Err.Code, m.Err.Said
	}
	for i, v := range m.Readings {
		one := wire.Reading{Plug: v.Plug, Part: v.Part, Quantity: string(v.Quantity), Value: v.Value, Unit: v.Quantity.Unit()}
		if v.Node != room.None {
			one.Node = r.Nodes[v.Node].Name
		}
		out.Readings[i] = one
	}
	return out
}

func (d *Door) describeDevice(ctx context.Context, in *deviceInput) (*descriptionOutput, error) {
	said, err := d.opts.Desk.Describe(ctx, actorOf(ctx), in.Name)
	if err != nil {
		return nil, err
	}
	out := wire.Description{Product: said.Product, Firmware: said.Firmware, Serial: said.Serial, Name: said.Name}
	r := d.opts.Desk.Room()
	if id, found := r.Device(in.Name); found && len(said.Labels) > 0 {
		out.Labels = make(map[string]string, len(said.Labels))
		for p, label := range said.Labels {
			if p >= 0 && p < len(r.Devices[id].Plugs) {
				out.Labels[r.Devices[id].Plugs[p].Name] = label
			}
		}
	}
	return &descriptionOutput{out}, nil
}
