// Package webplug simulates devices that are switched over HTTP: smart plugs, power
// strips with a web page, service processors. They are state machines after the
// vendors' manuals, behind a real HTTP server, with the faults that such boxes show.
//
// It exists so that the driver http is tested against something that does not know
// it, and so that rooms can be rehearsed. Start at [New]; a [Box] is an http.Handler,
// and [Box.Serve] lets it listen.
package webplug

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Box is one simulated device. Its methods may be called from anywhere.
type Box struct {
	Model string
	Plugs []string

	user, password string
	model          model

	mu       sync.Mutex
	relays   map[string]*relay
	faults   map[Fault]bool
	sessions int
	nonces   map[string]int // digest challenges, and the count that was used last
	tokens   map[string]bool
	heard    string          // the last request, for Echo
	asked    map[string]bool // the connections that were asked for a password, for Negotiates
	closed   chan struct{}
	server   *http.Server
	others   Relays // instead of its own, if there are some
}

// Relays are outlets that are kept elsewhere, such as those of a simulated room.
type Relays interface {
	Says(outlet int) bool // whether it shows that it is on
	Bad(outlet int) bool  // whether it answers nothing but errors
	Switch(outlet int, on bool) error
}

// Meter is Relays that know what flows through them.
type Meter interface {
	Watts(outlet int) float64
}

type relay struct {
	on, stuck, rejects bool
	moves              int
}

// Fault is a way to misbehave.
type Fault string

// The faults. Those named Lies are of boxes that answer, and not what was asked.
const (
	Hang         Fault = "hang"          // takes the request and says nothing
	Cut          Fault = "cut"           // hangs up in the middle of the next answer, after doing as it was told
	Garbage      Fault = "garbage"       // answers noise
	NotHTML      Fault = "not html"      // answers 200 and a page of something else
	Pieces       Fault = "pieces"        // answers in odd pieces
	Echo         Fault = "echo"          // answers what it heard
	BadPassword  Fault = "bad password"  // no password is right
	Flood        Fault = "flood"         // answers a gigabyte
	FloodHead    Fault = "flood head"    // a header without end
	Redirects    Fault = "redirects"     // each page leads to itself
	RedirectAway Fault = "redirect away" // each page leads to another host
	OtherOutlet  Fault = "other outlet"  // answers about the outlet after the one that was asked for
	Fails        Fault = "fails"         // 503 for everything
	Negotiates   Fault = "negotiates"    // a password on a connection that was asked for one hangs; over real sockets only
	HangsUp      Fault = "hangs up"      // closes the connection after each answer, without saying so
)

// model is what makes of device have in common: an answer to a request. It is called
// with the box locked.
type model interface {
	answer(b *Box, w http.ResponseWriter, r *http.Request, body []byte)
}

// models are the makes that there are; the names are those of the profiles of the
// driver http.
var models = map[string]model{
	"shelly-gen1": shelly1{}, "shelly-gen2": shelly2{}, "tasmota": tasmota{},
	"dli": dli{}, "dli-rest": dliREST{}, "openbmc": openBMC{},
	"epowerswitch":     formBox{page: "/cmd.html", login: "basic"},
	"epowerswitch-old": formBox{page: "/econtrol.html", login: "form"},
	"epowerswitch-r2":  hiddenPage{},

	"blackbox-ps-maverick": formBox{page: "/", login: "digest"},
	"blackbox-pse505":      formBox{page: "/cmd.html", login: "basic"},

	"ip-power-9258": ipPower{first: 1}, "ip-power-9258-old": ipPower{first: 0, basic: true},
}

// Models gives the makes that there are, sorted.
func Models() []string { return slices.Sorted(maps.Keys(models)) }

// New makes a box with everything off. The plugs count from the first, whatever they
// are called.
func New(name string, plugs []string, user, password string) (*Box, error) {
	m, ok := models[name]
	if !ok {
		return nil, fmt.Errorf("there is no simulated %q; there are %s", name, strings.Join(Models(), ", "))
	}
	b := &Box{
		Model: name, Plugs: plugs, user: user, password: password, model: m,
		relays: make(map[string]*relay), faults: make(map[Fault]bool), nonces: make(map[string]int), tokens: make(map[string]bool),
		asked:  make(map[string]bool),
		closed: make(chan struct{}),
	}
	for _, p := range plugs {
		b.relays[p] = &relay{}
	}
	return b, nil
}

// Attach has the box show and switch outlets that are kept elsewhere, in the order of
// its plugs, instead of relays of its own. Faults of plugs are theirs then.
func (b *Box) Attach(r Relays) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.others = r
}

// Serve answers on a listener until Close. It is to be called once.
func (b *Box) Serve(at net.Listener) error {
	b.mu.Lock()
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: time.Minute}
	server := b.server
	b.mu.Unlock()
	return server.Serve(at)
}

// Close ends the box and all its connections.
func (b *Box) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.closed:
		return
	default:
	}
	close(b.closed)
	if b.server != nil {
		_ = b.server.Close()
	}
}

// Fault makes the box misbehave from now on, or behave again.
func (b *Box) Fault(f Fault, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults[f] = on
}

// On says whether a plug's relay is closed.
func (b *Box) On(plug string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.on(plug)
}

// Set moves a plug's relay, as by hand.
func (b *Box) Set(plug string, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.relays[plug].on = on
}

// Moves counts how often a plug's relay has moved.
func (b *Box) Moves(plug string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.relays[plug].moves
}

// Reject has the box refuse to switch a plug; Stick has it say that it did, and not
// do it.
func (b *Box) Reject(plug string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.relays[plug].rejects = true
}

// Stick is described at Reject.
func (b *Box) Stick(plug string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.relays[plug].stuck = true
}

// Forget ends all sessions: whoever was logged in has to do it again.
func (b *Box) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.tokens)
	clear(b.nonces)
}

// Sessions counts how often somebody has logged in.
func (b *Box) Sessions() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions
}

// Open counts the sessions that have not ended.
func (b *Box) Open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.tokens)
}

// at gives a plug by its place from 0; empty if there is none.
func (b *Box) at(place int) string {
	if b.faults[OtherOutlet] && len(b.Plugs) > 1 && place >= 0 {
		place = (place + 1) % len(b.Plugs)
	}
	if place < 0 || place >= len(b.Plugs) {
		return ""
	}
	return b.Plugs[place]
}

// shown is the place that answers speak of when they are about a place.
func (b *Box) shown(place int) int {
	if b.faults[OtherOutlet] {
		return (place + 1) % len(b.Plugs)
	}
	return place
}

// on says whether a plug shows that it is on.
func (b *Box) on(plug string) bool {
	if b.others != nil {
		i := slices.Index(b.Plugs, plug)
		return i >= 0 && b.others.Says(i)
	}
	return b.relays[plug].on
}

// watts gives what flows through a plug, by its place: that of outlets that are kept
// elsewhere, if these know it, else what a box without them always says.
func (b *Box) watts(place int, always float64) float64 {
	if m, ok := b.others.(Meter); ok {
		return math.Round(10*m.Watts(place)) / 10
	}
	return always
}

// rejects says whether a plug does nothing that it is told.
func (b *Box) rejects(plug string) bool {
	if b.others != nil {
		i := slices.Index(b.Plugs, plug)
		return i < 0 || b.others.Bad(i)
	}
	return b.relays[plug].rejects
}

// move switches a plug; false if it refuses.
func (b *Box) move(plug string, on bool) bool {
	if b.others != nil {
		i := slices.Index(b.Plugs, plug)
		return i >= 0 && b.others.Switch(i, on) == nil
	}
	r := b.relays[plug]
	if r == nil || r.rejects {
		return false
	}
	if !r.stuck && r.on != on {
		r.on = on
		r.moves++
	}
	return true
}

// cycle switches a plug off and on again.
func (b *Box) cycle(plug string) bool { return b.move(plug, false) && b.move(plug, true) }

// ServeHTTP implements [http.Handler].
func (b *Box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	b.mu.Lock()
	before := b.heard
	b.heard = fmt.Sprintf("%s %s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), r.Header.Get("Cookie"), body)
	faults := maps.Clone(b.faults)
	stuck := faults[Negotiates] && b.asked[r.RemoteAddr]
	b.asked[r.RemoteAddr] = r.Header.Get("Authorization") == ""
	b.mu.Unlock()
	if faults[Hang] || stuck {
		select {
		case <-b.closed:
		case <-r.Context().Done():
		}
		return
	}
	if b.misbehave(w, r, faults, before+"\n"+string(body)+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")) {
		return
	}
	var answer recorder
	b.mu.Lock()
	b.model.answer(b, &answer, r, body)
	delete(b.faults, Cut)
	b.mu.Unlock()
	answer.write(w, faults)
}

// misbehave gives an answer that has nothing to do with the request, if there is a
// fault of that kind.
func (b *Box) misbehave(w http.ResponseWriter, r *http.Request, faults map[Fault]bool, echo string) bool {
	switch {
	case faults[Garbage]:
		raw(w, "\x00\xffon off ok true 1\r\n\r\n")
	case faults[FloodHead]:
		raw(w, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 1<<10))
	case faults[NotHTML]:
		_, _ = io.WriteString(w, "<html><body>It works!</body></html>")
	case faults[Echo]:
		_, _ = io.WriteString(w, echo) //nolint:gosec // that is the fault
	case faults[Fails]:
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	case faults[Redirects]:
		http.Redirect(w, r, r.URL.Path+"?again", http.StatusFound) //nolint:gosec // that is the fault
	case faults[RedirectAway]:
		http.Redirect(w, r, "http://attacker.example"+r.URL.Path, http.StatusFound) //nolint:gosec // that is the fault
	case faults[Flood]:
		w.Header().Set("Content-Length", "1073741824")
		chunk := bytes.Repeat([]byte("on off "), 1<<12)
		for range 1 << 30 / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				break
			}
		}
	default:
		return false
	}
	return true
}

// raw says something that is no HTTP, and hangs up.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
}

// recorder keeps an answer until it is clear how it is to be given.
type recorder struct {
	status int
	head   http.Header
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header {
	if a.head == nil {
		a.head = make(http.Header)
	}
	return a.head
}

func (a *recorder) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *recorder) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// write gives the answer, as the faults have it.
func (a *recorder) write(w http.ResponseWriter, faults map[Fault]bool) {
	a.WriteHeader(http.StatusOK)
	var whole bytes.Buffer
	fmt.Fprintf(&whole, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n", a.status, http.StatusText(a.status), a.body.Len())
	_ = a.Header().Write(&whole)
	whole.WriteString("\r\n" + a.body.String())
	switch {
	case faults[Cut]:
		raw(w, whole.String()[:whole.Len()/2])
		return
	case faults[HangsUp]:
		raw(w, whole.String())
		return
	case faults[Pieces]:
		w.Header().Set("Transfer-Encoding", "chunked")
	}
	maps.Copy(w.Header(), a.Header())
	w.WriteHeader(a.status)
	if !faults[Pieces] {
		_, _ = w.Write(a.body.Bytes())
		return
	}
	out := http.NewResponseController(w)
	for i, c := range a.body.Bytes() {
		_, _ = w.Write([]byte{c})
		if i%7 == 0 {
			_ = out.Flush()
		}
	}
}
