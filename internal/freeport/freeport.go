// Package freeport finds ports for programs that cannot choose one by
// themselves: Debian's daemons in tests and benchmarks, and the demo's own.
//
// Asking the system for any free port and handing its number on does not do: until the program
// listens, the system may give the same number to somebody else's connection. So
// the ports come from below the range that systems choose from, and a file lock
// holds each against others who ask here.
//
// Start at [Reserve].
package freeport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Systems choose ports for connections from 32768 on (Linux) or 49152 on
// (RFC 6335, section 6); well-known daemons mostly live below 12000.
const lowest, count = 12000, 20000

// Port is a number that is ours until it is released.
type Port struct {
	Number int
	lock   *os.File
}

// Reserve finds a port on which nobody listens at a host's address, with neither
// TCP nor UDP, and that nobody else has reserved. The host is a literal address.
func Reserve(host string) (*Port, error) {
	dir := filepath.Join(os.TempDir(), "millwright-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("reserving a port: %w", err)
	}
	var last error
	for range 200 {
		p := &Port{Number: lowest + rand.IntN(count)} //nolint:gosec // nobody gains by guessing it
		if last = p.take(dir, host); last == nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("reserving a port at %s: no luck in 200 attempts, the last: %w", host, last)
}

// Addr is the port at a host, as dialling and listening want it.
func (p *Port) Addr(host string) string { return net.JoinHostPort(host, strconv.Itoa(p.Number)) }

// Release lets others have the port. What listens there goes on.
func (p *Port) Release() { p.lock.Close() }

func (p *Port) take(dir, host string) (err error) {
	p.lock, err = os.OpenFile(filepath.Join(dir, strconv.Itoa(p.Number)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(unix.Flock(int(p.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB), p.unused(host)); err != nil {
		p.lock.Close()
	}
	return err
}

func (p *Port) unused(host string) error {
	var config net.ListenConfig
	stream, err := config.Listen(context.Background(), "tcp", p.Addr(host))
	if err != nil {
		return err
	}
	defer stream.Close()
	packets, err := config.ListenPacket(context.Background(), "udp", p.Addr(host))
	if err != nil {
		return err
	}
	return packets.Close()
}

// Test is what a test gives to hold a port until it ends: a *testing.T.
type Test interface {
	Helper()
	Fatal(args ...any)
	Cleanup(f func())
}

// For gives a test an address of its own at a host.
func For(t Test, host string) string {
	t.Helper()
	p, err := Reserve(host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p.Addr(host)
}
