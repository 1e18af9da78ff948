package lan

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
)

// SOLParam is a parameter of the serial console on a LAN channel (table 26-5).
type SOLParam uint8

// The parameters.
const (
	SOLSetInProgress   SOLParam = 0
	SOLEnable          SOLParam = 1
	SOLAuthentication  SOLParam = 2
	SOLAccumulate      SOLParam = 3
	SOLRetry           SOLParam = 4
	SOLBitRateStored   SOLParam = 5 // counts after the next start
	SOLBitRateNow      SOLParam = 6
	SOLChannel         SOLParam = 7 // read only
	SOLPort            SOLParam = 8 // UDP
	accumulateStepInMS          = 5
	retryStepInMS               = 10
)

func (p SOLParam) String() string {
	names := [...]string{
		"set in progress", "enable", "authentication", "character accumulation", "retries",
		"stored bit rate", "bit rate", "payload channel", "payload port",
	}
	if int(p) < len(names) {
		return names[p]
	}
	return fmt.Sprintf("parameter %d", uint8(p))
}

// GetSOL reads the bytes of a parameter of the serial console (section 26.3).
func GetSOL(ctx context.Context, d ipmi.Doer, number uint8, p SOLParam) ([]byte, error) {
	return get(ctx, d, CmdGetSOL, "SOL", p, Query{Channel: number, Param: uint8(p)})
}

// SetSOL writes the bytes of a parameter of the serial console (section 26.2).
func SetSOL(ctx context.Context, d ipmi.Doer, number uint8, p SOLParam, data ...byte) error {
	return set(ctx, d, CmdSetSOL, "SOL", p, Setting{number, uint8(p), data})
}

// ChangeSOL runs f while the console's settings are marked as being changed.
func ChangeSOL(ctx context.Context, d ipmi.Doer, number uint8, f func() error) error {
	return ipmi.Change(ctx, func(ctx context.Context, state uint8) error {
		return SetSOL(ctx, d, number, SOLSetInProgress, state)
	}, f)
}

// SOLAuth is parameter 2: what a console's session must have.
type SOLAuth struct {
	ForceEncryption     bool
	ForceAuthentication bool
	Privilege           channel.Privilege // the least that it needs
}

// ParseSOLAuth reads parameter 2.
func ParseSOLAuth(b []byte) (SOLAuth, error) {
	if err := ipmi.Short("SOL authentication", b, 1); err != nil {
		return SOLAuth{}, err
	}
	return SOLAuth{b[0]&0x80 != 0, b[0]&0x40 != 0, channel.Privilege(b[0] & 0x0f)}, nil
}

// Append adds parameter 2 to b.
func (a SOLAuth) Append(b []byte) []byte {
	return append(b, bit(a.ForceEncryption, 0x80)|bit(a.ForceAuthentication, 0x40)|byte(a.Privilege)&0x0f)
}

// Accumulate is parameter 3: when the BMC sends what it has gathered.
type Accumulate struct {
	Interval  time.Duration // in steps of 5 ms, up to 1275 ms
	Threshold uint8         // characters, sent at once when there are so many
}

// ParseAccumulate reads parameter 3.
func ParseAccumulate(b []byte) (Accumulate, error) {
	if err := ipmi.Short("SOL accumulation", b, 2); err != nil {
		return Accumulate{}, err
	}
	return Accumulate{time.Duration(b[0]) * accumulateStepInMS * time.Millisecond, b[1]}, nil
}

// Append adds parameter 3 to b.
func (a Accumulate) Append(b []byte) []byte {
	return append(b, steps(a.Interval, accumulateStepInMS), a.Threshold)
}

// SOLRetries is parameter 4: how often a packet is sent again.
type SOLRetries struct {
	Count    uint8         // 0 to 7
	Interval time.Duration // in steps of 10 ms, up to 2550 ms
}

// ParseSOLRetries reads parameter 4.
func ParseSOLRetries(b []byte) (SOLRetries, error) {
	if err := ipmi.Short("SOL retries", b, 2); err != nil {
		return SOLRetries{}, err
	}
	return SOLRetries{b[0] & 0x07, time.Duration(b[1]) * retryStepInMS * time.Millisecond}, nil
}

// Append adds parameter 4 to b.
func (r SOLRetries) Append(b []byte) []byte {
	return append(b, r.Count&0x07, steps(r.Interval, retryStepInMS))
}

func steps(d time.Duration, ms time.Duration) byte {
	return byte(min(max(d/(ms*time.Millisecond), 0), 255))
}

// BitRate is parameters 5 and 6, as their bytes have it. Use [ParseBitRate] and Baud.
type BitRate uint8

// Baud gives the rate in bits per second, 0 for "as the serial channel is set" and unknown
// values.
func (r BitRate) Baud() int {
	switch r & 0x0f {
	case 6:
		return 9600
	case 7:
		return 19200
	case 8:
		return 38400
	case 9:
		return 57600
	case 10:
		return 115200
	}
	return 0
}

// ParseBitRate gives the value for a rate in bits per second.
func ParseBitRate(baud int) (BitRate, error) {
	for r := BitRate(6); r <= 10; r++ {
		if r.Baud() == baud {
			return r, nil
		}
	}
	if baud == 0 {
		return 0, nil
	}
	return 0, fmt.Errorf("no bit rate %d: it is one of 9600, 19200, 38400, 57600 or 115200", baud)
}

// SOLConfig is how the serial console of a channel is set. What the BMC does not tell is zero.
type SOLConfig struct {
	Enabled bool
	SOLAuth
	Accumulate
	Retries        SOLRetries
	Stored, Now    BitRate
	PayloadChannel uint8
	Port           uint16
}

// GetSOLConfig reads how the serial console of a channel is set. Parameters that the BMC does
// not have are left out.
func GetSOLConfig(ctx context.Context, d ipmi.Doer, number uint8) (SOLConfig, error) {
	var c SOLConfig
	first := func(to func(x byte)) func(b []byte) error {
		return func(b []byte) error {
			if err := ipmi.Short("SOL setting", b, 1); err != nil {
				return err
			}
			to(b[0])
			return nil
		}
	}
	for p, parse := range [...]func(b []byte) error{
		SOLEnable:         first(func(x byte) { c.Enabled = x&1 != 0 }),
		SOLAuthentication: func(b []byte) (err error) { c.SOLAuth, err = ParseSOLAuth(b); return err },
		SOLAccumulate:     func(b []byte) (err error) { c.Accumulate, err = ParseAccumulate(b); return err },
		SOLRetry:          func(b []byte) (err error) { c.Retries, err = ParseSOLRetries(b); return err },
		SOLBitRateStored:  first(func(x byte) { c.Stored = BitRate(x & 0x0f) }),
		SOLBitRateNow:     first(func(x byte) { c.Now = BitRate(x & 0x0f) }),
		SOLChannel:        first(func(x byte) { c.PayloadChannel = x & 0x0f }),
		SOLPort: func(b []byte) error {
			if err := ipmi.Short("SOL port", b, 2); err != nil {
				return err
			}
			c.Port = uint16(b[0]) | uint16(b[1])<<8
			return nil
		},
	} {
		if parse == nil {
			continue
		}
		b, err := GetSOL(ctx, d, number, SOLParam(p))
		if missing(err) {
			continue
		}
		if err == nil {
			err = parse(b)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}
