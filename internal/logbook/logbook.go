// Package logbook reads the logs that machines keep of themselves (an IPMI system
// event log, a Redfish log service) now and then, and tells what is new in them as
// events of the room.
//
// How far it has read is kept in the store, in the same transaction as the events:
// an entry is told once, also across restarts. A log that is seen for the first time
// is not told: what stands in it happened before.
//
// Start at [Follower.Run].
package logbook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

const (
	step       = time.Second     // how often it is looked which log is due
	limit      = 3 * time.Minute // how long reading one log may take
	atOnce     = 32              // logs that are read at the same time
	maxEntries = 1 << 16         // of one log
	maxTold    = 200             // entries told at once; a log that has more says how many
)

// Follower reads logs.
type Follower struct {
	Fleet  *fleet.Fleet
	Events *event.Log
	Store  *store.Store
	Log    *slog.Logger
}

// Data is what stands in an event's data.
type Data struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time,omitzero"` // the machine's own, corrected
	Source   string    `json:"source,omitempty"`
	Severity string    `json:"severity"`
	Ended    bool      `json:"ended,omitempty"`
}

// Run follows the logs of the room's machines until ctx ends, and returns when the
// last reading is over.
func (f *Follower) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	turns := make(chan struct{}, atOnce)
	due := make(map[string]time.Time)
	var reading underWay
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r := f.Fleet.Room()
		for _, id := range f.dueNow(r, due) {
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
				return
			}
			name := r.Devices[id].Name
			if !reading.begin(name) {
				<-turns
				continue
			}
			wg.Go(func() {
				defer func() { reading.end(name); <-turns }()
				f.device(ctx, r, id)
			})
		}
	}
}

// underWay are the devices whose logs are being read. One that takes longer than the time
// between two readings is not read twice at a time: what is new would be told twice, and
// a few that hang would take the turns of all.
type underWay struct {
	mu    sync.Mutex
	names map[string]bool
}

func (u *underWay) begin(name string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.names[name] {
		return false
	}
	if u.names == nil {
		u.names = make(map[string]bool)
	}
	u.names[name] = true
	return true
}

func (u *underWay) end(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.names, name)
}

// dueNow gives the devices whose logs are due, and says when they are next. The first
// time is spread over the whole interval, so that a thousand of them are not read at once.
func (f *Follower) dueNow(r *room.Room, due map[string]time.Time) []room.DeviceID {
	var list []room.DeviceID
	now := time.Now()
	for i := range r.Devices {
		id := room.DeviceID(i)
		t, ok := f.Fleet.Traits(r, id)
		if !ok || t.Log <= 0 {
			continue
		}
		name := r.Devices[i].Name
		at, known := due[name]
		switch {
		case !known:
			due[name] = now.Add(t.Log * time.Duration(i) / time.Duration(len(r.Devices)))
		case !now.Before(at):
			due[name] = now.Add(t.Log)
			list = append(list, id)
		}
	}
	return list
}

func (f *Follower) device(ctx context.Context, r *room.Room, id room.DeviceID) {
	d := &r.Devices[id]
	for p := range d.Plugs {
		node := d.Plugs[p].Node
		if node == room.None {
			continue
		}
		if err := f.plug(ctx, r, id, p); err != nil && ctx.Err() == nil {
			f.Log.Debug("a machine's log could not be read", "node", r.Nodes[node].Name, "device", d.Name, "why", err)
		}
	}
}

// plug reads one log and tells what is new.
func (f *Follower) plug(ctx context.Context, r *room.Room, id room.DeviceID, plug int) error {
	d := &r.Devices[id]
	name := "log/" + d.Name + "/" + d.Plugs[plug].Name
	mark, err := f.Store.Mark(ctx, name)
	if err != nil {
		return err
	}
	var entries []driver.LogEntry
	err = f.Fleet.ReadLog(ctx, r, id, plug, limit, func(e driver.LogEntry) {
		if len(entries) < maxEntries {
			entries = append(entries, e)
		}
	})
	if err != nil {
		return err
	}
	fresh, now := news(entries, mark)
	if now == mark {
		return nil
	}
	told := f.events(r.Nodes[d.Plugs[plug].Node].Name, fresh)
	return f.Events.AppendWith(ctx, func(tx *store.Tx) error { return tx.SetMark(name, now) }, told...)
}

// empty is the mark of a log that was seen without entries.
const empty = "empty"

// news gives the entries behind the marked one, and the mark to remember. The mark is
// the last entry's id and a digest of what it says, because ids begin again when a log is
// cleared. If the marked entry has gone, all that is there is new.
func news(entries []driver.LogEntry, mark string) (fresh []driver.LogEntry, now string) {
	if len(entries) == 0 {
		return nil, empty
	}
	now = markOf(entries[len(entries)-1])
	if mark == "" {
		return nil, now
	}
	for i := len(entries) - 1; i >= 0; i-- {
		if markOf(entries[i]) == mark {
			return entries[i+1:], now
		}
	}
	return entries, now
}

func markOf(e driver.LogEntry) string {
	sum := sha256.Sum256([]byte(e.Source + "\x00" + e.Text))
	return e.ID + " " + hex.EncodeToString(sum[:8])
}

// events puts entries into events. Of very many only the last are told one by one.
func (f *Follower) events(node string, entries []driver.LogEntry) []*event.Event {
	var list []*event.Event
	if more := len(entries) - maxTold; more > 0 {
		entries = entries[more:]
		list = append(list, &event.Event{
			Kind: event.Machine, Targets: node, Count: 1, Outcome: event.Partial,
			Detail: fmt.Sprintf("%d entries more than are told here came at once; read them with: millwright log %s", more, node),
		})
	}
	for _, e := range entries {
		data, _ := json.Marshal(Data{ID: e.ID, Time: e.At, Source: e.Source, Severity: e.Severity.String(), Ended: e.Ended})
		detail := e.Text
		if e.Source != "" {
			detail = e.Source + ": " + detail
		}
		if e.Ended {
			detail += " (over)"
		}
		list = append(list, &event.Event{Kind: event.Machine, Targets: node, Count: 1, Outcome: e.Severity.String(), Detail: detail, Data: data})
	}
	return list
}
