package httpdoor_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/run"
)

// Every route answers somebody who may do everything, and turns away whoever does
// not say who they are.
func TestRoutes(t *testing.T) {
	s := newStand(t, &relays{}, 4)
	operation := read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n1"}`})
	begun := read[wire.Planned](s, call{path: "/v1/runs", body: `{"goal":"up","targets":"n3"}`})
	for range s.client.Updates(t.Context(), begun.Run, 0) { // to its end
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"GET", "/v1/room", "", 200, `"nodes":4`},
		{"GET", "/v1/version", "", 200, `"version":"test"`},
		{"GET", "/v1/nodes", "", 200, `"total":4`},
		{"GET", "/v1/nodes/n1", "", 200, `"groups":["row"]`},
		{"GET", "/v1/nodes/front", "", 200, `"name":"n1"`},
		{"GET", "/v1/nodes/n9", "", 404, `"code":"not-found"`},
		{"GET", "/v1/nodes/@all", "", 404, `not one node`},
		{"GET", "/v1/nodes/n1%2fn2", "", 404, `"code":"not-found"`},
		{"GET", "/v1/devices", "", 200, `"link":"connected"`},
		{"GET", "/v1/devices?after=gone", "", 400, `no device gone to go on behind`},
		{"GET", "/v1/devices/d1", "", 200, `"outlets":[{"name":"`},
		{"GET", "/v1/devices/d9", "", 404, `no such device`},
		{"GET", "/v1/groups", "", 200, `"name":"row"`},
		{"GET", "/v1/groups/row", "", 200, `"count":2`},
		{"GET", "/v1/groups/none", "", 404, `no such group`},
		{"POST", "/v1/operations", `{"op":"status"}`, 200, `"outcome":"ok"`},
		{"POST", "/v1/operations", `{"op":"off","targets":"n2","dry_run":true}`, 200, `"kind":"work"`},
		{"POST", "/v1/operations", `{"op":"temp","targets":"n1"}`, 409, `cannot do temp`},
		{"GET", "/v1/operations", "", 200, `"outcome":"ok"`},
		{"GET", "/v1/operations/" + operation.ID, "", 200, `"outcomes":{"ok":"n1"}`},
		{"GET", "/v1/operations/" + begun.Run, "", 404, `no such operation`},
		{"POST", "/v1/operations/" + operation.ID + "/cancel", "", 404, `not-found`},
		{"POST", "/v1/plans", `{"goal":"up"}`, 200, `"layers"`},
		{"GET", "/v1/runs", "", 200, begun.Run},
		{"GET", "/v1/runs/" + begun.Run, "", 200, `"state":"done"`},
		{"GET", "/v1/runs/" + begun.Run + "/updates", "", 200, "event: update\nid: 1\n"},
		{"GET", "/v1/runs/" + begun.Run + "/updates?after=999", "", 204, ""},
		{"POST", "/v1/runs/" + begun.Run + "/cancel", "", 409, `ended already`},
		{"GET", "/v1/events?kind=intent&limit=1", "", 200, `"next":`},
		{"POST", "/v1/holds/clear", `{"targets":"n1"}`, 200, `"nodes":""`},
		{"POST", "/v1/reload", "", 200, `"room":"lab"`},
		{"GET", "/v1/revisions", "", 200, `"number":1`},
		{"GET", "/v1/session", "", 200, `"user":`},
		{"GET", "/metrics", "", 200, `millwright_nodes{state="on"} 2`},
		{"GET", "/metrics?nodes=yes", "", 200, `millwright_node_on{node="n1"} 1`},
	} {
		for _, user := range []string{"", "ann"} {
			r := s.ask(call{method: tt.method, path: tt.path, body: tt.body, user: user})
			if r.status != tt.status || !strings.Contains(string(r.body), tt.holds) {
				t.Errorf("%s %s by %q: %d %.300s", tt.method, tt.path, user, r.status, r.body)
			}
		}
		r := s.ask(call{method: tt.method, path: tt.path, body: tt.body, user: "nobody"})
		if p := r.problem(); r.status != http.StatusUnauthorized || p.Code != "refused" || r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s by a stranger: %d %.300s", tt.method, tt.path, r.status, r.body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/docs", "/docs/style.css", "/docs/page.js", "/openapi.json", "/openapi.yaml"} {
		if r := s.ask(call{path: path, user: "nobody"}); r.status != http.StatusOK || len(r.body) == 0 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

// Nothing that the description names answers a stranger, but for what it takes to log
// in and to see whether the daemon lives.
func TestStrangersAreTurnedAway(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(s.ask(call{path: "/openapi.json", user: "nobody"}).body, &doc); err != nil {
		t.Fatal(err)
	}
	open := []string{"is-alive", "is-ready", "log-in", "log-out", "log-in-with-issuer", "finish-log-in-with-issuer"}
	parameter := regexp.MustCompile(`\{[a-z]+\}`)
	turned := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			r := s.ask(call{method: strings.ToUpper(method), path: parameter.ReplaceAllString(path, "1"), user: "nobody"})
			if slices.Contains(open, op.OperationID) {
				continue
			}
			turned++
			if r.status != http.StatusUnauthorized || r.problem().Code != "refused" {
				t.Errorf("%s %s (%s): %d %.300s", method, path, op.OperationID, r.status, r.body)
			}
		}
	}
	if turned < 40 {
		t.Errorf("only %d routes were tried", turned)
	}
}

// Whoever may see two nodes sees these and nothing else, and may switch none.
func TestWhoMaySeeLittleSeesLittle(t *testing.T) {
	s := newStand(t, &relays{}, 4)
	read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n[1-4]"}`})
	if page := read[wire.Nodes](s, call{path: "/v1/nodes", user: "bob"}); page.Total != 2 {
		t.Errorf("%+v", page)
	}
	if page := read[wire.Events](s, call{path: "/v1/events?kind=intent", user: "bob"}); len(page.Items) != 1 || page.Items[0].Targets != "n[1-2]" {
		t.Errorf("%+v", page.Items)
	}
	if page := read[wire.Operations](s, call{path: "/v1/operations", user: "bob"}); len(page.Items) != 1 || page.Items[0].Targets != "n[1-2]" || len(page.Items[0].Results) > 0 {
		t.Errorf("%+v", page.Items)
	}
	if d := read[wire.Device](s, call{path: "/v1/devices/d1", user: "bob"}); d.Nodes != "n[1-2]" {
		t.Errorf("%+v", d)
	}
	for path, body := range map[string]string{
		"/v1/nodes/n3": "", "/v1/nodes?targets=n[1-3]": "", "/metrics": "", "/v1/revisions": "", "/v1/reload": "{}",
		"/v1/operations": `{"op":"on","targets":"n1"}`, "/v1/runs": `{"goal":"down","targets":"n1"}`, "/v1/holds/clear": `{"targets":"n1"}`,
	} {
		if r := s.ask(call{path: path, body: body, user: "bob"}); r.status != http.StatusForbidden || r.problem().Code != "refused" {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

func TestPagesOfNodes(t *testing.T) {
	s := newStand(t, &relays{}, 25)
	read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n[3-7]"}`})
	read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"status"}`})
	var names []string
	for after := ""; ; {
		page := read[wire.Nodes](s, call{path: "/v1/nodes?limit=10&after=" + after})
		for _, n := range page.Items {
			names = append(names, n.Name)
		}
		if page.Total != 25 || len(page.Items) > 10 {
			t.Errorf("%d of %d", len(page.Items), page.Total)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(names) != 25 || names[0] != "n1" || names[24] != "n25" {
		t.Errorf("%q", names)
	}
	for query, want := range map[string]int{
		"state=on": 5, "state=on,off": 25, "q=n2": 7, "device=d1": 25, "group=row": 2, "held=true": 0, "targets=n[4-9]&state=on": 4,
	} {
		if page := read[wire.Nodes](s, call{path: "/v1/nodes?" + query}); page.Total != want || len(page.Items) != want {
			t.Errorf("%s: %d nodes, want %d", query, page.Total, want)
		}
	}
	for _, query := range []string{"limit=0", "limit=10001", "limit=x", "state=hot", "colour=red", "device=d9", "group=none"} {
		if r := s.ask(call{path: "/v1/nodes?" + query}); r.status/100 != 4 || r.problem().Detail == "" {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
}

func TestPagesOfEventsAndOperations(t *testing.T) {
	s := newStand(t, &relays{}, 3)
	for range 5 {
		read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n1"}`})
	}
	forth, back := []int64{}, []int64{}
	for after := int64(0); ; {
		page := read[wire.Events](s, call{path: "/v1/events?kind=result&limit=2&after=" + text(after)})
		for _, e := range page.Items {
			forth = append(forth, e.Seq)
		}
		if after = page.Next; after == 0 {
			break
		}
	}
	for before := int64(0); ; {
		page := read[wire.Events](s, call{path: "/v1/events?kind=result&newest=true&limit=2&before=" + text(before)})
		for _, e := range slices.Backward(page.Items) {
			back = append(back, e.Seq)
		}
		if before = page.Next; before == 0 {
			break
		}
	}
	slices.Reverse(back)
	if len(forth) != 5 || !slices.Equal(forth, back) {
		t.Errorf("forth %v, back %v", forth, back)
	}
	var ids []string
	for before := int64(0); ; {
		page := read[wire.Operations](s, call{path: "/v1/operations?limit=2&before=" + text(before)})
		for _, op := range page.Items {
			ids = append(ids, op.ID)
		}
		if before = page.Next; before == 0 {
			break
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 5 {
		t.Errorf("%d operations", len(ids))
	}
}

// An operation that nobody waits for is answered at once and has a place.
func TestAsynchronous(t *testing.T) {
	d := &relays{begun: make(chan struct{}), hold: make(chan struct{})}
	s := newStand(t, d, 2)
	r := s.ask(call{path: "/v1/operations", body: `{"op":"on","targets":"n1","fold":true}`, header: map[string]string{"Prefer": "respond-async"}})
	place := r.header.Get("Location")
	if r.status != http.StatusAccepted || !strings.HasPrefix(place, "/v1/operations/") {
		t.Fatalf("%d %s: %s", r.status, place, r.body)
	}
	<-d.begun
	if op := read[wire.Operation](s, call{path: place}); op.Status != wire.Running || op.Outcome != "" || op.Targets != "n1" {
		t.Errorf("%+v", op)
	}
	close(d.hold)
	for e := range s.client.Events(t.Context(), event.Filter{Kinds: []event.Kind{event.Result}, Limit: 1}, true) {
		if op := read[wire.Operation](s, call{path: place}); op.Status != wire.Finished || op.Outcome != e.Outcome || op.Counts[fleet.OK] != 1 {
			t.Errorf("%+v", op)
		}
	}
}

// The description says of every operation what people need, and is what the
// standard wants.
func TestDescription(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	text := s.ask(call{path: "/openapi.json", user: "nobody"}).body
	var doc struct {
		OpenAPI string
		Tags    []struct{ Name string }
		Paths   map[string]map[string]struct {
			OperationID, Summary, Description string
			Tags                              []string
			Parameters                        []struct{ Name, In, Description string }
			Responses                         map[string]struct {
				Description string
				Content     map[string]json.RawMessage
			}
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Description string
					Ref         string `json:"$ref"`
				}
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Fatalf("%v: %s", err, doc.OpenAPI)
	}
	var tags, ids []string
	for _, tag := range doc.Tags {
		tags = append(tags, tag.Name)
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			where := strings.ToUpper(method) + " " + path
			if op.OperationID == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 || !slices.Contains(tags, op.Tags[0]) {
				t.Errorf("%s: id %q, summary %q, tags %q", where, op.OperationID, op.Summary, op.Tags)
			}
			ids = append(ids, op.OperationID)
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s: parameter %s has no description", where, p.Name)
				}
			}
			good, problems := 0, 0
			for status, r := range op.Responses {
				if r.Description == "" {
					t.Errorf("%s: %s has no description", where, status)
				}
				if status < "400" {
					good++
				} else if _, is := r.Content[wire.Trouble]; is {
					problems++
				} else {
					t.Errorf("%s: %s is no problem document", where, status)
				}
			}
			if good == 0 || problems < 3 {
				t.Errorf("%s: %d good answers and %d problems", where, good, problems)
			}
		}
	}
	slices.Sort(ids)
	if len(ids) < 25 || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("%d operations; ids: %q", len(ids), ids)
	}
	for name, schema := range doc.Components.Schemas {
		for field, p := range schema.Properties {
			if p.Description == "" && p.Ref == "" {
				t.Errorf("schema %s: %s has no description", name, field)
			}
		}
	}
	compileAll(t, text)
	if y := s.ask(call{path: "/openapi.yaml", user: "nobody"}); !bytes.Contains(y.body, []byte("openapi: 3.1.0")) {
		t.Errorf("%.200s", y.body)
	}
}

// compileAll holds that every schema of the description is a JSON schema.
func compileAll(t *testing.T, text []byte) {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("api.json", parsed); err != nil {
		t.Fatal(err)
	}
	schemas := parsed.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	for name := range schemas {
		if _, err := c.Compile("api.json#/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
}

// What the daemon answers is what its description says.
func TestAnswersAreAsDescribed(t *testing.T) {
	s := newStand(t, &relays{}, 3)
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.ask(call{path: "/openapi.json"}).body))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("api.json", parsed); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ schema, path, body string }{
		{"Operation", "/v1/operations", `{"op":"on","targets":"n[1-2]"}`},
		{"Planned", "/v1/runs", `{"goal":"up"}`},
		{"Operations", "/v1/operations", ""},
		{"Nodes", "/v1/nodes", ""},
		{"Devices", "/v1/devices", ""},
		{"Groups", "/v1/groups", ""},
		{"Events", "/v1/events", ""},
		{"Runs", "/v1/runs", ""},
		{"Room", "/v1/room", ""},
		{"Problem", "/v1/nodes/none", ""},
	} {
		schema, err := c.Compile("api.json#/components/schemas/" + tt.schema)
		if err != nil {
			t.Fatal(err)
		}
		r := s.ask(call{path: tt.path, body: tt.body})
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v: %s", tt.path, err, r.body)
		}
	}
}

// The types of other packages have a text for each field.
func TestForeignTypesAreDescribed(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Description string }
			}
		}
	}
	if err := json.Unmarshal(s.ask(call{path: "/openapi.json"}).body, &doc); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]reflect.Type{"Event": reflect.TypeFor[event.Event](), "Run": reflect.TypeFor[run.Info](), "RunUpdate": reflect.TypeFor[run.Update](), "Plan": reflect.TypeFor[plan.View]()} {
		if got := len(doc.Components.Schemas[name].Properties); got != of.NumField() {
			t.Errorf("%s: %d properties for %d fields", name, got, of.NumField())
		}
	}
}

// The board of examples/ asks for metrics that there are.
func TestBoardAsksForWhatThereIs(t *testing.T) {
	s := newStand(t, &relays{}, 2)
	stream := s.follow(call{path: "/v1/events/stream?kind=result"})
	read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n1"}`})
	stream.mustNext() // so the daemon has counted it
	board, err := os.ReadFile("../../../examples/grafana/millwright.json")
	if err != nil {
		t.Fatal(err)
	}
	there := string(s.ask(call{path: "/metrics"}).body)
	names := regexp.MustCompile(`\b(?:millwright|process)_[a-z_]+\b`).FindAllString(string(board), -1)
	if len(names) < 15 {
		t.Fatalf("the board asks for %d metrics only", len(names))
	}
	for _, name := range names {
		if !strings.Contains(there, "\n"+name+"{") && !strings.Contains(there, "\n"+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
}
