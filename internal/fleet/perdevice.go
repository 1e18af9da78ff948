package fleet

import (
	"iter"

	"millwright.dev/millwright/internal/room"
)

// perDevice keeps a value for each device that a request has to do with. Where
// that may be most of the room's it is a table, and where it is a few of many a
// map, so that a request for one node costs the same in a room of any size.
type perDevice[T any] struct {
	all  []T
	some map[room.DeviceID]*T
}

// newPerDevice makes room for the devices of so many nodes.
func newPerDevice[T any](r *room.Room, nodes int) perDevice[T] {
	if nodes < len(r.Devices)/4 {
		return perDevice[T]{some: make(map[room.DeviceID]*T, nodes)}
	}
	return perDevice[T]{all: make([]T, len(r.Devices))}
}

// at gives the place of a device's value.
func (p *perDevice[T]) at(id room.DeviceID) *T {
	if p.all != nil {
		return &p.all[id]
	}
	v := p.some[id]
	if v == nil {
		v = new(T)
		p.some[id] = v
	}
	return v
}

// values gives all values, in no order.
func (p *perDevice[T]) values() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for i := range p.all {
			if !yield(&p.all[i]) {
				return
			}
		}
		for _, v := range p.some {
			if !yield(v) {
				return
			}
		}
	}
}
