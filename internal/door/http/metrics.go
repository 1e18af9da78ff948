package httpdoor

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/state"
)

// maxNodeSeries is how many nodes have a series of their own when somebody asks
// for that; a larger room is shown by counts only.
const maxNodeSeries = 20_000

// metrics are what the daemon counts, in a registry of its own. What can be looked
// up is not counted but looked up when somebody asks.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	running  prometheus.Gauge
	dropped  prometheus.Counter
	log      *prometheus.CounterVec
	switched *prometheus.CounterVec
}

func newMetrics(d *Door) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millwright_http_requests_total", Help: "Requests of the API that were answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "millwright_http_request_duration_seconds", Help: "How long requests of the API took, streams included.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60},
		}, []string{"route"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "millwright_http_requests_running", Help: "Requests of the API that are being answered."}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "millwright_stream_readers_dropped_total", Help: "Readers of streams that fell behind and were dropped."}),
		log: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millwright_events_total", Help: "Events that came into the log, by kind and outcome.",
		}, []string{"kind", "outcome"}),
		switched: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millwright_operation_nodes_total", Help: "Nodes that operations and runs were about, by operation and the outcome of the whole.",
		}, []string{"op", "outcome"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.running, m.dropped, m.log, m.switched,
		&present{door: d}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// event counts one event of the log.
func (m *metrics) event(e *event.Event) {
	outcome := e.Outcome
	if e.Kind == event.State { // whose outcome is a state
		outcome = ""
	}
	m.log.WithLabelValues(string(e.Kind), outcome).Inc()
	if e.Kind == event.Result {
		m.switched.WithLabelValues(e.Op, e.Outcome).Add(float64(e.Count))
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
	m.running.Inc()
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
	a.metrics.running.Dec()
	a.metrics.requests.WithLabelValues(pattern, method, strconv.Itoa(status)).Inc()
	a.metrics.duration.WithLabelValues(pattern).Observe(time.Since(a.began).Seconds())
}

func (d *Door) registerMetrics() {
	plain := promhttp.HandlerFor(d.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	register(d, route{
		method: http.MethodGet, path: "/metrics", id: "get-metrics", tag: tagDaemon,
		summary: "Read the metrics", doc: "In the text format of Prometheus. With `nodes=yes` each node has a series of its own, in a room of up to 20,000. Takes the role view on the whole room: give Prometheus a token of its own.",
		answers: map[int]map[string]any{200: {"text/plain": ""}},
	}, func(ctx context.Context, in *metricsInput) (*raw, error) {
		if err := d.opts.Desk.NeedView(actorOf(ctx), "read the metrics"); err != nil {
			return nil, err
		}
		if in.Nodes != "yes" {
			return written(plain.ServeHTTP), nil
		}
		// This scrape alone has them.
		registry := prometheus.NewRegistry()
		registry.MustRegister(&nodeStates{door: d})
		all := promhttp.HandlerFor(prometheus.Gatherers{d.metrics.registry, registry}, promhttp.HandlerOpts{})
		return written(all.ServeHTTP), nil
	})
}

type metricsInput struct {
	Nodes string `query:"nodes" doc:"yes for a series of each node." enum:"yes,no" default:"no"`
}

// present collects what can be looked up.
type present struct{ door *Door }

// describe gives a metric without a value.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("millwright_"+name, help, labels, nil)
}

// Describe implements [prometheus.Collector]; what comes is not told beforehand.
func (p *present) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (p *present) Collect(to chan<- prometheus.Metric) {
	d := p.door
	gauge := func(desc *prometheus.Desc, v int, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(v), labels...)
	}
	gauge(describe("build_info", "Always 1; what runs is in the labels.", "version", "go"), 1, d.opts.Version, runtime.Version())
	gauge(describe("started_seconds", "When the daemon started, in seconds since 1970."), int(d.started.Unix()))
	states, held := noStates(), 0
	d.opts.Desk.Beliefs(func(_ *room.Room, _ room.NodeID, b state.Belief) {
		states[b.State.String()]++
		if b.Held != nil {
			held++
		}
	})
	nodes := describe("nodes", "Nodes of the room, by the state in which they are believed to be.", "state")
	for s, n := range states {
		gauge(nodes, n, s)
	}
	gauge(describe("nodes_held", "Nodes that are held back until somebody decides."), held)
	p.devices(gauge)
	gauge(describe("runs_running", "Runs under way."), d.opts.Desk.Running())
	gauge(describe("stream_readers", "Streams that are being read."), d.readers.count())
	gauge(describe("sessions", "Browsers that are logged in."), d.sessions.count())
	to <- prometheus.MustNewConstMetric(describe("log_position", "The position of the newest event."), prometheus.CounterValue, float64(d.opts.Desk.Events().Last()))
	to <- prometheus.MustNewConstMetric(describe("events_lost_total", "Events that could not be written."), prometheus.CounterValue, float64(d.opts.Desk.Events().Dropped()))
}

// devices counts how it stands with the devices.
func (p *present) devices(gauge func(*prometheus.Desc, int, ...string)) {
	r := p.door.opts.Desk.Room()
	links := map[fleet.Link]int{fleet.Connected: 0, fleet.Connecting: 0, fleet.Disconnected: 0}
	waiting, longest, actions, reconnects := 0, 0, 0, 0
	for i := range r.Devices {
		s, ok := p.door.opts.Desk.Device(r, room.DeviceID(i))
		if !ok {
			continue
		}
		links[s.Link]++
		waiting += s.Queue
		longest = max(longest, s.Queue)
		actions += s.Actions
		reconnects += s.Reconnects
	}
	desc := describe("devices", "Devices of the room, by how far the conversation with them has got.", "link")
	for link, n := range links {
		gauge(desc, n, string(link))
	}
	gauge(describe("device_jobs_waiting", "Jobs that wait in the queues of devices."), waiting)
	gauge(describe("device_jobs_waiting_longest", "Jobs that wait in the longest queue of a device."), longest)
	gauge(describe("device_actions", "Actions that the present devices have carried out."), actions)
	gauge(describe("device_reconnects", "Successful connects of the present devices after their first."), reconnects)
}

// nodeStates collects one series for each node.
type nodeStates struct{ door *Door }

// Describe implements [prometheus.Collector].
func (n *nodeStates) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (n *nodeStates) Collect(to chan<- prometheus.Metric) {
	desc := describe("node_on", "1 for a node that is believed to be on, 0 for one that is off, 0.5 for one that is on without all its cords, and -1 for one of which nobody knows.", "node")
	values := map[room.State]float64{room.StateOn: 1, room.StateOff: 0, room.StateDegraded: 0.5, room.StateUnknown: -1}
	var list []prometheus.Metric
	n.door.opts.Desk.Beliefs(func(r *room.Room, id room.NodeID, b state.Belief) {
		if len(list) < maxNodeSeries {
			list = append(list, prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, values[b.State], r.Nodes[id].Name))
		}
	})
	for _, m := range list {
		to <- m
	}
}
