package mc

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// The commands of this package, all of network function App, but for those whose comment
// says another.
const (
	CmdDeviceID         = 0x01
	CmdColdReset        = 0x02
	CmdWarmReset        = 0x03
	CmdSelfTest         = 0x04
	CmdManufacturing    = 0x05
	CmdSetACPI          = 0x06
	CmdGetACPI          = 0x07
	CmdDeviceGUID       = 0x08
	CmdNetFnSupport     = 0x09
	CmdCommandSupport   = 0x0a
	CmdSubFnSupport     = 0x0b
	CmdConfigurable     = 0x0c
	CmdCommandEnables   = 0x61
	CmdWatchdogReset    = 0x22
	CmdWatchdogSet      = 0x24
	CmdWatchdogGet      = 0x25
	CmdSetEnables       = 0x2e
	CmdGetEnables       = 0x2f
	CmdClearFlags       = 0x30
	CmdGetFlags         = 0x31
	CmdSystemGUID       = 0x37
	CmdMasterWriteRead  = 0x52
	CmdSetSystemInfo    = 0x58
	CmdGetSystemInfo    = 0x59
	CmdSetCommandEnable = 0x60
)

// DeviceID is the answer of Get Device ID (section 20.1): what a controller is.
type DeviceID struct {
	ID        uint8 // of its kind, as the maker numbers them
	Revision  uint8 // of the device, 0 to 15
	DeviceSDR bool  // it has device SDRs
	Updating  bool  // firmware or SDRs are being updated, or it is not up yet
	Major     uint8 // of the firmware, 0 to 127
	Minor     uint8 // of the firmware, as BCD: 0x25 is .25
	Version   uint8 // of IPMI, BCD with the digits swapped: 0x51 is 1.5, 0x02 is 2.0
	Support   Support
	Maker     uint32 // the IANA enterprise number of the manufacturer, 20 bits
	Product   uint16
	Aux       [4]byte // more of the firmware's version, by the maker's rules
	HasAux    bool    // Aux was there
}

// Support says what else a controller can do.
type Support uint8

// The bits of Support.
const (
	SupportSensor Support = 1 << iota
	SupportSDRRepository
	SupportSEL
	SupportFRU
	SupportEventReceiver
	SupportEventGenerator
	SupportBridge
	SupportChassis
)

// Has says whether all of x is supported.
func (s Support) Has(x Support) bool { return s&x == x }

// ParseDeviceID reads the answer of Get Device ID. It should have 11 or 15 bytes; some
// controllers send 12 to 14, of which the first 11 are taken.
func ParseDeviceID(b []byte) (DeviceID, error) {
	if err := ipmi.Short("device id", b, 11); err != nil {
		return DeviceID{}, err
	}
	d := DeviceID{
		ID:        b[0],
		Revision:  b[1] & 0x0f,
		DeviceSDR: b[1]&0x80 != 0,
		Updating:  b[2]&0x80 != 0,
		Major:     b[2] & 0x7f,
		Minor:     b[3],
		Version:   b[4],
		Support:   Support(b[5]),
		Maker:     uint32(b[6]) | uint32(b[7])<<8 | uint32(b[8]&0x0f)<<16,
		Product:   uint16(b[9]) | uint16(b[10])<<8,
	}
	if len(b) >= 15 {
		d.HasAux = true
		copy(d.Aux[:], b[11:])
	}
	return d, nil
}

// Append adds the answer to b.
func (d DeviceID) Append(b []byte) []byte {
	rev, major := d.Revision&0x0f, d.Major&0x7f
	if d.DeviceSDR {
		rev |= 0x80
	}
	if d.Updating {
		major |= 0x80
	}
	b = append(b, d.ID, rev, major, d.Minor, d.Version, byte(d.Support),
		byte(d.Maker), byte(d.Maker>>8), byte(d.Maker>>16)&0x0f, byte(d.Product), byte(d.Product>>8))
	if d.HasAux {
		b = append(b, d.Aux[:]...)
	}
	return b
}

// Firmware gives the version of the firmware, such as "2.25". A minor version that is not
// BCD, which some makers send, is shown in hexadecimal.
func (d DeviceID) Firmware() string { return fmt.Sprintf("%d.%02x", d.Major, d.Minor) }

// IPMI gives the version of IPMI, such as "2.0".
func (d DeviceID) IPMI() string { return fmt.Sprintf("%d.%d", d.Version&0x0f, d.Version>>4) }

// GetDeviceID asks a controller what it is.
func GetDeviceID(ctx context.Context, d ipmi.Doer) (DeviceID, error) {
	return ipmi.Ask(ctx, d, "read the device id", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdDeviceID}, ParseDeviceID)
}

// SelfTest is the answer of Get Self Test Results (section 20.4).
type SelfTest struct {
	Result SelfTestResult
	// Detail depends on Result: for SelfTestCorrupt the bits of SelfTestDetail, else the
	// maker's own.
	Detail uint8
}

// SelfTestResult is the verdict of a self test.
type SelfTestResult uint8

// The verdicts. Others are a maker's own failures.
const (
	SelfTestPassed      SelfTestResult = 0x55
	SelfTestNotDone     SelfTestResult = 0x56 // this controller has none
	SelfTestCorrupt     SelfTestResult = 0x57 // data or devices cannot be reached
	SelfTestFatal       SelfTestResult = 0x58
	SelfTestReservedAll SelfTestResult = 0xff
)

// String words the verdict.
func (r SelfTestResult) String() string {
	switch r {
	case SelfTestPassed:
		return "passed"
	case SelfTestNotDone:
		return "not implemented"
	case SelfTestCorrupt:
		return "corrupted or inaccessible data or devices"
	case SelfTestFatal:
		return "fatal hardware error"
	}
	return fmt.Sprintf("failure %02x of its maker", uint8(r))
}

// Faults names what is wrong when the verdict is SelfTestCorrupt, the worst last.
func (t SelfTest) Faults() []string {
	if t.Result != SelfTestCorrupt {
		return nil
	}
	names := [8]string{
		"operational firmware corrupted",
		"boot block firmware corrupted",
		"internal use area of the FRU corrupted",
		"SDR repository empty",
		"IPMB does not answer",
		"FRU device cannot be reached",
		"SDR repository cannot be reached",
		"SEL device cannot be reached",
	}
	var faults []string
	for i, name := range names {
		if t.Detail&(1<<i) != 0 {
			faults = append(faults, name)
		}
	}
	return faults
}

// ParseSelfTest reads the answer of Get Self Test Results.
func ParseSelfTest(b []byte) (SelfTest, error) {
	if err := ipmi.Short("self test", b, 2); err != nil {
		return SelfTest{}, err
	}
	return SelfTest{Result: SelfTestResult(b[0]), Detail: b[1]}, nil
}

// Append adds the answer to b.
func (t SelfTest) Append(b []byte) []byte { return append(b, byte(t.Result), t.Detail) }

// GetSelfTest asks for the result of the controller's self test.
func GetSelfTest(ctx context.Context, d ipmi.Doer) (SelfTest, error) {
	return ipmi.Ask(ctx, d, "read the self test", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSelfTest}, ParseSelfTest)
}

// ColdReset starts the controller anew (section 20.2). The session ends by it, and often
// before the answer came: then the error is an [*ipmi.UnsureError].
func ColdReset(ctx context.Context, d ipmi.Doer) error {
	return ipmi.Tell(ctx, d, "reset the controller", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdColdReset, Once: true})
}

// WarmReset starts the controller anew but keeps its settings and, where it can, its
// sessions (section 20.3).
func WarmReset(ctx context.Context, d ipmi.Doer) error {
	return ipmi.Tell(ctx, d, "warm-reset the controller", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdWarmReset, Once: true})
}
