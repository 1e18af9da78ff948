package plmpower

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errAddress = errors.New("could not parse address")

// id is the address of an Insteon device, as it is printed on it.
type id [3]byte

func (i id) String() string { return fmt.Sprintf("%.2X.%.2X.%.2X", i[0], i[1], i[2]) }

// address is that of a device.
type address struct {
	id          id
	x10         bool
	house, unit byte // 'A' to 'P', 1 to 16
}

// parseAddress reads "hh.hh.hh" of one or two hex digits each, or a letter and a
// number. Nothing may follow: a typing error must not switch another device.
func parseAddress(text string) (address, error) {
	if parts := strings.Split(text, "."); len(parts) == len(id{}) {
		var a address
		for i, p := range parts {
			n, err := strconv.ParseUint(p, 16, 8)
			if err != nil || len(p) > 2 {
				return a, errAddress
			}
			a.id[i] = byte(n)
		}
		return a, nil
	}
	if len(text) < 2 || len(text) > 3 {
		return address{}, errAddress
	}
	house := text[0] &^ 0x20 // upper case
	unit, err := strconv.ParseUint(text[1:], 10, 8)
	if err != nil || house < 'A' || house > 'P' || unit < 1 || unit > 16 {
		return address{}, errAddress
	}
	return address{x10: true, house: house, unit: byte(unit)}, nil
}

// code is how X10 writes houses A to P, and units 1 to 16.
var code = [16]byte{0x6, 0xe, 0x2, 0xa, 0x1, 0x9, 0x5, 0xd, 0x7, 0xf, 0x3, 0xb, 0x0, 0x8, 0x4, 0xc}

// select10 and order10 are the two bytes that choose a device, and that tell all
// chosen ones of its house what to do.
func (a address) select10() [2]byte {
	return [2]byte{code[a.house-'A']<<4 | code[a.unit-1], 0x00}
}

func (a address) order10(what byte) [2]byte { return [2]byte{code[a.house-'A']<<4 | what, 0x80} }
