package httpdoor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/endpoint"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// Options are what the door stands on.
type Options struct {
	Desk *desk.Desk
	// Auth finds out who asks, for those who do not come by the unix socket. Nil
	// lets nobody in that way.
	Auth *auth.Authenticator
	// Issuer gives the issuer whose log-in browsers may be sent to, nil for none. It
	// may be nil itself.
	Issuer func() Issuer
	// Hosts gives the names under which the door may be asked over TCP, besides
	// addresses and localhost. Nil is none.
	Hosts   func() []string
	Version string // of the program
	Config  string // where the configuration is
	// Broken says why what runs is not what the configuration says, "" if it is. Nil
	// is the latter.
	Broken func() string
	Log    *slog.Logger
}

// Door answers the API.
type Door struct {
	opts    Options
	people  people
	started time.Time
	serving sync.WaitGroup // operations under way
	readers readers        // of streams

	mux      *http.ServeMux
	api      huma.API
	public   map[string]bool // patterns that need no log-in
	handler  http.Handler
	metrics  *metrics
	sessions sessions
	keys     keys
	index    atomic.Pointer[index]
	large    chan struct{} // seats for large bodies

	events *feed
	states *feed
	boot   string // tells this daemon's changes of state from another's
	view   snapshots
}

// routes is the list of all groups of routes: one file for each, which says what
// is in it. To add one, write the file and name its method here.
func (d *Door) routes() []func() {
	return []func(){
		d.registerRoom,
		d.registerNodes,
		d.registerMachines,
		d.registerDevices,
		d.registerGroups,
		d.registerOperations,
		d.registerPlans,
		d.registerRuns,
		d.registerRunControl,
		d.registerEvents,
		d.registerStates,
		d.registerHolds,
		d.registerStandings,
		d.registerStandingStream,
		d.registerGraph,
		d.registerChecks,
		d.registerSamples,
		d.registerBattery,
		d.registerSchedules,
		d.registerPlugins,
		d.registerConfiguration,
		d.registerRevisions,
		d.registerReadings,
		d.registerQuestions,
		d.registerConsoles,
		d.registerSession,
		d.registerAccess,
		d.registerIssuer,
		d.registerHealth,
		d.registerMetrics,
		d.registerDocuments,
	}
}

// New makes the door. Its streams move while [Door.Run] runs.
func New(o Options) *Door {
	d := newDoor(o)
	d.events = newFeed(o.Desk.Events().Last())
	_, last, _, _ := o.Desk.Changes(-1)
	d.states = newFeed(last)
	return d
}

// Describe gives the description of the API in JSON, without a daemon.
func Describe(version string) ([]byte, error) {
	return json.Marshal(newDoor(Options{Version: version}).api.OpenAPI())
}

// newDoor makes a door with its routes, which may ask the desk only when they are
// asked themselves.
func newDoor(o Options) *Door {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Door{
		opts: o, started: time.Now(),
		mux: http.NewServeMux(), public: make(map[string]bool), large: make(chan struct{}, maxLarge),
		boot: bootOf(time.Now()),
	}
	d.sessions.open = make(map[string]*session)
	d.keys.busy = make(map[string]chan struct{})
	d.metrics = newMetrics()
	d.api = humago.New(d.mux, description(o.Version))
	nameForeign(d.api.OpenAPI().Components.Schemas)
	for _, register := range d.routes() {
		register()
	}
	d.handler = d.guarded()
	return d
}

// Handler gives the door without its listeners, for tests.
func (d *Door) Handler() http.Handler { return d.handler }

// OpenAPI gives the description of the API.
func (d *Door) OpenAPI() *huma.OpenAPI { return d.api.OpenAPI() }

// route says what an operation of the API is.
type route struct {
	method, path string
	id           string // of the operation, in the description
	tag          string
	summary      string
	doc          string
	status       int  // of success; zero is 200
	public       bool // needs no log-in
	// answers documents what is answered where it is not the output's Body: the
	// media types with an example value of each.
	answers map[int]map[string]any
	errors  []int // statuses, besides those that every route can have
}

// register adds an operation. Its handler takes a pointer to a struct of parameters
// and body, and gives a pointer to one of headers and body, or an error of any kind;
// see package endpoint for the structs.
//
// In and Out are the pointers, and not what they point to: all pointers are one to
// the compiler, which so writes this function once and not for every operation.
func register[In, Out any](d *Door, rt route, handle func(context.Context, In) (Out, error)) {
	d.add(rt, reflect.TypeFor[In]().Elem(), reflect.TypeFor[Out]().Elem(), func(ctx context.Context, in any) (any, error) {
		return handle(ctx, in.(In)) //nolint:forcetypeassert // made of that type
	})
}

// add is register for all types.
func (d *Door) add(rt route, in, out reflect.Type, handle endpoint.Handler) {
	op := huma.Operation{
		Method: rt.method, Path: rt.path, OperationID: rt.id, Summary: rt.summary, Description: rt.doc, Tags: []string{rt.tag},
		DefaultStatus: rt.status, MaxBodyBytes: wire.MaxBody + 1, RejectUnknownQueryParameters: true,
	}
	d.describe(&op, rt)
	if rt.public {
		d.public[rt.method+" "+rt.path] = true
		op.Security = []map[string][]string{}
	}
	endpoint.Add(d.api, op, in, out, func(ctx context.Context, in any) (any, error) {
		out, err := handle(ctx, in)
		if err == nil {
			return out, nil
		}
		t := &trouble{*problemOf(err)}
		if t.Code == room.CodeBusy {
			return nil, huma.ErrorWithHeaders(t, http.Header{"Retry-After": {"2"}})
		}
		return nil, t
	})
}

// raw is the answer of a handler that writes it itself.
type raw struct{ Body func(huma.Context) }

// written makes the answer of a handler that needs request and writer.
func written(fn func(w http.ResponseWriter, r *http.Request)) *raw {
	return &raw{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		fn(w, r)
	}}
}

// Run moves the streams until ctx ends.
func (d *Door) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { d.feedEvents(ctx) })
	wg.Go(func() { d.feedStates(ctx) })
	wg.Wait()
	return nil
}

// feedEvents keeps the feed of events at the end of the log.
func (d *Door) feedEvents(ctx context.Context) {
	for ctx.Err() == nil {
		_, err := d.followLog(ctx)
		if err == nil || errors.Is(err, context.Canceled) {
			continue
		}
		d.opts.Log.Error("the stream of events stands still", "why", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
