package lan

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"millwright.dev/millwright/ipmi"
)

// Families says which addresses are in use: parameter 51.
type Families uint8

// The values of Families.
const (
	IPv4Only Families = 0
	IPv6Only Families = 1
	IPv4And6 Families = 2
)

func (f Families) String() string {
	switch f {
	case IPv4Only:
		return "ipv4"
	case IPv6Only:
		return "ipv6"
	case IPv4And6:
		return "both"
	}
	return fmt.Sprintf("families %d", uint8(f))
}

// Status6 is parameter 55: how many addresses there can be and where from.
type Status6 struct {
	Static, Dynamic uint8
	SLAAC, DHCPv6   bool
}

// ParseStatus6 reads parameter 55.
func ParseStatus6(b []byte) (Status6, error) {
	if err := ipmi.Short("IPv6 status", b, 3); err != nil {
		return Status6{}, err
	}
	return Status6{Static: b[0], Dynamic: b[1], DHCPv6: b[2]&1 != 0, SLAAC: b[2]&2 != 0}, nil
}

// Append adds parameter 55 to b.
func (s Status6) Append(b []byte) []byte {
	return append(b, s.Static, s.Dynamic, bit(s.DHCPv6, 1)|bit(s.SLAAC, 2))
}

// Address6 is parameters 56 (static addresses) and 59 (others).
type Address6 struct {
	Index   uint8
	Enabled bool  // of static addresses
	Source  uint8 // 0 static, 1 SLAAC, 2 DHCPv6
	Address netip.Prefix
	Status  uint8 // 0 active, 1 disabled, 2 pending, 3 failed, 4 deprecated, 5 invalid
}

// ParseAddress6 reads parameters 56 and 59. The status is missing in requests.
func ParseAddress6(b []byte) (Address6, error) {
	if err := ipmi.Short("IPv6 address", b, 19); err != nil {
		return Address6{}, err
	}
	if b[18] > 128 {
		return Address6{}, fmt.Errorf("IPv6 address with a prefix of %d bits", b[18])
	}
	a := Address6{
		Index: b[0], Enabled: b[1]&0x80 != 0, Source: b[1] & 0x0f,
		Address: netip.PrefixFrom(netip.AddrFrom16([16]byte(b[2:18])), int(b[18])),
	}
	if len(b) > 19 {
		a.Status = b[19]
	}
	return a, nil
}

// Append adds parameter 56 or 59 to b.
func (a Address6) Append(b []byte) []byte {
	var ip [16]byte
	if a.Address.IsValid() {
		ip = a.Address.Addr().As16()
	}
	b = append(append(b, a.Index, bit(a.Enabled, 0x80)|a.Source&0x0f), ip[:]...)
	return append(b, byte(max(a.Address.Bits(), 0)), a.Status)
}

// Network6 is how a channel lies on its IPv6 network.
type Network6 struct {
	Families Families
	Status6
	Addresses []Address6 // those with an address, static ones first
}

// GetNetwork6 reads how a channel lies on its IPv6 network. A BMC without IPv6 gives code
// 80.
func GetNetwork6(ctx context.Context, d ipmi.Doer, number uint8) (Network6, error) {
	var n Network6
	b, err := Get(ctx, d, number, IPv6Enables, 0, 0)
	if err == nil {
		err = ipmi.Short(IPv6Enables.String(), b, 1)
	}
	if err != nil {
		return n, err
	}
	n.Families = Families(b[0])
	b, err = Get(ctx, d, number, IPv6Status, 0, 0)
	if missing(err) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	if n.Status6, err = ParseStatus6(b); err != nil {
		return n, err
	}
	for _, list := range []struct {
		p     Param
		count uint8
	}{{IPv6Static, n.Static}, {IPv6Dynamic, n.Dynamic}} {
		for i := range min(list.count, 64) {
			b, err := Get(ctx, d, number, list.p, i, 0)
			if missing(err) {
				break
			}
			if err != nil {
				return n, err
			}
			a, err := ParseAddress6(b)
			if err != nil {
				return n, err
			}
			if !a.Address.Addr().IsUnspecified() {
				n.Addresses = append(n.Addresses, a)
			}
		}
	}
	return n, nil
}

// SetStatic6 sets one of the static IPv6 addresses, counted from 0.
func SetStatic6(ctx context.Context, d ipmi.Doer, number, index uint8, address netip.Prefix) error {
	if !address.IsValid() || !address.Addr().Is6() {
		return errors.New("set a static IPv6 address: it is not one")
	}
	a := Address6{Index: index, Enabled: true, Address: address}
	return Change(ctx, d, number, func() error {
		return Set(ctx, d, number, IPv6Static, a.Append(nil)[:19]...)
	})
}
