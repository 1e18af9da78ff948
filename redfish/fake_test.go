package redfish_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/redfish"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = `pass"word-of-the-test`

// fake is a service of documents that are written down as text. Tests put in documents
// and handlers, and look at what was asked.
type fake struct {
	server *httptest.Server

	mu       sync.Mutex
	docs     map[string]string
	versions map[string]int
	on       map[string]http.HandlerFunc // by method and path, before all else
	sessions map[string]bool
	made     int
	log      []string // method, path and body of what was asked with a credential
	strict   bool     // PATCH without If-Match is turned down
}

const root = `{"@odata.id":"/redfish/v1/","RedfishVersion":"1.17.0","Vendor":"Acme","Product":"Fake",
"Systems":{"@odata.id":"/redfish/v1/Systems"},"Managers":{"@odata.id":"/redfish/v1/Managers"},"Chassis":{"@odata.id":"/redfish/v1/Chassis"},
"AccountService":{"@odata.id":"/redfish/v1/AccountService"},"UpdateService":{"@odata.id":"/redfish/v1/UpdateService"},"EventService":{"@odata.id":"/redfish/v1/EventService"},
"Registries":{"@odata.id":"/redfish/v1/Registries"},"LicenseService":{"@odata.id":"/redfish/v1/LicenseService"},
"SessionService":{"@odata.id":"/redfish/v1/SessionService"},"Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}}`

func newFake(t testing.TB, secure bool, docs map[string]string) *fake {
	t.Helper()
	f := &fake{docs: map[string]string{"/redfish/v1": root}, versions: make(map[string]int), on: make(map[string]http.HandlerFunc), sessions: make(map[string]bool)}
	for path, text := range docs {
		f.docs["/redfish/v1"+path] = text
	}
	f.server = httptest.NewUnstartedServer(f)
	f.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	if secure {
		f.server.StartTLS()
	} else {
		f.server.Start()
	}
	t.Cleanup(func() {
		f.server.CloseClientConnections()
		f.server.Close()
	})
	return f
}

// dial dials the fake by plain HTTP, or by TLS with its certificate pinned.
func (f *fake) dial(t testing.TB, change func(*redfish.Options)) *redfish.Client {
	t.Helper()
	o := redfish.Options{Address: f.server.URL, User: "admin", Password: password, PlainHTTP: true}
	if f.server.TLS != nil {
		o.Trust.Pins = []string{redfish.Fingerprint(f.server.Certificate())}
	}
	if change != nil {
		change(&o)
	}
	c, err := redfish.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	f.mu.Lock()
	token := r.Header.Get("X-Auth-Token")
	handler := f.on[r.Method+" "+path]
	known := f.sessions[token]
	user, pw, basic := r.BasicAuth()
	f.mu.Unlock()
	switch {
	case path == "/redfish/v1" && handler == nil:
		f.show(w, r, path)
		return
	case path == "/redfish/v1/SessionService/Sessions" && r.Method == http.MethodPost && handler == nil:
		f.enter(w, r)
		return
	case !known && (!basic || user != "admin" || pw != password) && path != "/redfish/v1" && path != "/redfish/v1/SessionService/Sessions":
		refuse(w, 401, "Base.1.0.NoValidSession", "There is no valid session.")
		return
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	f.mu.Lock()
	f.log = append(f.log, strings.TrimSpace(r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/redfish/v1")+" "+string(body)))
	f.mu.Unlock()
	switch {
	case handler != nil:
		handler(w, r)
	case r.Method == http.MethodGet:
		f.show(w, r, path)
	case r.Method == http.MethodDelete && strings.HasPrefix(path, "/redfish/v1/SessionService/Sessions/"):
		f.mu.Lock()
		delete(f.sessions, token)
		f.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPatch:
		f.patch(w, r, path, body)
	case r.Method == http.MethodPost && strings.Contains(path, "/Actions/"):
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, 405, "Base.1.0.OperationNotAllowed", "Not that way.")
	}
}

func (f *fake) enter(w http.ResponseWriter, r *http.Request) {
	var who struct{ UserName, Password string }
	_ = json.NewDecoder(r.Body).Decode(&who)
	if who.UserName != "admin" || who.Password != password {
		refuse(w, 401, "Base.1.0.NoValidSession", "Nobody knows "+who.Password)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	token := fmt.Sprintf("token-%d-xyzzy", f.made)
	f.sessions[token] = true
	w.Header().Set("X-Auth-Token", token)
	w.Header().Set("Location", "https://10.1.1.1/redfish/v1/SessionService/Sessions/"+strconv.Itoa(f.made))
	w.WriteHeader(http.StatusCreated)
}

func (f *fake) etag(path string) string { return fmt.Sprintf(`"%d"`, f.versions[path]) }

func (f *fake) show(w http.ResponseWriter, r *http.Request, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, is := f.docs[path]
	if !is {
		refuse(w, 404, "Base.1.0.ResourceMissingAtURI", "There is nothing at "+path)
		return
	}
	w.Header().Set("ETag", f.etag(path))
	if r.Header.Get("If-None-Match") == f.etag(path) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, text)
}

// patch merges a body into a document, deeply.
func (f *fake) patch(w http.ResponseWriter, r *http.Request, path string, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, is := f.docs[path]
	match := r.Header.Get("If-Match")
	switch {
	case !is:
		refuse(w, 404, "Base.1.0.ResourceMissingAtURI", "There is nothing at "+path)
		return
	case f.strict && match == "":
		refuse(w, 428, "Base.1.0.PreconditionRequired", "Say If-Match.")
		return
	case match != "" && match != f.etag(path):
		refuse(w, 412, "Base.1.0.PreconditionFailed", "It has changed.")
		return
	}
	var doc, change map[string]any
	_ = json.Unmarshal([]byte(text), &doc)
	_ = json.Unmarshal(body, &change)
	merge(doc, change)
	merged, _ := json.Marshal(doc)
	f.docs[path] = string(merged)
	f.versions[path]++
	w.WriteHeader(http.StatusNoContent)
}

func merge(into, from map[string]any) {
	for k, v := range from {
		inner, is := v.(map[string]any)
		if old, was := into[k].(map[string]any); is && was {
			merge(old, inner)
			continue
		}
		into[k] = v
	}
}

func refuse(w http.ResponseWriter, status int, id, text string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": id, "message": "see @Message.ExtendedInfo", "@Message.ExtendedInfo": []any{
		map[string]any{"MessageId": id, "Message": text, "Severity": "Critical", "MessageArgs": []string{"x"}},
	}}})
}

// put writes a document as by hand.
func (f *fake) put(path, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.docs["/redfish/v1"+path] = text
	f.versions["/redfish/v1"+path]++
}

// handle has a handler answer what is asked at a path.
func (f *fake) handle(methodAndPath string, h http.HandlerFunc) {
	method, path, _ := strings.Cut(methodAndPath, " ")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on[method+" /redfish/v1"+path] = h
}

// asked gives, and forgets, what was asked since; of gets only the paths, if wanted.
func (f *fake) asked(all bool) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := slices.DeleteFunc(f.log, func(s string) bool { return !all && strings.HasPrefix(s, "GET ") })
	f.log = nil
	return list
}

func (f *fake) doc(t *testing.T, path string) redfish.Document {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	d, err := redfish.ParseDocument([]byte(f.docs["/redfish/v1"+path]))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// collection writes a collection of what docs has below a path.
func collection(docs map[string]string, path string) {
	var members []string
	for _, p := range slices.Sorted(maps.Keys(docs)) {
		if rest, is := strings.CutPrefix(p, path+"/"); is && !strings.Contains(rest, "/") {
			members = append(members, fmt.Sprintf(`{"@odata.id":"/redfish/v1%s"}`, p))
		}
	}
	docs[path] = fmt.Sprintf(`{"@odata.id":"/redfish/v1%s","Members":[%s],"Members@odata.count":%d}`, path, strings.Join(members, ","), len(members))
}

// machine is a machine with its manager and enclosure, as a good service shows them.
func machine() map[string]string {
	docs := map[string]string{
		"/Systems/1": `{"@odata.id":"/redfish/v1/Systems/1","@odata.type":"#ComputerSystem.v1_20_0.ComputerSystem","Id":"1","Name":"System","HostName":"web1","UUID":"u-1","SerialNumber":"S1",
			"Manufacturer":"Acme","Model":"M1","PowerState":"Off","IndicatorLED":"Off","BiosVersion":"2.1","Status":{"State":"Enabled","Health":"OK","HealthRollup":"Warning"},
			"Boot":{"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget@Redfish.AllowableValues":["None","Pxe","Cd","Hdd","BiosSetup"]},
			"Processors":{"@odata.id":"/redfish/v1/Systems/1/Processors"},"Memory":{"@odata.id":"/redfish/v1/Systems/1/Memory"},"Storage":{"@odata.id":"/redfish/v1/Systems/1/Storage"},
			"Bios":{"@odata.id":"/redfish/v1/Systems/1/Bios"},"LogServices":{"@odata.id":"/redfish/v1/Systems/1/LogServices"},
			"Links":{"ManagedBy":[{"@odata.id":"/redfish/v1/Managers/bmc"}],"Chassis":[{"@odata.id":"/redfish/v1/Chassis/1"}]},
			"Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset","ResetType@Redfish.AllowableValues":["On","ForceOff","GracefulShutdown","ForceRestart","Nmi","PushPowerButton"]}}}`,
		"/Managers/bmc": `{"@odata.id":"/redfish/v1/Managers/bmc","Id":"bmc","Name":"BMC","FirmwareVersion":"3.2","EthernetInterfaces":{"@odata.id":"/redfish/v1/Managers/bmc/EthernetInterfaces"},
			"VirtualMedia":{"@odata.id":"/redfish/v1/Managers/bmc/VirtualMedia"},"LogServices":{"@odata.id":"/redfish/v1/Managers/bmc/LogServices"},"DateTime":"2020-01-01T00:00:00Z",
			"Actions":{"#Manager.Reset":{"target":"/redfish/v1/Managers/bmc/Actions/Manager.Reset","ResetType@Redfish.AllowableValues":["ForceRestart"]}}}`,
		"/Chassis/1": `{"@odata.id":"/redfish/v1/Chassis/1","Id":"1","Name":"Box","Status":{"Health":"OK","State":"Enabled"},"HeightMm":88.9,"Location":{"Placement":{"Rack":"r7","RackOffset":12}},
			"Power":{"@odata.id":"/redfish/v1/Chassis/1/Power"},"Thermal":{"@odata.id":"/redfish/v1/Chassis/1/Thermal"}}`,
	}
	for _, c := range []string{"/Systems", "/Managers", "/Chassis"} {
		collection(docs, c)
	}
	return docs
}

// system dials a fake and finds its only machine.
func (f *fake) system(t *testing.T) (*redfish.Client, *redfish.System) {
	t.Helper()
	c := f.dial(t, nil)
	s, err := c.System(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	f.asked(true)
	return c, s
}
