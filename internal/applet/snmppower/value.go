package snmppower

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/applet/snmppower/mib"
)

// show prints a value: integers and texts behind the name that was typed, which
// is what device files wait for, and all others as net-snmp's tools do.
func (s *shell) show(typed string, oid mib.OID, v gosnmp.SnmpPDU) {
	switch value := v.Value.(type) {
	case int:
		if v.Type == gosnmp.Integer {
			s.say("%s: %d\n", typed, value)
			return
		}
	case []byte:
		if v.Type == gosnmp.OctetString {
			s.say("%s: %s\n", typed, value)
			return
		}
	}
	s.say("%s = %s\n", s.names.Name(oid), s.long(v))
}

// long is a value with its type.
func (s *shell) long(v gosnmp.SnmpPDU) string {
	switch v.Type {
	case gosnmp.Counter32, gosnmp.Gauge32, gosnmp.Counter64, gosnmp.Uinteger32:
		return fmt.Sprintf("%v: %v", v.Type, v.Value)
	case gosnmp.TimeTicks:
		n, _ := v.Value.(uint32)
		return fmt.Sprintf("Timeticks: (%d) %s", n, timeticks(n))
	case gosnmp.IPAddress:
		return fmt.Sprintf("IpAddress: %v", v.Value)
	case gosnmp.ObjectIdentifier:
		text, _ := v.Value.(string)
		if oid, err := s.names.Resolve(text); err == nil {
			text = s.names.Name(oid)
		}
		return "OID: " + text
	case gosnmp.BitString, gosnmp.Opaque:
		b, _ := v.Value.([]byte)
		return fmt.Sprintf("Hex-STRING: % X", b)
	case gosnmp.NoSuchObject:
		return "No Such Object available on this agent at this OID"
	case gosnmp.NoSuchInstance:
		return "No Such Instance currently exists at this OID"
	case gosnmp.Null:
		return "NULL"
	default:
		return fmt.Sprintf("%v: %v", v.Type, v.Value)
	}
}

// timeticks writes hundredths of a second as days, hours, minutes and seconds.
func timeticks(n uint32) string {
	clock := fmt.Sprintf("%d:%02d:%02d.%02d", n/360000%24, n/6000%60, n/100%60, n%100)
	switch days := n / 8640000; days {
	case 0:
		return clock
	case 1:
		return "1 day, " + clock
	default:
		return fmt.Sprintf("%d days, %s", days, clock)
	}
}

// parseValue reads a value of one of net-snmp's types.
func (s *shell) parseValue(letter, text string) (gosnmp.SnmpPDU, error) {
	v := gosnmp.SnmpPDU{}
	var err error
	switch letter {
	case "i":
		var n int64
		n, err = strconv.ParseInt(text, 10, 32)
		v.Type, v.Value = gosnmp.Integer, int(n)
	case "u":
		v.Type = gosnmp.Gauge32
		v.Value, err = unsigned(text)
	case "t":
		v.Type = gosnmp.TimeTicks
		v.Value, err = unsigned(text)
	case "a":
		var ip netip.Addr
		if ip, err = netip.ParseAddr(text); err == nil && !ip.Is4() {
			err = errors.New("it is no IPv4 address")
		}
		v.Type, v.Value = gosnmp.IPAddress, text
	case "o":
		var oid mib.OID
		oid, err = s.names.Resolve(text)
		v.Type, v.Value = gosnmp.ObjectIdentifier, oid.String()
	case "s", "x", "d", "b":
		v.Type = gosnmp.OctetString
		v.Value, err = octets(letter, text)
	default:
		return v, fmt.Errorf("'%s' is no type: i u t a o s x d b are", letter)
	}
	if err != nil {
		return v, fmt.Errorf("'%s' is no value of type %s: %w", text, letter, err)
	}
	return v, nil
}

func unsigned(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}

// octets reads text, hexadecimal digits, numbers with points or commas between
// them, or the numbers of bits that are set.
func octets(letter, text string) ([]byte, error) {
	switch letter {
	case "s":
		return []byte(text), nil
	case "x":
		return hex.DecodeString(strings.ReplaceAll(strings.TrimPrefix(text, "0x"), ":", ""))
	}
	var b []byte
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == ',' }) {
		n, err := strconv.ParseUint(word, 10, 8)
		if err != nil {
			return nil, err
		}
		if letter == "d" {
			b = append(b, byte(n))
			continue
		}
		for len(b) <= int(n/8) {
			b = append(b, 0)
		}
		b[n/8] |= 0x80 >> (n % 8)
	}
	return b, nil
}
