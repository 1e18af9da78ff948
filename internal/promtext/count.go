package promtext

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// series is a family whose samples come into being by their labels' values.
type series[T any] struct {
	mu     sync.Mutex
	labels []string
	of     map[string]*T // by the values, with zero bytes between them
}

// at gives a sample; the series is locked.
func (s *series[T]) at(values []string) *T {
	key := strings.Join(values, "\x00")
	if one := s.of[key]; one != nil {
		return one
	}
	if s.of == nil {
		s.of = make(map[string]*T)
	}
	one := new(T)
	s.of[key] = one
	return one
}

// each gives the samples with their labels, sorted.
func (s *series[T]) each(yield func(labels []string, one *T)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.of)) {
		var labels []string
		if len(s.labels) > 0 {
			for i, v := range strings.Split(key, "\x00") {
				labels = append(labels, s.labels[i], v)
			}
		}
		yield(labels, s.of[key])
	}
}

// Counters is a family of counters. It may be used from many goroutines.
type Counters struct {
	name, help string
	series[float64]
}

// NewCounters makes a family; its name ends in _total. Without labels it has one counter,
// which is there from the beginning.
func NewCounters(name, help string, labels ...string) *Counters {
	c := &Counters{name: name, help: help, series: series[float64]{labels: labels}}
	if len(labels) == 0 {
		c.Add(0)
	}
	return c
}

// Add counts; values are those of the labels, in their order.
func (c *Counters) Add(n float64, values ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.at(values) += n
}

// WriteTo writes the family.
func (c *Counters) WriteTo(w *Writer) {
	w.Family(c.name, Counter, c.help)
	c.each(func(labels []string, v *float64) { w.sample("", *v, labels) })
}

// Histograms is a family of histograms. It may be used from many goroutines.
type Histograms struct {
	name, help string
	bounds     []float64
	series[histogram]
}

type histogram struct {
	buckets []uint64 // not summed up
	count   uint64
	sum     float64
}

// NewHistograms makes a family with the upper bounds of its buckets, ascending.
func NewHistograms(name, help string, bounds []float64, labels ...string) *Histograms {
	return &Histograms{name: name, help: help, bounds: bounds, series: series[histogram]{labels: labels}}
}

// Observe counts a value.
func (h *Histograms) Observe(v float64, values ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.at(values)
	if one.buckets == nil {
		one.buckets = make([]uint64, len(h.bounds))
	}
	one.count++
	one.sum += v
	if i, _ := slices.BinarySearch(h.bounds, v); i < len(h.bounds) {
		one.buckets[i]++
	}
}

// WriteTo writes the family.
func (h *Histograms) WriteTo(w *Writer) {
	w.Family(h.name, Histogram, h.help)
	h.each(func(labels []string, one *histogram) {
		var sum uint64
		for i, bound := range h.bounds {
			sum += one.buckets[i]
			w.sample("_bucket", float64(sum), append(slices.Clip(labels), "le", number(bound)))
		}
		w.sample("_bucket", float64(one.count), append(slices.Clip(labels), "le", "+Inf"))
		w.sample("_sum", one.sum, labels)
		w.sample("_count", float64(one.count), labels)
	})
}
