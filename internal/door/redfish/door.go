package redfishdoor

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/machine"
	"millwright.dev/millwright/redfish/service"
)

// Name is what the door is called in events.
const Name = "redfish"

// Options are what the door stands on.
type Options struct {
	Desk    *desk.Desk
	Auth    *auth.Authenticator
	Version string // of the program
	UUID    string // of the service; it should stay the same over restarts
	// Anywhere says whether events may be sent to private and loopback addresses too.
	Anywhere func() bool
	// Console gives the address of the WebSocket by which a node's console is reached, ""
	// if there is none. Nil is none.
	Console func(node string) string
	Log     *slog.Logger
}

// Door answers Redfish.
type Door struct {
	opts    Options
	service *service.Service
	known   machine.Known
}

// New makes the door. Its events move while [Door.Run] runs.
func New(o Options) *Door {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Door{opts: o}
	so := service.Options{
		Backend: d, Name: "Millwright", Vendor: "Millwright", Product: "Millwright " + o.Version, UUID: o.UUID,
		Tokens: true, OwnThrottle: true, Log: o.Log,
	}
	if o.Anywhere != nil {
		so.Destination = func(a netip.Addr) bool { return o.Anywhere() || service.Public(a) }
	}
	d.service = service.New(so)
	return d
}

// Serve answers by TLS on a listener until ctx ends. It closes the listener.
func (d *Door) Serve(ctx context.Context, l net.Listener, config *tls.Config) error {
	config = config.Clone()
	config.NextProtos = nil // events stream as well by HTTP/1.1
	return d.service.Serve(ctx, l, config)
}

// Run tells of what happens until ctx ends, and then ends the service.
func (d *Door) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { d.tellStates(ctx) })
	wg.Go(func() { d.tellEvents(ctx) })
	wg.Wait()
	d.service.Close()
	return nil
}
