package sim

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"
)

// HostState is how a machine stands as it answers: [Room.Hosts].
type HostState struct {
	Node    string  `json:"node"`
	State   string  `json:"state"` // off (no power), halted (fed, and down), booting, up, halting
	Healthy bool    `json:"healthy"`
	Watts   float64 `json:"watts"`
	For     float64 `json:"for"` // seconds since it is so
	Counts
}

// Hosts answers by HTTP for the operating systems of all machines, and for nothing else:
//
//	GET  /NODE/health    200 if it is up and its service is well, 503 if not, 504 if it is down
//	POST /NODE/shutdown  202: it begins to halt
//	POST /NODE/start     202: its button was pushed
//	GET  /NODE/state     how it truly stands, by [HostState]: what only a simulation tells
//	GET  /               the same of all, in the order of the room
//
// What is down or unknown says 504 at once, where a real machine would say nothing.
func (r *Room) Hosts() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		all := make([]HostState, 0, len(r.machines))
		r.mu.Lock()
		for _, m := range r.machines {
			all = append(all, m.host())
		}
		r.mu.Unlock()
		tell(w, http.StatusOK, all)
	})
	mux.HandleFunc("GET /{node}/state", r.ofHost(func(m *machine) int { return http.StatusOK }))
	mux.HandleFunc("GET /{node}/health", r.ofHost(func(m *machine) int {
		switch {
		case m.state == Off:
			return http.StatusGatewayTimeout
		case !m.well(time.Now()):
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}))
	mux.HandleFunc("POST /{node}/shutdown", r.ofHost(func(m *machine) int {
		switch {
		case !m.powered:
			return http.StatusGatewayTimeout
		case m.state == Booting:
			return http.StatusServiceUnavailable // nobody listens yet
		case m.state == Up && !r.closed:
			r.shutDown(m)
		}
		return http.StatusAccepted
	}))
	mux.HandleFunc("POST /{node}/start", r.ofHost(func(m *machine) int {
		if !m.powered {
			return http.StatusGatewayTimeout
		}
		if m.state == Off && !r.closed {
			r.boot(m)
		}
		return http.StatusAccepted
	}))
	return mux
}

// ofHost answers with what a machine says, and how it stands then.
func (r *Room) ofHost(says func(*machine) int) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		m := r.machineByName[req.PathValue("node")]
		if m == nil {
			tell(w, http.StatusGatewayTimeout, HostState{Node: req.PathValue("node"), State: "unknown"})
			return
		}
		r.mu.Lock()
		status := says(m)
		state := m.host()
		r.mu.Unlock()
		tell(w, status, state)
	}
}

// host is how a machine stands. Room.mu is held.
func (m *machine) host() HostState {
	now := time.Now()
	s := HostState{
		Node: m.name, State: m.state.String(), Healthy: m.well(now), Counts: m.counts,
		Watts: math.Round(10*m.watts(now)) / 10, For: math.Round(1000*now.Sub(m.since).Seconds()) / 1000,
	}
	switch {
	case m.os.halting:
		s.State = "halting"
	case m.state == Off && m.powered:
		s.State = "halted"
	}
	return s
}

func tell(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // they have gone away
}

// openHosts has the machines answer on the network.
func (r *Room) openHosts(address string) error {
	if address == "" || r.memory {
		return nil
	}
	ln, err := r.listen(r.ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("sim: where machines answer: %w", err)
	}
	r.hosts = ln.Addr().String()
	server := &http.Server{Handler: r.Hosts(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: maxRequestHead}
	r.tasks.Go(func() {
		<-r.ctx.Done()
		_ = server.Close()
	})
	r.tasks.Go(func() { _ = server.Serve(ln) }) // it ends when it is closed
	return nil
}

// HostsAddr is where machines answer, "127.0.0.1:40111"; empty if they do not.
func (r *Room) HostsAddr() string { return r.hosts }
