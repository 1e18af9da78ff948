package fru

import (
	"bytes"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/field"
)

var (
	// ErrBlank says that a unit's memory has never been written.
	ErrBlank = errors.New("the inventory is blank")
	// ErrFormat says that a unit's memory holds something else than an inventory.
	ErrFormat = errors.New("this is no inventory")
)

const (
	headerSize = 8
	unit       = 8 // what offsets and lengths are counted in
	version    = 1 // of the formats of the header and of each area
	fieldsEnd  = 0xc1
)

// Parse reads an inventory from the start of b. What is wrong but leaves something to read
// becomes a warning: checksums, areas that overlap or point outside, fields that are
// cut off. [ErrBlank] and [ErrFormat] say that there is none.
func Parse(b []byte) (Inventory, error) {
	if err := ipmi.Short("inventory", b, headerSize); err != nil {
		return Inventory{}, err
	}
	if blank(b[:headerSize]) {
		return Inventory{}, ErrBlank
	}
	if b[0]&0x0f != version {
		return Inventory{}, fmt.Errorf("%w: it starts with %02x", ErrFormat, b[0])
	}
	p := &parser{b: b}
	if sum(b[:headerSize]) != 0 {
		p.warn("the header's checksum is wrong")
	}
	for kind := range areas {
		if at := int(b[1+kind]) * unit; at >= len(b) {
			p.warn("the %s area starts at %d, after the end", kindNames()[kind], at)
		} else if at > 0 {
			p.area(kind, at)
		}
	}
	return p.i, nil
}

// blank says whether memory is as it comes from the factory.
func blank(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return b[0] == 0 || b[0] == 0xff
}

func sum(b []byte) byte {
	var s byte
	for _, c := range b {
		s += c
	}
	return s
}

type parser struct {
	b []byte
	i Inventory
}

func (p *parser) warn(format string, args ...any) {
	p.i.Warnings = append(p.i.Warnings, fmt.Sprintf(format, args...))
}

// room gives where the next area after at begins, or the end.
func room(b []byte, at int) int { return following(b, at, len(b)) }

// following gives where the next area after at begins by the header, or end.
func following(header []byte, at, end int) int {
	for kind := range areas {
		if next := int(header[1+kind]) * unit; next > at && next < end {
			end = next
		}
	}
	return end
}

func (p *parser) area(kind, at int) {
	end := room(p.b, at)
	switch kind {
	case internalArea:
		p.i.Internal = p.b[at+1 : end]
		if end == len(p.b) {
			p.i.Internal = bytes.TrimRight(p.i.Internal, "\x00\xff") // memory that nobody wrote
		}
	case chassisArea:
		p.i.Chassis = new(Chassis)
		p.text(p.i.Chassis, at, end)
	case boardArea:
		p.i.Board = new(Board)
		p.text(p.i.Board, at, end)
	case productArea:
		p.i.Product = new(Product)
		p.text(p.i.Product, at, end)
	case recordArea:
		p.records(at)
	}
}

// text reads an area of fields that begins at at; the next one begins at limit.
func (p *parser) text(a area, at, limit int) {
	name := kindNames()[a.kind()]
	b := p.b[at:limit]
	if b[0]&0x0f != version {
		p.warn("the %s area has format version %d", name, b[0]&0x0f)
	}
	if len(b) < 2+len(a.head()) {
		p.warn("the %s area is cut off", name)
		return
	}
	switch length := int(b[1]) * unit; {
	case length == 0:
		p.warn("the %s area says that it has no length", name)
	case at+length > len(p.b):
		p.warn("the %s area goes on after the end", name)
	case length > len(b):
		p.warn("the %s area overlaps the next", name)
		b = p.b[at : at+length]
	default:
		b = b[:length]
		if sum(b) != 0 {
			p.warn("the %s area's checksum is wrong", name)
		}
	}
	a.setHead(b[2:])
	p.fields(a, b[2+len(a.head()):])
}

// fields reads the fields of an area.
func (p *parser) fields(a area, b []byte) {
	name := kindNames()[a.kind()]
	known := a.fields()
	for n := 0; ; n++ {
		f, rest, end, err := field.ParseFRU(b)
		if end {
			return
		}
		if err != nil && len(b) > 0 {
			// What is cut off is the last, and most likely made of what comes after the area.
			p.warn("the %s area's field %d is cut off", name, n+1)
		} else if err != nil {
			p.warn("the %s area's fields do not end", name)
			return
		}
		if n < len(known) {
			*known[n] = f
		} else {
			*a.extra() = append(*a.extra(), f)
		}
		b = rest
		if err != nil {
			return
		}
	}
}
