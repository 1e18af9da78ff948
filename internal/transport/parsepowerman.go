package transport

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// ParsePowerMan reads the third and fourth string of a device line in
// powerman.conf: where the device is, and flags ("" if there are none).
//
// What contains "|&" is a coprocess; what starts with "/" is a serial line with
// flags such as "9600,8n1"; all else is host:port, spoken to in telnet, with the
// one flag "quiet" (PowerMan 2.4 manual, powerman.conf(5)). Beyond powermand, a
// bracketed IPv6 address is understood, and wrong serial settings are refused
// here instead of at each connect. Whether a serial line exists is for
// [Address.Verify].
//
// An error is an *[AddressError] with powermand's text where it has one; its
// position is in where, or, if in the flags, counted on behind where's end.
func ParsePowerMan(where, flags string) (Address, error) {
	if len(where) > maxAddress || len(flags) > maxAddress {
		return Address{}, &AddressError{Length: len(where), Msg: "device string is too long"}
	}
	switch {
	case strings.Contains(where, "|&"):
		return parseCoprocess(where)
	case strings.HasPrefix(where, "/"):
		return parseSerialLine(where, flags)
	default:
		return parseHostPort(where, flags)
	}
}

// parseCoprocess splits at blanks; "|" and "&" are blanks everywhere, and
// nothing quotes.
func parseCoprocess(where string) (Address, error) {
	argv := strings.FieldsFunc(where, func(r rune) bool {
		return r == '|' || r == '&' || r < 0x80 && isBlank(byte(r))
	})
	if len(argv) == 0 || strings.IndexByte(where, 0) >= 0 {
		return Address{}, &AddressError{Length: len(where), Msg: "coprocess command is missing in front of |&"}
	}
	return Address{Scheme: Exec, Argv: argv}, nil
}

func parseSerialLine(path, flags string) (Address, error) {
	a := Address{Scheme: Serial, Serial: scanSerialFlags(flags)}
	a.Serial.Path = path
	if strings.IndexByte(path, 0) >= 0 {
		return Address{}, &AddressError{Length: len(path), Msg: "serial device not found or not a char special file"}
	}
	if err := a.Serial.check(); err != nil {
		return Address{}, &AddressError{Offset: len(path), Length: len(flags), Msg: err.Error()}
	}
	return a, nil
}

// scanSerialFlags reads "%d,%d%c%d" as scanf does: it stops in silence where the
// text no longer fits, and what is missing keeps 9600,8n1.
func scanSerialFlags(flags string) SerialOptions {
	o := SerialOptions{Baud: 9600, DataBits: 8, Parity: 'n', StopBits: 1}
	n, rest, ok := scanInt(flags)
	if !ok {
		return o
	}
	o.Baud = n
	if !strings.HasPrefix(rest, ",") {
		return o
	}
	if n, rest, ok = scanInt(rest[1:]); !ok {
		return o
	}
	o.DataBits = n
	if rest == "" {
		return o
	}
	o.Parity = lower(rest[0])
	if n, _, ok = scanInt(rest[1:]); ok {
		o.StopBits = n
	}
	return o
}

// scanInt is scanf's %d: blanks, a sign, digits.
func scanInt(s string) (n int, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t\r\n\v\f")
	end := 0
	if end < len(s) && (s[0] == '-' || s[0] == '+') {
		end++
	}
	for end < len(s) && '0' <= s[end] && s[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(s[:end])
	if errors.Is(err, strconv.ErrRange) {
		return -1, s[end:], true // out of every range below
	}
	return n, s[end:], err == nil
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func parseHostPort(where, flags string) (Address, error) {
	a := Address{Scheme: Telnet, PowerMan: true}
	host, port, err := splitHostPort(where)
	if err != nil {
		return Address{}, err
	}
	a.Host = host
	at := len(where) - len(port)
	n, numErr := strconv.ParseInt(strings.TrimLeft(port, " \t"), 10, 64)
	if (numErr != nil && !errors.Is(numErr, strconv.ErrRange)) || n < 1 || n > 65535 {
		return Address{}, &AddressError{Offset: at, Length: len(port), Msg: "port number out of range"}
	}
	a.Port = int(n)
	at = len(where)
	for _, flag := range strings.Split(flags, ",") {
		switch flag {
		case "quiet":
			a.Quiet = true
		case "":
		default:
			return Address{}, &AddressError{Offset: at, Length: len(flag), Msg: "bad device option: " + flag}
		}
		at += len(flag) + 1
	}
	return a, nil
}

// splitHostPort splits at the first colon, but leaves a bracketed IPv6 address whole.
func splitHostPort(where string) (host, port string, err error) {
	if inner, rest, ok := strings.Cut(strings.TrimPrefix(where, "["), "]"); ok && where[0] == '[' {
		ip, perr := netip.ParseAddr(inner)
		if perr != nil || !ip.Is6() {
			return "", "", &AddressError{Offset: 1, Length: len(inner), Msg: "not an IPv6 address: " + inner}
		}
		if !strings.HasPrefix(rest, ":") {
			return "", "", &AddressError{Length: len(where), Msg: "hostname is missing :port"}
		}
		return inner, rest[1:], nil
	}
	host, port, ok := strings.Cut(where, ":")
	switch {
	case !ok:
		return "", "", &AddressError{Length: len(where), Msg: "hostname is missing :port"}
	case host == "" || strings.IndexByte(host, 0) >= 0:
		return "", "", &AddressError{Length: len(where), Msg: "hostname is missing before :port"}
	}
	return host, port, nil
}
