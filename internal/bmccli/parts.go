package bmccli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/redfish"
)

func (c *caller) partVerbs() []*cobra.Command {
	inventory := c.verb("inventory [PART…]", "Read what a machine is made of", "Reads the inventory of the machine and of its parts, or of those that are named: makers, models, serial numbers, memory modules. A part that cannot be read says why, and the others come all the same.",
		"bmc7 inventory\nbmc[1-40] inventory System --csv", cobra.ArbitraryArgs, func(args []string) (job, error) {
			return job{
				host: func(ctx context.Context, h *host.Host) (answer, error) { return inventory(ctx, h, args) },
				web:  webInventory,
			}, nil
		})
	names := c.verb("parts", "List the parts of a machine, without reading them", "", "bmc7 parts", cobra.NoArgs, noArgs(job{host: func(ctx context.Context, h *host.Host) (answer, error) {
		list, err := h.PartNames(ctx)
		return unlessFailed(answer{text: strings.Join(list, "\n") + "\n", value: list}, err)
	}}))
	return []*cobra.Command{inventory, names, c.fruVerb(), c.firmwareVerb()}
}

func inventory(ctx context.Context, h *host.Host, names []string) (answer, error) {
	var parts []host.Part
	var err error
	for _, n := range names {
		var p host.Part
		if p, err = h.Part(ctx, n); err != nil {
			return answer{}, err
		}
		parts = append(parts, p)
	}
	if len(names) == 0 {
		parts, err = h.Inventory(ctx)
	}
	type part struct {
		Name   string            `json:"name"`
		Fields map[string]string `json:"fields,omitempty"`
		Module any               `json:"module,omitempty"`
		Error  string            `json:"error,omitempty"`
	}
	a := answer{head: []string{"PART", "FIELD", "VALUE"}}
	list := make([]part, 0, len(parts))
	for _, p := range parts {
		one := part{Name: p.Name, Fields: make(map[string]string)}
		first := p.Name
		row := func(tone Tone, field, text string) {
			a.rows = append(a.rows, []Cell{toned(Strong, first), cell(field), toned(tone, text)})
			first = p.Name
		}
		if p.Module != nil {
			one.Module = p.Module
			row(Plain, "module", p.Module.Name())
			row(Plain, "serial", p.Module.Serial)
			row(Plain, "part", p.Module.Part)
		}
		for _, f := range p.Fields {
			one.Fields[f.Name] = f.Text
			row(Plain, f.Name, f.Text)
		}
		if p.Err != nil {
			one.Error = p.Err.Error()
			row(Warn, "", p.Err.Error())
		}
		if p.Inventory != nil {
			for _, w := range p.Inventory.Warnings {
				row(Warn, "warning", w)
			}
		}
		list = append(list, one)
	}
	a.value = list
	return a, err
}

func webInventory(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
	parts, err := s.Inventory(ctx)
	a := answer{head: []string{"PART", "KIND", "MAKER", "MODEL", "SERIAL", "STATE"}, value: parts}
	for _, p := range parts {
		a.rows = append(a.rows, []Cell{cell(p.Name), cell(p.Kind), cell(p.Manufacturer), cell(p.Model), cell(p.Serial), toned(webTone(p.Health), p.State)})
	}
	return a, err
}

const fruLong = `Inventories are kept in memories, numbered from 0: the machine's own is 0. Their text can
be changed field by field, as print names them (product.serial, board.extra.1…); only what
differs is written, and read again to see that it is there.`

func (c *caller) fruVerb() *cobra.Command {
	yes := &c.flags.yes
	f := c.family("fru", "Read and write inventory memories", "bmc7 fru print 0\nbmc7 fru edit 0 product.serial=4711",
		c.verb("list", "List the inventory memories", "", "bmc7 fru list", cobra.NoArgs, noArgs(job{peer: fruList})),
		c.verb("print [ID]", "Show an inventory", "", "bmc7 fru print 0", cobra.MaximumNArgs(1), fruPrint),
		c.verb("dump ID FILE", "Keep a memory in a file", "Writes all of a memory to a file; - is stdout. With several hosts, {} in the name is the host.", "bmc7 fru dump 0 bmc7.fru", cobra.ExactArgs(2), fruDump),
		c.verb("write ID FILE", "Write a file into a memory", "Writes a file to the start of a memory, after a look whether it is an inventory; --yes writes it all the same.", "bmc7 fru write 0 bmc7.fru", cobra.ExactArgs(2), func(args []string) (job, error) { return fruWrite(args, *yes) }),
		c.verb("edit ID FIELD=TEXT…", "Change fields of an inventory", fruLong, "bmc7 fru edit 0 product.serial=4711 'chassis.extra.1=rack 7'", cobra.MinimumNArgs(2), fruEdit),
		c.verb("spd ID", "Show what a memory module says of itself", "", "bmc7 fru spd 3", cobra.ExactArgs(1), fruSPD),
	)
	f.Long = f.Long + "\n\n" + fruLong
	return f
}

func fruDevice(text string) (fru.Device, error) {
	n, err := number(text, 0, 254)
	return fru.Device{ID: uint8(n)}, err
}

func fruList(ctx context.Context, p *peer) (answer, error) {
	set, d, err := p.records(ctx)
	if d == nil {
		return answer{}, err
	}
	a := answer{head: []string{"ID", "NAME", "OF", "SIZE", "HOLDS"}}
	add := func(id uint8, name, of, holds string) {
		size := "-"
		if i, err := fru.GetInfo(ctx, d, fru.Device{ID: id}); err == nil {
			size = fmt.Sprint(i.Size)
		}
		a.rows = append(a.rows, []Cell{numeric(id), cell(name), cell(of), numeric(size), cell(holds)})
	}
	add(0, host.System, "", "inventory")
	if err != nil {
		return a, nil //nolint:nilerr // without sensor records there is only the machine's own
	}
	for _, r := range set.Records {
		l, ok := r.(*sdr.FRU)
		if !ok || !l.Logical || l.Device == 0 {
			continue
		}
		holds := "something else"
		switch inventory, module := fru.Holds(l.Kind, l.Modifier); {
		case module:
			holds = "memory module"
		case inventory:
			holds = "inventory"
		}
		add(l.Device, l.Name, l.Entity.String(), holds)
	}
	return a, nil
}

func fruPrint(args []string) (job, error) {
	dev := fru.Device{}
	if len(args) > 0 {
		var err error
		if dev, err = fruDevice(args[0]); err != nil {
			return job{}, err
		}
	}
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		i, err := fru.Read(ctx, d, dev, fru.Options{})
		a := answer{notes: i.Warnings}
		value := make(map[string]string)
		for _, f := range i.Fields() {
			a.rows = append(a.rows, []Cell{cell(f.Name), cell(f.Text)})
			value[f.Name] = f.Text
		}
		if i.Chassis != nil {
			a.rows = append(a.rows, []Cell{cell("chassis.type"), cell(fru.ChassisType(i.Chassis.Type))})
		}
		if i.Board != nil && i.Board.Made != 0 {
			if at, ok := i.Board.Date(); ok {
				a.rows = append(a.rows, []Cell{cell("board.date"), cell(at.Format("2006-01-02"))})
			}
		}
		a.value = value
		return a, err
	}}, nil
}

func fruDump(args []string) (job, error) {
	dev, err := fruDevice(args[0])
	return job{peer: func(ctx context.Context, p *peer) (answer, error) {
		d, err := p.doer(ctx)
		if err != nil {
			return answer{}, err
		}
		image, err := fru.ReadImage(ctx, d, dev, fru.Options{})
		if err != nil {
			return answer{}, err
		}
		return p.keep(args[1], image, fmt.Sprintf("%d bytes", len(image)))
	}}, err
}

func fruWrite(args []string, force bool) (job, error) {
	dev, err := fruDevice(args[0])
	if err != nil {
		return job{}, err
	}
	image, err := os.ReadFile(args[1])
	if err != nil {
		return job{}, &UsageError{err}
	}
	if i, err := fru.Parse(image); (err != nil || len(i.Warnings) > 0) && !force {
		if err == nil {
			err = errors.New(strings.Join(i.Warnings, "; "))
		}
		return job{}, usagef("%s is no sound inventory: %w; --yes writes it all the same", args[1], err)
	}
	return job{danger: "fru write", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		return unlessFailed(said("%d bytes written", len(image)), fru.Write(ctx, d, dev, image, fru.Options{}))
	}}, nil
}

func fruEdit(args []string) (job, error) {
	dev, err := fruDevice(args[0])
	if err != nil {
		return job{}, err
	}
	var changes []fru.Change
	for _, a := range args[1:] {
		name, text, found := strings.Cut(a, "=")
		if !found {
			return job{}, usagef("fru edit: %q is not FIELD=TEXT", a)
		}
		changes = append(changes, fru.Change{Name: name, Text: text})
	}
	return job{danger: "fru edit", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		image, err := fru.ReadImage(ctx, d, dev, fru.Options{})
		if err != nil {
			return answer{}, err
		}
		image, err = fru.Edit(image, changes...)
		if err != nil {
			return answer{}, err
		}
		return unlessFailed(said("changed"), fru.Write(ctx, d, dev, image, fru.Options{}))
	}}, nil
}

func (c *caller) firmwareVerb() *cobra.Command {
	return c.verb("firmware [NAME…]", "List the firmware of a machine", "Lists the firmware of the BMC, and what else its maker tells of.", "bmc[1-40] firmware", cobra.ArbitraryArgs, func(args []string) (job, error) {
		return job{
			host: func(ctx context.Context, h *host.Host) (answer, error) {
				list, err := h.Firmware(ctx, args...)
				a := answer{head: []string{"FIRMWARE", "VERSION", "BUILD", "DATE", "STATE"}, value: list}
				for _, f := range list {
					date := ""
					if !f.Date.IsZero() {
						date = f.Date.Format("2006-01-02")
					}
					a.rows = append(a.rows, []Cell{cell(f.Name), cell(f.Version), cell(f.Build), cell(date), cell(f.State)})
				}
				return a, err
			},
			web: func(ctx context.Context, c *redfish.Client, _ *redfish.System) (answer, error) {
				list, err := c.Firmware(ctx)
				a := answer{head: []string{"FIRMWARE", "VERSION", "DATE", "STATE"}, value: list}
				for _, f := range list {
					a.rows = append(a.rows, []Cell{cell(f.Name), cell(f.Version), cell(f.Date), cell(f.State)})
				}
				return a, err
			},
		}, nil
	})
}
