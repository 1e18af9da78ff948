package fru

import (
	"time"

	"millwright.dev/millwright/ipmi/field"
)

// Inventory is what a unit says of itself. Areas that it does not have are nil.
type Inventory struct {
	Internal []byte // the unit's own use, after the version byte (chapter 9)
	Chassis  *Chassis
	Board    *Board
	Product  *Product
	Records  []Record

	// Warnings say what was wrong with the bytes that were read, though something could be made of them.
	Warnings []string
}

// Chassis is the chassis info area (chapter 10). Its text is always in English.
type Chassis struct {
	Type   uint8 // of the enclosure, as SMBIOS numbers them; see [ChassisType]
	Part   field.FRU
	Serial field.FRU
	Extra  []field.FRU
}

// Board is the board info area (chapter 11).
type Board struct {
	Language     uint8  // of its text: 0 and 25 are English
	Made         uint32 // minutes since 1996, 24 bits; see [Board.Date]
	Manufacturer field.FRU
	Product      field.FRU
	Serial       field.FRU
	Part         field.FRU
	File         field.FRU // what was used to write this inventory
	Extra        []field.FRU
}

// Product is the product info area (chapter 12).
type Product struct {
	Language     uint8
	Manufacturer field.FRU
	Name         field.FRU
	Part         field.FRU // or model
	Version      field.FRU
	Serial       field.FRU
	Asset        field.FRU // the owner's tag
	File         field.FRU
	Extra        []field.FRU
}

// epoch is where minutes count from.
func epoch() time.Time { return time.Date(1996, 1, 1, 0, 0, 0, 0, time.UTC) }

// firstMinute is the least that is taken for a date: makers that have none write small numbers.
const firstMinute = 800

// Date gives when the board was made, in UTC to the minute; false if nobody has said.
func (b Board) Date() (time.Time, bool) {
	if b.Made < firstMinute || b.Made >= 0xffffff {
		return time.Time{}, false
	}
	return epoch().Add(time.Duration(b.Made) * time.Minute), true
}

// SetDate sets when the board was made. What cannot be written so is taken for no date.
func (b *Board) SetDate(t time.Time) {
	minutes := int64(t.Sub(epoch()) / time.Minute)
	if minutes < firstMinute || minutes >= 0xffffff {
		minutes = 0
	}
	b.Made = uint32(minutes)
}

// ChassisType names an enclosure by SMBIOS (System Management BIOS Reference
// Specification, section 7.4.1).
func ChassisType(t uint8) string {
	names := [...]string{
		"unspecified", "other", "unknown", "desktop", "low-profile desktop", "pizza box", "mini tower", "tower", "portable",
		"laptop", "notebook", "hand held", "docking station", "all in one", "sub notebook", "space-saving", "lunch box",
		"main server chassis", "expansion chassis", "sub chassis", "bus expansion chassis", "peripheral chassis",
		"RAID chassis", "rack mount chassis", "sealed-case PC", "multi-system chassis", "CompactPCI", "AdvancedTCA",
		"blade", "blade enclosure", "tablet", "convertible", "detachable", "IoT gateway", "embedded PC", "mini PC", "stick PC",
	}
	if int(t) < len(names) {
		return names[t]
	}
	return "unknown"
}

// Field is one field of an inventory with its name.
type Field struct {
	Name string `json:"name"` // such as "product.serial", or "board.extra.1"
	Text string `json:"text"`
}

// Fields lists the fields of text that have any, in the order of the areas. Their names are
// those that [Edit] takes.
func (i Inventory) Fields() []Field {
	var out []Field
	for _, n := range i.named() {
		if text := n.f.Text(n.language); text != "" {
			out = append(out, Field{n.name, text})
		}
	}
	return out
}

// Text gives one field by its name: "" if there is none.
func (i Inventory) Text(name string) string {
	for _, n := range i.named() {
		if n.name == name {
			return n.f.Text(n.language)
		}
	}
	return ""
}

// named is one field, where it stands, and the language of its area.
type named struct {
	name     string
	language uint8
	f        *field.FRU
}

// named lists all fields of the areas that are there.
func (i Inventory) named() []named {
	var out []named
	for _, a := range i.areas() {
		prefix := kindNames()[a.kind()] + "."
		for n, f := range a.fields() {
			out = append(out, named{prefix + a.names()[n], a.language(), f})
		}
		for n := range *a.extra() {
			out = append(out, named{prefix + extraName(n), a.language(), &(*a.extra())[n]})
		}
	}
	return out
}
