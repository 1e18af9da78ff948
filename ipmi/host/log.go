package host

import (
	"context"
	"time"

	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sel"
)

// Log reads the event log in words, oldest first, and with clear empties it without losing
// what comes in meanwhile.
func (h *Host) Log(ctx context.Context, clear bool) ([]sel.Entry, error) {
	read := sel.Read
	if clear {
		read = sel.ReadAndClear
	}
	log, err := read(ctx, h.d, sel.Options{Ahead: h.o.Parallel})
	if err != nil && len(log.Records) == 0 {
		return nil, err
	}
	entries := log.Entries(h.lookup(ctx))
	h.decode(ctx, entries)
	return entries, err
}

// ClearLog empties the event log.
func (h *Host) ClearLog(ctx context.Context) error { return sel.Clear(ctx, h.d) }

// FollowLog tells of new entries until ctx ends, looking every so often (5 s for 0). The
// follower keeps where it stopped; its fields can be kept on disk.
func (h *Host) FollowLog(ctx context.Context, f *sel.Follower, every time.Duration, tell func(entries []sel.Entry, u sel.Update) error) error {
	if every <= 0 {
		every = 5 * time.Second
	}
	return f.Follow(ctx, h.d, every, func(u sel.Update) error {
		entries := u.Entries(h.lookup(ctx))
		h.decode(ctx, entries)
		return tell(entries, u)
	})
}

// decode lets the maker put into words what only it can read. A maker who cannot be found
// now is no reason to lose the log.
func (h *Host) decode(ctx context.Context, entries []sel.Entry) {
	m, ok, err := maybe[oem.Events](ctx, h)
	if err != nil || !ok {
		return
	}
	for i := range entries {
		m.DecodeEvent(&entries[i])
	}
}

// lookup finds sensors for the log. Without sensor records entries have numbers for names.
func (h *Host) lookup(ctx context.Context) sel.Lookup {
	set, err := h.records(ctx)
	if err != nil {
		return nil
	}
	return sel.FromSensors(set.Sensors())
}
