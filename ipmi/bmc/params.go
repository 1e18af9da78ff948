package bmc

import "millwright.dev/millwright/ipmi"

// What the commands that set and get parameters answer beside the general codes.
const (
	codeParameter  ipmi.Code = 0x80 // not supported
	codeInProgress ipmi.Code = 0x81
	codeReadOnly   ipmi.Code = 0x82
)

// rule is how a parameter looks.
type rule struct {
	size     int  // of its data, without the selector; 0: there is no such parameter
	selector bool // its data starts with a set selector
	first    byte // the lowest selector
	count    int  // selectors below first+count
	any      bool // the size may be less
	readOnly bool
}

// params are those parameters of one kind that were set; the others have their defaults.
type params map[uint16][]byte

func (p params) at(param, selector byte) ([]byte, bool) {
	v, ok := p[uint16(param)<<8|uint16(selector)]
	return v, ok
}

// set takes a parameter as a client sends it, with its selector.
func (p *params) set(rules func(byte) rule, param byte, data []byte) error {
	r := rules(param)
	switch {
	case r.size == 0:
		return codeParameter
	case r.readOnly:
		return codeReadOnly
	}
	selector := byte(0)
	want := r.size
	if r.selector {
		want++
		if len(data) == 0 {
			return ipmi.CodeLength
		}
		selector = data[0]
		if m := r.mask(); selector&m < r.first || int(selector&m) >= int(r.first)+r.count {
			return ipmi.CodeOutOfRange
		}
		selector &= r.mask()
	}
	if len(data) > want || len(data) < want && !r.any {
		return ipmi.CodeLength
	}
	if param == 0 { // set in progress: 0 complete, 1 in progress, 2 commit
		if old, ok := p.at(0, 0); ok && old[0]&3 == 1 && data[0]&3 == 1 {
			return codeInProgress
		}
		data = []byte{data[0] & 1}
	}
	if *p == nil {
		*p = make(params)
	}
	v := make([]byte, want)
	copy(v, data)
	if r.selector {
		v[0] = selector
	}
	(*p)[uint16(param)<<8|uint16(selector)] = v
	return nil
}

// mask is which bits of the first byte are the selector.
func (r rule) mask() byte {
	if int(r.first)+r.count <= 16 {
		return 0x0f
	}
	return 0x7f
}

// put keeps a value whatever the rules are.
func (p *params) put(param, selector byte, v []byte) {
	if *p == nil {
		*p = make(params)
	}
	(*p)[uint16(param)<<8|uint16(selector)] = v
}
