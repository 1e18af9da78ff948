package service_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/redfish/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const root = "/redfish/v1"

// stand is a service with machines, asked over TLS on the loopback.
type stand struct {
	t       testing.TB
	backend *service.Memory
	service *service.Service
	server  *httptest.Server
	client  *http.Client
}

func value(v float64) *float64 { return &v }

// aMachine is a machine that has everything.
func aMachine(id string) service.Machine {
	return service.Machine{
		ID: id, Name: "Machine " + id, Manufacturer: "Acme", Model: "A1", SerialNumber: "S1", PartNumber: "P1", AssetTag: "T1",
		UUID: "58893887-8974-2487-2389-841168418919", HostName: id + ".example", BiosVersion: "1.2", ManagerVersion: "3.4",
		Power: service.PowerOff, Health: service.OK,
		Resets:    []service.ResetType{service.ResetOn, service.ForceOff, service.GracefulShutdown, service.ForceRestart, service.PowerCycle, service.Nmi},
		Boot:      &service.BootAbility{Sources: []service.BootSource{service.BootPxe, service.BootHdd, service.BootCd, service.BootBiosSetup}, Modes: true},
		Indicator: service.Dark, Log: true,
		Media: []service.Medium{{ID: "Cd", Types: []string{"CD", "DVD"}}},
		Consoles: []service.Console{
			{Kind: service.ConsoleSSH, Port: 22, Command: "console " + id},
			{Kind: service.ConsoleIPMI, Port: 623},
			{Kind: service.ConsoleWebSocket, URI: "wss://room.example/console/" + id},
		},
	}
}

func someReadings() []service.Reading {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return []service.Reading{
		{Name: "Inlet", Kind: service.Temperature, Value: value(21.5), Health: service.OK, Context: "Intake", At: at, HighCaution: value(40), HighCritical: value(45)},
		{Name: "CPU 1", Kind: service.Temperature, Value: value(60), Context: "CPU", LowCritical: value(0), LowCaution: value(5)},
		{Name: "Fan 1", Kind: service.Rotational, Value: value(5400), Health: service.Warning, LowCritical: value(500)},
		{Name: "12 V", Kind: service.Voltage, Value: value(12.06)},
		{Name: "Inlet power", Kind: service.Power, Value: value(143)},
		{Name: "Current", Kind: service.Current, Value: value(0.62)},
		{Name: "Energy", Kind: service.Energy, Value: value(1234.5)},
		{Name: "Broken", Kind: service.Humidity},
		{Name: "PF", Kind: service.PowerFactor, Value: value(0.98)},
	}
}

// newStand serves three machines to root (an administrator), op (an operator) and ro.
func newStand(t testing.TB, change func(*service.Options)) *stand {
	t.Helper()
	s := &stand{t: t, backend: service.NewMemory("root", "secret")}
	s.backend.SetUser(service.Account{Name: "op", Role: service.Operator, Enabled: true}, "secret")
	s.backend.SetUser(service.Account{Name: "ro", Role: service.ReadOnly, Enabled: true}, "secret")
	s.backend.Add(aMachine("m1"), someReadings()...)
	s.backend.Add(aMachine("a b/c"), someReadings()...)
	s.backend.Add(service.Machine{ID: "bare", Power: service.PowerUnknown})
	s.backend.Write("m1", service.LogEntry{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Source: "PSU 1", Text: "Power supply failed", Health: service.Critical})
	s.backend.Write("m1", service.LogEntry{Text: "Something, some time"})
	o := service.Options{Backend: s.backend, Name: "Test", Vendor: "Acme", Product: "Virtual BMC", UUID: "58893887-8974-2487-2389-841168418919"}
	if change != nil {
		change(&o)
	}
	s.service = service.New(o)
	s.server = httptest.NewTLSServer(s.service)
	if o.PlainLoopback {
		s.server.Close()
		s.server = httptest.NewServer(s.service)
	}
	s.client = s.server.Client()
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		s.service.Close()
		s.client.CloseIdleConnections()
		s.server.Close()
	})
	return s
}

// ask is one request; the zero value of what is not said is the usual.
type ask struct {
	method, path, body string
	user               string // "root" if empty, nobody if "-"
	password           string
	header             map[string]string
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (s *stand) request(ctx context.Context, a ask) *http.Request {
	s.t.Helper()
	return a.request(ctx, s.server.URL)
}

// request makes the request to a server.
func (a ask) request(ctx context.Context, server string) *http.Request {
	if a.method == "" {
		a.method = http.MethodGet
		if a.body != "" {
			a.method = http.MethodPost
		}
	}
	req, err := http.NewRequestWithContext(ctx, a.method, server+a.path, strings.NewReader(a.body))
	if err != nil {
		panic(err) // the test's own fault
	}
	if a.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.user == "" {
		a.user = "root"
	}
	if a.password == "" {
		a.password = "secret"
	}
	if a.user != "-" {
		req.SetBasicAuth(a.user, a.password)
	}
	for name, v := range a.header {
		req.Header.Set(name, v)
	}
	return req
}

func (s *stand) ask(a ask) reply {
	s.t.Helper()
	req := s.request(s.t.Context(), a)
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header, text: string(data)}
	if len(data) > 0 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(data, &r.body); err != nil {
			s.t.Fatalf("%s: %v: %s", a.path, err, data)
		}
	}
	return r
}

// get reads a document that must be there.
func (s *stand) get(path string) map[string]any {
	s.t.Helper()
	r := s.ask(ask{path: path})
	if r.status != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, r.status, r.text)
	}
	return r.body
}

// at follows a path of names and indices into a document.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(map[string]any)
			v = o[p]
		case int:
			list, _ := v.([]any)
			if p >= len(list) {
				return nil
			}
			v = list[p]
		}
	}
	return v
}

// messages gives the ids of an error's messages, without their registry.
func (r reply) messages() []string {
	var ids []string
	list, _ := at(r.body, "error", "@Message.ExtendedInfo").([]any)
	for _, one := range list {
		id, _ := at(one, "MessageId").(string)
		ids = append(ids, id[strings.LastIndexByte(id, '.')+1:])
	}
	return ids
}

// serve asks a service without a network, from the loopback.
func serve(s *service.Service, a ask) reply { return serveFrom(s, a, "127.0.0.1:1234") }

func serveFrom(s *service.Service, a ask, from string) reply {
	req := a.request(context.Background(), "http://localhost")
	req.RemoteAddr, req.RequestURI = from, a.path
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	r := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &r.body) // an empty answer has none
	return r
}
