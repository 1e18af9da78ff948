package bmccli

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/redfish"
)

func (c *caller) networkVerbs() []*cobra.Command {
	n := uint8(channel.Present)
	net := c.family("net", "Read and set how a BMC lies on its network", "bmc[1-40] net\nbmc7 net set address=192.0.2.7/24 gateway=192.0.2.1",
		c.onChannel(&n, c.verb("print", "Show how a BMC lies on its network", "", "bmc[1-40] net print", cobra.NoArgs, func([]string) (job, error) { return netPrint(n), nil })),
		c.onChannel(&n, c.verb("set NAME=VALUE…", "Change how a BMC lies on its network", netSetLong, "bmc7 net set source=dhcp\nbmc7 net set address=192.0.2.7/24 gateway=192.0.2.1 vlan=42", cobra.MinimumNArgs(1), func(args []string) (job, error) { return netSet(&n, args) })),
		c.onChannel(&n, c.verb("param NUMBER [HEX…]", "Read or write a parameter as bytes", "", "bmc7 net param 16\nbmc7 net param 10 01", cobra.MinimumNArgs(1), func(args []string) (job, error) { return netParam(&n, args) })),
		c.onChannel(&n, c.verb("stats [clear]", "Show the counters of packets", "", "bmc7 net stats", cobra.MaximumNArgs(1), func(args []string) (job, error) { return netStats(&n, args) })),
		c.onChannel(&n, c.verb("ipv6", "Show how a BMC lies on its IPv6 network", "", "bmc7 net ipv6", cobra.NoArgs, func([]string) (job, error) { return net6(n), nil })),
		c.alertVerb(&n),
		c.onChannel(&n, c.verb("community [TEXT]", "Read or set the community of alerts", "", "bmc7 net community\nbmc7 net community public", cobra.MaximumNArgs(1), func(args []string) (job, error) { return community(&n, args), nil })),
	)
	net.Aliases = []string{"lan"}
	return []*cobra.Command{net, c.channelVerb(), c.suitesVerb()}
}

// onChannel gives a verb the flag that names a channel.
func (c *caller) onChannel(n *uint8, v *cobra.Command) *cobra.Command {
	v.Flags().Uint8Var(n, "channel", channel.Present, "of channel `N`; 14 is the one in use")
	return v
}

// lanChannel gives the channel that is meant: the one in use may be no LAN.
func lanChannel(ctx context.Context, d ipmi.Doer, n uint8) (uint8, error) {
	if n != channel.Present {
		return n, nil
	}
	return lan.FindChannel(ctx, d)
}

func netPrint(n uint8) job {
	return job{
		doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			n, err := lanChannel(ctx, d, n)
			if err != nil {
				return answer{}, err
			}
			l, err := lan.GetNetwork(ctx, d, n)
			if err != nil {
				return answer{}, err
			}
			vlan := "none"
			if l.VLAN.Enabled {
				vlan = fmt.Sprintf("%d, priority %d", l.VLAN.ID, l.VLANPriority)
			}
			return pairs(l, "channel", l.Channel, "address", address(l.Address), "source", l.Source, "MAC", l.MAC, "gateway", gateway(l.Gateway, l.GatewayMAC),
				"backup gateway", gateway(l.BackupGateway, l.BackupGatewayMAC), "VLAN", vlan), nil
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			managers, err := s.Managers(ctx)
			if err != nil || len(managers) == 0 {
				return answer{}, err
			}
			n, err := managers[0].Network(ctx)
			if all, _ := managers[0].Networks(ctx); err != nil && len(all) > 0 {
				n, err = all[0], nil // behind a translation of addresses none is the one that was dialled
			}
			if err != nil {
				return answer{}, err
			}
			var list []string
			for _, a := range n.Addresses {
				list = append(list, a.String())
			}
			vlan := "none"
			if n.VLAN > 0 {
				vlan = strconv.Itoa(n.VLAN)
			}
			return pairs(n, "address", strings.Join(list, ", "), "DHCP", yesNo(n.DHCP), "MAC", n.MAC, "gateway", gateway(n.Gateway, lan.HardwareAddr{}), "host name", n.HostName, "VLAN", vlan), nil
		},
	}
}

func address(p netip.Prefix) string {
	if !p.IsValid() {
		return "not told"
	}
	return p.String()
}

func gateway(a netip.Addr, mac lan.HardwareAddr) string {
	switch {
	case !a.IsValid() || a.IsUnspecified():
		return "none"
	case mac == lan.HardwareAddr{}:
		return a.String()
	}
	return fmt.Sprintf("%v (%v)", a, mac)
}

const netSetLong = `Changes how the BMC lies on its network, all that is named as one change:

  address=192.0.2.7/24   the address and the length of its network
  source=static          or dhcp, bios
  gateway=192.0.2.1      the way to other networks
  backup=192.0.2.2       another one
  vlan=42                or off
  mac=02:00:00:00:00:07  the hardware address, of the few that let it be set

If it is the network that the BMC is talked to over, the session may end by it: then it is
unknown whether it was done (exit status 3), and it shows under the new address.`

func netSet(n *uint8, args []string) (job, error) {
	var c lan.NetworkChange
	var mac []byte
	for _, a := range args {
		name, text, found := strings.Cut(a, "=")
		if !found {
			return job{}, usagef("net set: %q is not NAME=VALUE", a)
		}
		var err error
		switch name {
		case "address", "ip":
			if c.Address, err = netip.ParsePrefix(text); err != nil {
				err = fmt.Errorf("%q is no address with the length of its network, as 192.0.2.7/24", text)
			}
		case "gateway":
			c.Gateway, err = netip.ParseAddr(text)
		case "backup":
			c.BackupGateway, err = netip.ParseAddr(text)
		case "source":
			var s lan.Source
			s, err = lan.ParseSource(text)
			c.Source = &s
		case "vlan":
			c.VLAN, err = parseVLAN(text)
		case "mac":
			mac, err = hexBytes(strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == '-' }))
			if err == nil && len(mac) != 6 {
				err = fmt.Errorf("%q is no hardware address", text)
			}
		default:
			err = fmt.Errorf("%q is none of address, source, gateway, backup, vlan, mac", name)
		}
		if err != nil {
			return job{}, usagef("net set: %w", err)
		}
	}
	return job{danger: "net set", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		n, err := lanChannel(ctx, d, *n)
		if err != nil {
			return answer{}, err
		}
		if mac != nil {
			if err := lan.Change(ctx, d, n, func() error { return lan.Set(ctx, d, n, lan.MAC, mac...) }); err != nil {
				return answer{}, err
			}
		}
		return unlessFailed(said("set"), lan.SetNetwork(ctx, d, n, c))
	}}, nil
}

func parseVLAN(text string) (*lan.VLANTag, error) {
	if text == "off" || text == "none" {
		return &lan.VLANTag{}, nil
	}
	id, err := number(text, 1, 4094)
	return &lan.VLANTag{Enabled: true, ID: uint16(id)}, err
}

func netParam(n *uint8, args []string) (job, error) {
	param, err := number(args[0], 0, 255)
	if err != nil {
		return job{}, err
	}
	data, err := hexBytes(args[1:])
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		n, err := lanChannel(ctx, d, *n)
		if err != nil {
			return answer{}, err
		}
		if len(data) > 0 {
			return unlessFailed(said("written"), lan.Set(ctx, d, n, lan.Param(param), data...))
		}
		b, err := lan.Get(ctx, d, n, lan.Param(param), 0, 0)
		return unlessFailed(said("% x", b), err)
	}}, err
}

func netStats(n *uint8, args []string) (job, error) {
	if len(args) > 0 && args[0] != "clear" {
		return job{}, usagef("net stats: %q is not clear", args[0])
	}
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		n, err := lanChannel(ctx, d, *n)
		if err != nil {
			return answer{}, err
		}
		s, err := lan.GetStatistics(ctx, d, n, len(args) > 0)
		return unlessFailed(pairs(s, "IP packets received", s.IPReceived, "with wrong headers", s.IPHeaderErrors, "with wrong addresses", s.IPAddressErrors, "fragments", s.IPFragments,
			"IP packets sent", s.IPSent, "UDP packets received", s.UDPReceived, "good RMCP packets", s.RMCPValid, "proxy received", s.UDPProxyReceived, "proxy dropped", s.UDPProxyDropped), err)
	}}, nil
}

func net6(n uint8) job {
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		n, err := lanChannel(ctx, d, n)
		if err != nil {
			return answer{}, err
		}
		l, err := lan.GetNetwork6(ctx, d, n)
		a := pairs(l, "addresses in use", l.Families, "SLAAC", yesNo(l.SLAAC), "DHCPv6", yesNo(l.DHCPv6))
		for _, x := range l.Addresses {
			from := "static"
			if x.Source != 0 {
				from = "dynamic"
			}
			a.rows = append(a.rows, []Cell{cell(fmt.Sprintf("%s %d", from, x.Index)), cell(x.Address)})
		}
		return unlessFailed(a, err)
	}}
}

func community(n *uint8, args []string) job {
	return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
		if len(args) > 0 {
			return unlessFailed(said("set"), h.SetCommunity(ctx, *n, args[0]))
		}
		text, err := h.Community(ctx, *n)
		return unlessFailed(said("%s", text), err)
	}}
}

const alertLong = `Lists who is told of events, or changes one of them by its number: add writes address and
manner, and sees to it that an enabled policy sends alerts there; clear takes the address
away; test sends an alert now, and tells what became of it.`

func (c *caller) alertVerb(n *uint8) *cobra.Command {
	var d lan.Destination
	v := c.onChannel(n, c.verb("alert [add NUMBER ADDRESS|clear NUMBER|test NUMBER]", "Read and set who is told of events", alertLong,
		"bmc7 net alert\nbmc7 net alert add 1 192.0.2.50 --acknowledge --retries 3\nbmc7 net alert clear 1", cobra.MaximumNArgs(3), func(args []string) (job, error) {
			if len(args) == 0 {
				return job{host: func(ctx context.Context, h *host.Host) (answer, error) { return alertList(ctx, h, *n) }}, nil
			}
			if !slices.Contains([]string{"add", "clear", "test"}, args[0]) || len(args) < 2 || (args[0] == "add") != (len(args) == 3) {
				return job{}, usagef("net alert: say add NUMBER ADDRESS, clear NUMBER or test NUMBER")
			}
			index, err := number(args[1], 0, 15)
			if err != nil {
				return job{}, err
			}
			switch args[0] {
			case "clear":
				return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
					return unlessFailed(said("cleared"), h.ClearDestination(ctx, *n, uint8(index)))
				}}, nil
			case "test":
				return alertTest(n, uint8(index)), nil
			}
			to := d
			to.Index, to.Address.Index = uint8(index), uint8(index)
			if to.Address.Addr, err = netip.ParseAddr(args[2]); err != nil {
				return job{}, usagef("net alert: %w", err)
			}
			return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
				return unlessFailed(said("alerts go to %v", to.Address.Addr), h.SetDestination(ctx, *n, to))
			}}, nil
		}))
	v.Flags().BoolVar(&d.Ack, "acknowledge", false, "send again until it is acknowledged")
	v.Flags().Uint8Var(&d.Retries, "retries", 0, "how often, 0 to 7")
	v.Flags().DurationVar(&d.DestType.Timeout, "retry-after", 5*time.Second, "how long to wait for that")
	v.Flags().BoolVar(&d.Address.Backup, "by-backup", false, "by the backup gateway")
	return v
}

func alertList(ctx context.Context, h *host.Host, n uint8) (answer, error) {
	count, err := h.CountDestinations(ctx, n)
	if err != nil {
		return answer{}, err
	}
	a := answer{head: []string{"NUMBER", "ADDRESS", "MAC", "ACKNOWLEDGED", "RETRIES", "TIMEOUT"}}
	for i := uint8(1); i <= count && i < 16; i++ {
		d, err := h.Destination(ctx, n, i)
		if err != nil {
			return a, err
		}
		at, mac := "-", "-"
		if d.Address.MAC != (lan.HardwareAddr{}) {
			mac = d.Address.MAC.String()
		}
		if d.Address.Addr.IsValid() && !d.Address.Addr.IsUnspecified() {
			at = d.Address.Addr.String()
		}
		a.rows = append(a.rows, []Cell{numeric(i), cell(at), cell(mac), cell(yesNo(d.Ack)), numeric(d.Retries), numeric(d.DestType.Timeout)})
	}
	return a, nil
}
