package bmc

import (
	"net"
	"slices"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/rmcp"
)

const paramRevision = 0x11

// Places of alert destinations, beside the volatile one (number 0).
const alertDestinations = 4

// lanRules are the LAN parameters (section 23.2, table 23-4).
func lanRules(p uint8) rule {
	switch p {
	case 0, 4, 10, 11, 21, 25:
		return rule{size: 1}
	case 1, 17, 22:
		return rule{size: 1, readOnly: true}
	case 2:
		return rule{size: 5}
	case 3, 6, 12, 14:
		return rule{size: 4}
	case 5, 13, 15:
		return rule{size: 6}
	case 7:
		return rule{size: 3}
	case 8, 9, 20:
		return rule{size: 2}
	case 16:
		return rule{size: 18}
	case 18:
		return rule{size: 3, selector: true, count: alertDestinations + 1}
	case 19:
		return rule{size: 12, selector: true, count: alertDestinations + 1}
	case 23:
		return rule{size: 17, readOnly: true}
	case 24:
		return rule{size: 9}
	case 26:
		return rule{size: 6}
	}
	return ipv6Rules(p)
}

// ipv6Rules are those that say that IPv6 is not used (table 23-4, from 50 on).
func ipv6Rules(p uint8) rule {
	switch p {
	case 50, 57, 73:
		return rule{size: 1, readOnly: true}
	case 51, 52, 53, 64, 67, 71:
		return rule{size: 1}
	case 54:
		return rule{size: 3}
	case 55:
		return rule{size: 3, readOnly: true}
	case 56:
		return rule{size: 19, selector: true, count: 1}
	case 59:
		return rule{size: 19, selector: true, count: 1, readOnly: true}
	case 65, 68, 69, 72:
		return rule{size: 16}
	case 66, 70:
		return rule{size: 6}
	}
	return rule{}
}

func setLAN(c *call) ([]byte, error) { return nil, c.set(lanRules, &c.m.lan) }

func getLAN(c *call) ([]byte, error) { return c.get(lanRules, c.m.lan, c.m.lanDefault) }

// set carries out the commands that set a parameter of a channel (sections 23.1 and 26.2).
func (c *call) set(rules func(byte) rule, kept *params) error {
	s, err := lan.ParseSetting(c.data)
	if err != nil {
		return ipmi.CodeLength
	}
	if err := c.lan(s.Channel); err != nil {
		return err
	}
	return kept.set(rules, s.Param, s.Data)
}

// get carries out the commands that get a parameter of a channel (sections 23.2 and 26.3).
func (c *call) get(rules func(byte) rule, kept params, standard func(p, set byte) []byte) ([]byte, error) {
	q, err := lan.ParseQuery(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if err := c.lan(q.Channel); err != nil {
		return nil, err
	}
	return parameter(rules, kept, standard, q)
}

// parameter gives one of the parameters of LAN, SOL and PEF.
func parameter(rules func(byte) rule, kept params, standard func(p, set byte) []byte, q lan.Query) ([]byte, error) {
	a := lan.Answer{Revision: paramRevision}
	if q.RevisionOnly {
		return a.Append(nil), nil
	}
	r, set := rules(q.Param), q.Set
	if r.size == 0 {
		return nil, codeParameter
	}
	if r.selector {
		set &= r.mask()
		if set < r.first || int(set) >= int(r.first)+r.count {
			return nil, ipmi.CodeOutOfRange
		}
	} else {
		set = 0
	}
	v, ok := kept.at(q.Param, set)
	if !ok {
		v = standard(q.Param, set)
	}
	want := r.size
	if r.selector {
		want++
		if !ok {
			a.Data = append(a.Data, set)
		}
	}
	a.Data = append(a.Data, v...)
	a.Data = append(a.Data, make([]byte, max(0, want-len(a.Data)))...)
	return a.Append(nil), nil
}

// lanDefault gives a parameter that was never set; what is missing at its end is zero.
func (m *Machine) lanDefault(p, _ byte) []byte {
	l := m.cfg.LAN
	switch p {
	case 1:
		if m.cfg.V15 {
			return []byte{1 << rmcp.AuthMD5}
		}
	case 2:
		if m.cfg.V15 {
			return []byte{4, 4, 4, 4, 0}
		}
	case 3:
		if a := l.Address.Addr(); a.Is4() {
			return a.AsSlice()
		}
	case 4:
		if l.DHCP {
			return []byte{2}
		}
		return []byte{1}
	case 5:
		return l.MAC[:]
	case 6:
		if l.Address.IsValid() && l.Address.Addr().Is4() {
			return net.CIDRMask(l.Address.Bits(), 32)
		}
	case 7:
		return []byte{0x40, 0x40, 0x10}
	case 8:
		return []byte{byte(rmcp.Port & 0xff), byte(rmcp.Port >> 8)}
	case 9:
		return []byte{0x98, 0x02}
	case 10:
		return []byte{0x03}
	case 12:
		if l.Gateway.Is4() {
			return l.Gateway.AsSlice()
		}
	case 16:
		return []byte("public")
	case 17:
		return []byte{alertDestinations}
	case 22:
		return []byte{byte(min(len(m.cfg.Suites), 16))}
	case 23:
		b := []byte{0}
		for _, s := range slices.Sorted(slices.Values(m.cfg.Suites)) {
			b = append(b, byte(s))
		}
		return b[:min(len(b), 17)]
	case 24:
		// Administrator for each that there is: by its place in the list, as the specification has
		// it, and by its number, as FreeIPMI and many BMCs do.
		var b [9]byte
		admit := func(i int) {
			if at := 1 + i/2; at < len(b) {
				b[at] |= byte(Administrator) << (4 * (i & 1))
			}
		}
		for i, s := range m.cfg.Suites {
			admit(i)
			admit(int(s))
		}
		return b[:]
	}
	return nil
}

// SOL parameters (section 26.3).
const (
	solEnable     = 1
	solAccess     = 2
	solAccumulate = 3
	solRetry      = 4
	solPort       = 8
)

func solRules(p uint8) rule {
	switch p {
	case 0, solEnable, solAccess, 5, 6:
		return rule{size: 1}
	case solAccumulate, solRetry:
		return rule{size: 2}
	case 7:
		return rule{size: 1, readOnly: true}
	case solPort:
		return rule{size: 2, readOnly: true}
	}
	return rule{}
}

func setSOL(c *call) ([]byte, error) { return nil, c.set(solRules, &c.m.sol) }

func getSOL(c *call) ([]byte, error) {
	return c.get(solRules, c.m.sol, func(p, _ byte) []byte { return c.m.solDefault(p, c) })
}

func (m *Machine) solDefault(p byte, c *call) []byte {
	switch p {
	case solEnable:
		return []byte{1}
	case solAccess:
		return []byte{0xc0 | byte(User)} // encrypted and authenticated
	case solAccumulate:
		return []byte{4, 60} // 20 ms, or 60 characters
	case solRetry:
		return []byte{7, 50} // 7 times, 500 ms
	case 5, 6:
		return []byte{0x0a} // 115.2 kbit/s
	case 7:
		return []byte{lanChannel}
	case solPort:
		port := c.port()
		return []byte{byte(port), byte(port >> 8)}
	}
	return nil
}

// sol gives a SOL parameter in force.
func (c *call) solParam(p byte) []byte {
	if v, ok := c.m.sol.at(p, 0); ok {
		return v
	}
	return c.m.solDefault(p, c)
}

// port is the one that the caller sent to.
func (c *call) port() uint16 {
	if c.sess != nil && c.sess.port != 0 {
		return c.sess.port
	}
	return rmcp.Port
}
