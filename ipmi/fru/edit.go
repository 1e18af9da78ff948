package fru

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/ipmi/field"
)

var (
	// ErrField says that an inventory can have no field of that name.
	ErrField = errors.New("there is no such field")
	// ErrDamaged says that an inventory cannot be laid out anew because not all of it could be read.
	ErrDamaged = errors.New("the inventory is damaged")
)

// Change is one field and its new text. Names are those of [Inventory.Fields]; besides, there
// are "chassis.type" (a number), "board.date" (a day, 2006-01-02) and "AREA.extra.N",
// where N may be one more than there are. An empty text removes nothing: it leaves the field empty.
type Change struct {
	Name, Text string
}

// Edit gives a copy of the image of an inventory with some fields changed. An area that still fits
// where it is changes alone, with its checksum; otherwise the whole inventory is laid
// out anew, for which it must be sound. The image keeps its length, which is that of the memory:
// [ErrRoom] if it is too short.
func Edit(image []byte, changes ...Change) ([]byte, error) {
	i, err := Parse(image)
	if err != nil {
		return nil, err
	}
	touched := make(map[int]bool)
	for _, c := range changes {
		kind, err := i.Set(c.Name, c.Text)
		if err != nil {
			return nil, err
		}
		touched[kind] = true
	}
	out := bytes.Clone(image)
	inPlace := true
	for _, a := range i.areas() {
		if touched[a.kind()] && !replace(out, a) {
			inPlace = false
		}
	}
	if inPlace {
		return out, nil
	}
	if len(i.Warnings) > 0 {
		return nil, fmt.Errorf("%w, so that it cannot be laid out anew: %s", ErrDamaged, strings.Join(i.Warnings, "; "))
	}
	fresh, err := i.Append(nil)
	if err != nil {
		return nil, err
	}
	if len(fresh) > len(image) {
		return nil, fmt.Errorf("%w: %d bytes, and the memory has %d", ErrRoom, len(fresh), len(image))
	}
	clear(out[copy(out, fresh):])
	return out, nil
}

// replace writes an area over itself if it is there and the new one has room.
func replace(image []byte, a area) bool {
	at := int(image[1+a.kind()]) * unit
	if at == 0 || at+2 > len(image) {
		return false
	}
	old := int(image[at+1]) * unit
	b, err := render(a, 0)
	if err != nil || at+len(b) > len(image) || old == 0 {
		return false
	}
	if at+old > room(image, at) {
		return false // it overlaps the next
	}
	if len(b) <= old {
		b, err = render(a, old) // as long as it was
		if err != nil {
			return false
		}
	} else if at+len(b) > room(image, at) {
		return false
	}
	copy(image[at:], b)
	return true
}

// Set changes one field, as [Change] says, and makes its area if there is none. It gives the
// area's number in the header.
func (i *Inventory) Set(name, text string) (int, error) {
	prefix, rest, _ := strings.Cut(name, ".")
	a := i.make(prefix)
	if a == nil {
		return 0, fmt.Errorf("%w: %q", ErrField, name)
	}
	switch name {
	case "chassis.type":
		n, err := strconv.ParseUint(text, 0, 8)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		i.Chassis.Type = uint8(n)
		return chassisArea, nil
	case "board.date":
		day, err := time.Parse(time.DateOnly, text)
		if err != nil && text != "" {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		i.Board.SetDate(day)
		return boardArea, nil
	}
	f, err := field.NewFRU(a.language(), text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	for n, known := range a.names() {
		if known == rest {
			*a.fields()[n] = f
			return a.kind(), nil
		}
	}
	extra := a.extra()
	for n := 0; n <= len(*extra); n++ {
		if extraName(n) != rest {
			continue
		}
		if n == len(*extra) {
			*extra = append(*extra, field.FRU{})
		}
		(*extra)[n] = f
		return a.kind(), nil
	}
	return 0, fmt.Errorf("%w: %q", ErrField, name)
}

// make gives an area by the first part of its fields' names, a new one if need be.
func (i *Inventory) make(prefix string) area {
	switch prefix {
	case "chassis":
		if i.Chassis == nil {
			i.Chassis = new(Chassis)
		}
		return i.Chassis
	case "board":
		if i.Board == nil {
			i.Board = new(Board)
		}
		return i.Board
	case "product":
		if i.Product == nil {
			i.Product = new(Product)
		}
		return i.Product
	}
	return nil
}
