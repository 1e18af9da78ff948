package mc

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// NetFns is the answer of Get NetFn Support (section 21.2): for each of the 4 LUNs, which
// network functions are known there; bit n is the pair of network functions 2n and 2n+1.
type NetFns struct {
	LUNs [4]LUNSupport
	Bits [4]uint32
}

// LUNSupport says what a LUN takes.
type LUNSupport uint8

// The values of LUNSupport.
const (
	LUNNone       LUNSupport = 0 // no commands
	LUNSpecified  LUNSupport = 1 // those of the specification for its network functions
	LUNRestricted LUNSupport = 2 // some may be kept back by the firmware firewall
)

// ParseNetFns reads the answer of Get NetFn Support.
func ParseNetFns(b []byte) (NetFns, error) {
	if err := ipmi.Short("network functions", b, 17); err != nil {
		return NetFns{}, err
	}
	var n NetFns
	for i := range n.LUNs {
		n.LUNs[i] = LUNSupport(b[0] >> (2 * i) & 0x03)
		n.Bits[i] = uint32(b[1+4*i]) | uint32(b[2+4*i])<<8 | uint32(b[3+4*i])<<16 | uint32(b[4+4*i])<<24
	}
	return n, nil
}

// Append adds the answer to b.
func (n NetFns) Append(b []byte) []byte {
	var luns byte
	for i, l := range n.LUNs {
		luns |= byte(l) & 0x03 << (2 * i)
	}
	b = append(b, luns)
	for _, x := range n.Bits {
		b = append(b, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
	}
	return b
}

// List gives the network functions of requests that a LUN knows.
func (n NetFns) List(lun uint8) []ipmi.NetFn {
	var fns []ipmi.NetFn
	for i := range 32 {
		if n.Bits[lun&3]&(1<<i) != 0 {
			fns = append(fns, ipmi.NetFn(2*i))
		}
	}
	return fns
}

// GetNetFns asks which network functions can be used on a channel (0 to 15; 0x0e is
// the one in use).
func GetNetFns(ctx context.Context, d ipmi.Doer, channel uint8) (NetFns, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdNetFnSupport, Data: []byte{channel & 0x0f}}
	return ipmi.Ask(ctx, d, "read the network functions", r, ParseNetFns)
}

// CommandQuery is the request of the commands that list commands (sections 21.3,
// 21.5 and 21.7). Half chooses the commands 0 to 0x7f or 0x80 to 0xff.
type CommandQuery struct {
	Channel uint8
	NetFn   ipmi.NetFn
	LUN     uint8
	Half    uint8  // 0 or 1
	Group   uint8  // the body, for network function 0x2c
	Maker   uint32 // for network function 0x2e
}

// ParseCommandQuery reads the request.
func ParseCommandQuery(b []byte) (CommandQuery, error) {
	if err := ipmi.Short("command query", b, 3); err != nil {
		return CommandQuery{}, err
	}
	q := CommandQuery{Channel: b[0] & 0x0f, Half: b[1] >> 6 & 1, NetFn: ipmi.NetFn(b[1] & 0x3f), LUN: b[2] & 3}
	switch {
	case q.NetFn == ipmi.NetFnGroup && len(b) >= 4:
		q.Group = b[3]
	case q.NetFn == ipmi.NetFnOEM && len(b) >= 6:
		q.Maker = uint32(b[3]) | uint32(b[4])<<8 | uint32(b[5])<<16
	}
	return q, nil
}

// Append adds the request to b.
func (q CommandQuery) Append(b []byte) []byte {
	b = append(b, q.Channel&0x0f, q.Half&1<<6|byte(q.NetFn)&0x3f, q.LUN&3)
	switch q.NetFn {
	case ipmi.NetFnGroup:
		b = append(b, q.Group)
	case ipmi.NetFnOEM:
		b = append(b, byte(q.Maker), byte(q.Maker>>8), byte(q.Maker>>16))
	}
	return b
}

// CommandMask has a bit for each of 128 commands.
type CommandMask [16]byte

// ParseCommandMask reads the answer of the commands that list commands.
func ParseCommandMask(b []byte) (CommandMask, error) {
	if err := ipmi.Short("command mask", b, 16); err != nil {
		return CommandMask{}, err
	}
	return CommandMask(b[:16]), nil
}

// Append adds the answer to b.
func (m CommandMask) Append(b []byte) []byte { return append(b, m[:]...) }

// Has says whether the bit of a command, counted from the start of its half, is set.
func (m CommandMask) Has(cmd uint8) bool { return m[cmd&0x7f>>3]&(1<<(cmd&7)) != 0 }

// Commands says what may be done with each command of a network function.
type Commands struct {
	// Supported and Enabled have an entry for each command, Configurable says whether
	// Enabled can be changed. A controller without the firewall's later commands leaves those
	// empty.
	Supported, Configurable, Enabled [256]bool
}

// GetCommands asks what can be done with the commands of a network function (sections 21.3,
// 21.5 and 21.7). The half of q is of no interest.
func GetCommands(ctx context.Context, d ipmi.Doer, q CommandQuery) (Commands, error) {
	var c Commands
	for half := range uint8(2) {
		q.Half = half
		for _, x := range []struct {
			cmd uint8
			to  *[256]bool
			not bool // a set bit says "not supported"
			opt bool
		}{
			{CmdCommandSupport, &c.Supported, true, false},
			{CmdConfigurable, &c.Configurable, true, true},
			{CmdCommandEnables, &c.Enabled, false, true},
		} {
			r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: x.cmd, Data: q.Append(nil)}
			m, err := ipmi.Ask(ctx, d, fmt.Sprintf("read the commands of network function %02x", uint8(q.NetFn)), r, ParseCommandMask)
			if x.opt && errors.Is(err, ipmi.CodeInvalidCommand) {
				continue
			}
			if err != nil {
				return c, err
			}
			for i := range 128 {
				x.to[int(half)<<7|i] = m.Has(uint8(i)) != x.not
			}
		}
	}
	return c, nil
}
