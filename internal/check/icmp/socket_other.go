//go:build !linux

package icmp

import (
	"errors"
	"net"
)

// listenPing is of Linux only: elsewhere a raw socket does it, or the program.
func listenPing(bool) (net.PacketConn, error) { return nil, errors.ErrUnsupported }

func onlyReplies(*net.IPConn, bool) {}
