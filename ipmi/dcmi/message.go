package dcmi

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// Group is the first byte of each request and answer (section 6).
const Group = 0xdc

// The commands, all of network function Group.
const (
	CmdCapabilities  = 0x01
	CmdPowerReading  = 0x02
	CmdGetPowerLimit = 0x03
	CmdSetPowerLimit = 0x04
	CmdActivateLimit = 0x05
	CmdGetAssetTag   = 0x06
	CmdSensorInfo    = 0x07
	CmdSetAssetTag   = 0x08
	CmdGetID         = 0x09
	CmdSetID         = 0x0a
	CmdSetThermal    = 0x0b
	CmdGetThermal    = 0x0c
	CmdTemperatures  = 0x10
	CmdSetConfig     = 0x12
	CmdGetConfig     = 0x13
)

func request(cmd uint8, data []byte) ipmi.Request {
	return ipmi.Request{NetFn: ipmi.NetFnGroup, Cmd: cmd, Data: data}
}

// body checks the group of a message and gives what is after it.
func body(what string, b []byte, need int) ([]byte, error) {
	if err := ipmi.Short(what, b, 1+need); err != nil {
		return nil, err
	}
	if b[0] != Group {
		return nil, fmt.Errorf("%s of the group %02x, not %02x", what, b[0], Group)
	}
	return b[1:], nil
}

func u16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }
func u32(b []byte) uint32 { return uint32(u16(b)) | uint32(u16(b[2:]))<<16 }

func append16(b []byte, x uint16) []byte { return append(b, byte(x), byte(x>>8)) }
func append32(b []byte, x uint32) []byte {
	return append(b, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
}

// Capability is a parameter of Get DCMI Capabilities Info (section 6.1.1).
type Capability uint8

// The parameters.
const (
	Supported           Capability = 1
	MandatoryAttributes Capability = 2
	OptionalAttributes  Capability = 3
	AccessAttributes    Capability = 4
	PowerStatistics     Capability = 5
)

// CapabilityAnswer is the answer of Get DCMI Capabilities Info.
type CapabilityAnswer struct {
	Major, Minor uint8 // of DCMI
	Revision     uint8 // of the parameter
	Data         []byte
}

// ParseCapabilityQuery reads the request.
func ParseCapabilityQuery(b []byte) (Capability, error) {
	b, err := body("DCMI capabilities query", b, 1)
	if err != nil {
		return 0, err
	}
	return Capability(b[0]), nil
}

// AppendQuery adds the request to b.
func (c Capability) AppendQuery(b []byte) []byte { return append(b, Group, byte(c)) }

// ParseCapabilityAnswer reads the answer.
func ParseCapabilityAnswer(b []byte) (CapabilityAnswer, error) {
	b, err := body("DCMI capabilities", b, 3)
	if err != nil {
		return CapabilityAnswer{}, err
	}
	return CapabilityAnswer{b[0], b[1], b[2], append([]byte(nil), b[3:]...)}, nil
}

// Append adds the answer to b.
func (a CapabilityAnswer) Append(b []byte) []byte {
	return append(append(b, Group, a.Major, a.Minor, a.Revision), a.Data...)
}

// Capabilities is all that a controller tells of what it can do.
type Capabilities struct {
	Major, Minor uint8
	Power        bool // power readings and limits
	InBand       bool
	Serial       bool // serial line in terminal mode
	SecondaryLAN bool

	SELEntries     uint16
	SELRollover    bool          // old entries are overwritten
	TempSampling   uint8         // seconds
	PowerAddress   uint8         // of the controller that knows about power; 0x20 is the BMC
	PowerChannel   uint8         // and its channel
	PowerRevision  uint8         // and its revision
	PrimaryChannel uint8         // of the LAN; 0xff for none
	SecondChannel  uint8         // of the second LAN; 0xff for none
	SerialChannel  uint8         // 0xff for none
	Periods        []Period      // for which averages are kept
	_              [0]func(bool) // not to be compared: it may grow
}

// Period is a span over which power is averaged: a number of units.
type Period uint8

func (p Period) String() string {
	return fmt.Sprintf("%d%c", uint8(p)&0x3f, "smhd"[p>>6])
}

func parseSupported(c *Capabilities, b []byte) error {
	if err := ipmi.Short("DCMI capabilities", b, 3); err != nil {
		return err
	}
	c.Power = b[1]&1 != 0
	c.InBand, c.Serial, c.SecondaryLAN = b[2]&1 != 0, b[2]&2 != 0, b[2]&4 != 0
	return nil
}

func parseMandatory(c *Capabilities, b []byte) error {
	if err := ipmi.Short("DCMI mandatory attributes", b, 5); err != nil {
		return err
	}
	c.SELEntries, c.SELRollover, c.TempSampling = u16(b)&0x0fff, b[1]&0x80 != 0, b[4]
	return nil
}

func parseOptional(c *Capabilities, b []byte) error {
	if err := ipmi.Short("DCMI optional attributes", b, 2); err != nil {
		return err
	}
	c.PowerAddress, c.PowerChannel, c.PowerRevision = b[0], b[1]>>4, b[1]&0x0f
	return nil
}

func parseAccess(c *Capabilities, b []byte) error {
	if err := ipmi.Short("DCMI access attributes", b, 3); err != nil {
		return err
	}
	c.PrimaryChannel, c.SecondChannel, c.SerialChannel = b[0], b[1], b[2]
	return nil
}

func parsePeriods(c *Capabilities, b []byte) error {
	if err := ipmi.Short("DCMI power statistics", b, 1); err != nil {
		return err
	}
	for _, p := range b[1:min(len(b), 1+int(b[0]))] {
		c.Periods = append(c.Periods, Period(p))
	}
	return nil
}

// GetCapabilities asks what a controller can do. It fails with code C1 where there is no
// DCMI. Parameters other than the first that the controller refuses are left out.
func GetCapabilities(ctx context.Context, d ipmi.Doer) (Capabilities, error) {
	var c Capabilities
	for p, parse := range [...]func(*Capabilities, []byte) error{
		Supported: parseSupported, MandatoryAttributes: parseMandatory, OptionalAttributes: parseOptional,
		AccessAttributes: parseAccess, PowerStatistics: parsePeriods,
	} {
		if parse == nil {
			continue
		}
		a, err := ipmi.Ask(ctx, d, "read the DCMI capabilities", request(CmdCapabilities, Capability(p).AppendQuery(nil)), ParseCapabilityAnswer)
		if Capability(p) != Supported && refused(err) {
			continue
		}
		if err != nil {
			return c, err
		}
		c.Major, c.Minor = a.Major, a.Minor
		if err := parse(&c, a.Data); err != nil {
			return c, err
		}
	}
	return c, nil
}
