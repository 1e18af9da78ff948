package sel

import (
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
)

// The commands of this package, all of network function Storage (chapter 31).
const (
	CmdInfo         = 0x40
	CmdAllocation   = 0x41
	CmdReserve      = 0x42
	CmdGet          = 0x43
	CmdAdd          = 0x44
	CmdPartialAdd   = 0x45
	CmdDelete       = 0x46
	CmdClear        = 0x47
	CmdGetTime      = 0x48
	CmdSetTime      = 0x49
	CmdGetUTCOffset = 0x5c
	CmdSetUTCOffset = 0x5d
)

// CodeErasing is how a BMC answers while it erases its log (sections 31.4 and 31.5).
const CodeErasing ipmi.Code = 0x81

// Info is the answer of Get SEL Info (section 31.2).
type Info struct {
	Version  uint8  // 51 for IPMI 1.5 and 2.0
	Entries  uint16 // how many records there are
	Free     uint16 // bytes; FFFF is that many or more
	Added    Stamp  // when the latest record was added
	Erased   Stamp  // when records were last deleted
	Overflow bool   // events were dropped for lack of space
	// What the log can do beside the least.
	CanDelete, CanPartialAdd, CanReserve, CanTellAllocation bool
}

// ParseInfo reads the answer.
func ParseInfo(b []byte) (Info, error) {
	if err := ipmi.Short("event log info", b, 14); err != nil {
		return Info{}, err
	}
	return Info{
		Version: b[0], Entries: le16(b[1:]), Free: le16(b[3:]), Added: Stamp(le32(b[5:])), Erased: Stamp(le32(b[9:])),
		Overflow: b[13]&0x80 != 0, CanDelete: b[13]&8 != 0, CanPartialAdd: b[13]&4 != 0,
		CanReserve: b[13]&2 != 0, CanTellAllocation: b[13]&1 != 0,
	}, nil
}

// Append adds the answer to b.
func (i Info) Append(b []byte) []byte {
	b = append16(append16(append(b, i.Version), i.Entries), i.Free)
	b = append32(append32(b, uint32(i.Added)), uint32(i.Erased))
	return append(b, bit(7, i.Overflow)|bit(3, i.CanDelete)|bit(2, i.CanPartialAdd)|bit(1, i.CanReserve)|bit(0, i.CanTellAllocation))
}

func bit(n int, set bool) byte {
	if set {
		return 1 << n
	}
	return 0
}

// Allocation is the answer of Get SEL Allocation Info (section 31.3).
type Allocation struct {
	Units     uint16 // how many there are; 0: not told
	UnitSize  uint16 // bytes
	FreeUnits uint16
	Largest   uint16 // units in the largest free block
	MaxRecord uint8  // units in the largest record
}

// ParseAllocation reads the answer.
func ParseAllocation(b []byte) (Allocation, error) {
	if err := ipmi.Short("event log allocation", b, 9); err != nil {
		return Allocation{}, err
	}
	return Allocation{Units: le16(b), UnitSize: le16(b[2:]), FreeUnits: le16(b[4:]), Largest: le16(b[6:]), MaxRecord: b[8]}, nil
}

// Append adds the answer to b.
func (a Allocation) Append(b []byte) []byte {
	b = append16(append16(b, a.Units), a.UnitSize)
	return append(append16(append16(b, a.FreeUnits), a.Largest), a.MaxRecord)
}

// Number is the answer of commands that give one 16-bit number: the reservation
// (section 31.4), or the number of a record that was added or deleted.
type Number uint16

// ParseNumber reads the answer.
func ParseNumber(b []byte) (Number, error) {
	if err := ipmi.Short("reservation or record number", b, 2); err != nil {
		return 0, err
	}
	return Number(le16(b)), nil
}

// Append adds the answer to b.
func (n Number) Append(b []byte) []byte { return append16(b, uint16(n)) }

// GetRequest is the request of Get SEL Entry (section 31.5).
type GetRequest struct {
	Reservation uint16 // needed when Offset is not 0
	ID          uint16 // or First, or Last
	Offset      uint8
	Count       uint8 // bytes wanted; FF is the whole record
}

// ParseGetRequest reads the request.
func ParseGetRequest(b []byte) (GetRequest, error) {
	if err := ipmi.Short("get event log entry", b, 6); err != nil {
		return GetRequest{}, err
	}
	return GetRequest{Reservation: le16(b), ID: le16(b[2:]), Offset: b[4], Count: b[5]}, nil
}

// Append adds the request to b.
func (r GetRequest) Append(b []byte) []byte {
	return append(append16(append16(b, r.Reservation), r.ID), r.Offset, r.Count)
}

// GetAnswer is the answer of Get SEL Entry.
type GetAnswer struct {
	Next uint16 // the record that follows, or Last if none does
	Data []byte // of the record, as much as was asked for
}

// ParseGetAnswer reads the answer. Data is a part of b.
func ParseGetAnswer(b []byte) (GetAnswer, error) {
	if err := ipmi.Short("event log entry", b, 2); err != nil {
		return GetAnswer{}, err
	}
	return GetAnswer{Next: le16(b), Data: b[2:]}, nil
}

// Append adds the answer to b.
func (a GetAnswer) Append(b []byte) []byte { return append(append16(b, a.Next), a.Data...) }

// PartialAdd is the request of Partial Add SEL Entry (section 31.7).
type PartialAdd struct {
	Reservation uint16
	ID          uint16 // 0 at the first part, then what the first answer said
	Offset      uint8
	Final       bool // this is the last part
	Data        []byte
}

// ParsePartialAdd reads the request. Data is a part of b.
func ParsePartialAdd(b []byte) (PartialAdd, error) {
	if err := ipmi.Short("partial add", b, 6); err != nil {
		return PartialAdd{}, err
	}
	return PartialAdd{Reservation: le16(b), ID: le16(b[2:]), Offset: b[4], Final: b[5]&0x0f == 1, Data: b[6:]}, nil
}

// Append adds the request to b.
func (p PartialAdd) Append(b []byte) []byte {
	b = append(append16(append16(b, p.Reservation), p.ID), p.Offset, bit(0, p.Final))
	return append(b, p.Data...)
}

// DeleteRequest is the request of Delete SEL Entry (section 31.8).
type DeleteRequest struct {
	Reservation uint16
	ID          uint16 // or First, or Last
}

// ParseDeleteRequest reads the request.
func ParseDeleteRequest(b []byte) (DeleteRequest, error) {
	if err := ipmi.Short("delete event log entry", b, 4); err != nil {
		return DeleteRequest{}, err
	}
	return DeleteRequest{Reservation: le16(b), ID: le16(b[2:])}, nil
}

// Append adds the request to b.
func (r DeleteRequest) Append(b []byte) []byte { return append16(append16(b, r.Reservation), r.ID) }

// ClearRequest is the request of Clear SEL (section 31.9).
type ClearRequest struct {
	Reservation uint16
	Status      bool // ask how far an erasure is, do not start one
}

// What Clear SEL wants done.
const (
	clearStatus = 0x00
	clearStart  = 0xaa
)

// ParseClearRequest reads the request. Without the letters CLR it is an error
// that says so: it must not erase anything.
func ParseClearRequest(b []byte) (ClearRequest, error) {
	if err := ipmi.Short("clear event log", b, 6); err != nil {
		return ClearRequest{}, err
	}
	if string(b[2:5]) != "CLR" || b[5] != clearStatus && b[5] != clearStart {
		return ClearRequest{}, fmt.Errorf("clear event log with % x: %w", b[2:6], ipmi.CodeInvalidField)
	}
	return ClearRequest{Reservation: le16(b), Status: b[5] == clearStatus}, nil
}

// Append adds the request to b.
func (r ClearRequest) Append(b []byte) []byte {
	b = append(append16(b, r.Reservation), "CLR"...)
	if r.Status {
		return append(b, clearStatus)
	}
	return append(b, clearStart)
}

// ClearAnswer is the answer of Clear SEL.
type ClearAnswer struct{ Done bool }

// ParseClearAnswer reads the answer. Nothing at all, which some send, is taken for done.
func ParseClearAnswer(b []byte) (ClearAnswer, error) {
	return ClearAnswer{Done: len(b) == 0 || b[0]&0x0f == 1}, nil
}

// Append adds the answer to b.
func (a ClearAnswer) Append(b []byte) []byte { return append(b, bit(0, a.Done)) }

// ParseStamp reads the answer of Get SEL Time and the request of Set SEL Time (sections 31.10, 31.11).
func ParseStamp(b []byte) (Stamp, error) {
	if err := ipmi.Short("event log time", b, 4); err != nil {
		return 0, err
	}
	return Stamp(le32(b)), nil
}

// Append adds the four bytes of a time to b.
func (s Stamp) Append(b []byte) []byte { return append32(b, uint32(s)) }

// UTCOffset is how far the BMC's local time is from UTC (sections 31.11a, 31.11b).
type UTCOffset struct {
	Known  bool
	Offset time.Duration // whole minutes, -24 to 24 hours
}

const offsetUnknown = 0x07ff

// ParseUTCOffset reads the answer of Get, and the request of Set SEL Time UTC Offset.
func ParseUTCOffset(b []byte) (UTCOffset, error) {
	if err := ipmi.Short("UTC offset", b, 2); err != nil {
		return UTCOffset{}, err
	}
	minutes := int16(le16(b))
	if minutes == offsetUnknown || minutes < -1440 || minutes > 1440 {
		return UTCOffset{}, nil
	}
	return UTCOffset{Known: true, Offset: time.Duration(minutes) * time.Minute}, nil
}

// Append adds the two bytes to b.
func (o UTCOffset) Append(b []byte) []byte {
	if !o.Known {
		return append16(b, offsetUnknown)
	}
	return append16(b, uint16(int16(o.Offset/time.Minute)))
}
