package ipmi

import "fmt"

// Code is a completion code (section 5.2). As an error it is what errors.Is looks for
// in a [*CodeError].
type Code uint8

// The codes that any command may have.
const (
	CodeOK               Code = 0x00
	CodeBusy             Code = 0xc0
	CodeInvalidCommand   Code = 0xc1
	CodeInvalidLUN       Code = 0xc2
	CodeTimeout          Code = 0xc3
	CodeNoSpace          Code = 0xc4
	CodeReservation      Code = 0xc5 // the reservation was cancelled
	CodeTruncated        Code = 0xc6
	CodeLength           Code = 0xc7 // the request's length is wrong
	CodeLengthLimit      Code = 0xc8
	CodeOutOfRange       Code = 0xc9
	CodeTooManyBytes     Code = 0xca // it cannot return that many
	CodeNotPresent       Code = 0xcb
	CodeInvalidField     Code = 0xcc
	CodeIllegal          Code = 0xcd // for this sensor or record
	CodeNoResponse       Code = 0xce
	CodeDuplicate        Code = 0xcf
	CodeSDRUpdating      Code = 0xd0
	CodeFirmwareUpdating Code = 0xd1
	CodeInitialising     Code = 0xd2
	CodeDestination      Code = 0xd3 // destination unavailable
	CodePrivilege        Code = 0xd4
	CodeState            Code = 0xd5 // not in this state
	CodeDisabled         Code = 0xd6
	CodeUnspecified      Code = 0xff
)

// String says what the code means for any command.
func (c Code) String() string {
	if s, ok := generic(c); ok {
		return s
	}
	if c >= 0x01 && c <= 0x7e {
		return fmt.Sprintf("code %02x of its maker", uint8(c))
	}
	return fmt.Sprintf("code %02x", uint8(c))
}

func (c Code) Error() string { return c.String() }

func generic(c Code) (string, bool) {
	switch c {
	case CodeOK:
		return "done", true
	case CodeBusy:
		return "it is busy", true
	case CodeInvalidCommand:
		return "it does not know the command", true
	case CodeInvalidLUN:
		return "not for this LUN", true
	case CodeTimeout:
		return "it ran out of time", true
	case CodeNoSpace:
		return "out of space", true
	case CodeReservation:
		return "the reservation was cancelled", true
	case CodeTruncated:
		return "the request was cut off", true
	case CodeLength:
		return "the request's length is wrong", true
	case CodeLengthLimit:
		return "the request is too long", true
	case CodeOutOfRange:
		return "a parameter is out of range", true
	case CodeTooManyBytes:
		return "it cannot return that many bytes", true
	case CodeNotPresent:
		return "there is no such sensor, record or data", true
	case CodeInvalidField:
		return "a field of the request is invalid", true
	case CodeIllegal:
		return "not for this sensor or record", true
	case CodeNoResponse:
		return "no response could be had", true
	case CodeDuplicate:
		return "it had this request already", true
	case CodeSDRUpdating:
		return "the sensor records are being updated", true
	case CodeFirmwareUpdating:
		return "the firmware is being updated", true
	case CodeInitialising:
		return "it is still starting", true
	case CodeDestination:
		return "the destination is not available", true
	case CodePrivilege:
		return "the privilege is too low, or the firmware firewall forbids it", true
	case CodeState:
		return "it cannot do this in its present state", true
	case CodeDisabled:
		return "this part of it is disabled", true
	case CodeUnspecified:
		return "unspecified error", true
	}
	return "", false
}

// In says what the code means for one command: codes from 80 on are the command's own.
func (c Code) In(fn NetFn, cmd uint8) string {
	if c >= 0x80 && c <= 0xbe {
		if s, ok := specific(fn, cmd, c); ok {
			return fmt.Sprintf("%s (code %02x)", s, uint8(c))
		}
	}
	return fmt.Sprintf("%s (code %02x)", c, uint8(c))
}

func specific(fn NetFn, cmd uint8, c Code) (string, bool) {
	text, ok := map[[3]uint8]string{
		{0x06, 0x39, 0x81}: "no user of that name",
		{0x06, 0x39, 0x82}: "the user without a name is off",
		{0x06, 0x3a, 0x81}: "no session slot is free",
		{0x06, 0x3a, 0x82}: "no session slot is free for this user",
		{0x06, 0x3a, 0x83}: "no session slot is free at this privilege",
		{0x06, 0x3a, 0x84}: "the sequence number is out of range",
		{0x06, 0x3a, 0x85}: "the session id is invalid",
		{0x06, 0x3a, 0x86}: "the privilege exceeds the user's or the channel's limit",
		{0x06, 0x3b, 0x80}: "the privilege is not available to this user",
		{0x06, 0x3b, 0x81}: "the privilege exceeds the user's or the channel's limit",
		{0x06, 0x3b, 0x82}: "authentication cannot be disabled for this user",
		{0x00, 0x08, 0x80}: "the parameter is not supported",
		{0x00, 0x08, 0x81}: "somebody else is setting it",
		{0x00, 0x08, 0x82}: "the parameter can only be read",
		{0x00, 0x09, 0x80}: "the parameter is not supported",
		{0x0c, 0x01, 0x80}: "the parameter is not supported",
		{0x0c, 0x01, 0x81}: "somebody else is setting it",
		{0x0c, 0x01, 0x82}: "the parameter can only be read",
		{0x0c, 0x01, 0x83}: "the parameter can only be written",
		{0x0c, 0x02, 0x80}: "the parameter is not supported",
		{0x0c, 0x21, 0x80}: "the parameter is not supported",
		{0x0c, 0x21, 0x81}: "somebody else is setting it",
		{0x0c, 0x21, 0x82}: "the parameter can only be read",
		{0x0c, 0x22, 0x80}: "the parameter is not supported",
		{0x06, 0x48, 0x80}: "the payload is active already",
		{0x06, 0x48, 0x81}: "the payload is disabled",
		{0x06, 0x48, 0x82}: "as many as can be are active",
		{0x06, 0x48, 0x83}: "it cannot be had with encryption",
		{0x06, 0x48, 0x84}: "it cannot be had without encryption",
		{0x06, 0x49, 0x80}: "the payload is not active",
		{0x06, 0x49, 0x81}: "the payload was never activated",
		{0x06, 0x47, 0x80}: "the password is another one",
		{0x06, 0x47, 0x81}: "the password has the wrong size",
		{0x0a, 0x43, 0x81}: "the log is being erased",
		{0x0a, 0x48, 0x81}: "the log is being erased",
		{0x04, 0x12, 0x80}: "the parameter is not supported",
		{0x04, 0x12, 0x81}: "somebody else is setting it",
		{0x04, 0x12, 0x82}: "the parameter can only be read",
		{0x04, 0x13, 0x80}: "the parameter is not supported",
		{0x06, 0x24, 0x80}: "the watchdog was never set",
		{0x06, 0x22, 0x80}: "the watchdog was never set",
		{0x06, 0x52, 0x81}: "arbitration was lost on the bus",
		{0x06, 0x52, 0x82}: "bus error",
		{0x06, 0x52, 0x83}: "no acknowledgement on the bus",
		{0x06, 0x52, 0x84}: "truncated read",
	}[[3]uint8{uint8(fn), cmd, uint8(c)}]
	return text, ok
}
