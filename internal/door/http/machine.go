package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver"
)

type machineInput struct {
	Name string `path:"name" doc:"The node's name, or an alias of one node." maxLength:"512" example:"web7"`
}

type setBootInput struct {
	Name string `path:"name" doc:"The node's name, or an alias of one node." maxLength:"512" example:"web7"`
	Body wire.Boot
}

type bootOutput struct{ Body wire.Boot }

type machineLogOutput struct{ Body wire.MachineLog }

// maxLogEntries bounds what a machine may tell of its log.
const maxLogEntries = 1 << 16

func (d *Door) registerMachines() {
	failures := []int{404, 409, 502, 504}
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{name}/boot", id: "read-boot", tag: tagNodes, errors: failures,
		summary: "Read what a node boots from", doc: "Asks the node's service processor or hypervisor.",
	}, func(ctx context.Context, in *machineInput) (*bootOutput, error) {
		b, err := d.opts.Desk.Boot(ctx, actorOf(ctx), in.Name)
		return &bootOutput{wire.Boot{From: string(b.From), Persistent: b.Persistent, UEFI: b.UEFI}}, err
	})
	register(d, route{
		method: http.MethodPut, path: "/v1/nodes/{name}/boot", id: "set-boot", tag: tagNodes, errors: failures,
		summary: "Say what a node boots from", doc: "For the next boot, or from now on. The machine is not started by it.",
	}, func(ctx context.Context, in *setBootInput) (*nothingOutput, error) {
		b := driver.Boot{From: driver.BootSource(in.Body.From), Persistent: in.Body.Persistent, UEFI: in.Body.UEFI}
		return &nothingOutput{}, d.opts.Desk.SetBoot(ctx, actorOf(ctx), in.Name, b)
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{name}/log", id: "read-machine-log", tag: tagNodes, errors: failures,
		summary: "Read a node's own event log", doc: "What the machine itself has written down, read from it now: an IPMI system event log, a Redfish log service.",
	}, d.machineLog)
	register(d, route{
		method: http.MethodPost, path: "/v1/nodes/{name}/log/clear", id: "clear-machine-log", tag: tagNodes, errors: failures,
		summary: "Empty a node's own event log", doc: "What was written since it was last read is lost.",
	}, func(ctx context.Context, in *machineInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.ClearMachineLog(ctx, actorOf(ctx), in.Name)
	})
}

func (d *Door) machineLog(ctx context.Context, in *machineInput) (*machineLogOutput, error) {
	out := wire.MachineLog{Items: []wire.LogEntry{}}
	err := d.opts.Desk.MachineLog(ctx, actorOf(ctx), in.Name, func(e driver.LogEntry) {
		if len(out.Items) < maxLogEntries {
			out.Items = append(out.Items, wire.LogEntry{ID: e.ID, Time: e.At, Source: e.Source, Text: e.Text, Severity: e.Severity.String(), Ended: e.Ended})
		}
	})
	return &machineLogOutput{out}, err
}
