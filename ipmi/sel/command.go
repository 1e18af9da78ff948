package sel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
)

func request(cmd uint8, data []byte) ipmi.Request {
	return ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: cmd, Data: data}
}

// GetInfo reads how full the log is and when it last changed.
func GetInfo(ctx context.Context, d ipmi.Doer) (Info, error) {
	return ipmi.Ask(ctx, d, "read the event log's state", request(CmdInfo, nil), ParseInfo)
}

// GetAllocation reads how the log's space is divided. Few BMCs tell.
func GetAllocation(ctx context.Context, d ipmi.Doer) (Allocation, error) {
	return ipmi.Ask(ctx, d, "read the event log's allocation", request(CmdAllocation, nil), ParseAllocation)
}

// Reserve takes a reservation. It ends with the next one that anybody takes, and when
// a record is added or deleted.
func Reserve(ctx context.Context, d ipmi.Doer) (uint16, error) {
	n, err := ipmi.Ask(ctx, d, "reserve the event log", request(CmdReserve, nil), ParseNumber)
	return uint16(n), err
}

// reserveIfCan gives 0, which is then accepted, where a BMC has no reservations.
func reserveIfCan(ctx context.Context, d ipmi.Doer) (uint16, error) {
	n, err := Reserve(ctx, d)
	if errors.Is(err, ipmi.CodeInvalidCommand) {
		return 0, nil
	}
	return n, err
}

// Get reads one record, whole, and the number of the next: [Last] if there is none.
// [First] and [Last] may be asked for. ipmi.CodeNotPresent: there is no such record.
func Get(ctx context.Context, d ipmi.Doer, id uint16) (Record, uint16, error) {
	a, err := ask(ctx, d, GetRequest{ID: id, Count: 0xff})
	if err != nil {
		return Record{}, 0, err
	}
	r, err := ParseRecord(a.Data)
	if err != nil {
		return Record{}, 0, fmt.Errorf("read event log record %04x: %w", id, err)
	}
	return r, a.Next, nil
}

// ask does Get SEL Entry, again for as long as the log is being erased.
func ask(ctx context.Context, d ipmi.Doer, r GetRequest) (GetAnswer, error) {
	what := fmt.Sprintf("read event log record %04x", r.ID)
	return whileErasing(ctx, func() (GetAnswer, error) {
		return ipmi.Ask(ctx, d, what, request(CmdGet, r.Append(nil)), ParseGetAnswer)
	})
}

// Add writes a record and gives the number that the BMC gave it. The BMC puts its own time
// into records that carry one.
func Add(ctx context.Context, d ipmi.Doer, r Record) (uint16, error) {
	req := request(CmdAdd, r.Append(nil))
	req.Once = true
	n, err := ipmi.Ask(ctx, d, "add to the event log", req, ParseNumber)
	return uint16(n), err
}

// AddPart writes a record piece by piece, for BMCs that want it so.
func AddPart(ctx context.Context, d ipmi.Doer, r Record) (uint16, error) {
	reservation, err := Reserve(ctx, d)
	if err != nil {
		return 0, err
	}
	const piece = 8
	b, id := r.Append(nil), uint16(0)
	for at := 0; at < len(b); at += piece {
		part := PartialAdd{Reservation: reservation, ID: id, Offset: uint8(at), Final: at+piece >= len(b), Data: b[at:min(at+piece, len(b))]}
		req := request(CmdPartialAdd, part.Append(nil))
		req.Once = true
		n, err := ipmi.Ask(ctx, d, "add to the event log in parts", req, ParseNumber)
		if err != nil {
			return 0, err
		}
		id = uint16(n)
	}
	return id, nil
}

// Delete removes one record.
func Delete(ctx context.Context, d ipmi.Doer, id uint16) error {
	reservation, err := reserveIfCan(ctx, d)
	if err != nil {
		return err
	}
	req := request(CmdDelete, DeleteRequest{Reservation: reservation, ID: id}.Append(nil))
	req.Once = true
	return ipmi.Tell(ctx, d, fmt.Sprintf("delete event log record %04x", id), req)
}

// Clear empties the log and waits until that is done. What came in since the log
// was last read is lost: [ReadAndClear] loses nothing.
func Clear(ctx context.Context, d ipmi.Doer) error {
	reservation, err := reserveIfCan(ctx, d)
	if err != nil {
		return err
	}
	return erase(ctx, d, reservation)
}

// How often a BMC is asked whether it has erased its log, and how often an answer is had
// from one that is erasing.
const (
	erasePoll  = 500 * time.Millisecond
	erasePolls = 600 // five minutes; whoever takes longer will never be done
)

// errErasing says that a log has been erased for longer than any log takes.
var errErasing = errors.New("it does not come to an end")

func erase(ctx context.Context, d ipmi.Doer, reservation uint16) error {
	const what = "clear the event log"
	req := request(CmdClear, ClearRequest{Reservation: reservation}.Append(nil))
	req.Once = true
	a, err := ipmi.Ask(ctx, d, what, req, ParseClearAnswer)
	if unsure := new(ipmi.UnsureError); errors.As(err, &unsure) {
		// The answer was lost; an empty log says what it would have said.
		if info, infoErr := GetInfo(ctx, d); infoErr == nil && info.Entries == 0 {
			return nil
		}
	}
	for n := 0; err == nil && !a.Done; n++ {
		if n >= erasePolls {
			return fmt.Errorf("%s: %w", what, errErasing)
		}
		if err = wait(ctx, erasePoll); err != nil {
			return fmt.Errorf("%s: begun, not yet done: %w", what, err)
		}
		r := ClearRequest{Reservation: reservation, Status: true}
		a, err = ipmi.Ask(ctx, d, what, request(CmdClear, r.Append(nil)), ParseClearAnswer)
		if errors.Is(err, ipmi.CodeReservation) {
			// Something was logged after the erasure began, so another reservation is needed to ask.
			if reservation, err = Reserve(ctx, d); err == nil {
				a.Done = false
			}
		}
	}
	return err
}

// GetTime reads the clock of the log.
func GetTime(ctx context.Context, d ipmi.Doer) (Stamp, error) {
	return whileErasing(ctx, func() (Stamp, error) {
		return ipmi.Ask(ctx, d, "read the event log's clock", request(CmdGetTime, nil), ParseStamp)
	})
}

// SetTime sets the clock of the log.
func SetTime(ctx context.Context, d ipmi.Doer, s Stamp) error {
	return ipmi.Tell(ctx, d, "set the event log's clock", request(CmdSetTime, s.Append(nil)))
}

// GetUTCOffset reads how far the BMC's local time is from UTC.
func GetUTCOffset(ctx context.Context, d ipmi.Doer) (UTCOffset, error) {
	return ipmi.Ask(ctx, d, "read the UTC offset", request(CmdGetUTCOffset, nil), ParseUTCOffset)
}

// SetUTCOffset sets it.
func SetUTCOffset(ctx context.Context, d ipmi.Doer, o UTCOffset) error {
	return ipmi.Tell(ctx, d, "set the UTC offset", request(CmdSetUTCOffset, o.Append(nil)))
}

// whileErasing repeats what fails because the log is being erased, until ctx ends or nobody can
// believe it any more.
func whileErasing[T any](ctx context.Context, try func() (T, error)) (T, error) {
	for n := 0; ; n++ {
		v, err := try()
		if !errors.Is(err, CodeErasing) || n >= erasePolls || wait(ctx, erasePoll) != nil {
			return v, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
