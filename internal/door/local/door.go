package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/local/wire"
	"millwright.dev/millwright/internal/room"
)

// Options are what the door stands on.
type Options struct {
	Desk *desk.Desk
	// Revisions gives the newest accepted configurations, the newest first.
	Revisions func(ctx context.Context, limit int) ([]wire.Revision, error)
	Version   string // of the program
	Config    string // where the configuration is
	Log       *slog.Logger
}

// Door answers the local API.
type Door struct {
	opts     Options
	accounts auth.Accounts
	started  time.Time
	serving  sync.WaitGroup // operations under way
}

// New makes the door.
func New(o Options) *Door {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Door{opts: o, started: time.Now()}
}

// Handler gives the routes.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, fn := range map[string]http.HandlerFunc{
		"POST /v0/do":                   d.do,
		"POST /v0/requests/{id}/cancel": d.cancelRequest,
		"POST /v0/plan":                 d.plan,
		"POST /v0/order":                d.order,
		"GET /v0/runs":                  d.runs,
		"GET /v0/runs/{id}":             d.run,
		"GET /v0/runs/{id}/updates":     d.updates,
		"POST /v0/runs/{id}/cancel":     d.cancelRun,
		"GET /v0/events":                d.events,
		"GET /v0/nodes":                 d.nodes,
		"GET /v0/devices":               d.devices,
		"GET /v0/revisions":             d.revisions,
		"GET /v0/version":               d.version,
		"POST /v0/clear":                d.clear,
		"POST /v0/reload":               d.reload,
	} {
		mux.HandleFunc(pattern, fn)
	}
	return mux
}

// stopFor is how long clients may take to leave when the daemon stops.
const stopFor = 2 * time.Second

// Serve answers on a listener until ctx ends, and then lets the requests under
// way come to their end. It closes the listener. At most 1,024 connections are
// served at once; others wait in the kernel's queue.
func (d *Door) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: d.Handler(), ConnContext: d.greet,
		// Streams of events end with the daemon too.
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(d.opts.Log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(ended)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopFor)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	err := server.Serve(newLimited(l, maxConns))
	if !stopped() {
		<-ended
	}
	d.serving.Wait() // their results are to be written down
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the local socket: %w", err)
}

// version answers GET /v0/version. Who sees nothing of the room learns nothing of it.
func (d *Door) version(w http.ResponseWriter, req *http.Request) {
	view := d.opts.Desk.View(actorOf(req.Context()))
	if !view.Anything() {
		answer(w, wire.Version{Version: d.opts.Version, Started: d.started})
		return
	}
	r := view.Room
	v := wire.Version{
		Version: d.opts.Version, PID: os.Getpid(), Started: d.started, Room: r.Name, Config: d.opts.Config,
		Nodes: len(r.Nodes), Devices: len(r.Devices),
	}
	for i := range r.Nodes {
		if view.Belief(room.NodeID(i)).Held != nil {
			v.Held++
		}
	}
	answer(w, v)
}
