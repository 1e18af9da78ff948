package ipmidoor

import (
	"context"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
)

// rule is what the room has to say of a command.
type rule uint8

const (
	looks    rule = iota // for who may see the node
	operates             // for who may switch it
	session              // about the session itself: for everybody who is in one
	settled              // what it would change is the room's business
)

// ruleOf gives the rule of a command.
func ruleOf(fn ipmi.NetFn, cmd uint8) rule {
	switch fn {
	case ipmi.NetFnApp:
		return appRule(cmd)
	case ipmi.NetFnChassis:
		switch cmd {
		case 0x02, 0x03, 0x04, 0x08: // control, reset, identify, boot options
			return operates
		case 0x05, 0x06, 0x0a, 0x0b: // capabilities, restore policy, front panel, cycle interval
			return settled
		}
	case ipmi.NetFnSensor:
		switch cmd {
		case 0x00, 0x02, 0x12, 0x14, 0x24, 0x26, 0x28, 0x2a, 0x30: // events, PEF, and what changes sensors
			return settled
		}
	case ipmi.NetFnStorage:
		switch cmd {
		case 0x47: // clear the event log
			return operates
		case 0x12, 0x24, 0x25, 0x26, 0x27, 0x29, 0x44, 0x46, 0x49, 0x5d: // write inventory, records, times
			return settled
		}
	case ipmi.NetFnTransport:
		if cmd == 0x01 { // addresses
			return settled
		}
	case ipmi.NetFnGroup:
		switch cmd {
		case 0x04, 0x05, 0x08, 0x0a: // power limit, asset tag, name
			return settled
		}
	}
	return looks
}

func appRule(cmd uint8) rule {
	switch cmd {
	case 0x37, 0x38, 0x3b, 0x3c, 0x54: // GUID, capabilities, privilege, close, suites
		return session
	case 0x02, 0x03, 0x22, 0x24, 0x48, 0x49: // resets, watchdog, payloads
		return operates
	case 0x06, 0x2e, 0x40, 0x43, 0x45, 0x47, 0x4c, 0x56, 0x58: // users, keys, enables, names
		return settled
	}
	return looks
}

// Commands before which the node is looked at anew.
const (
	cmdDeactivate   = 0x49
	cmdSetWatchdog  = 0x24
	cmdWatchdog     = 0x22
	cmdSDRInfo      = 0x20
	cmdReserveSDR   = 0x22
	cmdSELInfo      = 0x40
	cmdReserveSEL   = 0x42
	cmdGetSEL       = 0x43
	cmdClearSEL     = 0x47
	cmdDCMIPower    = 0x02
	cmdDCMISensors  = 0x07
	cmdTemperatures = 0x10
)

// Extend implements [bmc.Extender]: it holds every command to what the room allows, and
// has the machine know what it is about to be asked.
func (n *node) Extend(ctx context.Context, who bmc.Caller, r ipmi.Request) (data []byte, handled bool, err error) {
	kind := ruleOf(r.NetFn, r.Cmd)
	if kind == session {
		return nil, false, nil
	}
	_, v, id, err := n.see(who)
	switch {
	case err != nil:
		return nil, true, err
	case kind == settled:
		return nil, true, ipmi.CodeDisabled
	case kind == operates && !v.Operates(id) && r.NetFn != ipmi.NetFnChassis:
		return nil, true, ipmi.CodePrivilege // a chassis command is the desk's to refuse, which writes it down
	}
	err = n.prepare(ctx, who, r)
	return nil, err != nil, err
}

// prepare does what goes before a command.
func (n *node) prepare(ctx context.Context, who bmc.Caller, r ipmi.Request) error {
	switch r.NetFn {
	case ipmi.NetFnApp:
		n.mu.Lock()
		defer n.mu.Unlock()
		switch r.Cmd {
		case cmdSetWatchdog, cmdWatchdog:
			if who.Privilege >= bmc.Operator {
				n.dog = who
			}
		case cmdDeactivate:
			n.forced, n.forceAt = who, time.Now()
		}
	case ipmi.NetFnStorage:
		switch r.Cmd {
		case cmdSDRInfo, cmdReserveSDR:
			n.measure(ctx, who)
		case cmdSELInfo, cmdReserveSEL, cmdGetSEL:
			n.readJournal(ctx, who)
		case cmdClearSEL:
			n.clearJournal(ctx, who, r.Data)
		}
	case ipmi.NetFnSensor:
		if r.Cmd == cmdSDRInfo || r.Cmd == cmdReserveSDR {
			n.measure(ctx, who)
		}
	case ipmi.NetFnGroup:
		return n.prepareDCMI(ctx, who, r.Cmd)
	}
	return nil
}

// prepareDCMI has the node measured; who wants to know what it draws hears no number that
// nobody has measured.
func (n *node) prepareDCMI(ctx context.Context, who bmc.Caller, cmd uint8) error {
	if cmd != cmdDCMIPower && cmd != cmdDCMISensors && cmd != cmdTemperatures {
		return nil
	}
	n.measure(ctx, who)
	n.mu.Lock()
	defer n.mu.Unlock()
	if cmd == cmdDCMIPower && !n.gauges.draws {
		return ipmi.CodeInvalidCommand
	}
	return nil
}
