package lan

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
)

// Source is where an address comes from: parameter 4.
type Source uint8

// The sources.
const (
	SourceUnspecified Source = 0
	SourceStatic      Source = 1
	SourceDHCP        Source = 2
	SourceBIOS        Source = 3
	SourceOther       Source = 4
)

func (s Source) String() string {
	switch s {
	case SourceUnspecified:
		return "Unspecified"
	case SourceStatic:
		return "Static"
	case SourceDHCP:
		return "DHCP"
	case SourceBIOS:
		return "BIOS"
	case SourceOther:
		return "Other"
	}
	return fmt.Sprintf("source %d", uint8(s))
}

// ParseSource gives the source of a name as String has it; lower case works as well.
func ParseSource(name string) (Source, error) {
	switch name {
	case "Unspecified", "unspecified":
		return SourceUnspecified, nil
	case "Static", "static":
		return SourceStatic, nil
	case "DHCP", "dhcp":
		return SourceDHCP, nil
	case "BIOS", "bios":
		return SourceBIOS, nil
	case "Other", "other":
		return SourceOther, nil
	}
	return 0, fmt.Errorf("no address source %q: it is one of static, dhcp, bios, other or unspecified", name)
}

// HardwareAddr is a MAC address.
type HardwareAddr [6]byte

func (a HardwareAddr) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}

// ParseHardwareAddr reads parameters 5, 13 and 15.
func ParseHardwareAddr(b []byte) (HardwareAddr, error) {
	if err := ipmi.Short("MAC address", b, 6); err != nil {
		return HardwareAddr{}, err
	}
	return HardwareAddr(b[:6]), nil
}

// ParseAddr reads parameters 3, 12 and 14.
func ParseAddr(b []byte) (netip.Addr, error) {
	if err := ipmi.Short("IP address", b, 4); err != nil {
		return netip.Addr{}, err
	}
	return netip.AddrFrom4([4]byte(b[:4])), nil
}

// ParseMask reads parameter 6 as the length of a prefix.
func ParseMask(b []byte) (int, error) {
	if err := ipmi.Short("subnet mask", b, 4); err != nil {
		return 0, err
	}
	mask := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n := bits.LeadingZeros32(^mask)
	if mask<<n != 0 {
		return 0, fmt.Errorf("subnet mask %d.%d.%d.%d has holes", b[0], b[1], b[2], b[3])
	}
	return n, nil
}

// AppendMask adds parameter 6 to b, for a prefix of up to 32 bits.
func AppendMask(b []byte, prefix int) []byte {
	mask := ^uint32(0) << (32 - min(max(prefix, 0), 32))
	return append(b, byte(mask>>24), byte(mask>>16), byte(mask>>8), byte(mask))
}

// VLANTag is parameter 20.
type VLANTag struct {
	Enabled bool
	ID      uint16 // 0 to 4095
}

// ParseVLAN reads parameter 20.
func ParseVLAN(b []byte) (VLANTag, error) {
	if err := ipmi.Short("VLAN", b, 2); err != nil {
		return VLANTag{}, err
	}
	return VLANTag{b[1]&0x80 != 0, uint16(b[0]) | uint16(b[1]&0x0f)<<8}, nil
}

// Append adds parameter 20 to b.
func (v VLANTag) Append(b []byte) []byte {
	return append(b, byte(v.ID), byte(v.ID>>8)&0x0f|bit(v.Enabled, 0x80))
}

// Network is how a LAN channel lies on its network. What the BMC does not tell is zero.
type Network struct {
	Channel          uint8
	Address          netip.Prefix // with its own address, as 192.0.2.7/24
	Source           Source
	MAC              HardwareAddr
	Gateway          netip.Addr
	GatewayMAC       HardwareAddr
	BackupGateway    netip.Addr
	BackupGatewayMAC HardwareAddr
	VLAN             VLANTag
	VLANPriority     uint8 // 0 to 7
}

// GetNetwork reads how a channel lies on its network. Parameters that the BMC does not
// have are left out.
func GetNetwork(ctx context.Context, d ipmi.Doer, number uint8) (Network, error) {
	n := Network{Channel: number}
	var ip netip.Addr
	prefix := 32
	for _, x := range []struct {
		p     Param
		parse func(b []byte) error
	}{
		{Address, func(b []byte) (err error) { ip, err = ParseAddr(b); return err }},
		{SubnetMask, func(b []byte) (err error) { prefix, err = ParseMask(b); return err }},
		{AddressSource, func(b []byte) error {
			n.Source = Source(b[0] & 0x0f)
			return nil
		}},
		{MAC, func(b []byte) (err error) { n.MAC, err = ParseHardwareAddr(b); return err }},
		{Gateway, func(b []byte) (err error) { n.Gateway, err = ParseAddr(b); return err }},
		{GatewayMAC, func(b []byte) (err error) { n.GatewayMAC, err = ParseHardwareAddr(b); return err }},
		{BackupGateway, func(b []byte) (err error) { n.BackupGateway, err = ParseAddr(b); return err }},
		{BackupGatewayMAC, func(b []byte) (err error) { n.BackupGatewayMAC, err = ParseHardwareAddr(b); return err }},
		{VLAN, func(b []byte) (err error) { n.VLAN, err = ParseVLAN(b); return err }},
		{VLANPriority, func(b []byte) error {
			n.VLANPriority = b[0] & 0x07
			return nil
		}},
	} {
		b, err := Get(ctx, d, number, x.p, 0, 0)
		if missing(err) {
			continue
		}
		if err == nil {
			if err = ipmi.Short(x.p.String(), b, 1); err == nil {
				err = x.parse(b)
			}
		}
		if err != nil {
			return n, err
		}
	}
	if ip.IsValid() {
		n.Address = netip.PrefixFrom(ip, prefix)
	}
	return n, nil
}

// missing says whether a BMC has no such parameter.
func missing(err error) bool {
	return errors.Is(err, ipmi.Code(0x80)) || errors.Is(err, ipmi.CodeInvalidField) ||
		errors.Is(err, ipmi.CodeOutOfRange) || errors.Is(err, ipmi.CodeNotPresent)
}

// NetworkChange is what [SetNetwork] changes. What is zero or nil stays.
type NetworkChange struct {
	Source        *Source
	Address       netip.Prefix // IPv4
	Gateway       netip.Addr
	BackupGateway netip.Addr
	VLAN          *VLANTag
}

// SetNetwork changes how a channel lies on its network, as one change. An address alone also
// makes the source static, without which most BMCs refuse it. If the channel is the one
// that is talked over, the session may end by it; the error then is about an answer that did
// not come, and whether it worked shows under the new address.
func SetNetwork(ctx context.Context, d ipmi.Doer, number uint8, c NetworkChange) error {
	if c.Address.IsValid() && !c.Address.Addr().Is4() {
		return fmt.Errorf("set the address of channel %d: %v is not IPv4", number, c.Address)
	}
	if c.Source == nil && c.Address.IsValid() {
		static := SourceStatic
		c.Source = &static
	}
	return Change(ctx, d, number, func() error {
		var errs []error
		put := func(p Param, data ...byte) {
			if len(errs) == 0 {
				if err := Set(ctx, d, number, p, data...); err != nil {
					errs = append(errs, err)
				}
			}
		}
		if c.Source != nil {
			put(AddressSource, byte(*c.Source))
		}
		if c.Address.IsValid() {
			put(Address, c.Address.Addr().AsSlice()...)
			put(SubnetMask, AppendMask(nil, c.Address.Bits())...)
		}
		if c.Gateway.Is4() {
			put(Gateway, c.Gateway.AsSlice()...)
		}
		if c.BackupGateway.Is4() {
			put(BackupGateway, c.BackupGateway.AsSlice()...)
		}
		if c.VLAN != nil {
			put(VLAN, c.VLAN.Append(nil)...)
		}
		return errors.Join(errs...)
	})
}

// FindChannel gives the number of the channel to which network settings belong: the one in
// use where that is a LAN, else the first of 1 to 11 that is one and whose settings can
// be read.
func FindChannel(ctx context.Context, d ipmi.Doer) (uint8, error) {
	if i, err := channel.GetInfo(ctx, d, channel.Present); err == nil && i.Medium.IsLAN() {
		return i.Channel, nil
	} else if ctx.Err() != nil {
		return 0, err
	}
	for n := uint8(1); n <= 11; n++ {
		i, err := channel.GetInfo(ctx, d, n)
		if ctx.Err() != nil {
			return 0, err
		}
		if err != nil || !i.Medium.IsLAN() {
			continue
		}
		if _, err := Get(ctx, d, n, MAC, 0, 0); err == nil {
			return n, nil
		}
	}
	return 0, errors.New("no channel of the BMC is a LAN whose settings can be read")
}

// Statistics is the answer of Get IP/UDP/RMCP Statistics (section 23.4): packets since they
// were last cleared; each counter stays at 0xffff.
type Statistics struct {
	IPReceived, IPHeaderErrors, IPAddressErrors, IPFragments, IPSent uint16
	UDPReceived, RMCPValid, UDPProxyReceived, UDPProxyDropped        uint16
}

// ParseStatistics reads the answer. The counters of the proxy may be missing.
func ParseStatistics(b []byte) (Statistics, error) {
	if err := ipmi.Short("statistics", b, 14); err != nil {
		return Statistics{}, err
	}
	at := func(i int) uint16 {
		if 2*i+1 >= len(b) {
			return 0
		}
		return uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	return Statistics{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8)}, nil
}

// Append adds the answer to b.
func (s Statistics) Append(b []byte) []byte {
	for _, x := range [...]uint16{
		s.IPReceived, s.IPHeaderErrors, s.IPAddressErrors, s.IPFragments, s.IPSent,
		s.UDPReceived, s.RMCPValid, s.UDPProxyReceived, s.UDPProxyDropped,
	} {
		b = append(b, byte(x), byte(x>>8))
	}
	return b
}

// GetStatistics reads the counters of a channel, and sets them to 0 if clear is asked for.
func GetStatistics(ctx context.Context, d ipmi.Doer, number uint8, clear bool) (Statistics, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnTransport, Cmd: CmdStatistics, Data: []byte{number & 0x0f, bit(clear, 1)}, Once: clear}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the statistics of channel %d", number), r, ParseStatistics)
}
