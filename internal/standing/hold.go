package standing

import (
	"cmp"
	"context"
	"sort"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/store"
)

// HoldKind is what sort of hold it is.
type HoldKind string

// The kinds of holds.
const (
	// Held: nothing but a person who names the node switches it.
	Held HoldKind = "hold"
	// Maintenance: the same, and nothing is expected of the node: its checks rest, and
	// what they find is no news.
	Maintenance HoldKind = "maintenance"
)

// Hold is what somebody has decided about a node.
type Hold struct {
	Node   string    `json:"node"`
	Kind   HoldKind  `json:"kind"`
	Author string    `json:"author,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // zero: until it is taken off
}

// String says it for people, so that it completes "db1 is held: …".
func (h Hold) String() string {
	text := "held"
	if h.Kind == Maintenance {
		text = "in maintenance"
	}
	if h.Author != "" {
		text += " by " + h.Author
	}
	if !h.Until.IsZero() {
		text += " until " + h.Until.Local().Format("2006-01-02 15:04")
	}
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	return text
}

func (b *Book) putHold(h Hold) {
	of := b.holds[h.Node]
	if of == nil {
		of = make(map[HoldKind]Hold)
		b.holds[h.Node] = of
	}
	of[h.Kind] = h
}

// Hold puts a hold on nodes; what h says of Node is not looked at. It is on the disk,
// with the event that tells of it, before it counts.
func (b *Book) Hold(ctx context.Context, nodes []string, h Hold, e event.Event) error {
	if h.Since.IsZero() {
		h.Since = time.Now().UTC()
	}
	rows := make([]store.NodeHold, len(nodes))
	for i, n := range nodes {
		rows[i] = store.NodeHold{Node: n, Kind: string(h.Kind), Author: h.Author, Reason: h.Reason, Since: h.Since, Until: h.Until}
	}
	if err := b.say(ctx, nodes, e, func(tx *store.Tx) error { return tx.PutHolds(rows...) }); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range nodes {
		h.Node = n
		b.putHold(h)
		b.marked(n)
	}
	b.wake()
	return nil
}

// Release takes holds of a kind off nodes, and gives the names of those that had one.
func (b *Book) Release(ctx context.Context, nodes []string, kind HoldKind, e event.Event) ([]string, error) {
	var held []string
	b.mu.Lock()
	for _, n := range nodes {
		if _, is := b.holds[n][kind]; is {
			held = append(held, n)
		}
	}
	b.mu.Unlock()
	if len(held) == 0 {
		return nil, nil
	}
	if err := b.say(ctx, held, e, func(tx *store.Tx) error { return tx.DeleteHolds(string(kind), held...) }); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range held {
		delete(b.holds[n], kind)
		if len(b.holds[n]) == 0 {
			delete(b.holds, n)
		}
		b.marked(n)
	}
	return held, nil
}

// marked tells those who follow that a node's holds are others. The caller has the lock.
func (b *Book) marked(node string) {
	s := Subject{Kind: Node, Node: node}
	now := b.get(s)
	b.changes.Add(Change{Subject: s, Standing: now, Was: now.State, N: b.changes.Last() + 1})
}

// say writes an event about nodes, and what belongs to it, to the disk.
func (b *Book) say(ctx context.Context, nodes []string, e event.Event, with func(*store.Tx) error) error {
	e.Kind, e.Targets, e.Count = event.State, hostlist.Fold(nodes), len(nodes)
	if e.Outcome == "" {
		e.Outcome = event.OK
	}
	return b.o.Events.AppendWith(ctx, with, &e)
}

// Held gives the hold on a node, maintenance before others.
func (b *Book) Held(node string) (Hold, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held(node, time.Now())
}

func (b *Book) held(node string, now time.Time) (Hold, bool) {
	of := b.holds[node]
	for _, kind := range []HoldKind{Maintenance, Held} {
		if h, is := of[kind]; is && (h.Until.IsZero() || now.Before(h.Until)) {
			return h, true
		}
	}
	return Hold{}, false
}

// Holds gives all holds that count now, by node and kind.
func (b *Book) Holds() []Hold {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []Hold
	for _, of := range b.holds {
		for _, h := range of {
			if h.Until.IsZero() || now.Before(h.Until) {
				list = append(list, h)
			}
		}
	}
	sort.Slice(list, func(i, j int) bool {
		return cmp.Or(cmp.Compare(list[i].Node, list[j].Node), cmp.Compare(list[i].Kind, list[j].Kind)) < 0
	})
	return list
}

// expire takes off what has come to its end.
func (b *Book) expire(ctx context.Context) {
	over := make(map[HoldKind][]string)
	now := time.Now()
	b.mu.Lock()
	for n, of := range b.holds {
		for kind, h := range of {
			if !h.Until.IsZero() && !now.Before(h.Until) {
				over[kind] = append(over[kind], n)
			}
		}
	}
	b.mu.Unlock()
	for kind, nodes := range over {
		_, err := b.Release(ctx, nodes, kind, event.Event{Op: "release", Detail: "the " + string(kind) + " has come to its end"})
		if err != nil && ctx.Err() == nil {
			b.o.Log.Error("the end of a hold cannot be written down; it is tried again", "why", err)
		}
	}
}
