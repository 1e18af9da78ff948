package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"

	powermandoor "millwright.dev/millwright/internal/door/powerman"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/tcpwrap"
	"millwright.dev/millwright/powerman"
)

// defaultPowerMan is where PowerMan's clients look.
const defaultPowerMan = "127.0.0.1:10101"

// Doors say which ways in there are.
type Doors struct {
	// Socket is the path of the unix socket for the command line; empty for none.
	Socket string
	// PowerMan overrides where PowerMan's clients are served ("host:port"); nil
	// means where the room says, an empty list nowhere.
	PowerMan []string
	// Stdio serves one PowerMan client on a stream and ends when it leaves;
	// nothing listens then. Nil for no such thing.
	Stdio io.ReadWriteCloser
	// HostsAllow and HostsDeny are the tables of TCP wrappers; empty for those in /etc.
	HostsAllow, HostsDeny string
	// Actions takes the line that powermand writes after each power action.
	Actions io.Writer
	// Passed are listeners that somebody opened for the daemon, by [PassedLocal] and
	// its like. They take the place of the socket, and of PowerMan's usual address;
	// addresses that the room names are opened besides.
	Passed map[string][]net.Listener
}

// Addresses are where the doors are open.
type Addresses struct {
	Socket   string
	PowerMan []string
	HTTP     []string // of the API, by TLS
	Redfish  []string
	Ockle    []string
	IPMI     map[string]string // of each node that is shown as a BMC
}

// openDoors are listeners with what serves them.
type openDoors struct {
	addresses Addresses
	opened    []net.Listener
	servers   []func(context.Context) error
	once      bool // the daemon ends when the first server does
	wg        sync.WaitGroup
}

// openDoors opens all doors, or none.
func (a *App) openDoors(ctx context.Context) (_ *openDoors, err error) {
	doors := &openDoors{}
	defer func() {
		if err != nil {
			for _, l := range doors.opened {
				l.Close()
			}
		}
	}()
	server := &powerman.Server{
		Handler: powermandoor.New(a.desk, a.opts.Doors.Actions), Log: a.log, Limits: powerman.Limits{Clients: seats(openFiles())},
	}
	if stdio := a.opts.Doors.Stdio; stdio != nil {
		doors.once = true
		doors.servers = append(doors.servers, func(ctx context.Context) error { return server.ServeConn(ctx, stdio) })
		return doors, nil
	}
	if err := a.opts.Doors.checkPassed(); err != nil {
		return nil, err
	}
	if err := a.openAPI(ctx, doors); err != nil {
		return nil, err
	}
	if err := a.openRedfish(ctx, doors); err != nil {
		return nil, err
	}
	if err := a.openOckle(ctx, doors); err != nil {
		return nil, err
	}
	given := a.passed(PassedPowerMan)
	doors.opened = append(doors.opened, given...)
	if a.fleet.Room().Settings.PowerMan.Off {
		for _, l := range given {
			a.log.Warn("the room keeps PowerMan's door closed; clients of the socket that was passed for it are turned away", "address", l.Addr())
			doors.servers = append(doors.servers, turnAway(l))
		}
		given = nil
	}
	listeners, err := a.listenPowerMan(ctx, server, given)
	doors.opened = append(doors.opened, listeners...)
	if err != nil {
		return nil, err
	}
	for _, l := range listeners {
		doors.addresses.PowerMan = append(doors.addresses.PowerMan, l.Addr().String())
		doors.servers = append(doors.servers, func(ctx context.Context) error { return server.Serve(ctx, l) })
	}
	return doors, a.openIPMI(ctx, doors)
}

// listenPowerMan binds every address that the names resolve to. It fails only if
// not one of them can be bound, as powermand does; the others are logged. Listeners
// that are given already come first, and stand for the usual address.
func (a *App) listenPowerMan(ctx context.Context, server *powerman.Server, given []net.Listener) ([]net.Listener, error) {
	settings := a.fleet.Room().Settings.PowerMan
	wanted := settings.Listen
	if a.opts.Doors.PowerMan != nil {
		wanted = a.opts.Doors.PowerMan
	} else if len(wanted) == 0 && len(given) == 0 {
		wanted = []string{defaultPowerMan}
	}
	if settings.Off || len(wanted)+len(given) == 0 {
		return nil, nil
	}
	server.Allow = func(from net.Addr) bool { return a.admit(ctx, from) }
	return a.listenBesides(ctx, given, wanted, "for PowerMan clients")
}

// listenBesides binds the addresses that are wanted besides listeners that are given,
// and gives all of them. It fails only if there would be none; other addresses that
// cannot be bound are logged.
func (a *App) listenBesides(ctx context.Context, given []net.Listener, wanted []string, whom string) ([]net.Listener, error) {
	listeners := given
	var errs []error
	for _, at := range wanted {
		if slices.ContainsFunc(given, func(l net.Listener) bool { return l.Addr().String() == at }) {
			continue
		}
		found, err := listenAll(ctx, at)
		listeners = append(listeners, found...)
		if err != nil {
			errs = append(errs, fmt.Errorf("listen %s on %s: %w", whom, at, err))
		}
	}
	if len(listeners) == 0 {
		return nil, errors.Join(errs...)
	}
	for _, err := range errs {
		a.log.Warn("a door stays closed", "why", err)
	}
	return listeners, nil
}

// admit asks the tables of TCP wrappers about a client, if the room wants that;
// who is turned away is an event.
func (a *App) admit(ctx context.Context, from net.Addr) bool {
	if !a.fleet.Room().Settings.PowerMan.TCPWrappers {
		return true
	}
	at, err := netip.ParseAddrPort(from.String())
	if err != nil {
		return false
	}
	allowed, by := a.guard.Load().Allow(ctx, at.Addr())
	if !allowed {
		a.events.AppendLater(event.Event{
			Kind: event.Refusal, Door: powermandoor.Name, Remote: from.String(), Op: "connect",
			Outcome: event.Refused, Detail: "by " + by,
		})
	}
	return allowed
}

// armGuard reads the tables of TCP wrappers for a room that wants them. A room
// whose wish cannot be honoured is not taken.
func (a *App) armGuard(r *room.Room) error {
	if !r.Settings.PowerMan.TCPWrappers || a.guard.Load() != nil {
		return nil
	}
	guard, err := tcpwrap.Open("powermand", tcpwrap.Options{AllowFile: a.opts.Doors.HostsAllow, DenyFile: a.opts.Doors.HostsDeny, Log: a.log})
	if err == nil {
		a.guard.Store(guard)
	}
	return err
}

// listenAll binds every address of "host:port", where the port may be a service name.
func listenAll(ctx context.Context, at string) ([]net.Listener, error) {
	host, service, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	addrs := []string{host}
	if host != "" {
		if addrs, err = net.DefaultResolver.LookupHost(ctx, host); err != nil {
			return nil, err
		}
	}
	var listeners []net.Listener
	var errs []error
	for _, addr := range addrs {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(addr, fmt.Sprint(port)))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		listeners = append(listeners, l)
	}
	return listeners, errors.Join(errs...)
}

// serve starts all servers; the channel tells of the first that ends.
func (d *openDoors) serve(ctx context.Context) <-chan error {
	ended := make(chan error, len(d.servers))
	for _, s := range d.servers {
		d.wg.Go(func() {
			err := s(ctx)
			if err != nil || d.once {
				ended <- err
			}
		})
	}
	return ended
}

// wait returns when the last client has been served.
func (d *openDoors) wait() { d.wg.Wait() }
