package chassis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
)

// Identify is the request of Chassis Identify (section 28.5): the light by which people find
// a machine.
type Identify struct {
	Seconds uint8 // 0 switches it off
	// Force has it on until it is switched off.
	Force bool
}

// identifyDefault is what a request without data means.
const identifyDefault = 15

// ParseIdentify reads the request, of 0 to 2 bytes.
func ParseIdentify(b []byte) (Identify, error) {
	switch len(b) {
	case 0:
		return Identify{Seconds: identifyDefault}, nil
	case 1:
		return Identify{Seconds: b[0]}, nil
	}
	return Identify{Seconds: b[0], Force: b[1]&1 != 0}, nil
}

// Append adds the request to b: one byte where Force is not set, as IPMI 1.5 knows it, so
// that all controllers take it.
func (i Identify) Append(b []byte) []byte {
	if i.Force {
		return append(b, i.Seconds, 1)
	}
	return append(b, i.Seconds)
}

// SetIdentify switches the light on for a while, up to 255 s, in whole seconds. A duration
// of 0 switches it off; a negative one has it on until it is switched off, and for the
// longest time possible where the BMC cannot do that.
func SetIdentify(ctx context.Context, d ipmi.Doer, length time.Duration) error {
	const what = "switch the identify light"
	send := func(i Identify) error {
		return ipmi.Tell(ctx, d, what, ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdIdentify, Data: i.Append(nil)})
	}
	if length >= 0 {
		seconds := (length + time.Second - 1) / time.Second
		if seconds > 255 {
			return fmt.Errorf("%s: %v is longer than 255 s", what, length)
		}
		return send(Identify{Seconds: uint8(seconds)})
	}
	err := send(Identify{Seconds: 0, Force: true})
	if errors.Is(err, ipmi.CodeLength) || errors.Is(err, ipmi.CodeInvalidField) || errors.Is(err, ipmi.CodeLengthLimit) {
		return send(Identify{Seconds: 255}) // IPMI 1.5 has no other way
	}
	return err
}
