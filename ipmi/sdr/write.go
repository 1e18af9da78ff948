package sdr

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
)

// reserve gets a reservation for what changes a repository.
func reserve(ctx context.Context, d ipmi.Doer) (uint16, error) {
	w, err := ipmi.Ask(ctx, d, "reserve the SDR repository", ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdReserve}, ParseWord)
	return uint16(w), err
}

// Add puts a record into the repository and gives the id that the BMC chose for it (section 33.13). A BMC
// that takes no record at once gets it in parts. It is sent at most once.
func Add(ctx context.Context, d ipmi.Doer, r Record) (ID, error) {
	b := r.Append(nil)
	w, err := ipmi.Ask(ctx, d, "add a sensor data record",
		ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdAdd, Data: b, Once: true}, ParseWord)
	if errors.Is(err, ipmi.CodeInvalidCommand) || errors.Is(err, ipmi.CodeLengthLimit) {
		return addParts(ctx, d, b)
	}
	return ID(w), err
}

func addParts(ctx context.Context, d ipmi.Doer, b []byte) (ID, error) {
	const part = 16
	reservation, err := reserve(ctx, d)
	if err != nil {
		return 0, err
	}
	var w Word
	for at := 0; at < len(b); at += part {
		end := min(at+part, len(b))
		p := PartialAdd{Reservation: reservation, Record: ID(w), Offset: uint8(at), Last: end == len(b), Data: b[at:end]}
		w, err = ipmi.Ask(ctx, d, "add a part of a sensor data record",
			ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdPartialAdd, Data: p.Append(nil), Once: true}, ParseWord)
		if err != nil {
			return 0, err
		}
	}
	return ID(w), nil
}

// Remove deletes a record from the repository (section 33.15).
func Remove(ctx context.Context, d ipmi.Doer, id ID) error {
	reservation, err := reserve(ctx, d)
	if err != nil {
		return err
	}
	q := Delete{Reservation: reservation, Record: id}
	return ipmi.Tell(ctx, d, fmt.Sprintf("delete sensor data record %04x", uint16(id)),
		ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdDelete, Data: q.Append(nil), Once: true})
}

// Erase clears the repository and comes back when that is done (section 33.16).
func Erase(ctx context.Context, d ipmi.Doer) error {
	reservation, err := reserve(ctx, d)
	if err != nil {
		return err
	}
	q := Clear{Reservation: reservation}
	for {
		done, err := ipmi.Ask(ctx, d, "clear the SDR repository",
			ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdClear, Data: q.Append(nil), Once: !q.Status}, ParseCleared)
		if err != nil || bool(done) {
			return err
		}
		q.Status = true
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("clear the SDR repository: %w", ctx.Err())
		}
	}
}

// GetTime reads the repository's clock (section 33.17).
func GetTime(ctx context.Context, d ipmi.Doer) (time.Time, error) {
	s, err := ipmi.Ask(ctx, d, "read the SDR repository's clock", ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdGetTime}, ParseStamp)
	return s.Time(), err
}

// SetTime sets the repository's clock (section 33.18).
func SetTime(ctx context.Context, d ipmi.Doer, t time.Time) error {
	return ipmi.Tell(ctx, d, "set the SDR repository's clock",
		ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: CmdSetTime, Data: Stamp(t.Unix()).Append(nil)})
}
