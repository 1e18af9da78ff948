package powerman

import (
	"fmt"
	"strconv"
	"strings"
)

// parseLine takes a line of a reply apart: three digits, a blank, the text.
func parseLine(b []byte) (Line, error) {
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if len(text) < 4 || text[3] != ' ' {
		return Line{}, fmt.Errorf("%w: %q", ErrUnexpected, clip(text))
	}
	code := 0
	for _, c := range []byte(text[:3]) {
		if c < '0' || c > '9' {
			return Line{}, fmt.Errorf("%w: %q", ErrUnexpected, clip(text))
		}
		code = 10*code + int(c-'0')
	}
	return Line{Code: Code(code), Text: text[4:]}, nil
}

// ParseDevice reads the text of a 304 line:
//
//	DEV: state=STATE reconnects=NNN actions=NNN type=SPEC hosts=LIST
func ParseDevice(text string) (DeviceInfo, error) {
	bad := fmt.Errorf("%w: device line %q", ErrUnexpected, clip(text))
	name, rest, ok := strings.Cut(text, ": state=")
	if !ok {
		return DeviceInfo{}, bad
	}
	d := DeviceInfo{Name: name}
	var counters [2]string
	d.State, rest, ok = strings.Cut(rest, " reconnects=")
	for i, next := range [...]string{" actions=", " type="} {
		if ok {
			counters[i], rest, ok = strings.Cut(rest, next)
		}
	}
	if ok {
		d.Type, rest, ok = strings.Cut(rest, " hosts=")
	}
	if !ok {
		return DeviceInfo{}, bad
	}
	for i, n := range [...]*int{&d.Reconnects, &d.Actions} {
		var err error
		if *n, err = strconv.Atoi(strings.TrimRight(counters[i], " ")); err != nil {
			return DeviceInfo{}, bad
		}
	}
	hosts, err := appendNames(nil, rest)
	d.Hosts = hosts
	return d, err
}

// clip shortens what a stranger sent for an error message.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}
