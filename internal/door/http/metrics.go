package httpdoor

import (
	"context"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/promtext"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/state"
)

// maxNodeSeries is how many nodes have a series of their own when somebody asks
// for that; a larger room is shown by counts only.
const maxNodeSeries = 20_000

// metrics are what the daemon counts. What can be looked up is not counted but looked
// up when somebody asks.
type metrics struct {
	requests *promtext.Counters
	duration *promtext.Histograms
	running  atomic.Int64
	dropped  *promtext.Counters
	log      *promtext.Counters
	switched *promtext.Counters
	scrapes  chan struct{} // as many as are answered at a time
}

func newMetrics() *metrics {
	return &metrics{
		requests: promtext.NewCounters("millwright_http_requests_total", "Requests of the API that were answered, by route, method and status.", "route", "method", "status"),
		duration: promtext.NewHistograms("millwright_http_request_duration_seconds", "How long requests of the API took, streams included.",
			[]float64{.001, .005, .02, .1, .5, 2, 10, 60}, "route"),
		dropped:  promtext.NewCounters("millwright_stream_readers_dropped_total", "Readers of streams that fell behind and were dropped."),
		log:      promtext.NewCounters("millwright_events_total", "Events that came into the log, by kind and outcome.", "kind", "outcome"),
		switched: promtext.NewCounters("millwright_operation_nodes_total", "Nodes that operations and runs were about, by operation and the outcome of the whole.", "op", "outcome"),
		scrapes:  make(chan struct{}, 4),
	}
}

// event counts one event of the log.
func (m *metrics) event(e *event.Event) {
	outcome := e.Outcome
	if e.Kind == event.State { // whose outcome is a state
		outcome = ""
	}
	m.log.Add(1, string(e.Kind), outcome)
	if e.Kind == event.Result {
		m.switched.Add(float64(e.Count), e.Op, e.Outcome)
	}
}

// answered notes what a request is answered with, and bounds how long that may
// take: who does not read an answer shall not keep it, and its connection, for ever.
type answered struct {
	http.ResponseWriter
	ctl     *http.ResponseController
	metrics *metrics
	began   time.Time
	status  int
	paced   bool // the one who writes sets the clock
}

func (m *metrics) begin(w http.ResponseWriter) *answered {
	m.running.Add(1)
	a := &answered{ResponseWriter: w, ctl: http.NewResponseController(w), metrics: m, began: time.Now()}
	_ = a.ctl.SetWriteDeadline(time.Time{}) // that of the request before
	return a
}

// byItself says that whoever writes the answer sets the clock for each write.
func byItself(w http.ResponseWriter) {
	if a, is := w.(*answered); is {
		a.paced = true
	}
}

// Unwrap is for http.ResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (a *answered) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answered) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if !a.paced {
		_ = a.ctl.SetWriteDeadline(time.Now().Add(writeFor)) // writers of tests know none
	}
	return a.ResponseWriter.Write(b)
}

// end counts the request. What nobody has a route for is one route, so that
// nobody can make series without end.
func (a *answered) end(method, pattern string) {
	if pattern == "" {
		method, pattern = "", "none"
	}
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	a.metrics.running.Add(-1)
	a.metrics.requests.Add(1, pattern, method, strconv.Itoa(status))
	a.metrics.duration.Observe(time.Since(a.began).Seconds(), pattern)
}

func (d *Door) registerMetrics() {
	register(d, route{
		method: http.MethodGet, path: "/metrics", id: "get-metrics", tag: tagDaemon, errors: []int{503},
		summary: "Read the metrics", doc: "In the text format of Prometheus. With `nodes=yes` each node has a series of its own, in a room of up to 20,000. Takes the role view on the whole room: give Prometheus a token of its own.",
		answers: map[int]map[string]any{200: {"text/plain": ""}},
	}, func(ctx context.Context, in *metricsInput) (*raw, error) {
		if err := d.opts.Desk.NeedView(actorOf(ctx), "read the metrics"); err != nil {
			return nil, err
		}
		return written(func(w http.ResponseWriter, _ *http.Request) { d.scrape(w, in.Nodes == "yes") }), nil
	})
}

// scrape writes all metrics.
func (d *Door) scrape(to http.ResponseWriter, nodes bool) {
	select {
	case d.metrics.scrapes <- struct{}{}:
		defer func() { <-d.metrics.scrapes }()
	default:
		http.Error(to, "the metrics are being read by as many as may at a time", http.StatusServiceUnavailable)
		return
	}
	to.Header().Set("Content-Type", promtext.ContentType)
	w := promtext.NewWriter(to)
	m := d.metrics
	m.requests.WriteTo(w)
	m.duration.WriteTo(w)
	w.One("millwright_http_requests_running", promtext.Gauge, "Requests of the API that are being answered.", float64(m.running.Load()))
	m.dropped.WriteTo(w)
	m.log.WriteTo(w)
	m.switched.WriteTo(w)
	d.present(w)
	if nodes {
		d.nodeSeries(w)
	}
	promtext.Runtime(w)
	promtext.Process(w)
	w.One("process_start_time_seconds", promtext.Gauge, "When the process started, in seconds since 1970.", float64(d.started.Unix()))
	if err := w.Flush(); err != nil {
		d.opts.Log.Debug("somebody who read the metrics has gone", "why", err)
	}
}

type metricsInput struct {
	Nodes string `query:"nodes" doc:"yes for a series of each node." enum:"yes,no" default:"no"`
}

// present writes what can be looked up.
func (d *Door) present(w *promtext.Writer) {
	gauge := func(name, help string, v int, labels ...string) {
		w.One("millwright_"+name, promtext.Gauge, help, float64(v), labels...)
	}
	gauge("build_info", "Always 1; what runs is in the labels.", 1, "version", d.opts.Version, "go", runtime.Version())
	gauge("started_seconds", "When the daemon started, in seconds since 1970.", int(d.started.Unix()))
	states, held := noStates(), 0
	d.opts.Desk.Beliefs(func(_ *room.Room, _ room.NodeID, b state.Belief) {
		states[b.State.String()]++
		if b.Held != nil {
			held++
		}
	})
	byLabel(w, "nodes", "Nodes of the room, by the state in which they are believed to be.", "state", states)
	gauge("nodes_held", "Nodes that are held back until somebody decides.", held)
	d.presentDevices(w, gauge)
	d.presentOrder(w, gauge)
	gauge("runs_running", "Runs under way.", d.opts.Desk.Running())
	gauge("stream_readers", "Streams that are being read.", d.readers.count())
	gauge("sessions", "Browsers that are logged in.", d.sessions.count())
	w.One("millwright_log_position", promtext.Counter, "The position of the newest event.", float64(d.opts.Desk.Events().Last()))
	w.One("millwright_events_lost_total", promtext.Counter, "Events that could not be written.", float64(d.opts.Desk.Events().Dropped()))
}

// byLabel writes a family of gauges with one label.
func byLabel[K ~string](w *promtext.Writer, name, help, label string, values map[K]int) {
	w.Family("millwright_"+name, promtext.Gauge, help)
	for _, of := range slices.Sorted(maps.Keys(values)) {
		w.Sample(float64(values[of]), label, string(of))
	}
}

// presentDevices counts how it stands with the devices.
func (d *Door) presentDevices(w *promtext.Writer, gauge func(name, help string, v int, labels ...string)) {
	r := d.opts.Desk.Room()
	links := map[fleet.Link]int{fleet.Connected: 0, fleet.Connecting: 0, fleet.Disconnected: 0}
	waiting, longest, actions, reconnects := 0, 0, 0, 0
	for i := range r.Devices {
		s, ok := d.opts.Desk.Device(r, room.DeviceID(i))
		if !ok {
			continue
		}
		links[s.Link]++
		waiting += s.Queue
		longest = max(longest, s.Queue)
		actions += s.Actions
		reconnects += s.Reconnects
	}
	byLabel(w, "devices", "Devices of the room, by how far the conversation with them has got.", "link", links)
	gauge("device_jobs_waiting", "Jobs that wait in the queues of devices.", waiting)
	gauge("device_jobs_waiting_longest", "Jobs that wait in the longest queue of a device.", longest)
	gauge("device_actions", "Actions that the present devices have carried out.", actions)
	gauge("device_reconnects", "Successful connects of the present devices after their first.", reconnects)
}

// presentOrder counts how nodes and checks stand, and writes what was measured last.
func (d *Door) presentOrder(w *promtext.Writer, gauge func(name, help string, v int, labels ...string)) {
	nodes, checks, drift, holds := d.opts.Desk.Tally()
	byLabel(w, "standings", "Nodes by how they stand with what was asked of them.", "state", nodes)
	gauge("nodes_drifted", "Nodes that were seen in another state than was asked for.", drift)
	byLabel(w, "holds", "Nodes that somebody holds, by the kind of hold.", "kind", holds)
	byLabel(w, "checks", "Checks of nodes, by what counts of them.", "verdict", checks)
	d.opts.Desk.WriteSamples(w)
}

// nodeSeries writes one series for each node.
func (d *Door) nodeSeries(w *promtext.Writer) {
	w.Family("millwright_node_on", promtext.Gauge, "1 for a node that is believed to be on, 0 for one that is off, 0.5 for one that is on without all its cords, and -1 for one of which nobody knows.")
	values := map[room.State]float64{room.StateOn: 1, room.StateOff: 0, room.StateDegraded: 0.5, room.StateUnknown: -1}
	type series struct {
		node  string
		value float64
	}
	var list []series // who reads slowly shall not keep the beliefs
	d.opts.Desk.Beliefs(func(r *room.Room, id room.NodeID, b state.Belief) {
		if len(list) < maxNodeSeries {
			list = append(list, series{r.Nodes[id].Name, values[b.State]})
		}
	})
	for _, s := range list {
		w.Sample(s.value, "node", s.node)
	}
}
