package ipmi

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"millwright.dev/millwright/ipmi/rmcp"
)

// splitAddress takes apart host, host:port, an IPv6 address with or without
// brackets, zone and port.
func splitAddress(address string) (host string, port uint16, err error) {
	if _, err := netip.ParseAddr(address); err == nil {
		return address, rmcp.Port, nil
	}
	if inner, ok := strings.CutPrefix(address, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]"), rmcp.Port, nil
	}
	if !strings.Contains(address, ":") {
		return address, rmcp.Port, nil
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("the address %q is neither host nor host:port", address)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("the address %q has no port from 1 to 65535", address)
	}
	return host, uint16(n), nil
}

// resolve gives every address that stands for one as people write it.
func (c *Client) resolve(ctx context.Context, address string) ([]netip.AddrPort, error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return nil, fmt.Errorf("the address %q has no host", address)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(a.Unmap(), port)}, nil
	}
	found, err := c.o.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var all []netip.AddrPort
	for _, a := range found {
		if one := netip.AddrPortFrom(a.Unmap(), port); !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all, nil
}
