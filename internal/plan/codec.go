package plan

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"millwright.dev/millwright/internal/room"
)

// errMangled is of bytes that are no plan.
var errMangled = errors.New("the plan that was kept cannot be read")

// maxKept bounds a plan that is read back, in bytes.
const maxKept = 256 << 20

// Encode writes what a run needs of the plan: names once, numbers short, packed. What is
// only shown (states, forecast) is left out.
func (p *Plan) Encode(r *room.Room) []byte {
	e := encoder{room: r, at: make(map[room.NodeID]uint64)}
	e.number(1) // the form
	e.number(uint64(p.Goal))
	e.number(p.Order.bits())
	e.ids(p.Asked)
	e.number(uint64(len(p.Steps)))
	for i := range p.Steps {
		e.step(&p.Steps[i])
	}
	e.number(uint64(len(p.Skipped)))
	for _, s := range p.Skipped {
		e.id(s.Node)
	}
	e.number(uint64(len(p.Blocked)))
	for _, b := range p.Blocked {
		e.id(b.Node)
		e.id(b.By)
		e.text(b.Reason)
	}
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestSpeed) // the level is one that there is
	head := binary.AppendUvarint(nil, uint64(len(e.names)))
	_, _ = w.Write(head)
	_, _ = w.Write(e.namesText)
	_, _ = w.Write(e.data)
	_ = w.Close()
	return packed.Bytes()
}

func (o *Order) bits() uint64 {
	bits := uint64(0)
	for i, b := range []bool{o.Dependents, o.Dependencies, o.Only, o.Force} {
		if b {
			bits |= 1 << i
		}
	}
	return bits
}

type encoder struct {
	room      *room.Room
	at        map[room.NodeID]uint64
	names     []room.NodeID
	namesText []byte
	data      []byte
}

func (e *encoder) number(n uint64) { e.data = binary.AppendUvarint(e.data, n) }
func (e *encoder) text(s string) {
	e.number(uint64(len(s)))
	e.data = append(e.data, s...)
}

func (e *encoder) id(id room.NodeID) {
	if id == room.None {
		e.number(0)
		return
	}
	at, found := e.at[id]
	if !found {
		e.names = append(e.names, id)
		at = uint64(len(e.names))
		e.at[id] = at
		name := e.room.Nodes[id].Name
		e.namesText = binary.AppendUvarint(e.namesText, uint64(len(name)))
		e.namesText = append(e.namesText, name...)
	}
	e.number(at)
}

func (e *encoder) ids(list []room.NodeID) {
	e.number(uint64(len(list)))
	for _, id := range list {
		e.id(id)
	}
}

// places writes places of steps that come before a step, as how far before.
func (e *encoder) places(list []int32) {
	e.number(uint64(len(list)))
	for _, n := range list {
		e.number(uint64(n))
	}
}

func (e *encoder) step(s *Step) {
	e.id(s.Node)
	e.number(uint64(s.Do))
	e.number(uint64(s.Acts))
	e.number(uint64(s.Why.Cause))
	e.places(s.After)
	e.places(s.Soft)
	e.number(uint64(len(s.Choices)))
	for _, c := range s.Choices {
		e.number(uint64(c.Least))
		e.places(c.Of)
	}
	e.number(uint64(s.Settle))
}

// Decode reads a plan back for a room, which may be another than it was made for: nodes
// are found by their names. names gives the name of each step's node; a step whose node
// the room has no more has [room.None].
func Decode(r *room.Room, data []byte) (p Plan, names []string, err error) {
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), maxKept))
	if err != nil {
		return Plan{}, nil, fmt.Errorf("%w: %w", errMangled, err)
	}
	d := decoder{room: r, rest: raw}
	d.table()
	form := d.number()
	p.Goal = Goal(d.number())
	bits := d.number()
	p.Order = Order{Goal: p.Goal, Dependents: bits&1 != 0, Dependencies: bits&2 != 0, Only: bits&4 != 0, Force: bits&8 != 0}
	for range d.count() {
		if id, _ := d.id(); id != room.None {
			p.Asked = append(p.Asked, id)
		}
	}
	n := d.count()
	p.Steps, names = make([]Step, n), make([]string, n)
	for i := range p.Steps {
		names[i] = d.step(&p.Steps[i], int32(i))
	}
	for range d.count() {
		if id, _ := d.id(); id != room.None {
			p.Skipped = append(p.Skipped, Skip{Node: id, Why: Why{Asked, room.None}})
		}
	}
	for range d.count() {
		node, _ := d.id()
		by, name := d.id()
		b := Block{Node: node, By: by, Reason: d.text(), Why: Why{Asked, room.None}}
		if by == room.None && name != "" {
			b.By = node
		}
		if node != room.None {
			p.Blocked = append(p.Blocked, b)
		}
	}
	if d.bad || form != 1 || p.Goal.Op() == 0 {
		return Plan{}, nil, errMangled
	}
	return p, names, nil
}

type decoder struct {
	room  *room.Room
	rest  []byte
	bad   bool
	names []string
	ids   []room.NodeID
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// count reads how many things follow, each of at least one byte.
func (d *decoder) count() int {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) table() {
	for range d.count() {
		name := d.text()
		id, found := d.room.Node(name)
		if !found {
			id = room.None
		}
		d.names, d.ids = append(d.names, name), append(d.ids, id)
	}
}

func (d *decoder) id() (room.NodeID, string) {
	n := d.number()
	if n == 0 || n > uint64(len(d.ids)) {
		d.bad = d.bad || n != 0
		return room.None, ""
	}
	return d.ids[n-1], d.names[n-1]
}

// places reads places of steps before the given one.
func (d *decoder) places(before int32) []int32 {
	n := d.count()
	if n == 0 {
		return nil
	}
	list := make([]int32, n)
	for i := range list {
		at := d.number()
		if at >= uint64(before) {
			d.bad, at = true, 0
		}
		list[i] = int32(at)
	}
	return list
}

func (d *decoder) step(s *Step, at int32) string {
	var name string
	s.Node, name = d.id()
	s.Do, s.Acts = Goal(d.number()), Acts(d.number())
	s.Why = Why{Cause(d.number()), room.None}
	s.After, s.Soft = d.places(at), d.places(at)
	for range d.count() {
		s.Choices = append(s.Choices, Choice{Least: int(d.number()), Of: d.places(at)})
	}
	s.Settle = time.Duration(d.number())
	if s.Do != Up && s.Do != Down {
		d.bad = true
	}
	return name
}
