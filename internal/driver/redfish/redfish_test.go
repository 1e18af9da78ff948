package redfish_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/redfish"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "P@ss\"word-that-is-long"

// blade is one machine of a simulated service.
type blade struct {
	on, lit, stuck, no bool
	moves, resets      int
	boot               map[string]any
	asked              []string // values of ResetType
}

// enclosure is a simulated service of several machines with one manager.
type enclosure struct {
	server *httptest.Server

	mu                         sync.Mutex
	basic                      bool // it has no sessions
	password                   string
	blades                     map[string]*blade
	sessions                   map[string]bool
	made                       int // sessions, ever
	cleared                    bool
	hang, cut, garbage, pieces bool
	echo                       bool
}

// build makes an enclosure that is not served yet.
func build(names ...string) *enclosure {
	e := &enclosure{password: password, blades: make(map[string]*blade), sessions: make(map[string]bool)}
	for _, n := range names {
		e.blades[n] = &blade{boot: map[string]any{
			"BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideMode": "Legacy",
			"BootSourceOverrideTarget@Redfish.AllowableValues": []string{"None", "Pxe", "Hdd", "Cd", "BiosSetup"},
		}}
	}
	return e
}

func start(t testing.TB, secure bool, names ...string) *enclosure {
	t.Helper()
	e := build(names...)
	e.server = httptest.NewUnstartedServer(e)
	e.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	if secure {
		e.server.StartTLS()
	} else {
		e.server.Start()
	}
	t.Cleanup(func() {
		e.server.CloseClientConnections()
		e.server.Close()
	})
	return e
}

func (e *enclosure) locked(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

type object = map[string]any

func link(to string) object { return object{"@odata.id": to} }

func links(base string, names []string) []object {
	var list []object
	for _, n := range names {
		list = append(list, link(base+n))
	}
	return list
}

func (e *enclosure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hang && r.Method != http.MethodDelete {
		e.mu.Unlock()
		<-r.Context().Done()
		e.mu.Lock()
		return
	}
	status, answer := e.obey(w, r, body)
	text, _ := json.Marshal(answer)
	if e.echo {
		text, _ = json.Marshal(object{"Said": string(text), "PowerState": "On", "Password": password, "Token": r.Header.Get("X-Auth-Token"), "error": object{"message": "no, " + password}, "RedfishVersion": "1.0"})
	}
	switch {
	case e.garbage:
		text = []byte("\xff{{{{")
	case e.cut && r.URL.Path != "/redfish/v1/" && !strings.Contains(r.URL.Path, "Sessions"):
		e.cut = false
		w.Header().Set("Content-Length", fmt.Sprint(len(text)+100))
		w.WriteHeader(status)
		_, _ = w.Write(text)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	for ; e.pieces && len(text) > 9; text = text[9:] {
		_, _ = w.Write(text[:9])
		w.(http.Flusher).Flush()
	}
	if status != http.StatusNoContent {
		_, _ = w.Write(text)
	}
}

// obey answers a request, which may come from anybody only for the root and a session.
func (e *enclosure) obey(w http.ResponseWriter, r *http.Request, body []byte) (int, object) {
	var ask object
	_ = json.Unmarshal(body, &ask)
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/redfish/v1"), "/")
	switch {
	case path == "":
		return 200, object{
			"RedfishVersion": "1.15.0", "Vendor": "Acme", "Product": "Enclosure", "Systems": link("/redfish/v1/Systems"),
			"Managers": link("/redfish/v1/Managers"), "Chassis": link("/redfish/v1/Chassis"), "Links": object{"Sessions": link("/redfish/v1/SessionService/Sessions")},
		}
	case path == "/SessionService/Sessions" && r.Method == http.MethodPost && !e.basic:
		if ask["UserName"] != "admin" || ask["Password"] != e.password {
			return 401, refusal("The user or the password is wrong.")
		}
		e.made++
		token := fmt.Sprintf("token-%d-%s", e.made, strings.Repeat("z", 20))
		e.sessions[token] = true
		w.Header().Set("X-Auth-Token", token)
		w.Header().Set("Location", "https://inside.example"+r.URL.Path+"/"+token)
		return 201, object{"Id": "1"}
	case path == "/SessionService/Sessions" && e.basic:
		return 404, refusal("There is no such resource.")
	}
	user, pw, _ := r.BasicAuth()
	if !e.sessions[r.Header.Get("X-Auth-Token")] && (!e.basic || user != "admin" || pw != e.password) {
		return 401, refusal("There is no valid session.")
	}
	if token, is := strings.CutPrefix(path, "/SessionService/Sessions/"); is {
		delete(e.sessions, token)
		return 204, nil
	}
	return e.resource(r, path, ask)
}

func refusal(text string) object {
	return object{"error": object{"@Message.ExtendedInfo": []object{{"MessageId": "Base.1.0.GeneralError", "Message": text}}}}
}

func (e *enclosure) names() []string {
	var names []string
	for n := range e.blades {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (e *enclosure) resource(r *http.Request, path string, ask object) (int, object) {
	id := strings.TrimPrefix(path, "/redfish/v1")
	switch path {
	case "/Systems":
		return 200, object{"Members": links("/redfish/v1/Systems/", e.names())}
	case "/Managers":
		return 200, object{"Members": links("/redfish/v1/Managers/", []string{"bmc"})}
	case "/Managers/bmc":
		return 200, object{"@odata.id": "/redfish/v1" + path, "Id": "bmc", "FirmwareVersion": "7.1", "DateTime": time.Now().Add(-time.Hour).Format(time.RFC3339), "LogServices": link("/redfish/v1/Managers/bmc/LogServices")}
	case "/Managers/bmc/LogServices":
		return 200, object{"Members": links("/redfish/v1/Managers/bmc/LogServices/", []string{"Sel", "Lc"})}
	case "/Managers/bmc/LogServices/Sel":
		return 200, object{"@odata.id": "/redfish/v1" + path, "Id": "Sel", "Entries": link("/redfish/v1" + path + "/Entries"), "Actions": object{"#LogService.ClearLog": object{"target": "/redfish/v1" + path + "/Clear"}}}
	case "/Managers/bmc/LogServices/Sel/Clear":
		e.cleared = true
		return 204, nil
	case "/Managers/bmc/LogServices/Lc":
		return 200, object{"@odata.id": "/redfish/v1" + path, "Id": "Lc"}
	case "/Managers/bmc/LogServices/Sel/Entries":
		if e.cleared {
			return 200, object{"Members": []object{}}
		}
		return 200, object{"Members": []object{
			{"@odata.id": "/2", "Id": "2", "Created": "2026-01-02T01:00:00Z", "Severity": "Warning", "Message": "hot", "EntryCode": "Deassert", "SensorType": "CPU1"},
			{"@odata.id": "/1", "Id": "1", "Created": "2026-01-02T00:00:00Z", "Severity": "Critical", "Message": "hot"},
		}}
	case "/Chassis":
		return 200, object{"Members": links("/redfish/v1/Chassis/", []string{"1"})}
	case "/Chassis/1":
		return 200, object{"@odata.id": "/redfish/v1" + path, "Id": "1", "Power": link("/redfish/v1/Chassis/1/Power"), "Thermal": link("/redfish/v1/Chassis/1/Thermal")}
	case "/Chassis/1/Power":
		return 200, object{"PowerControl": []object{{"Name": "System", "PowerConsumedWatts": "212"}}, "Voltages": []object{{"Name": "12V", "ReadingVolts": 12.1}}}
	case "/Chassis/1/Thermal":
		return 200, object{"Temperatures": []object{{"Name": "Inlet", "ReadingCelsius": 24}, {"Name": "CPU", "ReadingCelsius": 60.5}, {"Name": "Off", "ReadingCelsius": nil}}, "Fans": []object{{"Name": "F1", "Reading": 3000}}}
	}
	id, action, _ := strings.Cut(strings.TrimPrefix(id, "/Systems/"), "/")
	b := e.blades[id]
	if b == nil {
		return 404, refusal("There is no such resource.")
	}
	return b.resource(r.Method, "/redfish/v1/Systems/"+id, id, action, ask)
}

func (b *blade) resource(method, at, id, action string, ask object) (int, object) {
	switch {
	case method == http.MethodPost && action == "Actions/ComputerSystem.Reset":
		if b.no {
			return 400, refusal("Not now.")
		}
		kind, _ := ask["ResetType"].(string)
		b.asked = append(b.asked, kind)
		switch kind {
		case "On":
			b.move(true)
		case "ForceOff", "GracefulShutdown":
			b.move(false)
		case "ForceRestart":
			b.resets++
		case "Nmi":
		default:
			return 400, refusal("What is " + kind + "?")
		}
		return 204, nil
	case method == http.MethodPatch:
		if led, is := ask["IndicatorLED"]; is {
			b.lit = led == "Lit"
		}
		if boot, is := ask["Boot"].(object); is {
			if _, is := boot["BootSourceOverrideMode"]; is {
				return 400, refusal("No mode.")
			}
			for k, v := range boot {
				b.boot[k] = v
			}
		}
		return 200, object{}
	}
	led, power := "Off", "Off"
	if b.lit {
		led = "Lit"
	}
	if b.on {
		power = "On"
	}
	return 200, object{
		"@odata.id": at, "@odata.etag": `W/"1"`, "Id": id, "Name": "blade " + id, "HostName": "host-" + id, "Manufacturer": "Acme", "Model": "B1", "SerialNumber": "S" + id,
		"PowerState": power, "IndicatorLED": led, "Boot": b.boot,
		"Actions": object{"#ComputerSystem.Reset": object{"target": at + "/Actions/ComputerSystem.Reset", "ResetType@Redfish.AllowableValues": []string{"On", "ForceOff", "GracefulShutdown", "ForceRestart", "Nmi"}}},
		"Links":   object{"ManagedBy": links("/redfish/v1/Managers/", []string{"bmc"}), "Chassis": links("/redfish/v1/Chassis/", []string{"1"})},
	}
}

func (b *blade) move(on bool) {
	if on != b.on && !b.stuck {
		b.on = on
		b.moves++
	}
}

// rig sets a driver up; with one machine it is plug 1.
func (e *enclosure) rig() drivertest.Rig {
	s := redfish.New().New().(*redfish.Settings)
	s.Rest, s.Timeout = time.Millisecond, 10*time.Second
	if e.server != nil {
		s.Address, s.TLS.Insecure = e.server.URL, e.server.TLS != nil
	}
	names := e.names()
	plugs := []string{"1"}
	if len(names) > 1 {
		s.Systems, plugs = make(map[string]string), nil
		for i, n := range names {
			plugs = append(plugs, fmt.Sprintf("p%d", i+1))
			s.Systems[plugs[i]] = n
		}
	}
	of := func(plug string) *blade {
		if len(names) == 1 {
			return e.blades[names[0]]
		}
		return e.blades[s.Systems[plug]]
	}
	set := func(b *bool) func() { return func() { e.locked(func() { *b = true }) } }
	return drivertest.Rig{
		Settings: s, Plugs: plugs,
		Credential: secret.Resolved{User: "admin", Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
		Truth: drivertest.Truth{
			On:    func(p string) (on bool) { e.locked(func() { on = of(p).on }); return on },
			Set:   func(p string, on bool) { e.locked(func() { of(p).on = on }) },
			Moves: func(p string) (n int) { e.locked(func() { n = of(p).moves }); return n },
		},
		Faults: drivertest.Faults{
			Refuse: func() {
				e.server.CloseClientConnections()
				e.server.Listener.Close()
			},
			BadPassword: func() { e.locked(func() { e.password = "other" }) },
			Hang:        set(&e.hang), Cut: set(&e.cut), Garbage: set(&e.garbage), Pieces: set(&e.pieces), Echo: set(&e.echo),
			Reject: func(p string) { e.locked(func() { of(p).no = true }) }, Stick: func(p string) { e.locked(func() { of(p).stuck = true }) },
		},
	}
}

func TestDriver(t *testing.T) {
	for name, c := range map[string]struct {
		secure, basic bool
		names         []string
	}{
		"one machine":         {names: []string{"only"}},
		"an enclosure by TLS": {secure: true, names: []string{"b1", "b2", "b3", "b4"}},
		"without sessions":    {basic: true, names: []string{"only"}},
	} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{Abreast: true, New: func(t *testing.T) drivertest.Rig {
				e := start(t, c.secure, c.names...)
				e.basic = c.basic
				return e.rig()
			}})
		})
	}
}

// open opens a session on a rig.
func open(t *testing.T, r drivertest.Rig) driver.Session {
	t.Helper()
	if _, err := r.Settings.Traits(nil); err != nil {
		t.Fatal(err)
	}
	env := driver.Env{
		Device: "box", Credential: r.Credential, DialContext: new(net.Dialer).DialContext, Reached: func() {}, Acted: func() {}, Log: slog.New(slog.DiscardHandler),
	}
	for _, p := range r.Plugs {
		env.Plugs = append(env.Plugs, driver.Plug{Name: p, Used: true})
	}
	n, err := r.Settings.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// What is done with the power, and by which ResetType; one session for all of it, and
// none that is left.
func TestOneSession(t *testing.T) {
	e := start(t, false, "only")
	r := e.rig()
	n := open(t, r)
	b := e.blades["only"]
	for i, step := range []struct {
		op   room.Op
		want string
	}{
		{room.Off, ""},
		{room.Reset, "On"},
		{room.Reset, "ForceRestart"},
		{room.Diag, "Nmi"},
		{room.SoftOff, "GracefulShutdown"},
		{room.On, "On"},
		{room.On, ""},
		{room.Cycle, "ForceOff On"},
	} {
		got := &sink{}
		if err := n.Do(t.Context(), driver.Batch{Op: step.op, Plugs: []int{0}}, got); err != nil || got.told != "done" {
			t.Errorf("step %d: %s: %q, %v", i, step.op, got.told, err)
		}
		e.locked(func() {
			if asked := strings.Join(b.asked, " "); asked != step.want {
				t.Errorf("step %d: %s asked for %q, want %q", i, step.op, asked, step.want)
			}
			b.asked = nil
		})
	}
	warm := &sink{}
	if err := n.Do(t.Context(), driver.Batch{Op: room.Temp, Plugs: []int{0}}, warm); err != nil || warm.raw != "24" {
		t.Errorf("temperature %q, %v", warm.raw, err)
	}
	e.locked(func() { clear(e.sessions) }) // as if it had expired
	got := &sink{}
	if err := n.Do(t.Context(), driver.Batch{Op: room.Status, Plugs: []int{0}}, got); err != nil || got.told != "on" {
		t.Errorf("after the session had expired: %q, %v", got.told, err)
	}
	n.Close()
	if e.made != 2 || len(e.sessions) != 0 {
		t.Errorf("%d sessions were made, and %d are left", e.made, len(e.sessions))
	}
}

func TestReachIntoMachines(t *testing.T) {
	e := start(t, false, "b1", "b2", "b3", "b4")
	n := open(t, e.rig())
	want := driver.Boot{From: driver.BootNetwork, Persistent: true}
	if err := n.(driver.Booter).SetBoot(t.Context(), 1, driver.Boot{From: driver.BootNetwork, Persistent: true, UEFI: true}); err != nil {
		t.Error(err) // the mode is turned down, and the rest done
	}
	if b, err := n.(driver.Booter).Boot(t.Context(), 1); err != nil || b != want {
		t.Errorf("boot: %+v, %v; want %+v", b, err, want)
	}
	if err := n.(driver.Booter).SetBoot(t.Context(), 1, driver.Boot{From: driver.BootSafe}); err == nil {
		t.Error("a boot that Redfish has no name for was set")
	}
	if err := n.(driver.Booter).SetBoot(t.Context(), 1, driver.Boot{From: driver.BootUSB}); err == nil || !strings.Contains(err.Error(), "Pxe") {
		t.Errorf("a boot that the machine does not offer: %v", err)
	}
	var log []string
	tell := func(l driver.LogEntry) {
		log = append(log, fmt.Sprint(l.ID, l.At.UTC().Format(" 15:04 "), l.Severity, " ", l.Source, " ", l.Text, " ", l.Ended))
	}
	if err := n.(driver.Logbook).Log(t.Context(), 0, tell); err != nil || strings.Join(log, "; ") != "Sel/1 01:00 critical  hot false; Sel/2 02:00 warning CPU1 hot true" {
		t.Errorf("log: %q, %v", log, err)
	}
	log = nil
	if err := errors.Join(n.(driver.Logbook).ClearLog(t.Context(), 0), n.(driver.Logbook).Log(t.Context(), 0, tell)); err != nil || log != nil {
		t.Errorf("a log that was cleared: %q, %v", log, err)
	}
	var values []string
	if err := n.(driver.Meter).Measure(t.Context(), func(r driver.Reading) {
		values = append(values, fmt.Sprint(r.Plug, " ", r.Part, " ", r.Value, r.Quantity.Unit()))
	}); err != nil || len(values) != 16 || !slices.Contains(values, "2  212W") || !slices.Contains(values, "-1 p1: Inlet 24°C") {
		t.Errorf("measured %q, %v", values, err)
	}
	d, err := n.(driver.Describer).Describe(t.Context())
	if err != nil || d.Product != "Acme B1" || d.Firmware != "7.1" || d.Serial != "Sb1" || d.Labels[3] != "host-b4" {
		t.Errorf("described as %+v, %v", d, err)
	}
}

// A certificate that nobody trusts says what to write; with that written all is well.
func TestTrust(t *testing.T) {
	e := start(t, true, "only")
	r := e.rig()
	s := r.Settings.(*redfish.Settings)
	s.TLS.Insecure = false
	if _, err := s.Traits(nil); err != nil {
		t.Fatal(err)
	}
	env := driver.Env{Device: "box", Credential: r.Credential, DialContext: new(net.Dialer).DialContext, Reached: func() {}, Acted: func() {}}
	_, err := s.Open(t.Context(), env)
	var f *driver.Fault
	if !errors.As(err, &f) || f.Phase != driver.Connecting {
		t.Fatalf("an unknown certificate: %v", err)
	}
	_, pin, _ := strings.Cut(err.Error(), "pins: [")
	pin, _, _ = strings.Cut(pin, "]")
	s.TLS.Pins = []string{pin}
	open(t, r)
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, tt := range []struct {
		field string
		spoil func(*redfish.Settings)
	}{
		{"address", func(s *redfish.Settings) { s.Address = "bmc" }},
		{"address", func(s *redfish.Settings) { s.Address = "https://bmc/redfish/v1" }},
		{"tls", func(s *redfish.Settings) { s.TLS.Pins = []string{"x"} }},
		{"auth", func(s *redfish.Settings) { s.Auth = "digest" }},
		{"rate", func(s *redfish.Settings) { s.Rate = -1 }},
		{"timeout", func(s *redfish.Settings) { s.Timeout = 0 }},
		{"systems", func(s *redfish.Settings) { s.System, s.Systems = "1", map[string]string{"a": "1"} }},
		{"systems", func(s *redfish.Settings) { s.Systems = map[string]string{"a": ""} }},
	} {
		s := redfish.New().New().(*redfish.Settings)
		s.Address = "https://bmc"
		tt.spoil(s)
		_, err := s.Traits(nil)
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}

// sink keeps the last that was told.
type sink struct{ told, raw string }

func (s *sink) State(_ int, st room.State, raw string) { s.told, s.raw = st.String(), raw }
func (s *sink) Done(int)                               { s.told = "done" }
func (s *sink) Failed(_ int, said string)              { s.told = "failed: " + said }
func (s *sink) Unknown(_ int, why *driver.Fault)       { s.told = "unknown: " + why.Why() }
func (s *sink) Fault(*driver.Fault)                    {}
func (s *sink) Trace(devspec.Trace)                    {}
