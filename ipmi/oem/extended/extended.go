// Package extended is the store of settings that BMCs of several makers (Quanta, Inventec)
// keep under the same commands, "extended configuration": settings are read and written by
// a group and an attribute, after a reservation as that of sensor records.
//
// The bytes were learnt by watching ipmi-oem of FreeIPMI against a BMC of ours: no public
// document has them. Start at [Open]; makers' packages say which settings they have.
package extended

import (
	"context"
	"fmt"
	"net/netip"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
)

const netFn ipmi.NetFn = 0x30

// The commands of the store, and what is in its messages.
const (
	cmdReserve = 0x01
	cmdGet     = 0x02
	cmdSet     = 0x03
	cmdReset   = 0x04
	all        = 0xff // as many bytes as there are
	last       = 0x01 // the write that ends a change
	headLen    = 4    // what is before an answer's value
)

// Group is a group of settings.
type Group uint8

// The groups that are known.
const (
	Network    Group = 0x02
	SOL        Group = 0x03
	Security   Group = 0x04
	DNS        Group = 0x06
	Web        Group = 0x0c
	PowerGroup Group = 0x11
)

// Store is the store of one BMC.
type Store struct{ d ipmi.Doer }

// Open gives the store of a BMC. It sends nothing.
func Open(d ipmi.Doer) Store { return Store{d} }

func (s Store) reserve(ctx context.Context) (byte, error) {
	return ipmi.Ask(ctx, s.d, "reserve the extended configuration", ipmi.Request{NetFn: netFn, Cmd: cmdReserve}, func(b []byte) (byte, error) {
		if err := ipmi.Short("reservation", b, 1); err != nil {
			return 0, err
		}
		return b[0], nil
	})
}

// Get reads a setting, of which there are at least need bytes.
func (s Store) Get(ctx context.Context, g Group, attribute uint8, need int) ([]byte, error) {
	id, err := s.reserve(ctx)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("read extended configuration %d.%d", g, attribute)
	r := ipmi.Request{NetFn: netFn, Cmd: cmdGet, Data: []byte{id, byte(g), attribute, 0, 0, 0, all}}
	return ipmi.Ask(ctx, s.d, what, r, func(b []byte) ([]byte, error) {
		if err := ipmi.Short("extended configuration", b, headLen+need); err != nil {
			return nil, err
		}
		return b[headLen:], nil
	})
}

// Set writes a setting.
func (s Store) Set(ctx context.Context, g Group, attribute uint8, value ...byte) error {
	id, err := s.reserve(ctx)
	if err != nil {
		return err
	}
	r := ipmi.Request{NetFn: netFn, Cmd: cmdSet, Data: append([]byte{id, byte(g), attribute, 0, 0, 0, last}, value...)}
	return ipmi.Tell(ctx, s.d, fmt.Sprintf("write extended configuration %d.%d", g, attribute), r)
}

// GetText reads a setting that is text after its length.
func (s Store) GetText(ctx context.Context, g Group, attribute uint8) (string, error) {
	b, err := s.Get(ctx, g, attribute, 1)
	if err != nil {
		return "", err
	}
	n := int(b[0])
	if err := ipmi.Short("text of extended configuration", b, 1+n); err != nil {
		return "", err
	}
	return string(b[1 : 1+n]), nil
}

// SetText writes a setting that is text after its length.
func (s Store) SetText(ctx context.Context, g Group, attribute uint8, text string) error {
	const most = 64 // what fits a message of any BMC
	if len(text) > most {
		return fmt.Errorf("write extended configuration %d.%d: a text of %d bytes, more than %d", g, attribute, len(text), most)
	}
	return s.Set(ctx, g, attribute, append([]byte{byte(len(text))}, text...)...)
}

// Reset puts settings back to those from the factory; which is the maker's code for what is
// meant. It goes on after the answer.
func (s Store) Reset(ctx context.Context, which byte) error {
	return ipmi.Tell(ctx, s.d, "reset the extended configuration", ipmi.Request{NetFn: netFn, Cmd: cmdReset, Data: []byte{which}})
}

// Choice gives a setting that is a byte with meanings.
func (s Store) Choice(name string, g Group, attribute uint8, c oem.Choice, help string) oem.Knob {
	return oem.Knob{
		Name: name, Help: help, Choice: c,
		Get: func(ctx context.Context) (string, error) {
			b, err := s.Get(ctx, g, attribute, 1)
			if err != nil {
				return "", err
			}
			return c.Name(b[0]), nil
		},
		Set: func(ctx context.Context, value string) error {
			v, ok := c.Value(value)
			if !ok {
				return fmt.Errorf("%q is none of %q", value, c.Names())
			}
			return s.Set(ctx, g, attribute, v)
		},
	}
}

// Number gives a setting that is a number of two bytes; writable says whether it can be set.
func (s Store) Number(name string, g Group, attribute uint8, help string, writable bool) oem.Knob {
	k := oem.Knob{Name: name, Help: help, Get: func(ctx context.Context) (string, error) {
		b, err := s.Get(ctx, g, attribute, 2)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(uint16(b[0]) | uint16(b[1])<<8), nil
	}}
	if writable {
		k.Set = func(ctx context.Context, value string) error {
			n, err := oem.Number(value, 0xffff)
			if err != nil {
				return err
			}
			return s.Set(ctx, g, attribute, byte(n), byte(n>>8))
		}
	}
	return k
}

// Address gives a setting that is an IPv4 address.
func (s Store) Address(name string, g Group, attribute uint8, help string) oem.Knob {
	return oem.Knob{
		Name: name, Help: help,
		Get: func(ctx context.Context) (string, error) {
			b, err := s.Get(ctx, g, attribute, 4)
			if err != nil {
				return "", err
			}
			return netip.AddrFrom4([4]byte(b[:4])).String(), nil
		},
		Set: func(ctx context.Context, value string) error {
			a, err := netip.ParseAddr(value)
			if err != nil || !a.Is4() {
				return fmt.Errorf("%q is no IPv4 address", value)
			}
			four := a.As4()
			return s.Set(ctx, g, attribute, four[:]...)
		},
	}
}

// Text gives a setting that is text.
func (s Store) Text(name string, g Group, attribute uint8, help string) oem.Knob {
	return oem.Knob{
		Name: name, Help: help,
		Get: func(ctx context.Context) (string, error) { return s.GetText(ctx, g, attribute) },
		Set: func(ctx context.Context, value string) error { return s.SetText(ctx, g, attribute, value) },
	}
}

// AttributeDomain is the DNS domain in the group [DNS].
const AttributeDomain = 7

// Knobs gives the settings that all BMCs with this store are known to have.
func (s Store) Knobs() []oem.Knob {
	return append([]oem.Knob{
		s.Choice("nic.mode", Network, 1, oem.Choice{{Value: 0, Name: "shared"}, {Value: 1, Name: "dedicated"}}, "which network port the BMC uses"),
		s.Choice("dns.dhcp", DNS, 1, oem.Switch(), "whether DHCP tells the name servers"),
		s.Address("dns.server1", DNS, 2, "the first name server"),
		s.Address("dns.server2", DNS, 3, "the second name server"),
		s.Choice("dns.register", DNS, 4, oem.Switch(), "whether the BMC tells DNS its name"),
		s.Text("dns.hostname", DNS, 5, "the BMC's own name"),
		s.Choice("dns.domain.dhcp", DNS, 6, oem.Switch(), "whether DHCP tells the domain"),
		s.Text("dns.domain", DNS, AttributeDomain, "the domain"),
		s.Number("sol.idle", SOL, 1, "minutes without input after which SOL ends", true),
	}, s.ServiceKnobs()...)
}

// Services are those that the store can switch off, each with its bit; bit 0 means all.
func Services() oem.Choice {
	return oem.Choice{{Value: 0x02, Name: "kvm"}, {Value: 0x04, Name: "http"}, {Value: 0x08, Name: "ssh"}}
}

const (
	attributeServices  = 1
	allServicesAreOff  = 0x01
	eachServiceIsOff   = 0x0e
	servicesThatAreOff = 0x0f
)

// ServiceKnobs gives a setting for each service beside IPMI.
func (s Store) ServiceKnobs() []oem.Knob {
	var knobs []oem.Knob
	for _, m := range Services() {
		knobs = append(knobs, oem.Knob{
			Name: "service." + m.Name, Help: "whether the BMC serves " + m.Name, Choice: oem.Switch(),
			Get: func(ctx context.Context) (string, error) {
				b, err := s.Get(ctx, Security, attributeServices, 1)
				if err != nil {
					return "", err
				}
				if b[0]&(m.Value|allServicesAreOff) != 0 {
					return "disabled", nil
				}
				return "enabled", nil
			},
			Set: func(ctx context.Context, value string) error {
				b, err := s.Get(ctx, Security, attributeServices, 1)
				if err != nil {
					return err
				}
				return s.Set(ctx, Security, attributeServices, switched(b[0], m.Value, value == "enabled"))
			},
		})
	}
	return knobs
}

// switched gives the byte of services with one of them on or off. "All off" has to become
// "each off" before one can be on.
func switched(have, service byte, on bool) byte {
	switch {
	case !on:
		return have | service
	case have&allServicesAreOff != 0:
		have = have&^servicesThatAreOff | eachServiceIsOff
	}
	return have &^ service
}
