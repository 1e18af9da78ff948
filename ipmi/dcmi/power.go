package dcmi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
)

func refused(err error) bool {
	var no *ipmi.CodeError
	return errors.As(err, &no)
}

// PowerQuery is the request of Get Power Reading (section 6.6.1).
type PowerQuery struct {
	Mode   uint8  // 1 for statistics since the start, 2 for those of Period
	Period Period // one of [Capabilities].Periods
}

// ParsePowerQuery reads the request.
func ParsePowerQuery(b []byte) (PowerQuery, error) {
	b, err := body("power query", b, 1)
	if err != nil {
		return PowerQuery{}, err
	}
	q := PowerQuery{Mode: b[0]}
	if len(b) > 1 {
		q.Period = Period(b[1])
	}
	return q, nil
}

// Append adds the request to b.
func (q PowerQuery) Append(b []byte) []byte { return append(b, Group, q.Mode, byte(q.Period), 0) }

// Power is the answer of Get Power Reading: watts of the whole machine.
type Power struct {
	Now, Min, Max, Average uint16
	At                     time.Time     // by the controller's clock, whole seconds
	Over                   time.Duration // what the statistics cover, milliseconds
	Active                 bool          // it is measured now; else there are no good values
}

// ParsePower reads the answer.
func ParsePower(b []byte) (Power, error) {
	b, err := body("power reading", b, 17)
	if err != nil {
		return Power{}, err
	}
	return Power{
		Now: u16(b), Min: u16(b[2:]), Max: u16(b[4:]), Average: u16(b[6:]), At: time.Unix(int64(u32(b[8:])), 0).UTC(),
		Over: time.Duration(u32(b[12:])) * time.Millisecond, Active: b[16]&0x40 != 0,
	}, nil
}

// Append adds the answer to b.
func (p Power) Append(b []byte) []byte {
	b = append(b, Group)
	for _, w := range [...]uint16{p.Now, p.Min, p.Max, p.Average} {
		b = append16(b, w)
	}
	b = append32(b, uint32(p.At.Unix()))
	b = append32(b, uint32(min(max(p.Over/time.Millisecond, 0), 0xffffffff)))
	var state byte
	if p.Active {
		state = 0x40
	}
	return append(b, state)
}

// GetPower reads what the machine draws.
func GetPower(ctx context.Context, d ipmi.Doer) (Power, error) {
	return ipmi.Ask(ctx, d, "read the power", request(CmdPowerReading, PowerQuery{Mode: 1}.Append(nil)), ParsePower)
}

// GetPowerOver reads what the machine drew over a period that the controller keeps.
func GetPowerOver(ctx context.Context, d ipmi.Doer, p Period) (Power, error) {
	return ipmi.Ask(ctx, d, "read the power over "+p.String(), request(CmdPowerReading, PowerQuery{2, p}.Append(nil)), ParsePower)
}

// Exception is what happens when a power limit cannot be kept.
type Exception uint8

// The exceptions; 0x02 to 0x10 are makers' own.
const (
	ExceptionNone Exception = 0x00
	ExceptionOff  Exception = 0x01 // switched off hard, and logged
	ExceptionLog  Exception = 0x11 // only logged
)

func (e Exception) String() string {
	switch e {
	case ExceptionNone:
		return "no action"
	case ExceptionOff:
		return "hard power off"
	case ExceptionLog:
		return "log only"
	}
	return fmt.Sprintf("OEM action %02x", uint8(e))
}

// Limit is a power limit: the answer of Get Power Limit, and the request of Set Power
// Limit (sections 6.6.2 and 6.6.3).
type Limit struct {
	Active     bool // in answers: the limit counts
	Exception  Exception
	Watts      uint16
	Correction time.Duration // how long the limit may be exceeded, milliseconds
	Sampling   time.Duration // over how long power is averaged for it, whole seconds
}

// noLimit is the code by which a controller says that the limit in its answer is not active.
const noLimit ipmi.Code = 0x80

// ParseLimit reads the answer of Get Power Limit. Active stays false, as the completion
// code says it.
func ParseLimit(b []byte) (Limit, error) {
	b, err := body("power limit", b, 13)
	if err != nil {
		return Limit{}, err
	}
	return Limit{
		Exception: Exception(b[2]), Watts: u16(b[3:]), Correction: time.Duration(u32(b[5:])) * time.Millisecond,
		Sampling: time.Duration(u16(b[11:])) * time.Second,
	}, nil
}

// ParseLimitSetting reads the request of Set Power Limit.
func ParseLimitSetting(b []byte) (Limit, error) {
	b, err := body("power limit setting", b, 14)
	if err != nil {
		return Limit{}, err
	}
	return ParseLimit(append([]byte{Group}, b[1:]...))
}

// Append adds the answer of Get Power Limit to b.
func (l Limit) Append(b []byte) []byte { return l.append(append(b, Group, 0, 0)) }

// AppendSetting adds the request of Set Power Limit to b.
func (l Limit) AppendSetting(b []byte) []byte { return l.append(append(b, Group, 0, 0, 0)) }

func (l Limit) append(b []byte) []byte {
	b = append16(append(b, byte(l.Exception)), l.Watts)
	b = append32(b, uint32(min(max(l.Correction/time.Millisecond, 0), 0xffffffff)))
	return append16(append(b, 0, 0), uint16(min(max(l.Sampling/time.Second, 0), 0xffff)))
}

// GetLimit reads the power limit, also one that is not active.
func GetLimit(ctx context.Context, d ipmi.Doer) (Limit, error) {
	const what = "read the power limit"
	b, err := d.Do(ctx, request(CmdGetPowerLimit, []byte{Group, 0, 0}))
	active := true
	var no *ipmi.CodeError
	if errors.As(err, &no) && no.Code == noLimit {
		if active = false; len(no.Data) < 14 {
			return Limit{}, nil
		}
		b, err = no.Data, nil
	}
	if err != nil {
		return Limit{}, fmt.Errorf("%s: %w", what, err)
	}
	l, err := ParseLimit(b)
	if err != nil {
		return Limit{}, fmt.Errorf("%s: %w", what, err)
	}
	l.Active = active
	return l, nil
}

// SetLimit sets the power limit; [ActivateLimit] makes it count. Code 84 says that the watts
// are out of range, 85 the correction time, 89 the sampling period.
func SetLimit(ctx context.Context, d ipmi.Doer, l Limit) error {
	return ipmi.Tell(ctx, d, "set the power limit", request(CmdSetPowerLimit, l.AppendSetting(nil)))
}

// ActivateLimit makes the power limit count, or not.
func ActivateLimit(ctx context.Context, d ipmi.Doer, on bool) error {
	data := []byte{Group, 0, 0, 0}
	if on {
		data[1] = 1
	}
	return ipmi.Tell(ctx, d, "activate the power limit", request(CmdActivateLimit, data))
}
