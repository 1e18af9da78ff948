package redfish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Network is how a manager can be reached (the EthernetInterface schema).
type Network struct {
	Path        string
	ID          string
	MAC         string
	HostName    string
	FQDN        string
	DHCP        bool
	Addresses   []netip.Prefix // IPv4 and IPv6, in the service's order
	Gateway     netip.Addr     // of IPv4; the zero Addr if there is none
	NameServers []string
	VLAN        int  // 0 is none
	Ours        bool // this client came by one of its addresses

	host bool // it leads to the machine inside
}

// Networks gives the network interfaces of the manager. That between manager and
// machine is left out.
func (m *Manager) Networks(ctx context.Context) ([]Network, error) {
	d, err := m.Document(ctx)
	if err != nil {
		return nil, err
	}
	inside := d.Link("HostInterfaces")
	docs, err := m.client.Members(ctx, d.Link("EthernetInterfaces"))
	var list []Network
	ours := m.client.addresses(ctx)
	for _, d := range docs {
		n := readNetwork(d)
		if n.host || inside != "" && strings.HasPrefix(n.Path, inside) {
			continue
		}
		for _, a := range n.Addresses {
			n.Ours = n.Ours || ours[a.Addr()]
		}
		list = append(list, n)
	}
	return list, err
}

// Network gives the interface by which this client came; or, where that cannot be told,
// the only one that has an address.
func (m *Manager) Network(ctx context.Context) (Network, error) {
	list, err := m.Networks(ctx)
	var with []Network
	for _, n := range list {
		if n.Ours {
			return n, nil
		}
		if len(n.Addresses) > 0 {
			with = append(with, n)
		}
	}
	switch {
	case len(with) == 1:
		return with[0], nil
	case len(list) == 1:
		return list[0], nil
	case err != nil:
		return Network{}, err
	}
	return Network{}, fmt.Errorf("none of its %d network interfaces has the address %s", len(list), m.client.Address())
}

// addresses gives those that the dialled name stands for.
func (c *Client) addresses(ctx context.Context) map[netip.Addr]bool {
	host := c.base.Hostname()
	ours := make(map[netip.Addr]bool)
	if a, err := netip.ParseAddr(host); err == nil {
		ours[a.Unmap().WithZone("")] = true
		return ours
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for _, a := range list {
		ours[a.Unmap()] = true
	}
	return ours
}

func readNetwork(d Document) Network {
	n := Network{
		Path: d.Link(), ID: d.String("Id"), MAC: cmp.Or(d.String("MACAddress"), d.String("PermanentMACAddress")), HostName: d.String("HostName"), FQDN: d.String("FQDN"),
		DHCP: d.True("DHCPv4", "DHCPEnabled"), NameServers: d.Strings("NameServers"), host: strings.Contains(strings.ToLower(d.String("Description")+d.String("Id")), "host interface") || strings.EqualFold(d.String("Id"), "ToHost"),
	}
	for _, a := range d.List("IPv4Addresses") {
		if p, ok := prefix(a.String("Address"), a.String("SubnetMask")); ok {
			n.Addresses = append(n.Addresses, p)
		}
		if g, err := netip.ParseAddr(a.String("Gateway")); err == nil && !g.IsUnspecified() && !n.Gateway.IsValid() {
			n.Gateway = g
		}
		n.DHCP = n.DHCP || a.String("AddressOrigin") == "DHCP"
	}
	for _, a := range d.List("IPv6Addresses") {
		at, err := netip.ParseAddr(a.String("Address"))
		bits, ok := a.Int("PrefixLength")
		if err == nil && !at.IsUnspecified() {
			if !ok || bits < 0 || bits > 128 {
				bits = 128
			}
			n.Addresses = append(n.Addresses, netip.PrefixFrom(at.WithZone(""), bits))
		}
	}
	if id, ok := d.Int("VLAN", "VLANId"); ok && d.True("VLAN", "VLANEnable") {
		n.VLAN = id
	}
	return n
}

// prefix puts an address and a mask together.
func prefix(address, mask string) (netip.Prefix, bool) {
	a, err := netip.ParseAddr(address)
	if err != nil || a.IsUnspecified() {
		return netip.Prefix{}, false
	}
	bits := a.BitLen()
	if m := net.ParseIP(mask).To4(); m != nil && a.Is4() {
		if ones, size := net.IPMask(m).Size(); size == 32 {
			bits = ones
		}
	}
	return netip.PrefixFrom(a, bits), true
}

// SetDHCP has the interface get its address by DHCP. The address by which this client
// came may be gone then.
func (m *Manager) SetDHCP(ctx context.Context, n Network) error {
	return m.setNetwork(ctx, n, map[string]any{"DHCPv4": map[string]any{"DHCPEnabled": true}})
}

// SetStatic gives the interface a fixed address of IPv4, with its gateway; no gateway is
// the zero Addr.
func (m *Manager) SetStatic(ctx context.Context, n Network, address netip.Prefix, gateway netip.Addr) error {
	if !address.IsValid() || !address.Addr().Is4() {
		return fmt.Errorf("%s is no address of IPv4 with its length", address)
	}
	fixed := map[string]any{"Address": address.Addr().String(), "SubnetMask": net.IP(net.CIDRMask(address.Bits(), 32)).String()}
	if gateway.IsValid() {
		fixed["Gateway"] = gateway.String()
	}
	return m.setNetwork(ctx, n, map[string]any{
		"DHCPv4": map[string]any{"DHCPEnabled": false}, "IPv4StaticAddresses": []any{fixed},
	}, map[string]any{
		"IPv4Addresses": []any{map[string]any{"Address": fixed["Address"], "SubnetMask": fixed["SubnetMask"], "Gateway": fixed["Gateway"], "AddressOrigin": "Static"}},
	})
}

// SetHostName names the manager.
func (m *Manager) SetHostName(ctx context.Context, n Network, name string) error {
	return m.setNetwork(ctx, n, map[string]any{"HostName": name})
}

// setNetwork writes the first of the bodies that the service likes: the schema has
// changed over the years. That the address goes away in the middle is as it should be,
// and told as unsure.
func (m *Manager) setNetwork(ctx context.Context, n Network, bodies ...map[string]any) error {
	var wrong error
	for _, body := range bodies {
		_, err := m.client.Patch(ctx, n.Path, body)
		if err == nil {
			return nil
		}
		wrong = errors.Join(wrong, err)
		if !errors.Is(err, Invalid) && !errors.Is(err, Unsupported) {
			break
		}
	}
	return wrong
}
