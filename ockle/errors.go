package ockle

import (
	"context"
	"errors"
	"fmt"
)

// Code says to programs what went wrong; the text beside it says it to people.
type Code string

// The codes of errors.
const (
	CodeUnknownCommand Code = "unknown-command"
	CodeInvalid        Code = "invalid"   // the request cannot be right
	CodeNotFound       Code = "not-found" // there is no such server or object
	CodeRefused        Code = "refused"
	CodeBusy           Code = "busy"
	CodeTimeout        Code = "timeout"
	CodeDevice         Code = "device" // a device said no
	CodeInternal       Code = "internal"
	CodeNone           Code = "" // the server gave none
)

// Error is a failure that the server has told, or is to tell.
type Error struct {
	Command string // what was asked, if known
	Code    Code
	Message string
}

func (e *Error) Error() string {
	msg := e.Message
	if msg == "" || msg == "null" {
		msg = "the server gave no reason" // as the original does
	}
	if e.Command == "" {
		return msg
	}
	return e.Command + ": " + msg
}

// Is makes errors with the same code alike, so that errors.Is finds
// ErrUnknownCommand.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Command == "" && other.Message == "" && other.Code == e.Code
}

var (
	// ErrUnknownCommand is what a server has to say to a command that it does
	// not have.
	ErrUnknownCommand error = &Error{Code: CodeUnknownCommand}

	// ErrNoAnswer is returned by a [Handler] that has done what was asked and
	// gives no answer: the connection just ends, as after restart.
	ErrNoAnswer = errors.New("no answer")
)

// unknownCommand is the text of the error for what is no command.
const unknownCommand = "Unknown Command"

// Errorf makes an error for a [Handler] to return.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// errorMessage gives the answer that tells an error.
func errorMessage(err error) Message {
	var e *Error
	switch {
	case errors.As(err, &e) && e.Code == CodeUnknownCommand:
		return Message{Class: ServerError, Name: unknownCommand}
	case e != nil:
	case errors.Is(err, context.DeadlineExceeded):
		e = &Error{Code: CodeTimeout, Message: err.Error()}
	default:
		e = &Error{Code: CodeInternal, Message: err.Error()}
	}
	return Message{Class: ServerError, Name: e.Message, Values: Values{
		{Key: "code", Text: string(e.Code)}, {Key: "message", Text: e.Message},
	}}
}

// told gives the error that an answer tells.
func told(command string, m Message) *Error {
	e := &Error{Command: command, Code: Code(m.Values.Text("code")), Message: m.Name}
	if e.Code == CodeNone && m.Name == unknownCommand {
		e.Code = CodeUnknownCommand
	}
	if text := m.Values.Text("message"); text != "" {
		e.Message = text
	}
	return e
}
