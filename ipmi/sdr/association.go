package sdr

import (
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
)

// Grouping is the flags of an entity association.
type Grouping struct {
	Range    bool // the entities are two ranges, first and last, and not a list of four
	Linked   bool // more records with the same container follow
	Presence bool // presence sensors can always be read
}

func parseGrouping(b byte) Grouping {
	return Grouping{Range: b&0x80 != 0, Linked: b&0x40 != 0, Presence: b&0x20 != 0}
}

func (g Grouping) byte() byte { return bit(g.Range, 7) | bit(g.Linked, 6) | bit(g.Presence, 5) }

// Association says which entities are in a container (section 43.4). Unused ones are zero.
type Association struct {
	ID
	Container Entity
	Grouping
	Contained [4]Entity
}

func parseAssociation(id ID, b []byte) (*Association, error) {
	if err := ipmi.Short("entity association", b, 11); err != nil {
		return nil, err
	}
	r := &Association{ID: id, Container: parseEntity(b[0], b[1]), Grouping: parseGrouping(b[2])}
	for i := range r.Contained {
		if at := 3 + 2*i; at+2 <= len(b) {
			r.Contained[i] = parseEntity(b[at], b[at+1])
		}
	}
	return r, nil
}

// RecordType gives [TypeAssociation].
func (r *Association) RecordType() Type { return TypeAssociation }

// Append adds the record to b.
func (r *Association) Append(b []byte) []byte {
	return record(b, r.ID, TypeAssociation, func(b []byte) []byte {
		b = append(r.Container.append(b), r.Grouping.byte())
		for _, e := range r.Contained {
			b = e.append(b)
		}
		return b
	})
}

// Relative is an entity, counted within one controller.
type Relative struct {
	Address uint8 // 8-bit slave address of the controller
	Channel uint8 // 0 to 15
	Entity  Entity
}

func parseRelative(b []byte) Relative {
	return Relative{Address: b[0] &^ 1, Channel: b[1] >> 4, Entity: parseEntity(b[2], b[3])}
}

// DeviceRelative is an association with entities that are counted within their
// controllers (section 43.5).
type DeviceRelative struct {
	ID
	Container Relative
	Grouping
	Contained [4]Relative
}

func parseDeviceRelative(id ID, b []byte) (*DeviceRelative, error) {
	if err := ipmi.Short("device-relative entity association", b, 21); err != nil {
		return nil, err
	}
	r := &DeviceRelative{
		ID:        id,
		Container: Relative{Entity: parseEntity(b[0], b[1]), Address: b[2] &^ 1, Channel: b[3] >> 4}, Grouping: parseGrouping(b[4]),
	}
	for i := range r.Contained {
		r.Contained[i] = parseRelative(b[5+4*i:])
	}
	return r, nil
}

// RecordType gives [TypeDeviceRelative].
func (r *DeviceRelative) RecordType() Type { return TypeDeviceRelative }

// Append adds the record to b.
func (r *DeviceRelative) Append(b []byte) []byte {
	return record(b, r.ID, TypeDeviceRelative, func(b []byte) []byte {
		b = append(r.Container.Entity.append(b), r.Container.Address&^1, r.Container.Channel<<4, r.Grouping.byte())
		for _, c := range r.Contained {
			b = c.Entity.append(append(b, c.Address&^1, c.Channel<<4))
		}
		return append(b, make([]byte, 6)...)
	})
}

// Contents lists the entities that the association names, ranges written out. A range that
// runs backwards or across kinds gives its two ends.
func (r *Association) Contents() []Entity {
	var out []Entity
	for i, e := range r.Contained {
		switch {
		case e.Kind == event.Entity(0):
		case r.Range && i%2 == 1 && r.Contained[i-1].Kind == e.Kind && r.Contained[i-1].Instance < e.Instance:
			for n := r.Contained[i-1].Instance + 1; n <= e.Instance; n++ {
				out = append(out, Entity{Kind: e.Kind, Instance: n, Logical: e.Logical})
			}
		case r.Range && i%2 == 1 && r.Contained[i-1] == e:
		default:
			out = append(out, e)
		}
	}
	return out
}
