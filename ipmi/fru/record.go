package fru

import (
	"fmt"
)

// The types of records in the multirecord area (chapter 16).
const (
	TypePowerSupply        = 0x00
	TypeDCOutput           = 0x01
	TypeDCLoad             = 0x02
	TypeManagementAccess   = 0x03
	TypeBaseCompatible     = 0x04
	TypeExtendedCompatible = 0x05
	TypeExtendedDCOutput   = 0x09
	TypeExtendedDCLoad     = 0x0a
	TypeOEM                = 0xc0 // to FF
)

// Record is one record of the multirecord area, whatever its type. What is in it
// is read by the Parse function of its type: [ParsePowerSupply] and so on, or [Record.Content].
type Record struct {
	Type uint8
	Data []byte // at most 255 bytes
}

const (
	recordHeader = 5
	recordFormat = 2 // of the header
	maxRecord    = 0xff
)

// records reads the area that begins at at. Each record says how long it is, so that they
// always come to an end.
func (p *parser) records(at int) {
	for n := 1; ; n++ {
		h := p.b[min(at, len(p.b)):]
		if len(h) < recordHeader {
			p.warn("the records do not end")
			return
		}
		sound := sum(h[:recordHeader]) == 0
		if !sound {
			p.warn("record %d has a header with a wrong checksum", n)
		}
		if h[1]&0x0f != recordFormat && !sound {
			return // neither length nor type can be believed
		}
		data := h[recordHeader:]
		if length := int(h[2]); length <= len(data) {
			data = data[:length]
		} else {
			p.warn("record %d is cut off", n)
		}
		if sum(data)+h[3] != 0 {
			p.warn("record %d has a wrong checksum", n)
		}
		p.i.Records = append(p.i.Records, Record{Type: h[0], Data: data})
		if h[1]&0x80 != 0 {
			return
		}
		at += recordHeader + int(h[2])
	}
}

func appendRecords(b []byte, records []Record) ([]byte, error) {
	for n, r := range records {
		if len(r.Data) > maxRecord {
			return nil, fmt.Errorf("%w: record %d has %d bytes, and %d is the most", ErrRoom, n+1, len(r.Data), maxRecord)
		}
		h := [recordHeader]byte{r.Type, recordFormat, byte(len(r.Data)), -sum(r.Data), 0}
		if n == len(records)-1 {
			h[1] |= 0x80 // the last
		}
		h[4] = -sum(h[:])
		b = append(append(b, h[:]...), r.Data...)
	}
	return b, nil
}

// Content reads what is in the record: a [PowerSupply], [DC], [ManagementAccess],
// [Compatibility] or [OEM]. nil without an error: nobody knows such records.
func (r Record) Content() (any, error) {
	switch {
	case r.Type == TypePowerSupply:
		return asAny(ParsePowerSupply(r.Data))
	case r.Type == TypeDCOutput, r.Type == TypeDCLoad, r.Type == TypeExtendedDCOutput, r.Type == TypeExtendedDCLoad:
		return asAny(ParseDC(r.Type, r.Data))
	case r.Type == TypeManagementAccess:
		return asAny(ParseManagementAccess(r.Data))
	case r.Type == TypeBaseCompatible, r.Type == TypeExtendedCompatible:
		return asAny(ParseCompatibility(r.Type, r.Data))
	case r.Type >= TypeOEM:
		return asAny(ParseOEM(r.Type, r.Data))
	}
	return nil, nil
}

func asAny[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}
