package pef

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// The commands of this package, all of network function Sensor.
const (
	CmdCapabilities = 0x10
	CmdArm          = 0x11
	CmdSet          = 0x12
	CmdGet          = 0x13
	CmdSetLast      = 0x14
	CmdGetLast      = 0x15
	CmdAlert        = 0x16
	CmdAcknowledge  = 0x17
)

// Actions are what PEF can do.
type Actions uint8

// The bits of Actions.
const (
	Alert Actions = 1 << iota
	PowerDown
	Reset
	PowerCycle
	OEM
	DiagInterrupt
)

// Has says whether all of x is there.
func (a Actions) Has(x Actions) bool { return a&x == x }

// Capabilities is the answer of Get PEF Capabilities (section 30.1).
type Capabilities struct {
	Version uint8 // 0x51 is 1.5
	Actions Actions
	OEM     bool  // filters of makers' own events
	Filters uint8 // how many there are
}

// ParseCapabilities reads the answer.
func ParseCapabilities(b []byte) (Capabilities, error) {
	if err := ipmi.Short("PEF capabilities", b, 3); err != nil {
		return Capabilities{}, err
	}
	return Capabilities{b[0], Actions(b[1] & 0x3f), b[1]&0x80 != 0, b[2] & 0x7f}, nil
}

// Append adds the answer to b.
func (c Capabilities) Append(b []byte) []byte {
	return append(b, c.Version, byte(c.Actions)&0x3f|bit(c.OEM, 0x80), c.Filters&0x7f)
}

func bit(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}

func request(cmd uint8, data ...byte) ipmi.Request {
	return ipmi.Request{NetFn: ipmi.NetFnSensor, Cmd: cmd, Data: data}
}

// GetCapabilities asks what PEF can do.
func GetCapabilities(ctx context.Context, d ipmi.Doer) (Capabilities, error) {
	return ipmi.Ask(ctx, d, "read what PEF can do", request(CmdCapabilities), ParseCapabilities)
}

// Values of the postpone timer beside 1 to 0xfd seconds.
const (
	ArmDisable  = 0x00 // no postponing
	ArmPostpone = 0xfe // until it is armed or the BMC starts
	ArmQuery    = 0xff // only asks
)

// Arm sets for how many seconds PEF is postponed (section 30.2), and gives what is left.
func Arm(ctx context.Context, d ipmi.Doer, seconds uint8) (uint8, error) {
	parse := func(b []byte) (uint8, error) {
		if err := ipmi.Short("PEF timer", b, 1); err != nil {
			return 0, err
		}
		return b[0], nil
	}
	return ipmi.Ask(ctx, d, "set the PEF timer", request(CmdArm, seconds), parse)
}

// Param is a PEF configuration parameter (table 30-6).
type Param uint8

// The parameters.
const (
	SetInProgress  Param = 0
	Control        Param = 1 // see [ControlBits]
	GlobalActions  Param = 2 // see [Actions]
	StartupDelay   Param = 3 // seconds
	AlertDelay     Param = 4 // seconds
	FilterCount    Param = 5 // read only
	FilterTable    Param = 6
	FilterData1    Param = 7 // the first byte of a filter, to enable it
	PolicyCount    Param = 8 // read only
	PolicyTable    Param = 9
	SystemGUID     Param = 10
	StringCount    Param = 11 // read only
	StringKeys     Param = 12
	Strings        Param = 13 // blocks of 16 bytes
	GroupCount     Param = 14 // read only
	GroupControl   Param = 15
	parameterNames       = 16
)

func (p Param) String() string {
	names := [parameterNames]string{
		"set in progress", "control", "global actions", "startup delay", "alert startup delay", "number of filters",
		"filter", "filter enable", "number of alert policies", "alert policy", "system GUID", "number of alert strings",
		"alert string key", "alert string", "number of group controls", "group control",
	}
	if p < parameterNames {
		return names[p]
	}
	return fmt.Sprintf("parameter %d", uint8(p))
}

// ControlBits is parameter 1.
type ControlBits uint8

// The bits of ControlBits.
const (
	EnablePEF          ControlBits = 1 << iota
	EnableEventMessage             // events are logged for PEF's actions
	EnableStartupDelay
	EnableAlertDelay
)

// Query is the request of Get PEF Configuration Parameters (section 30.4).
type Query struct {
	Param        Param
	Set, Block   uint8
	RevisionOnly bool
}

// ParseQuery reads the request. Set and block may be missing.
func ParseQuery(b []byte) (Query, error) {
	if err := ipmi.Short("PEF query", b, 1); err != nil {
		return Query{}, err
	}
	q := Query{Param: Param(b[0] & 0x7f), RevisionOnly: b[0]&0x80 != 0}
	if len(b) > 1 {
		q.Set = b[1]
	}
	if len(b) > 2 {
		q.Block = b[2]
	}
	return q, nil
}

// Append adds the request to b.
func (q Query) Append(b []byte) []byte {
	return append(b, byte(q.Param)&0x7f|bit(q.RevisionOnly, 0x80), q.Set, q.Block)
}

// Answer is the answer of Get PEF Configuration Parameters.
type Answer struct {
	Revision uint8 // 0x11
	Data     []byte
}

// ParseAnswer reads the answer.
func ParseAnswer(b []byte) (Answer, error) {
	if err := ipmi.Short("PEF setting", b, 1); err != nil {
		return Answer{}, err
	}
	return Answer{b[0], append([]byte(nil), b[1:]...)}, nil
}

// Append adds the answer to b.
func (a Answer) Append(b []byte) []byte { return append(append(b, a.Revision), a.Data...) }

// Setting is the request of Set PEF Configuration Parameters (section 30.3).
type Setting struct {
	Param Param
	Data  []byte
}

// ParseSetting reads the request.
func ParseSetting(b []byte) (Setting, error) {
	if err := ipmi.Short("PEF setting", b, 1); err != nil {
		return Setting{}, err
	}
	return Setting{Param(b[0] & 0x7f), append([]byte(nil), b[1:]...)}, nil
}

// Append adds the request to b.
func (s Setting) Append(b []byte) []byte { return append(append(b, byte(s.Param)&0x7f), s.Data...) }

// Get reads the bytes of a parameter.
func Get(ctx context.Context, d ipmi.Doer, p Param, set, block uint8) ([]byte, error) {
	r := request(CmdGet, Query{Param: p, Set: set, Block: block}.Append(nil)...)
	a, err := ipmi.Ask(ctx, d, "read the PEF setting: "+p.String(), r, ParseAnswer)
	return a.Data, err
}

// GetByte reads a parameter of one byte.
func GetByte(ctx context.Context, d ipmi.Doer, p Param) (uint8, error) {
	b, err := Get(ctx, d, p, 0, 0)
	if err == nil {
		err = ipmi.Short(p.String(), b, 1)
	}
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// Set writes the bytes of a parameter. Several that belong together are written within [Change].
func Set(ctx context.Context, d ipmi.Doer, p Param, data ...byte) error {
	return ipmi.Tell(ctx, d, "change the PEF setting: "+p.String(), request(CmdSet, Setting{p, data}.Append(nil)...))
}

// Change runs f while PEF's settings are marked as being changed.
func Change(ctx context.Context, d ipmi.Doer, f func() error) error {
	return ipmi.Change(ctx, func(ctx context.Context, state uint8) error {
		return Set(ctx, d, SetInProgress, state)
	}, f)
}

// LastEvents is the answer of Get Last Processed Event ID (section 30.6).
type LastEvents struct {
	LastAdded  uint32 // seconds since 1970, when the log last got a record
	LastRecord uint16
	BySoftware uint16 // the last record that software has handled
	ByBMC      uint16 // the last that the BMC has
}

// ParseLastEvents reads the answer.
func ParseLastEvents(b []byte) (LastEvents, error) {
	if err := ipmi.Short("last event ids", b, 10); err != nil {
		return LastEvents{}, err
	}
	u16 := func(i int) uint16 { return uint16(b[i]) | uint16(b[i+1])<<8 }
	return LastEvents{uint32(u16(0)) | uint32(u16(2))<<16, u16(4), u16(6), u16(8)}, nil
}

// Append adds the answer to b.
func (l LastEvents) Append(b []byte) []byte {
	b = append(b, byte(l.LastAdded), byte(l.LastAdded>>8), byte(l.LastAdded>>16), byte(l.LastAdded>>24))
	for _, x := range [...]uint16{l.LastRecord, l.BySoftware, l.ByBMC} {
		b = append(b, byte(x), byte(x>>8))
	}
	return b
}

// GetLastEvents asks which records of the log were handled.
func GetLastEvents(ctx context.Context, d ipmi.Doer) (LastEvents, error) {
	return ipmi.Ask(ctx, d, "read the last event ids", request(CmdGetLast), ParseLastEvents)
}

// SetLastEvent says which record of the log was handled last (section 30.5), by the BMC
// itself or by software.
func SetLastEvent(ctx context.Context, d ipmi.Doer, record uint16, byBMC bool) error {
	return ipmi.Tell(ctx, d, "set the last event id", request(CmdSetLast, bit(byBMC, 1), byte(record), byte(record>>8)))
}
