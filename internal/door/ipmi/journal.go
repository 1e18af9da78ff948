package ipmidoor

import (
	"context"
	"math"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/sel"
)

const (
	// maxRecords is how many of the newest events of a node its log shows.
	maxRecords = 256
	// remembered is how far back they are looked for, and searching how long.
	remembered = 90 * 24 * time.Hour
	searching  = 3 * time.Second
)

// journal is the room's log of a node, as a BMC's event log.
type journal struct {
	through int64 // all events up to this were looked at
	records []sel.Record
	erasing bool // a client asked for it to be emptied
}

// readJournal brings the machine's event log up to date. Where the room's log cannot be
// read in time, what was known stays.
func (n *node) readJournal(ctx context.Context, who bmc.Caller) {
	_, v, _, err := n.see(who)
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	j := &n.journal
	if j.erasing && len(n.machine.Records()) == 0 {
		j.records = nil
	}
	j.erasing = false
	events := n.door.opts.Desk.Events()
	last := events.Last()
	if last == j.through {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, searching)
	defer cancel()
	list, err := events.Read(ctx, event.Filter{
		Since: time.Now().Add(-remembered), AfterSeq: j.through, Node: n.name, Limit: maxRecords, Newest: true,
		Kinds: []event.Kind{event.Result, event.State, event.Machine},
	})
	if err != nil {
		n.door.opts.Log.Warn("the log of a node could not be read", "node", n.name, "why", err)
		return
	}
	for i := range list {
		if seen, may := v.Event(list[i]); may {
			j.records = append(j.records, recordsOf(&seen)...)
		}
	}
	j.through = last
	j.records = j.records[max(0, len(j.records)-maxRecords):]
	n.machine.SetSEL(j.records)
}

// clearJournal notes that a client wants the log to be emptied. That hides what it shows;
// the room's own log is never emptied, nor that of the device itself.
func (n *node) clearJournal(_ context.Context, _ bmc.Caller, data []byte) {
	const erase = 0xaa
	n.mu.Lock()
	defer n.mu.Unlock()
	n.journal.erasing = len(data) >= 6 && data[5] == erase
}

// States of a power unit (table 42-3), and severities (table 42-2, reading type 07).
const (
	unitOff          = 0
	unitCycle        = 1
	unitFailure      = 6
	severityFine     = 0
	severityWarning  = 1
	severityCritical = 2
	severityFailed   = 3
)

// recordsOf gives what the log of a BMC says of an event: nothing of one that
// changed nothing.
func recordsOf(e *event.Event) []sel.Record {
	r := sel.Record{
		ID: uint16(1 + e.Seq%(math.MaxUint16-1)), Type: sel.TypeSystem, Time: sel.Stamp(e.Time.Unix()),
		Event: sel.Event{Generator: controller, Revision: 4, SensorType: 0x09, Sensor: powerSensor, Type: 0x6f, Data: [3]byte{unitOff, 0xff, 0xff}},
	}
	switch e.Kind {
	case event.State:
		switch e.Outcome {
		case room.StateOff.String():
		case room.StateOn.String():
			r.Event.Deassert = true
		default:
			return nil
		}
	case event.Result:
		if !switched(e, &r.Event) {
			return nil
		}
	case event.Machine:
		r.Event.SensorType, r.Event.Sensor, r.Event.Type = 0x12, logSensor, 0x07
		r.Event.Data[0] = severityOf(e.Outcome)
	default:
		return nil
	}
	return []sel.Record{r}
}

// switched tells of a change that was asked for.
func switched(e *event.Event, r *sel.Event) bool {
	op, known := room.ParseOp(e.Op)
	if !known {
		return false
	}
	if e.Outcome != event.OK {
		r.Data[0] = unitFailure
		return op != room.BeaconOn && op != room.BeaconOff
	}
	switch op {
	case room.On:
		r.Deassert = true
	case room.Off, room.SoftOff:
	case room.Cycle, room.Reset:
		r.Data[0] = unitCycle
	default:
		return false
	}
	return true
}

func severityOf(outcome string) byte {
	switch outcome {
	case "warning":
		return severityWarning
	case "critical":
		return severityCritical
	case "failed":
		return severityFailed
	}
	return severityFine
}
