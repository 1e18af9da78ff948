package fru

import (
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi/field"
)

// ErrRoom says that an inventory does not fit where it has to.
var ErrRoom = errors.New("there is no room for the inventory")

// maxUnits bounds offsets and lengths, which have a byte.
const maxUnits = 0xff

// Append adds the whole inventory to b: header, areas and records, with their checksums.
func (i Inventory) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, headerSize)...)
	header := [headerSize]byte{0: version}
	place := func(kind int, content []byte) error {
		at := len(b) - start
		if len(content) == 0 {
			return nil
		}
		if at/unit > maxUnits {
			return fmt.Errorf("%w: the %s area would start at %d", ErrRoom, kindNames()[kind], at)
		}
		header[1+kind] = byte(at / unit)
		b = pad(append(b, content...), start)
		return nil
	}
	if len(i.Internal) > 0 {
		if err := place(internalArea, append([]byte{version}, i.Internal...)); err != nil {
			return b[:start], err
		}
	}
	for _, a := range i.areas() {
		content, err := render(a, 0)
		if err == nil {
			err = place(a.kind(), content)
		}
		if err != nil {
			return b[:start], err
		}
	}
	records, err := appendRecords(nil, i.Records)
	if err == nil {
		err = place(recordArea, records)
	}
	if err != nil {
		return b[:start], err
	}
	header[headerSize-1] = -sum(header[:])
	copy(b[start:], header[:])
	return b, nil
}

// pad fills up to a whole number of units after start.
func pad(b []byte, start int) []byte {
	for (len(b)-start)%unit != 0 {
		b = append(b, 0)
	}
	return b
}

// render writes an area of fields; it is no shorter than least.
func render(a area, least int) ([]byte, error) {
	b := append([]byte{version, 0}, a.head()...)
	for _, f := range a.fields() {
		b = field.AppendFRU(b, *f)
	}
	for _, f := range *a.extra() {
		b = field.AppendFRU(b, f)
	}
	b = append(b, fieldsEnd)
	for len(b) < least-1 {
		b = append(b, 0)
	}
	for (len(b)+1)%unit != 0 {
		b = append(b, 0)
	}
	n := (len(b) + 1) / unit
	if n > maxUnits {
		return nil, fmt.Errorf("%w: the %s area would have %d bytes, and %d is the most", ErrRoom, kindNames()[a.kind()], n*unit, maxUnits*unit)
	}
	b[1] = byte(n)
	return append(b, -sum(b)), nil
}
