// Package sampler puts what devices measure into the room's samples: each device at its
// own time, spread evenly, and what checks and UPSes tell besides. From what it sees it
// also knows what nodes usually draw, which plans and witnesses ask for.
//
// Start at [New] and [Sampler.Run].
package sampler

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/series"
)

// Fleet is the way to the devices; *fleet.Fleet is one.
type Fleet interface {
	Room() *room.Room
	MayMeasure(r *room.Room, id room.DeviceID) bool
	Measure(ctx context.Context, r *room.Room, devices []room.DeviceID, tell func(fleet.Measured))
}

// Book takes samples; *series.Book does.
type Book interface {
	Append(at time.Time, k series.Key, value float64)
	Ask(ctx context.Context, q series.Query) (*series.Answer, error)
}

const (
	step   = 250 * time.Millisecond // how often it is looked whose time has come
	atOnce = 32                     // devices that are asked at the same time
	runs   = 10.0                   // watts that a node draws at least when it runs
	memory = 0.05                   // the weight of a new sample in what is usual
	most   = 1e6                    // watts that nothing draws from one device
	parts  = 1000                   // parts of one device that are sampled, by quantity
)

// Sampler samples. Its methods may be called from any goroutine.
type Sampler struct {
	fleet Fleet
	book  Book
	log   *slog.Logger

	mu    sync.Mutex
	usual map[string]float64 // watts, by node
	parts map[string]map[part]bool
}

// part is something of a device, by the name that the device gives it, that it measures.
type part struct {
	name     string
	quantity driver.Quantity
}

// New makes a sampler.
func New(f Fleet, b Book, log *slog.Logger) *Sampler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Sampler{fleet: f, book: b, log: log, usual: make(map[string]float64), parts: make(map[string]map[part]bool)}
}

// Run samples until ctx ends, and returns when the last device has answered.
func (s *Sampler) Run(ctx context.Context) {
	s.recall(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex
	busy, last := make(map[string]bool), time.Now()
	gate := make(chan struct{}, atOnce)
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r, now := s.fleet.Room(), time.Now()
		if every := r.Settings.Samples.Every; every > 0 {
			for _, id := range s.due(r, every, last, now) {
				name := r.Devices[id].Name
				mu.Lock()
				taken := busy[name]
				busy[name] = true
				mu.Unlock()
				if taken { // it has not answered the last time yet
					continue
				}
				wg.Go(func() {
					defer func() { mu.Lock(); delete(busy, name); mu.Unlock() }()
					select {
					case gate <- struct{}{}:
						defer func() { <-gate }()
						s.fleet.Measure(ctx, r, []room.DeviceID{id}, func(m fleet.Measured) { s.take(r, m, time.Now()) })
					case <-ctx.Done():
					}
				})
			}
		}
		last = now
	}
}

// due gives the devices whose time has come between two moments. Each has its own place
// within the interval, so that not all are asked at once.
func (s *Sampler) due(r *room.Room, every time.Duration, from, to time.Time) []room.DeviceID {
	var list []room.DeviceID
	for i := range r.Devices {
		phase := phaseOf(r.Devices[i].Name, every)
		if (from.UnixNano()-int64(phase))/int64(every) == (to.UnixNano()-int64(phase))/int64(every) {
			continue
		}
		if id := room.DeviceID(i); s.fleet.MayMeasure(r, id) {
			list = append(list, id)
		}
	}
	return list
}

func phaseOf(name string, every time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return time.Duration(h.Sum64() % uint64(every))
}

// take puts what a device has measured into the book.
func (s *Sampler) take(r *room.Room, m fleet.Measured, at time.Time) {
	d := &r.Devices[m.Device]
	watts := make(map[room.NodeID]float64)
	for _, v := range m.Readings {
		if !s.admit(d.Name, part{v.Part, v.Quantity}) {
			continue
		}
		k := series.Key{Device: d.Name, Part: v.Part, Quantity: series.Quantity(v.Quantity)}
		if v.Plug == driver.NoPlug {
			k.Feed = d.Feed
		} else if v.Plug >= 0 && v.Plug < len(d.Plugs) {
			k.Plug = d.Plugs[v.Plug].Name
			if node := d.Plugs[v.Plug].Node; node != room.None {
				k.Node = r.Nodes[node].Name
				if v.Quantity == driver.Power && v.Part == "" {
					watts[node] += v.Value
				}
			}
		}
		s.book.Append(at, k, v.Value)
	}
	s.learn(r, watts)
}

// admit says whether a part of a device is sampled. Names of parts are the device's own:
// one that has new ones each time must not use up the series that there may be.
func (s *Sampler) admit(device string, p part) bool {
	if p.name == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.parts[device]
	switch {
	case known[p]:
		return true
	case known == nil:
		known = make(map[part]bool)
		s.parts[device] = known
	case len(known) > parts:
		return false
	case len(known) == parts:
		s.log.Warn("a device measures more parts than are sampled", "device", device, "parts", parts)
		known[part{}] = true // it is told once
		return false
	}
	known[p] = true
	return true
}

// learn takes in what nodes draw that hang on one device.
func (s *Sampler) learn(r *room.Room, watts map[room.NodeID]float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, w := range watts {
		if w *= share(r, id); !(w >= runs && w <= most) { // it does not run, or that is no number
			continue
		}
		name := r.Nodes[id].Name
		if was, known := s.usual[name]; known {
			w = was + memory*(w-was)
		}
		s.usual[name] = w
	}
}

// share is by how much what one device gives a node is to be multiplied: two power
// supplies share the load.
func share(r *room.Room, id room.NodeID) float64 {
	devices := make(map[room.DeviceID]bool)
	for _, c := range r.Nodes[id].Cords {
		devices[c.Device] = true
	}
	return float64(max(1, len(devices)))
}

// Watts gives what a node usually draws, as far as that was measured.
func (s *Sampler) Watts(r *room.Room, id room.NodeID) (float64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, known := s.usual[r.Nodes[id].Name]
	return w, known
}

// recall finds out from what was sampled before what nodes usually draw.
func (s *Sampler) recall(ctx context.Context) {
	now := time.Now()
	a, err := s.book.Ask(ctx, series.Query{
		Match: series.Matcher{series.LabelQuantity: {string(series.Power)}, series.LabelPart: {""}},
		From:  now.Add(-7 * 24 * time.Hour), To: now, Points: 7 * 24, GroupBy: series.LabelNode,
	})
	if err != nil {
		s.log.Warn("what nodes usually draw is not known from before", "why", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range a.Lines {
		sum, n := 0.0, 0.0
		for _, v := range line.Values {
			if v >= runs && v <= most { // not a number is not
				sum, n = sum+v, n+1
			}
		}
		if node := line.Labels[series.LabelNode]; node != "" && n > 0 {
			s.usual[node] = sum / n
		}
	}
}
