package sdr

import (
	"encoding/binary"
	"errors"
	"time"

	"millwright.dev/millwright/ipmi"
)

// The commands of a repository (section 33), of network function Storage.
const (
	CmdInfo        = 0x20
	CmdAllocation  = 0x21
	CmdReserve     = 0x22
	CmdGet         = 0x23
	CmdAdd         = 0x24
	CmdPartialAdd  = 0x25
	CmdDelete      = 0x26
	CmdClear       = 0x27
	CmdGetTime     = 0x28
	CmdSetTime     = 0x29
	CmdEnterUpdate = 0x2a
	CmdExitUpdate  = 0x2b
	CmdRunAgent    = 0x2c
)

// The commands of device SDRs (section 35), of network function Sensor. Requests and answers of the
// last two are those of CmdGet and CmdReserve.
const (
	CmdDeviceInfo    = 0x20
	CmdDeviceGet     = 0x21
	CmdDeviceReserve = 0x22
)

// LastRecord is the next id of the last record.
const LastRecord ID = 0xffff

// Stamp is a time as repositories tell it: seconds since 1970, by a clock that may be wrong.
// FFFFFFFF is unspecified.
type Stamp uint32

// Time gives the time; the zero time if it is unspecified.
func (s Stamp) Time() time.Time {
	if s == 0xffffffff {
		return time.Time{}
	}
	return time.Unix(int64(s), 0).UTC()
}

// Info is the answer of Get SDR Repository Info (section 33.9).
type Info struct {
	Version uint8 // 51 hex for IPMI 1.5 and 2.0
	Records uint16
	Free    uint16 // bytes; FFFE and FFFF are that much or more, and unspecified
	Added   Stamp
	Erased  Stamp
	Can     uint8 // bit 0 allocation info, 1 reserve, 2 partial add, 3 delete, 5 non-modal, 6 modal update, 7 overflow
}

// ParseInfo reads the answer of Get SDR Repository Info.
func ParseInfo(b []byte) (Info, error) {
	if err := ipmi.Short("SDR repository info", b, 14); err != nil {
		return Info{}, err
	}
	return Info{
		Version: b[0], Records: binary.LittleEndian.Uint16(b[1:]), Free: binary.LittleEndian.Uint16(b[3:]),
		Added: Stamp(binary.LittleEndian.Uint32(b[5:])), Erased: Stamp(binary.LittleEndian.Uint32(b[9:])), Can: b[13],
	}, nil
}

// Append adds the answer to b.
func (i Info) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(append(b, i.Version), i.Records)
	b = binary.LittleEndian.AppendUint16(b, i.Free)
	b = binary.LittleEndian.AppendUint32(b, uint32(i.Added))
	b = binary.LittleEndian.AppendUint32(b, uint32(i.Erased))
	return append(b, i.Can)
}

// Allocation is the answer of Get SDR Repository Allocation Info (section 33.10).
type Allocation struct {
	Units   uint16 // 0 is unspecified
	Size    uint16 // of a unit, in bytes
	Free    uint16 // units
	Largest uint16 // free block, in units
	Record  uint8  // the largest record, in units
}

// ParseAllocation reads the answer of Get SDR Repository Allocation Info.
func ParseAllocation(b []byte) (Allocation, error) {
	if err := ipmi.Short("SDR repository allocation", b, 9); err != nil {
		return Allocation{}, err
	}
	return Allocation{
		Units: binary.LittleEndian.Uint16(b), Size: binary.LittleEndian.Uint16(b[2:]),
		Free: binary.LittleEndian.Uint16(b[4:]), Largest: binary.LittleEndian.Uint16(b[6:]), Record: b[8],
	}, nil
}

// Append adds the answer to b.
func (a Allocation) Append(b []byte) []byte {
	for _, v := range []uint16{a.Units, a.Size, a.Free, a.Largest} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return append(b, a.Record)
}

// Word is a message of two bytes: the answers of Reserve (a reservation), of Add, Partial
// Add and Delete (a record's id).
type Word uint16

// ParseWord reads the two bytes.
func ParseWord(b []byte) (Word, error) {
	if err := ipmi.Short("number", b, 2); err != nil {
		return 0, err
	}
	return Word(binary.LittleEndian.Uint16(b)), nil
}

// Append adds the two bytes to b.
func (w Word) Append(b []byte) []byte { return binary.LittleEndian.AppendUint16(b, uint16(w)) }

// GetRequest is the request of Get SDR and Get Device SDR (section 33.12). A reservation
// is needed only from another offset than 0.
type GetRequest struct {
	Reservation uint16
	Record      ID // 0 is the first, FFFF the last
	Offset      uint8
	Count       uint8 // FF is the whole record
}

// ParseGetRequest reads the request.
func ParseGetRequest(b []byte) (GetRequest, error) {
	if err := ipmi.Short("request for a record", b, 6); err != nil {
		return GetRequest{}, err
	}
	return GetRequest{
		Reservation: binary.LittleEndian.Uint16(b), Record: ID(binary.LittleEndian.Uint16(b[2:])), Offset: b[4], Count: b[5],
	}, nil
}

// Append adds the request to b.
func (r GetRequest) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, r.Reservation)
	return append(binary.LittleEndian.AppendUint16(b, uint16(r.Record)), r.Offset, r.Count)
}

// GetAnswer is the answer of Get SDR and Get Device SDR.
type GetAnswer struct {
	Next ID // [LastRecord] after the last
	Data []byte
}

// ParseGetAnswer reads the answer. Data is a part of b.
func ParseGetAnswer(b []byte) (GetAnswer, error) {
	if err := ipmi.Short("record", b, 2); err != nil {
		return GetAnswer{}, err
	}
	return GetAnswer{Next: ID(binary.LittleEndian.Uint16(b)), Data: b[2:]}, nil
}

// Append adds the answer to b.
func (a GetAnswer) Append(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint16(b, uint16(a.Next)), a.Data...)
}

// PartialAdd is the request of Partial Add SDR (section 33.14). The request of Add SDR is the record itself.
type PartialAdd struct {
	Reservation uint16
	Record      ID // 0 with the first part, then what the answer said
	Offset      uint8
	Last        bool
	Data        []byte
}

// ParsePartialAdd reads the request. Data is a part of b.
func ParsePartialAdd(b []byte) (PartialAdd, error) {
	if err := ipmi.Short("part of a record", b, 6); err != nil {
		return PartialAdd{}, err
	}
	return PartialAdd{
		Reservation: binary.LittleEndian.Uint16(b), Record: ID(binary.LittleEndian.Uint16(b[2:])),
		Offset: b[4], Last: b[5]&0x0f == 1, Data: b[6:],
	}, nil
}

// Append adds the request to b.
func (p PartialAdd) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, p.Reservation)
	b = binary.LittleEndian.AppendUint16(b, uint16(p.Record))
	return append(append(b, p.Offset, bit(p.Last, 0)), p.Data...)
}

// Delete is the request of Delete SDR (section 33.15).
type Delete struct {
	Reservation uint16
	Record      ID
}

// ParseDelete reads the request.
func ParseDelete(b []byte) (Delete, error) {
	if err := ipmi.Short("request to delete a record", b, 4); err != nil {
		return Delete{}, err
	}
	return Delete{Reservation: binary.LittleEndian.Uint16(b), Record: ID(binary.LittleEndian.Uint16(b[2:]))}, nil
}

// Append adds the request to b.
func (d Delete) Append(b []byte) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, d.Reservation), uint16(d.Record))
}

// errClear is about requests to clear without the letters that guard them.
var errClear = errors.New("a request to clear has the letters CLR")

// Clear is the request of Clear SDR Repository (section 33.16).
type Clear struct {
	Reservation uint16
	Status      bool // ask how far it is, rather than start
}

// ParseClear reads the request.
func ParseClear(b []byte) (Clear, error) {
	if err := ipmi.Short("request to clear", b, 6); err != nil {
		return Clear{}, err
	}
	if string(b[2:5]) != "CLR" {
		return Clear{}, errClear
	}
	return Clear{Reservation: binary.LittleEndian.Uint16(b), Status: b[5] == 0}, nil
}

// Append adds the request to b.
func (c Clear) Append(b []byte) []byte {
	b = append(binary.LittleEndian.AppendUint16(b, c.Reservation), "CLR"...)
	if c.Status {
		return append(b, 0)
	}
	return append(b, 0xaa)
}

// Cleared is the answer of Clear SDR Repository: whether it is done.
type Cleared bool

// ParseCleared reads the answer.
func ParseCleared(b []byte) (Cleared, error) {
	if err := ipmi.Short("progress of clearing", b, 1); err != nil {
		return false, err
	}
	return b[0]&0x0f == 1, nil
}

// Append adds the answer to b.
func (c Cleared) Append(b []byte) []byte { return append(b, bit(bool(c), 0)) }

// ParseStamp reads the answer of Get SDR Repository Time (section 33.17).
func ParseStamp(b []byte) (Stamp, error) {
	if err := ipmi.Short("time", b, 4); err != nil {
		return 0, err
	}
	return Stamp(binary.LittleEndian.Uint32(b)), nil
}

// Append adds the time to b.
func (s Stamp) Append(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, uint32(s)) }

// DeviceInfo is the answer of Get Device SDR Info (section 35.2).
type DeviceInfo struct {
	Count   uint8 // of sensors of the LUN, or of records, as was asked
	Dynamic bool  // sensors come and go
	LUNs    uint8 // bit n: LUN n has sensors
	Changed uint32
	// Stamped says that Changed is there: it is another one whenever sensors came or went.
	Stamped bool
}

// ParseDeviceInfo reads the answer of Get Device SDR Info.
func ParseDeviceInfo(b []byte) (DeviceInfo, error) {
	if err := ipmi.Short("device SDR info", b, 2); err != nil {
		return DeviceInfo{}, err
	}
	i := DeviceInfo{Count: b[0], Dynamic: b[1]&0x80 != 0, LUNs: b[1] & 0x0f}
	if len(b) >= 6 {
		i.Changed, i.Stamped = binary.LittleEndian.Uint32(b[2:]), true
	}
	return i, nil
}

// Append adds the answer to b.
func (i DeviceInfo) Append(b []byte) []byte {
	b = append(b, i.Count, bit(i.Dynamic, 7)|i.LUNs&0x0f)
	if i.Stamped {
		b = binary.LittleEndian.AppendUint32(b, i.Changed)
	}
	return b
}
