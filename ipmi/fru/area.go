package fru

import (
	"strconv"

	"millwright.dev/millwright/ipmi/field"
)

// The areas in the order of the common header (chapter 8).
const (
	internalArea = iota
	chassisArea
	boardArea
	productArea
	recordArea
	areas // how many there are
)

func kindNames() [areas]string {
	return [areas]string{"internal", "chassis", "board", "product", "records"}
}

// area is what the three areas of text fields have in common: a few bytes of their own after
// version and length, then the fields that the standard knows, then others up to the byte C1.
type area interface {
	kind() int
	head() []byte         // what stands between the length and the first field
	setHead([]byte)       // takes those bytes back
	fields() []*field.FRU // that the standard knows, in their order
	names() []string      // of these
	extra() *[]field.FRU
	language() uint8
}

// areas lists the areas of text fields that are there.
func (i Inventory) areas() []area {
	var out []area
	if i.Chassis != nil {
		out = append(out, i.Chassis)
	}
	if i.Board != nil {
		out = append(out, i.Board)
	}
	if i.Product != nil {
		out = append(out, i.Product)
	}
	return out
}

func extraName(n int) string { return "extra." + strconv.Itoa(n+1) }

func (c *Chassis) kind() int            { return chassisArea }
func (c *Chassis) head() []byte         { return []byte{c.Type} }
func (c *Chassis) setHead(b []byte)     { c.Type = b[0] }
func (c *Chassis) fields() []*field.FRU { return []*field.FRU{&c.Part, &c.Serial} }
func (c *Chassis) names() []string      { return []string{"part", "serial"} }
func (c *Chassis) extra() *[]field.FRU  { return &c.Extra }
func (c *Chassis) language() uint8      { return 0 }

func (b *Board) kind() int { return boardArea }
func (b *Board) head() []byte {
	return []byte{b.Language, byte(b.Made), byte(b.Made >> 8), byte(b.Made >> 16)}
}

func (b *Board) setHead(h []byte) {
	b.Language, b.Made = h[0], uint32(h[1])|uint32(h[2])<<8|uint32(h[3])<<16
}

func (b *Board) fields() []*field.FRU {
	return []*field.FRU{&b.Manufacturer, &b.Product, &b.Serial, &b.Part, &b.File}
}

func (b *Board) names() []string {
	return []string{"manufacturer", "product", "serial", "part", "file"}
}
func (b *Board) extra() *[]field.FRU { return &b.Extra }
func (b *Board) language() uint8     { return b.Language }

func (p *Product) kind() int        { return productArea }
func (p *Product) head() []byte     { return []byte{p.Language} }
func (p *Product) setHead(h []byte) { p.Language = h[0] }
func (p *Product) fields() []*field.FRU {
	return []*field.FRU{&p.Manufacturer, &p.Name, &p.Part, &p.Version, &p.Serial, &p.Asset, &p.File}
}

func (p *Product) names() []string {
	return []string{"manufacturer", "name", "part", "version", "serial", "asset", "file"}
}
func (p *Product) extra() *[]field.FRU { return &p.Extra }
func (p *Product) language() uint8     { return p.Language }
