//go:build !linux

package bmc

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// ServeMany needs Linux. Elsewhere give each machine a socket and [Serve].
func ServeMany(context.Context, *net.UDPConn, int, func(netip.Addr) *Machine) error {
	return errors.New("many machines at one socket need Linux: give each a socket of its own")
}
