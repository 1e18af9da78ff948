package ipmi

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// NetFn is a network function: the class of a command (section 5.1). Requests have
// even numbers; an answer has the number of its request plus one.
type NetFn uint8

// The network functions of requests.
const (
	NetFnChassis   NetFn = 0x00
	NetFnBridge    NetFn = 0x02
	NetFnSensor    NetFn = 0x04 // sensors and events
	NetFnApp       NetFn = 0x06
	NetFnFirmware  NetFn = 0x08
	NetFnStorage   NetFn = 0x0a
	NetFnTransport NetFn = 0x0c
	NetFnGroup     NetFn = 0x2c // the first data byte says whose: 0xdc is DCMI
	NetFnOEM       NetFn = 0x2e // the first three data bytes are the maker's number
)

// Request is one command for a BMC.
type Request struct {
	NetFn NetFn
	Cmd   uint8
	LUN   uint8 // 0 to 3; nearly always 0
	Data  []byte

	// Bridge is the way to a controller behind the BMC, the nearest hop first, at most two.
	Bridge []Hop

	// Once is for commands that must not happen twice (a power cycle, adding to a log):
	// it is sent a second time only while it is sure that the first did not arrive.
	// When no answer came, the error is an [*UnsureError].
	Once bool
}

// Hop is one step of a bridged request (section 6.13).
type Hop struct {
	Channel uint8 // 0 to 15
	Address uint8 // of the controller on that channel, as an 8-bit slave address
}

// ParseHop reads CHANNEL:ADDRESS, such as 0:0x82.
func ParseHop(text string) (Hop, error) {
	left, right, found := strings.Cut(text, ":")
	channel, err1 := strconv.ParseUint(left, 0, 4)
	address, err2 := strconv.ParseUint(right, 0, 8)
	if !found || err1 != nil || err2 != nil {
		return Hop{}, fmt.Errorf("%q is not a channel and an address, as in 0:0x82", text)
	}
	return Hop{Channel: uint8(channel), Address: uint8(address)}, nil
}

// Doer carries out requests. Do gives the answer's data after its completion
// code; a code other than 0 is a [*CodeError]. It may be called from many goroutines.
type Doer interface {
	Do(ctx context.Context, r Request) ([]byte, error)
}

// CodeError says that a BMC answered a request with a completion code other than 0.
type CodeError struct {
	NetFn NetFn
	Cmd   uint8
	Code  Code
	Data  []byte // what came after the code; mostly nothing
}

func (e *CodeError) Error() string {
	return fmt.Sprintf("the BMC refused command %02x/%02x: %s", uint8(e.NetFn), e.Cmd, e.Code.In(e.NetFn, e.Cmd))
}

// Is lets a [Code] stand for any error with it: errors.Is(err, ipmi.CodeNotPresent).
func (e *CodeError) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// UnsureError says that a request with Once was sent and no answer came: it may or
// may not have been carried out.
type UnsureError struct {
	NetFn NetFn
	Cmd   uint8
	Err   error // why it was given up
}

func (e *UnsureError) Error() string {
	return fmt.Sprintf("command %02x/%02x was sent and not answered, so it may have happened: %v", uint8(e.NetFn), e.Cmd, e.Err)
}

// Unwrap gives the cause.
func (e *UnsureError) Unwrap() error { return e.Err }

// ErrShort is the cause of errors about answers that end too early.
var ErrShort = errors.New("the answer is too short")
