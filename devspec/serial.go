package devspec

import (
	"fmt"
	"strconv"
	"strings"
)

// SerialFlags is what the flags of a serial device say, as "9600,8n1".
type SerialFlags struct {
	Baud     int
	DataBits int  // 7 or 8
	Parity   byte // 'n', 'e' or 'o'
	StopBits int  // 1 or 2
}

// ParseSerialFlags reads BAUD,DATA PARITY STOP, for example "9600,8n1". What is
// missing at the end is 9600, 8, n and 1; an empty text is all of them.
func ParseSerialFlags(s string) (SerialFlags, error) {
	f := SerialFlags{9600, 8, 'n', 1}
	if s == "" {
		return f, nil
	}
	bad := fmt.Errorf("serial flags %q: want for example 9600,8n1", s)
	speed, frame, _ := strings.Cut(s, ",")
	baud, err := strconv.Atoi(speed)
	if err != nil {
		return f, bad
	}
	switch baud {
	case 300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800:
		f.Baud = baud
	default:
		return f, fmt.Errorf("serial flags %q: %d baud is not a speed of serial lines here", s, baud)
	}
	if len(frame) > 3 {
		return f, bad
	}
	for i, c := range []byte(strings.ToLower(frame)) {
		switch {
		case i == 0 && (c == '7' || c == '8'):
			f.DataBits = int(c - '0')
		case i == 1 && (c == 'n' || c == 'e' || c == 'o'):
			f.Parity = c
		case i == 2 && (c == '1' || c == '2'):
			f.StopBits = int(c - '0')
		default:
			return f, bad
		}
	}
	return f, nil
}
