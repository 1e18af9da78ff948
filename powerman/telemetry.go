package powerman

import (
	"fmt"
	"time"
)

// SendText is the telemetry of bytes sent to a device: send(DEV): 'data'.
func SendText(device string, data []byte) string { return quoted("send", device, data) }

// RecvText is the telemetry of bytes consumed from a device: recv(DEV): 'data'.
func RecvText(device string, data []byte) string { return quoted("recv", device, data) }

// DelayText is the telemetry of a pause: delay(DEV): S.UUUUUU, in seconds.
func DelayText(device string, d time.Duration) string {
	return fmt.Sprintf("delay(%s): %d.%06d", device, d/time.Second, d%time.Second/time.Microsecond)
}

// ConnectTimeoutText is the telemetry of a device that could not be reached in
// time.
func ConnectTimeoutText(device string) string { return "connect(" + device + "): timeout" }

// quoted shows CR, LF and TAB as \r \n \t and other bytes that are not
// printable ASCII as three octal digits.
func quoted(verb, device string, data []byte) string {
	b := make([]byte, 0, len(verb)+len(device)+len(data)+16)
	b = append(b, verb...)
	b = append(b, '(')
	b = append(b, device...)
	b = append(b, "): '"...)
	for _, c := range data {
		switch {
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < ' ' || c > '~':
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '\''))
}
