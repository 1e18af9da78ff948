package sdr

import (
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
)

// Device is a generic device locator (section 43.7): a device on a bus, such as a memory module's EEPROM.
type Device struct {
	ID
	Access   uint8 // the 8-bit slave address of the controller through which it is reached
	Address  uint8 // its own 8-bit slave address; 0 if it is not on a bus of the access controller
	Channel  uint8 // 0 to 15
	LUN      uint8 // for Master Write-Read, 0 to 3
	Bus      uint8 // private, 0 to 7; 0 is the channel itself
	Span     uint8 // how many addresses it takes more than one, 0 to 7
	Kind     uint8 // its device type (table 43-12)
	Modifier uint8
	Entity   Entity
	OEM      uint8
	Name     string
}

func parseDevice(id ID, b []byte) (*Device, error) {
	if err := ipmi.Short("generic device locator", b, 11); err != nil {
		return nil, err
	}
	return &Device{
		ID: id, Access: b[0] &^ 1, Address: b[1] &^ 1, Channel: b[1]&1<<3 | b[2]>>5, LUN: b[2] >> 3 & 3, Bus: b[2] & 7,
		Span: b[3] & 7, Kind: b[5], Modifier: b[6], Entity: parseEntity(b[7], b[8]), OEM: b[9], Name: parseName(b[10:]),
	}, nil
}

// RecordType gives [TypeDevice].
func (r *Device) RecordType() Type { return TypeDevice }

// Append adds the record to b.
func (r *Device) Append(b []byte) []byte {
	return record(b, r.ID, TypeDevice, func(b []byte) []byte {
		b = append(b, r.Access&^1, r.Address&^1|r.Channel>>3&1, r.Channel<<5|r.LUN&3<<3|r.Bus&7, r.Span&7, 0, r.Kind, r.Modifier)
		return appendName(append(r.Entity.append(b), r.OEM), r.Name)
	})
}

// FRU is a locator of an inventory device (section 43.8).
type FRU struct {
	ID
	Access   uint8 // the 8-bit slave address of the controller through which it is reached
	Logical  bool  // it is asked for by its id; otherwise it is a memory at an address
	Device   uint8 // the FRU id if Logical, else the 8-bit slave address
	LUN      uint8 // 0 to 3
	Bus      uint8 // private, 0 to 7
	Channel  uint8 // on which the controller is, 0 to 15
	Kind     uint8 // its device type (table 43-12)
	Modifier uint8
	Entity   Entity
	OEM      uint8
	Name     string
}

func parseFRU(id ID, b []byte) (*FRU, error) {
	if err := ipmi.Short("FRU device locator", b, 11); err != nil {
		return nil, err
	}
	return &FRU{
		ID: id, Access: b[0] &^ 1, Device: b[1], Logical: b[2]&0x80 != 0, LUN: b[2] >> 3 & 3, Bus: b[2] & 7, Channel: b[3] >> 4,
		Kind: b[5], Modifier: b[6], Entity: parseEntity(b[7], b[8]), OEM: b[9], Name: parseName(b[10:]),
	}, nil
}

// RecordType gives [TypeFRU].
func (r *FRU) RecordType() Type { return TypeFRU }

// Append adds the record to b.
func (r *FRU) Append(b []byte) []byte {
	return record(b, r.ID, TypeFRU, func(b []byte) []byte {
		b = append(b, r.Access&^1, r.Device, bit(r.Logical, 7)|r.LUN&3<<3|r.Bus&7, r.Channel<<4, 0, r.Kind, r.Modifier)
		return appendName(append(r.Entity.append(b), r.OEM), r.Name)
	})
}

// Controller is a locator of a management controller (section 43.9).
type Controller struct {
	ID
	Address uint8      // 8-bit slave address
	Channel uint8      // 0 to 15
	Init    uint8      // power state notification and initialisation: byte 8
	Support mc.Support // what it can do
	Entity  Entity
	OEM     uint8
	Name    string
}

func parseController(id ID, b []byte) (*Controller, error) {
	if err := ipmi.Short("management controller locator", b, 11); err != nil {
		return nil, err
	}
	return &Controller{
		ID: id, Address: b[0] &^ 1, Channel: b[1] & 0x0f, Init: b[2], Support: mc.Support(b[3]),
		Entity: parseEntity(b[7], b[8]), OEM: b[9], Name: parseName(b[10:]),
	}, nil
}

// RecordType gives [TypeController].
func (r *Controller) RecordType() Type { return TypeController }

// Append adds the record to b.
func (r *Controller) Append(b []byte) []byte {
	return record(b, r.ID, TypeController, func(b []byte) []byte {
		b = append(b, r.Address&^1, r.Channel&0x0f, r.Init, byte(r.Support), 0, 0, 0)
		return appendName(append(r.Entity.append(b), r.OEM), r.Name)
	})
}

// Confirmation says that a controller was found (section 43.10).
type Confirmation struct {
	ID
	Address  uint8 // 8-bit slave address
	DeviceID uint8
	Channel  uint8 // 0 to 15
	Revision uint8 // of the device, 0 to 15
	Major    uint8 // of the firmware
	Minor    uint8 // of the firmware, BCD
	Version  uint8 // of IPMI, BCD with the digits swapped
	Maker    uint32
	Product  uint16
	GUID     [16]byte
}

func parseConfirmation(id ID, b []byte) (*Confirmation, error) {
	if err := ipmi.Short("management controller confirmation", b, 27); err != nil {
		return nil, err
	}
	return &Confirmation{
		ID: id, Address: b[0] &^ 1, DeviceID: b[1], Channel: b[2] >> 4, Revision: b[2] & 0x0f, Major: b[3] & 0x7f, Minor: b[4], Version: b[5],
		Maker: uint32(b[6]) | uint32(b[7])<<8 | uint32(b[8])<<16, Product: uint16(b[9]) | uint16(b[10])<<8, GUID: [16]byte(b[11:27]),
	}, nil
}

// RecordType gives [TypeConfirmation].
func (r *Confirmation) RecordType() Type { return TypeConfirmation }

// Append adds the record to b.
func (r *Confirmation) Append(b []byte) []byte {
	return record(b, r.ID, TypeConfirmation, func(b []byte) []byte {
		b = append(b, r.Address&^1, r.DeviceID, r.Channel<<4|r.Revision&0x0f, r.Major&0x7f, r.Minor, r.Version,
			byte(r.Maker), byte(r.Maker>>8), byte(r.Maker>>16), byte(r.Product), byte(r.Product>>8))
		return append(b, r.GUID[:]...)
	})
}

// Channel is what a BMC says of one of its channels (section 43.11).
type Channel struct {
	Transmits bool
	LUN       uint8 // for received messages, 0 to 7
	Protocol  uint8 // 0 to 15 (table 6-2)
}

// Channels is what a BMC says of channels 0 to 7 (section 43.11).
type Channels struct {
	ID
	Channels       [8]Channel
	Interrupt      uint8 // of messages
	EventInterrupt uint8 // of the event message buffer
}

func parseChannels(id ID, b []byte) (*Channels, error) {
	if err := ipmi.Short("BMC message channel info", b, 10); err != nil {
		return nil, err
	}
	r := &Channels{ID: id, Interrupt: b[8], EventInterrupt: b[9]}
	for i := range r.Channels {
		r.Channels[i] = Channel{Transmits: b[i]&0x80 != 0, LUN: b[i] >> 4 & 7, Protocol: b[i] & 0x0f}
	}
	return r, nil
}

// RecordType gives [TypeChannels].
func (r *Channels) RecordType() Type { return TypeChannels }

// Append adds the record to b.
func (r *Channels) Append(b []byte) []byte {
	return record(b, r.ID, TypeChannels, func(b []byte) []byte {
		for _, c := range r.Channels {
			b = append(b, bit(c.Transmits, 7)|c.LUN&7<<4|c.Protocol&0x0f)
		}
		return append(b, r.Interrupt, r.EventInterrupt, 0)
	})
}
