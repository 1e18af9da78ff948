package channel

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// PayloadSOL is the type of the payload of the serial console (table 13-16). Type 0 is commands.
const PayloadSOL = 1

// PayloadRef names one instance of a payload: the request of Get Payload Instance Info (section
// 24.5), and the start of others.
type PayloadRef struct {
	Type     uint8 // 0 to 63
	Instance uint8 // 1 to 15; 0 where all are meant
}

// ParsePayloadRef reads type and instance.
func ParsePayloadRef(b []byte) (PayloadRef, error) {
	if err := ipmi.Short("payload", b, 2); err != nil {
		return PayloadRef{}, err
	}
	return PayloadRef{b[0] & 0x3f, b[1] & 0x0f}, nil
}

// Append adds type and instance to b.
func (p PayloadRef) Append(b []byte) []byte { return append(b, p.Type&0x3f, p.Instance&0x0f) }

// Activation is the request of Activate Payload (section 24.1), with what it holds for
// the serial console.
type Activation struct {
	PayloadRef
	Encrypt      bool
	Authenticate bool
	Test         bool
	Alerts       uint8 // 0 to 2: they fail, wait, or go out, while the console holds the serial port
	// DropFlow has CTS, DCD and DSR left deasserted until the console sends its first packet.
	DropFlow bool
}

// ParseActivation reads the request. The 4 bytes of auxiliary data may be missing.
func ParseActivation(b []byte) (Activation, error) {
	p, err := ParsePayloadRef(b)
	if err != nil {
		return Activation{}, err
	}
	a := Activation{PayloadRef: p}
	if len(b) > 2 {
		a.Encrypt, a.Authenticate, a.Test = b[2]&0x80 != 0, b[2]&0x40 != 0, b[2]&0x20 != 0
		a.Alerts, a.DropFlow = b[2]>>2&3, b[2]&0x02 != 0
	}
	return a, nil
}

// Append adds the request to b.
func (a Activation) Append(b []byte) []byte {
	return append(a.PayloadRef.Append(b),
		bit(a.Encrypt, 0x80)|bit(a.Authenticate, 0x40)|bit(a.Test, 0x20)|a.Alerts&3<<2|bit(a.DropFlow, 0x02), 0, 0, 0)
}

// Activated is the answer of Activate Payload.
type Activated struct {
	Aux      [4]byte // bit 0 of the first byte: test mode is on
	Inbound  uint16  // the most bytes that a packet to the BMC may carry
	Outbound uint16  // the most that one from it will
	Port     uint16  // the UDP port for this payload
	VLAN     uint16  // 0xffff for none
}

// ParseActivated reads the answer. The VLAN may be missing.
func ParseActivated(b []byte) (Activated, error) {
	if err := ipmi.Short("payload activation", b, 10); err != nil {
		return Activated{}, err
	}
	u16 := func(i int) uint16 { return uint16(b[i]) | uint16(b[i+1])<<8 }
	a := Activated{Aux: [4]byte(b[:4]), Inbound: u16(4), Outbound: u16(6), Port: u16(8), VLAN: 0xffff}
	if len(b) >= 12 {
		a.VLAN = u16(10)
	}
	return a, nil
}

// Append adds the answer to b.
func (a Activated) Append(b []byte) []byte {
	b = append(b, a.Aux[:]...)
	for _, x := range []uint16{a.Inbound, a.Outbound, a.Port, a.VLAN} {
		b = append(b, byte(x), byte(x>>8))
	}
	return b
}

// ActivatePayload starts a payload in the session that carries the request.
func ActivatePayload(ctx context.Context, d ipmi.Doer, a Activation) (Activated, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdActivatePayload, Data: a.Append(nil)}
	return ipmi.Ask(ctx, d, fmt.Sprintf("activate payload %d", a.Type), r, ParseActivated)
}

// DeactivatePayload ends a payload, of whatever session (section 24.2). Code 80 says that
// it was not active.
func DeactivatePayload(ctx context.Context, d ipmi.Doer, p PayloadRef) error {
	data := append(p.Append(nil), 0, 0, 0, 0)
	return ipmi.Tell(ctx, d, fmt.Sprintf("deactivate payload %d", p.Type),
		ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdDeactivatePayload, Data: data})
}

// PayloadStatus is the answer of Get Payload Activation Status (section 24.4).
type PayloadStatus struct {
	Capacity uint8  // how many instances there can be on this channel, 1 to 15
	Active   uint16 // bit n is instance n+1
}

// ParsePayloadStatus reads the answer.
func ParsePayloadStatus(b []byte) (PayloadStatus, error) {
	if err := ipmi.Short("payload status", b, 3); err != nil {
		return PayloadStatus{}, err
	}
	return PayloadStatus{b[0] & 0x0f, uint16(b[1]) | uint16(b[2])<<8}, nil
}

// Append adds the answer to b.
func (s PayloadStatus) Append(b []byte) []byte {
	return append(b, s.Capacity&0x0f, byte(s.Active), byte(s.Active>>8))
}

// IsActive says whether an instance, from 1, is active.
func (s PayloadStatus) IsActive(instance uint8) bool {
	return instance > 0 && s.Active&(1<<(instance-1)) != 0
}

// GetPayloadStatus asks which instances of a payload are active.
func GetPayloadStatus(ctx context.Context, d ipmi.Doer, payload uint8) (PayloadStatus, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdPayloadStatus, Data: []byte{payload & 0x3f}}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the status of payload %d", payload), r, ParsePayloadStatus)
}

// PayloadInstance is the answer of Get Payload Instance Info (section 24.5).
type PayloadInstance struct {
	Session uint32  // the id of whose it is, 0 when it is not active
	Info    [8]byte // for the serial console: the first byte is the port's number, 0 if not told
}

// ParsePayloadInstance reads the answer.
func ParsePayloadInstance(b []byte) (PayloadInstance, error) {
	if err := ipmi.Short("payload instance", b, 4); err != nil {
		return PayloadInstance{}, err
	}
	p := PayloadInstance{Session: u32(b)}
	copy(p.Info[:], b[4:])
	return p, nil
}

// Append adds the answer to b.
func (p PayloadInstance) Append(b []byte) []byte {
	return append(appendU32(b, p.Session), p.Info[:]...)
}

// GetPayloadInstance asks whose an instance of a payload is.
func GetPayloadInstance(ctx context.Context, d ipmi.Doer, p PayloadRef) (PayloadInstance, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdPayloadInstance, Data: p.Append(nil)}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read instance %d of payload %d", p.Instance, p.Type), r, ParsePayloadInstance)
}

// Encryption is what Suspend/Resume Payload Encryption does (section 24.3).
type Encryption uint8

// The operations.
const (
	EncryptionResume  Encryption = 0
	EncryptionSuspend Encryption = 1
	EncryptionRenew   Encryption = 2 // a new initialisation vector, for stream ciphers
)

// SetPayloadEncryption suspends or resumes the encryption of what the BMC sends.
func SetPayloadEncryption(ctx context.Context, d ipmi.Doer, p PayloadRef, e Encryption) error {
	return ipmi.Tell(ctx, d, fmt.Sprintf("set the encryption of payload %d", p.Type),
		ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdPayloadEncryption, Data: append(p.Append(nil), byte(e)&0x1f)})
}

// PayloadSupport is the answer of Get Channel Payload Support (section 24.8). Bit n is
// payload type n, Setup holds types 0x10 to 0x1f and OEM 0x20 to 0x2f.
type PayloadSupport struct{ Standard, Setup, OEM uint16 }

// ParsePayloadSupport reads the answer.
func ParsePayloadSupport(b []byte) (PayloadSupport, error) {
	if err := ipmi.Short("payload support", b, 6); err != nil {
		return PayloadSupport{}, err
	}
	u16 := func(i int) uint16 { return uint16(b[i]) | uint16(b[i+1])<<8 }
	return PayloadSupport{u16(0), u16(2), u16(4)}, nil
}

// Append adds the answer to b.
func (s PayloadSupport) Append(b []byte) []byte {
	return append(b, byte(s.Standard), byte(s.Standard>>8), byte(s.Setup), byte(s.Setup>>8), byte(s.OEM), byte(s.OEM>>8), 0, 0)
}

// GetPayloadSupport asks which payloads a channel can carry.
func GetPayloadSupport(ctx context.Context, d ipmi.Doer, number uint8) (PayloadSupport, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdPayloadSupport, Data: []byte{number & maxChannel}}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the payloads of channel %d", number), r, ParsePayloadSupport)
}

// PayloadVersion is the answer of Get Channel Payload Version (section 24.9): 0x10 is 1.0.
type PayloadVersion uint8

func (v PayloadVersion) String() string { return fmt.Sprintf("%d.%d", v>>4, v&0x0f) }

// ParsePayloadVersion reads the answer.
func ParsePayloadVersion(b []byte) (PayloadVersion, error) {
	if err := ipmi.Short("payload version", b, 1); err != nil {
		return 0, err
	}
	return PayloadVersion(b[0]), nil
}

// Append adds the answer to b.
func (v PayloadVersion) Append(b []byte) []byte { return append(b, byte(v)) }

// GetPayloadVersion asks for the version of a payload on a channel.
func GetPayloadVersion(ctx context.Context, d ipmi.Doer, number, payload uint8) (PayloadVersion, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdPayloadVersion, Data: []byte{number & maxChannel, payload}}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the version of payload %d", payload), r, ParsePayloadVersion)
}

// UserPayloads are the payloads that a user may use: the answer of Get User Payload Access
// (section 24.7). Bit 1 of Standard is the serial console, bit n of OEM is type 0x20+n.
type UserPayloads struct{ Standard, OEM uint16 }

// ParseUserPayloads reads the answer.
func ParseUserPayloads(b []byte) (UserPayloads, error) {
	if err := ipmi.Short("user payload access", b, 4); err != nil {
		return UserPayloads{}, err
	}
	return UserPayloads{uint16(b[0]) | uint16(b[1])<<8, uint16(b[2]) | uint16(b[3])<<8}, nil
}

// Append adds the answer to b.
func (p UserPayloads) Append(b []byte) []byte {
	return append(b, byte(p.Standard), byte(p.Standard>>8), byte(p.OEM), byte(p.OEM>>8))
}

// UserPayloadSetting is the request of Set User Payload Access (section 24.6): the
// payloads in it are allowed or, with Disable, forbidden, and the others left as they are.
type UserPayloadSetting struct {
	Channel, User uint8
	Disable       bool
	UserPayloads
}

// ParseUserPayloadSetting reads the request.
func ParseUserPayloadSetting(b []byte) (UserPayloadSetting, error) {
	if err := ipmi.Short("user payload setting", b, 6); err != nil {
		return UserPayloadSetting{}, err
	}
	p, err := ParseUserPayloads(b[2:])
	return UserPayloadSetting{b[0] & 0x0f, b[1] & 0x3f, b[1]>>6 == 1, p}, err
}

// Append adds the request to b.
func (s UserPayloadSetting) Append(b []byte) []byte {
	return s.UserPayloads.Append(append(b, s.Channel&0x0f, s.User&0x3f|bit(s.Disable, 0x40)))
}

// GetUserPayloads asks which payloads a user may use on a channel.
func GetUserPayloads(ctx context.Context, d ipmi.Doer, number, user uint8) (UserPayloads, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdGetUserPayload, Data: []byte{number & maxChannel, user & 0x3f}}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read the payloads of user %d", user), r, ParseUserPayloads)
}

// SetUserPayloads allows or forbids payloads to a user.
func SetUserPayloads(ctx context.Context, d ipmi.Doer, s UserPayloadSetting) error {
	return ipmi.Tell(ctx, d, fmt.Sprintf("set the payloads of user %d", s.User),
		ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetUserPayload, Data: s.Append(nil)})
}
