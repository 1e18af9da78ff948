package sel

import (
	"context"
	"errors"
	"time"

	"millwright.dev/millwright/ipmi"
)

// Follower tells of the new entries of one log. Its exported fields are its memory:
// kept (as JSON, say) and given to another Follower, they let it go on where this one
// stopped, so that entries are told once and none is missed while nobody looked.
type Follower struct {
	// Tail holds the latest records that were told, at most [TailLength], oldest first.
	Tail []Record `json:"tail"`
	// Info is the state that the log had then.
	Info Info `json:"info"`
	// Begun is set once the log has been looked at.
	Begun bool `json:"begun"`

	quiet int // how often in a row the log's state has been the same
}

// TailLength is how many records a Follower remembers, to find its place again in a
// log whose records were deleted or overwritten.
const TailLength = 32

// Update is what is new in a log. [Log.Entries] puts it into words and tells its times by our clock.
type Update struct {
	Log          // the new records and, if there are any, both clocks
	Cleared bool // the log was cleared since the last look
	Gap     bool // nothing that was told before is left, though it was not cleared: some may have been missed
}

// Poll looks once. The first look tells everything that is there. After an error, nothing counts
// as told, and the next look tells it.
func (f *Follower) Poll(ctx context.Context, d ipmi.Doer) (Update, error) {
	info, err := GetInfo(ctx, d)
	if err != nil {
		return Update{}, err
	}
	// A full log that overwrites itself may change within the second of its latest change and
	// look the same, so it is looked at twice more before its state is believed.
	if f.Begun && info == f.Info && info.Added != 0 && info.Added != NoStamp {
		if f.quiet++; f.quiet > 2 {
			return Update{}, nil
		}
	} else {
		f.quiet = 0
	}
	u, err := f.look(ctx, d, info)
	if err != nil {
		f.quiet = 0
		return Update{}, err
	}
	if len(u.Records) > 0 {
		records := u.Records
		if u.Log, err = clocks(ctx, d); err != nil {
			f.quiet = 0
			return Update{}, err
		}
		u.Records = records
	}
	f.Tail = append(f.Tail, u.Records...)
	if u.Cleared || u.Gap {
		f.Tail = u.Records
	}
	f.Tail = append([]Record(nil), f.Tail[max(0, len(f.Tail)-TailLength):]...)
	f.Info, f.Begun = info, true
	return u, nil
}

func (f *Follower) look(ctx context.Context, d ipmi.Doer, info Info) (Update, error) {
	if len(f.Tail) > 0 {
		// Mostly the latest record is still there, and leads to the new ones.
		last := f.Tail[len(f.Tail)-1]
		records, err := readFrom(ctx, d, last.ID, Options{})
		if err == nil && len(records) > 0 && records[0] == last {
			return Update{Log: Log{Records: records[1:]}}, nil
		}
		if err != nil && !isCode(err) && !errors.Is(err, ErrChain) {
			return Update{}, err
		}
	}
	all, err := readFrom(ctx, d, First, Options{})
	if err != nil && !errors.Is(err, ErrChain) {
		return Update{}, err
	}
	if at := f.place(all); at >= 0 {
		return Update{Log: Log{Records: all[at:]}}, nil
	}
	u := Update{Log: Log{Records: all}}
	if f.Begun && (len(f.Tail) > 0 || info.Erased != f.Info.Erased) {
		// A log that overwrites its oldest records stays full.
		u.Cleared = info.Erased != f.Info.Erased || info.Entries < f.Info.Entries
		u.Gap = !u.Cleared
	}
	return u, nil
}

// place finds what follows the latest record that was told: -1 if none is there any more.
func (f *Follower) place(all []Record) int {
	for i := len(f.Tail) - 1; i >= 0; i-- {
		for at := len(all) - 1; at >= 0; at-- {
			if all[at] == f.Tail[i] {
				return at + 1
			}
		}
	}
	return -1
}

func isCode(err error) bool {
	code := new(ipmi.CodeError)
	return errors.As(err, &code)
}

// Follow polls a log until ctx ends, which is no error, or tell or the BMC fails. A caller
// that wants to outlive failures of the BMC calls it again with the same Follower.
func (f *Follower) Follow(ctx context.Context, d ipmi.Doer, every time.Duration, tell func(Update) error) error {
	for {
		u, err := f.Poll(ctx, d)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if len(u.Records) > 0 || u.Cleared || u.Gap {
			if err := tell(u); err != nil {
				return err
			}
		}
		if wait(ctx, every) != nil {
			return nil
		}
	}
}
