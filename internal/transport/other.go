//go:build !linux

package transport

import (
	"context"
	"errors"
)

type nursery struct{}

func openSerial(SerialOptions) (Conn, error) {
	return nil, errors.New("serial lines are supported on Linux only")
}

func (d *Dialer) startCoprocess(context.Context, []string) (Conn, error) {
	return nil, errors.New("coprocesses are supported on Linux only")
}

// Start runs a program as Dial runs that of an exec: address.
func (d *Dialer) Start(context.Context, Program) (Process, error) {
	return nil, errors.New("coprocesses are supported on Linux only")
}
