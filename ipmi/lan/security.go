package lan

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
)

// BadPasswords is parameter 26: how many wrong passwords lock a user out.
type BadPasswords struct {
	Log       bool          // an event is logged
	Threshold uint8         // 0 never
	Forget    time.Duration // wrong ones are counted for so long, 0 for ever; steps of 10 s
	Lockout   time.Duration // and the user stays out for so long, 0 until somebody enables it
}

// ParseBadPasswords reads parameter 26.
func ParseBadPasswords(b []byte) (BadPasswords, error) {
	if err := ipmi.Short("bad password threshold", b, 6); err != nil {
		return BadPasswords{}, err
	}
	tens := func(i int) time.Duration { return time.Duration(int(b[i])|int(b[i+1])<<8) * 10 * time.Second }
	return BadPasswords{b[0]&1 != 0, b[1], tens(2), tens(4)}, nil
}

// Append adds parameter 26 to b.
func (p BadPasswords) Append(b []byte) []byte {
	b = append(b, bit(p.Log, 1), p.Threshold)
	for _, d := range [...]time.Duration{p.Forget, p.Lockout} {
		tens := min(max(d/(10*time.Second), 0), 0xffff)
		b = append(b, byte(tens), byte(tens>>8))
	}
	return b
}

// suites is how many cipher suites parameters 23 and 24 have room for.
const suites = 16

// GetSuites reads the cipher suites of a channel, each with the highest privilege that a
// session with it can get (parameters 22 to 24); 0 is none.
func GetSuites(ctx context.Context, d ipmi.Doer, number uint8) (map[uint8]channel.Privilege, error) {
	count, err := Get(ctx, d, number, SuiteCount, 0, 0)
	if err != nil {
		return nil, err
	}
	list, err := Get(ctx, d, number, SuiteList, 0, 0)
	if err != nil {
		return nil, err
	}
	limits, err := Get(ctx, d, number, SuitePrivileges, 0, 0)
	if err != nil {
		return nil, err
	}
	if len(count) < 1 || len(list) < 1 || len(limits) < 1 {
		return nil, fmt.Errorf("read the cipher suites of channel %d: %w", number, ipmi.ErrShort)
	}
	list, limits = list[1:], limits[1:]
	found := make(map[uint8]channel.Privilege)
	for i, id := range list[:min(int(count[0]&0x1f), len(list), suites)] {
		var limit channel.Privilege
		if i/2 < len(limits) {
			limit = channel.Privilege(limits[i/2] >> (4 * (i % 2)) & 0x0f)
		}
		found[id] = limit
	}
	return found, nil
}

// SetSuitePrivilege limits what sessions with a cipher suite can get; 0 has the suite refused.
func SetSuitePrivilege(ctx context.Context, d ipmi.Doer, number, suite uint8, limit channel.Privilege) error {
	list, err := Get(ctx, d, number, SuiteList, 0, 0)
	if err != nil {
		return err
	}
	limits, err := Get(ctx, d, number, SuitePrivileges, 0, 0)
	if err != nil {
		return err
	}
	for i := 1; i < len(list) && i <= suites; i++ {
		at := 1 + (i-1)/2
		if list[i] != suite || at >= len(limits) {
			continue
		}
		shift := 4 * ((i - 1) % 2)
		limits[at] = limits[at]&^(0x0f<<shift) | byte(limit)&0x0f<<shift
		return Change(ctx, d, number, func() error { return Set(ctx, d, number, SuitePrivileges, limits...) })
	}
	return fmt.Errorf("limit cipher suite %d of channel %d: the channel does not have it", suite, number)
}
