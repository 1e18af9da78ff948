package pef

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// Filter is an entry of the filter table (table 17-2): an event to act on.
type Filter struct {
	Index      uint8 // 1 to 127
	Enabled    bool
	Fixed      uint8 // 0 by software, 2 by the maker: only Enabled can be changed
	Actions    Actions
	Policy     uint8 // the alert policy, 0 to 15
	Group      uint8 // group control, 0 to 7
	Severity   uint8 // 0 unspecified, 1 monitor, 2 information, 4 ok, 8 non-critical, 16 critical, 32 non-recoverable
	Generator  [2]byte
	SensorType uint8 // 0xff any
	Sensor     uint8 // 0xff any
	EventType  uint8 // 0xff any
	Offsets    uint16
	Data       [3]FilterData
}

// FilterData matches one of an event's three data bytes (section 17.8).
type FilterData struct{ AndMask, Compare1, Compare2 uint8 }

// ParseFilter reads parameter 6, 21 bytes.
func ParseFilter(b []byte) (Filter, error) {
	if err := ipmi.Short("PEF filter", b, 21); err != nil {
		return Filter{}, err
	}
	f := Filter{
		Index: b[0] & 0x7f, Enabled: b[1]&0x80 != 0, Fixed: b[1] >> 5 & 3, Actions: Actions(b[2] & 0x3f),
		Policy: b[3] & 0x0f, Group: b[3] >> 4 & 0x07, Severity: b[4], Generator: [2]byte(b[5:7]),
		SensorType: b[7], Sensor: b[8], EventType: b[9], Offsets: uint16(b[10]) | uint16(b[11])<<8,
	}
	for i := range f.Data {
		f.Data[i] = FilterData{b[12+3*i], b[13+3*i], b[14+3*i]}
	}
	return f, nil
}

// Append adds parameter 6 to b.
func (f Filter) Append(b []byte) []byte {
	b = append(b, f.Index&0x7f, bit(f.Enabled, 0x80)|f.Fixed&3<<5, byte(f.Actions)&0x3f, f.Policy&0x0f|f.Group&0x07<<4,
		f.Severity, f.Generator[0], f.Generator[1], f.SensorType, f.Sensor, f.EventType, byte(f.Offsets), byte(f.Offsets>>8))
	for _, x := range f.Data {
		b = append(b, x.AndMask, x.Compare1, x.Compare2)
	}
	return b
}

// Policy is an entry of the alert policy table (table 17-4): whom to tell.
type Policy struct {
	Index       uint8 // 1 to 127
	Number      uint8 // the policy it belongs to, 1 to 15; entries of one number are tried in order
	Enabled     bool
	Next        Next
	Channel     uint8
	Destination uint8
	ByEvent     bool  // the string is chosen by the filter as well
	String      uint8 // 0 for none that is kept
}

// Next says when an entry of a policy is used.
type Next uint8

// The values of Next.
const (
	AlertAlways      Next = 0
	AlertIfFailed    Next = 1 // if the last entry's alert failed, go on
	AlertElseStop    Next = 2
	AlertOtherChan   Next = 3 // skip entries of this channel
	AlertOtherMedium Next = 4
)

// ParsePolicy reads parameter 9, 4 bytes.
func ParsePolicy(b []byte) (Policy, error) {
	if err := ipmi.Short("alert policy", b, 4); err != nil {
		return Policy{}, err
	}
	return Policy{
		Index: b[0] & 0x7f, Number: b[1] >> 4, Enabled: b[1]&0x08 != 0, Next: Next(b[1] & 0x07),
		Channel: b[2] >> 4, Destination: b[2] & 0x0f, ByEvent: b[3]&0x80 != 0, String: b[3] & 0x7f,
	}, nil
}

// Append adds parameter 9 to b.
func (p Policy) Append(b []byte) []byte {
	return append(b, p.Index&0x7f, p.Number<<4|bit(p.Enabled, 0x08)|byte(p.Next)&0x07,
		p.Channel<<4|p.Destination&0x0f, bit(p.ByEvent, 0x80)|p.String&0x7f)
}

// GetFilter reads an entry of the filter table, from 1.
func GetFilter(ctx context.Context, d ipmi.Doer, index uint8) (Filter, error) {
	b, err := Get(ctx, d, FilterTable, index, 0)
	if err != nil {
		return Filter{}, err
	}
	return ParseFilter(b)
}

// GetFilters reads the whole filter table.
func GetFilters(ctx context.Context, d ipmi.Doer) ([]Filter, error) {
	return table(ctx, d, FilterCount, GetFilter)
}

// SetFilter writes an entry of the filter table.
func SetFilter(ctx context.Context, d ipmi.Doer, f Filter) error {
	return Change(ctx, d, func() error { return Set(ctx, d, FilterTable, f.Append(nil)...) })
}

// EnableFilter switches a filter on or off, also one of the maker's.
func EnableFilter(ctx context.Context, d ipmi.Doer, index uint8, on bool) error {
	f, err := GetFilter(ctx, d, index)
	if err != nil {
		return err
	}
	f.Enabled = on
	return Change(ctx, d, func() error { return Set(ctx, d, FilterData1, index&0x7f, f.Append(nil)[1]) })
}

// GetPolicy reads an entry of the alert policy table, from 1.
func GetPolicy(ctx context.Context, d ipmi.Doer, index uint8) (Policy, error) {
	b, err := Get(ctx, d, PolicyTable, index, 0)
	if err != nil {
		return Policy{}, err
	}
	return ParsePolicy(b)
}

// GetPolicies reads the whole alert policy table.
func GetPolicies(ctx context.Context, d ipmi.Doer) ([]Policy, error) {
	return table(ctx, d, PolicyCount, GetPolicy)
}

// SetPolicy writes an entry of the alert policy table.
func SetPolicy(ctx context.Context, d ipmi.Doer, p Policy) error {
	return Change(ctx, d, func() error { return Set(ctx, d, PolicyTable, p.Append(nil)...) })
}

func table[T any](ctx context.Context, d ipmi.Doer, count Param, get func(context.Context, ipmi.Doer, uint8) (T, error)) ([]T, error) {
	n, err := GetByte(ctx, d, count)
	if err != nil {
		return nil, err
	}
	var all []T
	for i := uint8(1); i <= n&0x7f; i++ {
		x, err := get(ctx, d, i)
		if err != nil {
			return all, fmt.Errorf("entry %d: %w", i, err)
		}
		all = append(all, x)
	}
	return all, nil
}

// ErrNoRoom is the cause of errors about a table that is full.
var ErrNoRoom = errors.New("all alert policies are in use")

// EnsurePolicy sees to it that some enabled alert policy tells a destination of a channel. It
// changes nothing if there is one; a disabled one is enabled, and else the first free
// entry is taken.
func EnsurePolicy(ctx context.Context, d ipmi.Doer, channel, destination uint8) error {
	all, err := GetPolicies(ctx, d)
	if err != nil {
		return err
	}
	free := -1
	for i, p := range all {
		same := p.Channel == channel && p.Destination == destination && p.Number != 0
		switch {
		case same && p.Enabled:
			return nil
		case same:
			p.Index, p.Enabled = uint8(i+1), true
			return SetPolicy(ctx, d, p)
		case !p.Enabled && free < 0:
			free = i
		}
	}
	if free < 0 {
		return fmt.Errorf("tell destination %d of channel %d: %w", destination, channel, ErrNoRoom)
	}
	return SetPolicy(ctx, d, Policy{Index: uint8(free + 1), Number: 1, Enabled: true, Channel: channel, Destination: destination})
}

// AlertOp is what Alert Immediate does.
type AlertOp uint8

// The operations.
const (
	AlertSend   AlertOp = 0
	AlertStatus AlertOp = 1
	AlertClear  AlertOp = 2
)

// AlertRequest is the request of Alert Immediate (section 30.7).
type AlertRequest struct {
	Channel     uint8
	Op          AlertOp
	Destination uint8
	String      uint8 // 0 for none that is kept
	Send        bool  // String is sent
}

// ParseAlertRequest reads the request.
func ParseAlertRequest(b []byte) (AlertRequest, error) {
	if err := ipmi.Short("alert request", b, 3); err != nil {
		return AlertRequest{}, err
	}
	return AlertRequest{b[0] & 0x0f, AlertOp(b[1] >> 6), b[1] & 0x0f, b[2] & 0x7f, b[2]&0x80 != 0}, nil
}

// Append adds the request to b.
func (r AlertRequest) Append(b []byte) []byte {
	return append(b, r.Channel&0x0f, byte(r.Op)<<6|r.Destination&0x0f, r.String&0x7f|bit(r.Send, 0x80))
}

// AlertState is what became of an alert: the answer of Alert Immediate with AlertStatus.
type AlertState uint8

// The states.
const (
	AlertNone       AlertState = 0x00
	AlertDone       AlertState = 0x01
	AlertFailed     AlertState = 0x02 // it could not be sent, however often it was tried
	AlertTimedOut   AlertState = 0x03 // nobody acknowledged it
	AlertInProgress AlertState = 0xff
)

func (s AlertState) String() string {
	switch s {
	case AlertNone:
		return "none"
	case AlertDone:
		return "delivered"
	case AlertTimedOut:
		return "timed out"
	case AlertFailed:
		return "failed"
	case AlertInProgress:
		return "under way"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// SendAlert sends an alert to a destination now, to try whether it arrives.
func SendAlert(ctx context.Context, d ipmi.Doer, channel, destination uint8) error {
	r := request(CmdAlert, AlertRequest{Channel: channel, Destination: destination}.Append(nil)...)
	r.Once = true
	return ipmi.Tell(ctx, d, fmt.Sprintf("alert destination %d", destination), r)
}

// GetAlert asks what became of the alert.
func GetAlert(ctx context.Context, d ipmi.Doer, channel, destination uint8) (AlertState, error) {
	parse := func(b []byte) (AlertState, error) {
		if err := ipmi.Short("alert state", b, 1); err != nil {
			return 0, err
		}
		return AlertState(b[0]), nil
	}
	r := request(CmdAlert, AlertRequest{Channel: channel, Op: AlertStatus, Destination: destination}.Append(nil)...)
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the alert to destination %d", destination), r, parse)
}
