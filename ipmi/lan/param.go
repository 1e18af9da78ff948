package lan

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// The commands of this package, all of network function Transport.
const (
	CmdSet         = 0x01
	CmdGet         = 0x02
	CmdSuspendARPs = 0x03
	CmdStatistics  = 0x04
	CmdSetSOL      = 0x21
	CmdGetSOL      = 0x22
)

// Param is a parameter of a LAN channel (table 23-4).
type Param uint8

// The parameters.
const (
	SetInProgress      Param = 0
	AuthSupport        Param = 1 // read only, channel.AuthTypes
	AuthEnables        Param = 2 // 5 bytes, for callback to OEM
	Address            Param = 3
	AddressSource      Param = 4
	MAC                Param = 5
	SubnetMask         Param = 6
	HeaderParams       Param = 7
	PrimaryPort        Param = 8
	SecondaryPort      Param = 9
	ARPControl         Param = 10
	ARPInterval        Param = 11 // of gratuitous ARPs, in steps of 500 ms
	Gateway            Param = 12
	GatewayMAC         Param = 13
	BackupGateway      Param = 14
	BackupGatewayMAC   Param = 15
	Community          Param = 16 // 18 bytes
	DestinationCount   Param = 17
	DestinationType    Param = 18
	DestinationAddress Param = 19
	VLAN               Param = 20
	VLANPriority       Param = 21
	SuiteCount         Param = 22 // read only
	SuiteList          Param = 23 // read only
	SuitePrivileges    Param = 24
	DestinationVLAN    Param = 25
	BadPassword        Param = 26
	IPv6Support        Param = 50
	IPv6Enables        Param = 51
	IPv6TrafficClass   Param = 52
	IPv6HopLimit       Param = 53
	IPv6FlowLabel      Param = 54
	IPv6Status         Param = 55
	IPv6Static         Param = 56
	IPv6StaticDUIDLen  Param = 57
	IPv6StaticDUID     Param = 58
	IPv6Dynamic        Param = 59
	IPv6DynamicDUIDLen Param = 60
	IPv6DynamicDUID    Param = 61
	IPv6RouterControl  Param = 64
	IPv6StaticRouter   Param = 65
)

func (p Param) String() string {
	names := [...]string{
		"set in progress", "authentication support", "authentication enables", "IP address", "IP address source",
		"MAC address", "subnet mask", "IPv4 header", "primary RMCP port", "secondary RMCP port", "ARP control",
		"ARP interval", "default gateway", "default gateway's MAC address", "backup gateway",
		"backup gateway's MAC address", "community", "number of destinations", "destination type",
		"destination address", "VLAN", "VLAN priority", "number of cipher suites", "cipher suites",
		"cipher suite privileges", "destination VLAN", "bad password threshold",
	}
	if int(p) < len(names) {
		return names[p]
	}
	return fmt.Sprintf("parameter %d", uint8(p))
}

// Query is the request of Get LAN Configuration Parameters (section 23.2), and of its
// like for the serial console.
type Query struct {
	Channel      uint8
	Param        uint8
	Set, Block   uint8
	RevisionOnly bool
}

// ParseQuery reads the request. Set and block may be missing.
func ParseQuery(b []byte) (Query, error) {
	if err := ipmi.Short("parameter query", b, 2); err != nil {
		return Query{}, err
	}
	q := Query{Channel: b[0] & 0x0f, RevisionOnly: b[0]&0x80 != 0, Param: b[1]}
	if len(b) > 2 {
		q.Set = b[2]
	}
	if len(b) > 3 {
		q.Block = b[3]
	}
	return q, nil
}

// Append adds the request to b.
func (q Query) Append(b []byte) []byte {
	return append(b, q.Channel&0x0f|bit(q.RevisionOnly, 0x80), q.Param, q.Set, q.Block)
}

// Answer is the answer of Get LAN Configuration Parameters, and of its like for the
// serial console.
type Answer struct {
	Revision uint8 // 0x11
	Data     []byte
}

// ParseAnswer reads the answer.
func ParseAnswer(b []byte) (Answer, error) {
	if err := ipmi.Short("parameter", b, 1); err != nil {
		return Answer{}, err
	}
	return Answer{b[0], append([]byte(nil), b[1:]...)}, nil
}

// Append adds the answer to b.
func (a Answer) Append(b []byte) []byte { return append(append(b, a.Revision), a.Data...) }

// Setting is the request of Set LAN Configuration Parameters (section 23.1), and of its
// like for the serial console.
type Setting struct {
	Channel uint8
	Param   uint8
	Data    []byte
}

// ParseSetting reads the request.
func ParseSetting(b []byte) (Setting, error) {
	if err := ipmi.Short("parameter setting", b, 2); err != nil {
		return Setting{}, err
	}
	return Setting{b[0] & 0x0f, b[1], append([]byte(nil), b[2:]...)}, nil
}

// Append adds the request to b.
func (s Setting) Append(b []byte) []byte {
	return append(append(b, s.Channel&0x0f, s.Param), s.Data...)
}

// Get reads the bytes of a parameter; set and block are 0 but for parameters that have
// several. A parameter that the BMC does not have is code 80.
func Get(ctx context.Context, d ipmi.Doer, number uint8, p Param, set, block uint8) ([]byte, error) {
	return get(ctx, d, CmdGet, "LAN", p, Query{Channel: number, Param: uint8(p), Set: set, Block: block})
}

func get(ctx context.Context, d ipmi.Doer, cmd uint8, of string, p fmt.Stringer, q Query) ([]byte, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnTransport, Cmd: cmd, Data: q.Append(nil)}
	a, err := ipmi.Ask(ctx, d, fmt.Sprintf("read the %s setting of channel %d: %v", of, q.Channel, p), r, ParseAnswer)
	return a.Data, err
}

// Set writes the bytes of a parameter. Several that belong together are written within [Change].
func Set(ctx context.Context, d ipmi.Doer, number uint8, p Param, data ...byte) error {
	return set(ctx, d, CmdSet, "LAN", p, Setting{number, uint8(p), data})
}

func set(ctx context.Context, d ipmi.Doer, cmd uint8, of string, p fmt.Stringer, s Setting) error {
	return ipmi.Tell(ctx, d, fmt.Sprintf("change the %s setting of channel %d: %v", of, s.Channel, p),
		ipmi.Request{NetFn: ipmi.NetFnTransport, Cmd: cmd, Data: s.Append(nil)})
}

// Change runs f while the channel's settings are marked as being changed.
func Change(ctx context.Context, d ipmi.Doer, number uint8, f func() error) error {
	return ipmi.Change(ctx, func(ctx context.Context, state uint8) error {
		return Set(ctx, d, number, SetInProgress, state)
	}, f)
}

func bit(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}
