package fru

import (
	"millwright.dev/millwright/ipmi"
)

// The commands of this package, all of network function Storage (chapter 34).
const (
	CmdInfo  = 0x10
	CmdRead  = 0x11
	CmdWrite = 0x12
)

// What Read and Write FRU Data answer beside the general codes (sections 34.2 and 34.3).
const (
	CodeProtected ipmi.Code = 0x80 // of Write: these bytes cannot be written
	CodeBusy      ipmi.Code = 0x81 // the device cannot be read just now
)

// Info is the answer of Get FRU Inventory Area Info (section 34.1).
type Info struct {
	Size  uint16 // bytes
	Words bool   // offsets and counts are in units of two bytes
}

// ParseInfo reads the answer.
func ParseInfo(b []byte) (Info, error) {
	if err := ipmi.Short("inventory area info", b, 3); err != nil {
		return Info{}, err
	}
	return Info{Size: uint16(b[0]) | uint16(b[1])<<8, Words: b[2]&1 != 0}, nil
}

// Append adds the answer to b.
func (i Info) Append(b []byte) []byte {
	var access byte
	if i.Words {
		access = 1
	}
	return append(b, byte(i.Size), byte(i.Size>>8), access)
}

// ReadRequest is the request of Read FRU Data (section 34.2).
type ReadRequest struct {
	Device uint8
	Offset uint16 // in bytes or words, as Info says
	Count  uint8  // the same
}

// ParseReadRequest reads the request.
func ParseReadRequest(b []byte) (ReadRequest, error) {
	if err := ipmi.Short("read inventory", b, 4); err != nil {
		return ReadRequest{}, err
	}
	return ReadRequest{Device: b[0], Offset: uint16(b[1]) | uint16(b[2])<<8, Count: b[3]}, nil
}

// Append adds the request to b.
func (r ReadRequest) Append(b []byte) []byte {
	return append(b, r.Device, byte(r.Offset), byte(r.Offset>>8), r.Count)
}

// ReadAnswer is the answer of Read FRU Data.
type ReadAnswer struct {
	Count uint8 // of bytes or words, as Info says
	Data  []byte
}

// ParseReadAnswer reads the answer. Data is the rest of b, whatever Count says of it.
func ParseReadAnswer(b []byte) (ReadAnswer, error) {
	if err := ipmi.Short("inventory data", b, 1); err != nil {
		return ReadAnswer{}, err
	}
	return ReadAnswer{Count: b[0], Data: b[1:]}, nil
}

// Append adds the answer to b.
func (a ReadAnswer) Append(b []byte) []byte { return append(append(b, a.Count), a.Data...) }

// WriteRequest is the request of Write FRU Data (section 34.3).
type WriteRequest struct {
	Device uint8
	Offset uint16 // in bytes or words, as Info says
	Data   []byte
}

// ParseWriteRequest reads the request. Data is a part of b.
func ParseWriteRequest(b []byte) (WriteRequest, error) {
	if err := ipmi.Short("write inventory", b, 3); err != nil {
		return WriteRequest{}, err
	}
	return WriteRequest{Device: b[0], Offset: uint16(b[1]) | uint16(b[2])<<8, Data: b[3:]}, nil
}

// Append adds the request to b.
func (r WriteRequest) Append(b []byte) []byte {
	return append(append(b, r.Device, byte(r.Offset), byte(r.Offset>>8)), r.Data...)
}

// WriteAnswer is the answer of Write FRU Data: how many bytes or words were written.
type WriteAnswer uint8

// ParseWriteAnswer reads the answer.
func ParseWriteAnswer(b []byte) (WriteAnswer, error) {
	if err := ipmi.Short("written count", b, 1); err != nil {
		return 0, err
	}
	return WriteAnswer(b[0]), nil
}

// Append adds the answer to b.
func (a WriteAnswer) Append(b []byte) []byte { return append(b, byte(a)) }
