package intel

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
)

// The commands of policies, of network function OEM.
const (
	CmdSetPolicy = 0xc1
	CmdGetPolicy = 0xc2
)

// Domain is a part of the machine that the Node Manager looks after.
type Domain uint8

// The domains.
const (
	Platform Domain = 0
	CPU      Domain = 1
	Memory   Domain = 2
)

// Policy is a power policy of the Node Manager ("Set" and "Get Node Manager Policy"). This
// library makes only those without a trigger, which always hold.
type Policy struct {
	Enabled    bool
	Watts      uint16
	Correction time.Duration // in which the limit must be reached
	Alert      bool          // say so if it was not
	Shutdown   bool          // and switch off
	Trigger    uint8         // 0: none
	At         uint16        // the trigger's limit
	Period     time.Duration // of statistics, in seconds
	Volatile   bool          // it ends with mains power
}

const (
	policyEnabled  = 0x10
	policyAdd      = 0x10
	policyVolatile = 0x80
	policyAlert    = 0x01
	policyShutdown = 0x02
)

// parsePolicy reads the answer of Get Node Manager Policy, after the manufacturer.
func parsePolicy(b []byte) Policy {
	u16 := func(i int) uint16 { return uint16(b[i]) | uint16(b[i+1])<<8 }
	return Policy{
		Enabled: b[0]&policyEnabled != 0, Trigger: b[1] & 0x0f, Volatile: b[1]&policyVolatile != 0,
		Alert: b[2]&policyAlert != 0, Shutdown: b[2]&policyShutdown != 0, Watts: u16(3),
		Correction: time.Duration(uint32(u16(5))|uint32(u16(7))<<16) * time.Millisecond, At: u16(9), Period: time.Duration(u16(11)) * time.Second,
	}
}

const policyLen = 13

// Policy reads a policy of a domain by its id.
func (m *Machine) Policy(ctx context.Context, d Domain, id uint8) (Policy, error) {
	return ipmi.Ask(ctx, m.doer, fmt.Sprintf("read the policy %d", id), m.request(CmdGetPolicy, byte(d), id), func(b []byte) (Policy, error) {
		b, err := oem.After("policy", ID, b, policyLen)
		if err != nil {
			return Policy{}, err
		}
		return parsePolicy(b), nil
	})
}

// SetPolicy makes or changes a policy.
func (m *Machine) SetPolicy(ctx context.Context, d Domain, id uint8, p Policy) error {
	ms, seconds := p.Correction.Milliseconds(), int64(p.Period/time.Second)
	if ms < 0 || ms > 0xffffffff || seconds < 0 || seconds > 0xffff {
		return fmt.Errorf("set the policy %d: a correction of %v and a period of %v are not possible", id, p.Correction, p.Period)
	}
	domain, kind, action := byte(d)&0x0f, p.Trigger&0x0f|policyAdd, byte(0)
	for _, f := range []struct {
		on  bool
		to  *byte
		bit byte
	}{{p.Enabled, &domain, policyEnabled}, {p.Volatile, &kind, policyVolatile}, {p.Alert, &action, policyAlert}, {p.Shutdown, &action, policyShutdown}} {
		if f.on {
			*f.to |= f.bit
		}
	}
	r := m.request(CmdSetPolicy, domain, id, kind, action, byte(p.Watts), byte(p.Watts>>8), byte(ms), byte(ms>>8), byte(ms>>16), byte(ms>>24),
		byte(p.At), byte(p.At>>8), byte(seconds), byte(seconds>>8))
	return ipmi.Tell(ctx, m.doer, fmt.Sprintf("set the policy %d", id), r)
}

// RemovePolicy removes a policy.
func (m *Machine) RemovePolicy(ctx context.Context, d Domain, id uint8) error {
	data := make([]byte, policyLen+1)
	data[0], data[1] = byte(d)&0x0f, id
	return ipmi.Tell(ctx, m.doer, fmt.Sprintf("remove the policy %d", id), m.request(CmdSetPolicy, data...))
}

// Firmware tells the version of the management engine and of its Node Manager.
func (m *Machine) Firmware(ctx context.Context) ([]oem.Firmware, error) {
	f, err := ipmi.Ask(ctx, m.doer, "read the Node Manager's version", m.request(CmdVersion), func(b []byte) (oem.Firmware, error) {
		b, err := oem.After("Node Manager version", ID, b, 5)
		if err != nil {
			return oem.Firmware{}, err
		}
		return oem.Firmware{Name: "Management Engine", Version: fmt.Sprintf("%d.%02x.%d", b[3], b[4], b[2]), Build: "Node Manager " + version(b[0])}, nil
	})
	if oem.Refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []oem.Firmware{f}, nil
}

func version(b byte) string {
	return oem.Choice{{Value: 1, Name: "1.0"}, {Value: 2, Name: "1.5"}, {Value: 3, Name: "2.0"}, {Value: 4, Name: "2.5"}, {Value: 5, Name: "3.0"}}.Name(b)
}

var _ oem.FirmwareList = (*Machine)(nil)
