package lan

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"time"

	"millwright.dev/millwright/ipmi"
)

// DestType is how a destination is told: parameter 18.
type DestType struct {
	Index   uint8 // 0 is a volatile destination for tests, 1 to 15 are kept
	Ack     bool  // it must acknowledge, else the alert is sent again
	Type    uint8 // 0 is PET, 6 and 7 are makers' own
	Timeout time.Duration
	Retries uint8 // 0 to 7
}

// ParseDestType reads parameter 18.
func ParseDestType(b []byte) (DestType, error) {
	if err := ipmi.Short("destination type", b, 4); err != nil {
		return DestType{}, err
	}
	return DestType{b[0] & 0x0f, b[1]&0x80 != 0, b[1] & 0x07, time.Duration(b[2]) * time.Second, b[3] & 0x07}, nil
}

// Append adds parameter 18 to b. The timeout is in whole seconds of up to 255.
func (t DestType) Append(b []byte) []byte {
	return append(b, t.Index&0x0f, bit(t.Ack, 0x80)|t.Type&0x07, byte(min(max(t.Timeout/time.Second, 0), 255)), t.Retries&0x07)
}

// DestAddress is where a destination is: parameter 19.
type DestAddress struct {
	Index  uint8
	Backup bool // by the backup gateway
	Addr   netip.Addr
	MAC    HardwareAddr // only with IPv4; 0 has the BMC find it out
}

// ParseDestAddress reads parameter 19.
func ParseDestAddress(b []byte) (DestAddress, error) {
	if err := ipmi.Short("destination address", b, 2); err != nil {
		return DestAddress{}, err
	}
	a := DestAddress{Index: b[0] & 0x0f}
	switch b[1] >> 4 {
	case 0:
		if err := ipmi.Short("destination address", b, 13); err != nil {
			return DestAddress{}, err
		}
		a.Backup, a.Addr, a.MAC = b[2]&1 != 0, netip.AddrFrom4([4]byte(b[3:7])), HardwareAddr(b[7:13])
	case 1:
		if err := ipmi.Short("destination address", b, 18); err != nil {
			return DestAddress{}, err
		}
		a.Addr = netip.AddrFrom16([16]byte(b[2:18]))
	default:
		return DestAddress{}, fmt.Errorf("destination address has the unknown format %d", b[1]>>4)
	}
	return a, nil
}

// Append adds parameter 19 to b.
func (a DestAddress) Append(b []byte) []byte {
	if a.Addr.Is6() && !a.Addr.Is4In6() {
		return append(append(b, a.Index&0x0f, 0x10), a.Addr.AsSlice()...)
	}
	var ip [4]byte
	if v4 := a.Addr.Unmap(); v4.Is4() {
		ip = v4.As4()
	}
	b = append(append(b, a.Index&0x0f, 0, bit(a.Backup, 1)), ip[:]...)
	return append(b, a.MAC[:]...)
}

// Destination is one who is told of events.
type Destination struct {
	DestType
	Address DestAddress
}

// CountDestinations gives how many destinations a channel can hold beside the one for tests.
func CountDestinations(ctx context.Context, d ipmi.Doer, number uint8) (uint8, error) {
	b, err := Get(ctx, d, number, DestinationCount, 0, 0)
	if err == nil {
		err = ipmi.Short("number of destinations", b, 1)
	}
	if err != nil {
		return 0, err
	}
	return b[0] & 0x0f, nil
}

// GetDestination reads a destination, 0 to 15.
func GetDestination(ctx context.Context, d ipmi.Doer, number, index uint8) (Destination, error) {
	t, err := Get(ctx, d, number, DestinationType, index, 0)
	if err != nil {
		return Destination{}, err
	}
	a, err := Get(ctx, d, number, DestinationAddress, index, 0)
	if err != nil {
		return Destination{}, err
	}
	var dest Destination
	if dest.DestType, err = ParseDestType(t); err != nil {
		return Destination{}, err
	}
	dest.Address, err = ParseDestAddress(a)
	return dest, err
}

// SetDestination writes a destination. For alerts to go there PEF needs a policy too, see
// package pef.
func SetDestination(ctx context.Context, d ipmi.Doer, number uint8, dest Destination) error {
	dest.Address.Index = dest.Index
	return Change(ctx, d, number, func() error {
		if err := Set(ctx, d, number, DestinationAddress, dest.Address.Append(nil)...); err != nil {
			return err
		}
		return Set(ctx, d, number, DestinationType, dest.DestType.Append(nil)...)
	})
}

// ClearDestination takes a destination's address away, so that nothing is sent there.
func ClearDestination(ctx context.Context, d ipmi.Doer, number, index uint8) error {
	return SetDestination(ctx, d, number, Destination{
		DestType: DestType{Index: index},
		Address:  DestAddress{Addr: netip.IPv4Unspecified()},
	})
}

// communitySize is the size of parameter 16, in bytes.
const communitySize = 18

// GetCommunity reads the community that alerts carry.
func GetCommunity(ctx context.Context, d ipmi.Doer, number uint8) (string, error) {
	b, err := Get(ctx, d, number, Community, 0, 0)
	if err != nil {
		return "", err
	}
	b, _, _ = bytes.Cut(b[:min(len(b), communitySize)], []byte{0})
	return string(b), nil
}

// SetCommunity sets the community that alerts carry, up to 18 bytes.
func SetCommunity(ctx context.Context, d ipmi.Doer, number uint8, community string) error {
	if len(community) > communitySize {
		return fmt.Errorf("set the community: it has %d bytes, more than %d", len(community), communitySize)
	}
	var field [communitySize]byte
	copy(field[:], community)
	return Set(ctx, d, number, Community, field[:]...)
}
