// Package vbmc lets guests of libvirt be machines with BMCs: each is reached by IPMI,
// with power, boot device, console, event log and inventory, by those who can work
// with nothing else (OpenStack's Ironic, Metal3, installers, tests of such).
//
// The server end of IPMI is package ipmi/bmc; here guests become its hosts. One
// [Hypervisor] is one connection to a daemon of libvirt, which comes back by itself,
// for as many guests as one likes; a [Guest] answers at a socket of its own. Where
// libvirt fails or is away, answers are completion code C0 (busy).
//
// Start at [Hypervisor.Run] and [Guest.Serve]:
//
//	hypervisor.go  the connection, and who hears what happens
//	guest.go       power and boot device
//	console.go     Serial over LAN, which outlives power cycles of the guest
//	inventory.go   what the BMC tells of the guest: sensors, inventory, event log
package vbmc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"millwright.dev/millwright/libvirt"
)

// errAway says that libvirt's daemon cannot be reached at the moment.
var errAway = errors.New("libvirt's daemon is away")

// Hypervisor is a daemon of libvirt.
type Hypervisor struct {
	uri     string
	dialing libvirt.Dialing
	log     *slog.Logger

	mu     sync.Mutex
	conn   *libvirt.Conn
	guests map[string]*Guest
}

// NewHypervisor makes one of a libvirt URI. Nothing is reached before Run.
func NewHypervisor(uri string, dialing libvirt.Dialing, log *slog.Logger) (*Hypervisor, error) {
	if _, err := libvirt.ParseURI(uri); err != nil {
		return nil, err
	}
	return &Hypervisor{uri: uri, dialing: dialing, log: log, guests: make(map[string]*Guest)}, nil
}

// The waits between two attempts to reach a daemon.
const (
	firstWait = time.Second / 4
	lastWait  = 30 * time.Second
)

// Run keeps the connection until ctx ends.
func (h *Hypervisor) Run(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		c, err := h.dial(ctx, h.happened)
		if err == nil {
			wait = firstWait
			h.log.Info("libvirt is reached", "uri", h.uri)
			h.arrived(c)
			select {
			case <-c.Done():
				h.log.Warn("libvirt is away", "uri", h.uri, "err", c.Err())
			case <-ctx.Done():
			}
			h.left()
			_ = c.Close()
			continue
		}
		if ctx.Err() == nil {
			h.log.Warn("libvirt cannot be reached", "uri", h.uri, "err", err, "again", wait)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, lastWait)
	}
}

// dialLimit is how long one attempt may take.
const dialLimit = 20 * time.Second

func (h *Hypervisor) dial(ctx context.Context, notify func(libvirt.Event)) (*libvirt.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	return libvirt.Dial(ctx, h.uri, libvirt.Options{Notify: notify, Dialing: h.dialing})
}

func (h *Hypervisor) arrived(c *libvirt.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = c
	for _, g := range h.guests {
		g.look()
	}
}

func (h *Hypervisor) left() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = nil
}

// happened tells a guest what happened to it.
func (h *Hypervisor) happened(e libvirt.Event) {
	h.mu.Lock()
	g := h.guests[e.Domain.Name]
	h.mu.Unlock()
	if g != nil {
		g.hear(e)
	}
}

// find gives the connection, and a guest as it is now.
func (h *Hypervisor) find(ctx context.Context, name string) (*libvirt.Conn, libvirt.Domain, error) {
	h.mu.Lock()
	c := h.conn
	h.mu.Unlock()
	if c == nil {
		return nil, libvirt.Domain{}, errAway
	}
	d, err := c.Lookup(ctx, name)
	return c, d, err
}

// join has a guest hear what happens to it. It is false if another has its name.
func (h *Hypervisor) join(g *Guest) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.guests[g.name] != nil {
		return false
	}
	h.guests[g.name] = g
	return true
}

func (h *Hypervisor) leave(g *Guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.guests, g.name)
}
