package httpdoor

import (
	"bytes"
	_ "embed" // for the archive
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/pressed"
	"millwright.dev/millwright/internal/run"
)

// The tags of the operations, in the order in which people read them.
const (
	tagRoom          = "Room"
	tagNodes         = "Nodes"
	tagDevices       = "Devices"
	tagOperations    = "Operations"
	tagRuns          = "Plans and runs"
	tagSamples       = "Samples"
	tagSupply        = "Battery and schedules"
	tagPlugins       = "Plugins"
	tagEvents        = "Events"
	tagConfiguration = "Configuration"
	tagSession       = "Session"
	tagDaemon        = "Daemon"
)

func tags() []*huma.Tag {
	return []*huma.Tag{
		{Name: tagRoom, Description: "The room as a whole."},
		{Name: tagNodes, Description: "Nodes and groups, and what is believed of them. These routes read no device; an operation `status` does."},
		{Name: tagDevices, Description: "What switches the nodes: power strips, service processors, relays."},
		{Name: tagConsoles, Description: "The consoles of nodes: many watch, one types."},
		{Name: tagOperations, Description: "Switching and reading nodes at once, in no order."},
		{Name: tagSamples, Description: "What devices and checks have measured over time."},
		{Name: tagRuns, Description: "Bringing nodes up and down in the order in which they need each other."},
		{Name: tagSupply, Description: "What begins by itself: what goes down when the mains fail, and what the calendar wants."},
		{Name: tagPlugins, Description: "Programs of the user's own, and whether they run."},
		{Name: tagEvents, Description: "The log: one immutable line for each thing that happened."},
		{Name: tagConfiguration, Description: "The room's configuration."},
		{Name: tagSession, Description: "Logging a browser in. Programs need none of this: they send a token."},
		{Name: tagAccess, Description: "Users, their tokens, and who may do what on which nodes."},
		{Name: tagDaemon, Description: "For whoever watches the daemon itself."},
	}
}

const overview = `The API of Millwright, version 1. All that the command line can do is done through it.

**Who asks.** Over TLS, with a token (` + "`Authorization: Bearer TOKEN`" + `), a name and password (Basic), a client certificate, or the cookie of a session. On the unix socket the kernel says who it is. What somebody may see and do is a matter of their roles; who may see only some nodes gets only those.

**Targets** are host lists: names, ranges (` + "`web[1-40]`" + `), aliases and groups (` + "`@rack1`, `@all`" + `), separated by commas, less what has a minus before it.

**Errors** are problem documents (RFC 9457) with a code for programs: not-found, refused, busy, timeout, device, unknown, invalid, internal.

**Pages.** A listing gives next as long as there is more; send it back as after (or before).

**Once only.** A request that switches something can carry an Idempotency-Key. Sent again within 24 hours it is not carried out again, and gets the same answer.

**Streams** are server-sent events. Each has an id; whoever comes back with Last-Event-ID misses nothing.`

// description is what the API's description says besides the operations.
func description(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Millwright API", Version: version, Description: overview,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Tags: tags(),
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token":    {Type: "http", Scheme: "bearer", Description: "A token of the daemon, or an ID token of the issuer that the room names."},
					"password": {Type: "http", Scheme: "basic", Description: "A user's name and password."},
					"session":  {Type: "apiKey", In: "cookie", Name: wire.SessionCookie, Description: "The cookie of a session."},
				},
			},
			Security: []map[string][]string{{"token": {}}, {"password": {}}, {"session": {}}},
		},
		Formats: map[string]huma.Format{
			wire.JSON: {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: json.Unmarshal},
			"json":    {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: json.Unmarshal},
		},
		DefaultFormat: wire.JSON,
		Transformers:  []huma.Transformer{inOurWords},
	}
}

// foreign are the types of other packages that are messages too, by the names that
// they have in the description.
func foreign() map[reflect.Type]string {
	return map[reflect.Type]string{
		reflect.TypeFor[run.Info]():          "Run",
		reflect.TypeFor[run.Counts]():        "RunCounts",
		reflect.TypeFor[run.Outcomes]():      "RunOutcomes",
		reflect.TypeFor[run.Update]():        "RunUpdate",
		reflect.TypeFor[plan.View]():         "Plan",
		reflect.TypeFor[plan.Totals]():       "PlanTotals",
		reflect.TypeFor[plan.StepView]():     "PlanStep",
		reflect.TypeFor[plan.SkipView]():     "PlanSkip",
		reflect.TypeFor[plan.BlockView]():    "PlanBlock",
		reflect.TypeFor[plan.ChoiceView]():   "PlanChoice",
		reflect.TypeFor[plan.ForecastView](): "PlanForecast",
		reflect.TypeFor[plan.DrawnView]():    "PlanDrawn",
		reflect.TypeFor[plan.FeedUse]():      "PlanFeed",
		reflect.TypeFor[wire.Fault]():        "ProblemPart",
		reflect.TypeFor[wire.Do]():           "OperationRequest",
		reflect.TypeFor[wire.Order]():        "RunRequest",
		reflect.TypeFor[wire.Line]():         "OperationLine",
	}
}

func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, is := foreign()[t]; is {
		return name
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// nameForeign gives the types that carry no texts of their own the texts that the
// description needs.
func nameForeign(schemas huma.Registry) {
	schemas.Schema(reflect.TypeFor[huma.ErrorModel](), true, "") // clients made from the description may know it
	for _, one := range described() {
		s := schemas.SchemaFromRef(schemas.Schema(one.of, true, "").Ref)
		s.Description = one.doc
		for name, doc := range one.fields {
			p := s.Properties[name]
			if p == nil {
				continue // a test looks for these
			}
			if p.Ref != "" { // a reference has no text of its own in all tools
				continue
			}
			p.Description = doc
			if words := one.words[name]; len(words) > 0 {
				p.Enum = words
			}
			p.PrecomputeMessages()
		}
	}
}

// describe fills in what every operation's description has.
func (d *Door) describe(op *huma.Operation, rt route) {
	schemas := d.api.OpenAPI().Components.Schemas
	op.Responses = make(map[string]*huma.Response)
	for status, kinds := range rt.answers {
		r := &huma.Response{Description: http.StatusText(status)}
		for kind, example := range kinds {
			if r.Content == nil {
				r.Content = make(map[string]*huma.MediaType)
			}
			media := &huma.MediaType{}
			if _, text := example.(string); text {
				media.Schema = &huma.Schema{Type: huma.TypeString}
			} else {
				media.Schema = schemas.Schema(reflect.TypeOf(example), true, "")
			}
			r.Content[kind] = media
		}
		op.Responses[strconv.Itoa(status)] = r
	}
	problem := schemas.Schema(reflect.TypeFor[wire.Problem](), true, "")
	failures := append([]int{http.StatusBadRequest, http.StatusInternalServerError}, rt.errors...)
	if !rt.public {
		failures = append(failures, http.StatusUnauthorized, http.StatusForbidden)
	}
	if rt.method != http.MethodGet {
		failures = append(failures, http.StatusServiceUnavailable)
	}
	failures = append(failures, http.StatusUnprocessableEntity)
	for _, status := range failures {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: failureDoc(status),
			Content:     map[string]*huma.MediaType{wire.Trouble: {Schema: problem}},
		}
	}
	for status, text := range map[int]string{200: "As asked.", 202: "Begun; see Location.", 204: "Nothing (more) to say."} {
		if r := op.Responses[strconv.Itoa(status)]; r != nil {
			r.Description = text
		}
	}
	if success := rt.status; rt.answers == nil {
		if success == 0 {
			success = http.StatusOK
		}
		op.Responses[strconv.Itoa(success)] = &huma.Response{Description: map[int]string{200: "As asked.", 202: "Begun; see Location."}[success]}
	}
	for _, status := range []string{"200", "202"} {
		if r := op.Responses[status]; r != nil && rt.id == "start-operation" {
			r.Headers = map[string]*huma.Param{
				"Location":    {Description: "Where the operation is, if it changes something.", Schema: &huma.Schema{Type: huma.TypeString}},
				wire.Replayed: {Description: "true when it had been carried out before, for a request with the same key.", Schema: &huma.Schema{Type: huma.TypeString}},
			}
		}
	}
}

func failureDoc(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "The request makes no sense as it stands (invalid)."
	case http.StatusUnauthorized:
		return "Nobody knows who asks (refused)."
	case http.StatusForbidden:
		return "Who asks may not do that; the problem says which role it takes (refused)."
	case http.StatusNotFound:
		return "There is no such thing (not-found)."
	case http.StatusConflict:
		return "Understood, and not possible as things are (refused)."
	case http.StatusUnprocessableEntity:
		return "A part of the request is not as described, or its key was used for something else (invalid)."
	case http.StatusTooManyRequests:
		return "Too many failed attempts; Retry-After says how long to wait (refused)."
	case http.StatusServiceUnavailable:
		return "Not now; try again later (busy)."
	}
	return "A fault of the daemon (internal), or of a device (502, 504: device, unknown, timeout)."
}

// archive is the folder page, pressed: the page that shows the description.
//
//go:generate go test . -run TestPressed -press
//go:embed pressed.tar.gz
var archive string

var pages = pressed.New(archive)

// pagePolicy lets that page load its own files, ask for the description, and do
// nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerDocuments adds the description itself, and the page that shows it. They
// are not in the description.
func (d *Door) registerDocuments() {
	described := sync.OnceValues(func() (jsonText, yamlText []byte) {
		jsonText, _ = json.Marshal(d.api.OpenAPI()) // it is made of plain values
		yamlText, _ = d.api.OpenAPI().YAML()
		return bytes.TrimSpace(jsonText), yamlText
	})
	document := func(path, kind string, text func() []byte) {
		pattern := "GET " + path
		d.public[pattern] = true
		d.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", kind)
			h.Set("Cache-Control", "no-cache")
			h.Set("Content-Security-Policy", pagePolicy)
			_, _ = w.Write(text())
		})
	}
	document("/openapi.json", "application/json", func() []byte { text, _ := described(); return text })
	document("/openapi.yaml", "application/yaml", func() []byte { _, text := described(); return text })
	for path, file := range map[string]struct{ name, kind string }{
		"/docs":           {"docs.html", "text/html; charset=utf-8"},
		"/docs/style.css": {"style.css", "text/css; charset=utf-8"},
		"/docs/page.js":   {"page.js", "text/javascript; charset=utf-8"},
	} {
		document(path, file.kind, func() []byte { text, _ := pages.ReadFile("page/" + file.name); return text })
	}
}
