package bmccli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/redfish"
)

// nameVerbs are those of what makers have commands for; where none is known it is an
// error that says so.
func (c *caller) nameVerbs() []*cobra.Command {
	text := func(use, short string, get func(*host.Host, context.Context) (string, error), set func(*host.Host, context.Context, string) error) *cobra.Command {
		name, _, _ := strings.Cut(use, " ")
		return c.verb(use, short, "", "bmc[1-40] "+name, cobra.MaximumNArgs(1), func(args []string) (job, error) {
			if len(args) == 0 {
				return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
					t, err := get(h, ctx)
					return unlessFailed(said("%s", t), err)
				}}, nil
			}
			return job{danger: "set " + name, host: func(ctx context.Context, h *host.Host) (answer, error) {
				return unlessFailed(said("set"), set(h, ctx, args[0]))
			}}, nil
		})
	}
	return []*cobra.Command{
		text("hostname [NAME]", "Read or set the controller's host name", (*host.Host).Hostname, (*host.Host).SetHostname),
		text("domain [NAME]", "Read or set the controller's DNS domain", (*host.Host).DomainName, (*host.Host).SetDomainName),
		text("asset [TAG]", "Read or set the machine's asset tag", (*host.Host).AssetTag, (*host.Host).SetAssetTag),
		text("mci [NAME]", "Read or set the controller's identifier", (*host.Host).ID, (*host.Host).SetID),
		c.ntpVerb(), c.ledVerb(), c.descriptionVerb(), c.cappingVerb(), c.graphicalVerb(), c.oemVerb(),
	}
}

func (c *caller) ntpVerb() *cobra.Command {
	return c.verb("ntp [on|off [SERVER…]]", "Read or set where the controller has its time from", "", "bmc[1-40] ntp\nbmc[1-40] ntp on 192.0.2.1 192.0.2.2", cobra.ArbitraryArgs, func(args []string) (job, error) {
		if len(args) == 0 {
			return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
				n, err := h.NTP(ctx)
				return unlessFailed(pairs(n, "time by NTP", enabled(n.Enabled), "servers", strings.Join(n.Servers, ", ")), err)
			}}, nil
		}
		on, err := parseOnOff(args[0])
		return job{danger: "set ntp", host: func(ctx context.Context, h *host.Host) (answer, error) {
			return unlessFailed(said("set"), h.SetNTP(ctx, host.NTP{Enabled: on, Servers: args[1:]}))
		}}, err
	})
}

func (c *caller) ledVerb() *cobra.Command {
	v := c.verb("leds", "Read the machine's lights", "", "bmc[1-40] leds", cobra.NoArgs, noArgs(job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			list, err := h.LEDs(ctx)
			a := answer{head: []string{"LIGHT", "STATE"}, value: list}
			for _, l := range list {
				a.rows = append(a.rows, []Cell{cell(l.Name), cell(l.State)})
			}
			return a, err
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			l, err := s.Light(ctx)
			return unlessFailed(pairs(l, "identify", strings.ToLower(string(l))), err)
		},
	}))
	v.Aliases = []string{"led"}
	return v
}

func (c *caller) descriptionVerb() *cobra.Command {
	return c.verb("description", "Tell where the machine is, such as its slot and height", "", "bmc[1-40] description", cobra.NoArgs, noArgs(job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			m, err := h.Description(ctx)
			a := answer{value: m}
			for _, k := range slices.Sorted(maps.Keys(m)) {
				a.rows = append(a.rows, []Cell{cell(k), cell(m[k])})
			}
			return unlessFailed(a, err)
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			l, err := s.Location(ctx)
			return unlessFailed(pairs(l, "room", l.Room, "rack", l.Rack, "row", l.Row, "unit", l.Unit, "height", l.Height, "address", l.Address), err)
		},
	}))
}

func (c *caller) cappingVerb() *cobra.Command {
	return c.verb("capping [on|off|WATTS]", "Read or set the limit of a machine's power", "Reads the limit of the machine's power, switches it on or off, or sets its watts and switches it on: by its maker's commands, else by DCMI.", "bmc[1-40] capping\nbmc[1-40] capping 300\nbmc7 capping off", cobra.MaximumNArgs(1), func(args []string) (job, error) {
		if len(args) == 0 {
			return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
				k, err := h.GetCap(ctx)
				return unlessFailed(pairs(k, "limit", said("%d W", k.Watts).line, "counts", yesNo(k.Enabled)), err)
			}}, nil
		}
		to := host.Cap{Enabled: true}
		if on, err := parseOnOff(args[0]); err == nil {
			to.Enabled = on
		} else {
			n, err := number(args[0], 1, 0xffff)
			if err != nil {
				return job{}, err
			}
			to.Watts = int(n)
		}
		return job{danger: "capping " + args[0], host: func(ctx context.Context, h *host.Host) (answer, error) {
			return unlessFailed(said("set"), h.SetCap(ctx, to))
		}}, nil
	})
}

func (c *caller) graphicalVerb() *cobra.Command {
	return c.verb("graphical", "Tell how to get the graphical console", "Tells what starts the graphical console, where the maker's commands give it: an address, or a file, which is kept beside.", "bmc7 graphical", cobra.NoArgs, noArgs(job{peer: func(ctx context.Context, p *peer) (answer, error) {
		h, err := p.machine(ctx)
		if err != nil {
			return answer{}, err
		}
		v, err := h.Video(ctx)
		if err != nil {
			return answer{}, err
		}
		mime, data, err := v.VideoLaunch(ctx)
		if err != nil {
			return answer{}, err
		}
		if strings.HasPrefix(mime, "text/uri") || strings.HasPrefix(string(data), "http") {
			return said("%s", strings.TrimSpace(string(data))), nil
		}
		return p.keep("{}.jnlp", data, mime)
	}}))
}

func (c *caller) oemVerb() *cobra.Command {
	return c.verb("oem", "Tell which maker's commands are known for a machine", "Tells the machine's maker, which variant of its commands fits, and what these can do.", "bmc[1-40] oem", cobra.NoArgs, noArgs(job{host: func(ctx context.Context, h *host.Host) (answer, error) {
		id, err := h.Device(ctx)
		if err != nil {
			return answer{}, err
		}
		variant, err := h.Variant(ctx)
		if variant == "" {
			variant = "none that is known: the standard commands"
		}
		return unlessFailed(pairs(nil, "maker", oem.MakerName(id.Maker), "product", id.Product, "commands", variant), err)
	}}))
}
