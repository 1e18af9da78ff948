package endpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/door/http/endpoint"
)

type Place struct {
	Path string `path:"place" maxLength:"5" doc:"Where."`
}

type colour string

type question struct {
	Place
	Text    string    `query:"text" pattern:"^[a-z]+$" example:"abc"`
	Mode    string    `query:"mode" enum:"read,write" default:"read"`
	Needed  bool      `query:"needed" required:"true"`
	Small   int8      `query:"small"`
	Count   int       `query:"count" minimum:"1" maximum:"10" default:"3"`
	Size    uint64    `query:"size" maximum:"99"`
	Share   float64   `query:"share" exclusiveMaximum:"1"`
	Since   time.Time `query:"since"`
	Kinds   []string  `query:"kinds" enum:"a,b,c" maxItems:"2"`
	Colours []colour  `query:"colours"`
	Numbers []int     `query:"numbers"`
	Key     string    `header:"X-Key" maxLength:"3"`
	When    time.Time `header:"X-When"`
	Hidden  string    `header:"X-Hidden" hidden:"true"`
	Nothing string
}

type part struct {
	Name string `json:"name" minLength:"1"`
	More []part `json:"more,omitempty"`
}

type message struct {
	Title string     `json:"title" maxLength:"10" doc:"A title."`
	N     int        `json:"n,omitempty" minimum:"2"`
	At    *time.Time `json:"at,omitempty"`
	Parts []part     `json:"parts,omitempty"`
}

type wish struct {
	Place
	Count int `query:"count"`
	Body  message
}

type maybe struct{ Body *message }

type told struct {
	Got any `json:"got"`
}

type reply struct {
	Location string `header:"Location" doc:"Where it is."`
	Body     told
}

type bare struct {
	Mark string `header:"X-Mark"`
}

type itself struct{ Body func(huma.Context) }

// kind is an error with a status and a media type of its own.
type kind struct{ Said string }

func (k *kind) Error() string             { return k.Said }
func (k *kind) GetStatus() int            { return http.StatusTeapot }
func (k *kind) ContentType(string) string { return "application/problem+json" }

// both has an operation by huma's own registration and by ours.
type both struct{ theirs, ours *http.ServeMux }

func add[I, O any](t *testing.T, b *both, apis [2]huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	t.Helper()
	op.RejectUnknownQueryParameters, op.MaxBodyBytes = true, 2000
	huma.Register(apis[0], op, handle)
	endpoint.Add(apis[1], op, reflect.TypeFor[I](), reflect.TypeFor[O](), func(ctx context.Context, in any) (any, error) {
		return handle(ctx, in.(*I))
	})
}

// stand makes the operations twice, and compares how they are described.
func stand(t *testing.T) *both {
	b := &both{http.NewServeMux(), http.NewServeMux()}
	var apis [2]huma.API
	for i, mux := range []*http.ServeMux{b.theirs, b.ours} {
		apis[i] = humago.New(mux, huma.Config{
			OpenAPI:       &huma.OpenAPI{OpenAPI: "3.1.0", Info: &huma.Info{}, Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)}},
			Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
			DefaultFormat: "application/json",
		})
		apis[i].OpenAPI().Components.Schemas.Schema(reflect.TypeFor[huma.ErrorModel](), true, "")
	}
	failures := func() map[string]*huma.Response {
		return map[string]*huma.Response{"400": {Description: "no"}, "500": {Description: "worse"}}
	}
	add(t, b, apis, huma.Operation{OperationID: "ask", Method: "GET", Path: "/ask/{place}", Responses: failures()},
		func(_ context.Context, in *question) (*reply, error) { return &reply{"/there", told{in}}, nil })
	add(t, b, apis, huma.Operation{OperationID: "wish", Method: "POST", Path: "/wish/{place}", DefaultStatus: 202, Responses: failures()},
		func(_ context.Context, in *wish) (*reply, error) { return &reply{Body: told{in}}, nil })
	add(t, b, apis, huma.Operation{OperationID: "maybe", Method: "PUT", Path: "/maybe", Responses: failures()},
		func(_ context.Context, in *maybe) (*bare, error) { return &bare{"yes"}, nil })
	add(t, b, apis, huma.Operation{OperationID: "none", Method: "DELETE", Path: "/none", Responses: failures()},
		func(context.Context, *struct{}) (*struct{ Body told }, error) { return nil, nil })
	add(t, b, apis, huma.Operation{OperationID: "itself", Method: "GET", Path: "/itself", Responses: failures()},
		func(context.Context, *struct{}) (*itself, error) {
			return &itself{func(ctx huma.Context) { ctx.SetStatus(203); _, _ = ctx.BodyWriter().Write([]byte("hello")) }}, nil
		})
	add(t, b, apis, huma.Operation{OperationID: "fails", Method: "GET", Path: "/fails", Responses: failures()},
		func(context.Context, *struct{}) (*reply, error) {
			return nil, huma.ErrorWithHeaders(&kind{"broken"}, http.Header{"Retry-After": {"2"}})
		})
	add(t, b, apis, huma.Operation{OperationID: "odd", Method: "GET", Path: "/odd", Responses: failures()},
		func(context.Context, *struct{}) (*reply, error) { return nil, errors.New("no idea") })
	var said [2]string
	for i, api := range apis {
		text, err := json.MarshalIndent(api.OpenAPI(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		said[i] = string(text)
	}
	if d := cmp.Diff(said[0], said[1]); d != "" {
		t.Errorf("the description is not huma's: %s", d)
	}
	return b
}

// TestAsHuma sends requests to huma's registration and to ours.
func TestAsHuma(t *testing.T) {
	b := stand(t)
	for _, c := range []struct {
		name   string
		ask    string // method, target, and Header=value, all parted by blanks
		body   string
		status int
	}{
		{"nothing is missing but what is needed", "GET /ask/here", "", 422},
		{"defaults", "GET /ask/here?needed=true", "", 200},
		{"all", "GET /ask/here?needed=1&text=abc&mode=write&small=-4&count=10&size=7&share=.5&since=2024-01-02T03:04:05.5Z&kinds=a,b&colours=red,,blue&numbers=1,-2 X-Key=abc X-Hidden=h", "", 200},
		{"a name with an escape", "GET /ask/%C3%BC%20b?needed=true", "", 200},
		{"too long a path", "GET /ask/nowhere?needed=true", "", 422},
		{"all of it wrong", "GET /ask/nowhere?needed=perhaps&text=ABC&mode=walk&small=x&count=11&size=-1&share=2&since=today&kinds=a,d&numbers=1,z X-Key=abcd X-When=now", "", 422},
		{"too many", "GET /ask/here?needed=true&kinds=a,b,c", "", 422},
		{"zero where a default is", "GET /ask/here?needed=false&count=0", "", 422},
		{"a day in HTTP's words", "GET /ask/here?needed=true&since=Mon", "", 422},
		{"sent twice", "GET /ask/here?needed=true&text=abc&text=def", "", 200},
		{"not known", "GET /ask/here?needed=x&other=1", "", 422},
		{"the name of a header in the query", "GET /ask/here?needed=true&X-Key=1", "", 422},
		{"another format", "GET /ask/here?needed=true Accept=application/xml", "", 200},
		{"a message", "POST /wish/here?count=4", `{"title":"abc","n":2,"at":"2024-01-02T03:04:05Z","parts":[{"name":"x","more":[{"name":"y"}]}]}`, 202},
		{"a message with its type", "POST /wish/here Content-Type=application/json;charset=utf-8", `{"title":"abc"}`, 202},
		{"a message of another type", "POST /wish/here Content-Type=text/plain", `{"title":"abc"}`, 415},
		{"no message", "POST /wish/toofaraway", ``, 400},
		{"half a message", "POST /wish/here", `{"title":`, 400},
		{"two messages", "POST /wish/here", `{"title":"a"} {}`, 400},
		{"null", "POST /wish/here", `null`, 422},
		{"a list", "POST /wish/here", `[]`, 422},
		{"wrong message", "POST /wish/toofaraway?count=x", `{"title":"much too long for that","n":1,"x":3,"at":"y","parts":[{"name":""},{}]}`, 422},
		{"a number too large for its field", "POST /wish/here", `{"title":"a","n":1e300}`, 422},
		{"half a number", "POST /wish/here", `{"title":"a","n":2.5}`, 422},
		{"too large", "POST /wish/here", `{"title":"` + strings.Repeat("a", 3000) + `"}`, 413},
		{"no message where none is needed", "PUT /maybe", ``, 204},
		{"a message where none is needed", "PUT /maybe", `{"title":"a"}`, 204},
		{"a wrong one", "PUT /maybe", `{"title":1}`, 422},
		{"no answer", "DELETE /none", ``, 200},
		{"an answer written by the handler", "GET /itself", ``, 203},
		{"an error with a status", "GET /fails", ``, 418},
		{"an error without", "GET /odd", ``, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			theirs, ours := send(b.theirs, c.ask, c.body), send(b.ours, c.ask, c.body)
			if theirs.Code != c.status {
				t.Errorf("huma answers %d %s, want %d", theirs.Code, theirs.Body, c.status)
			}
			if d := cmp.Diff([]any{theirs.Code, theirs.Header(), theirs.Body.String()}, []any{ours.Code, ours.Header(), ours.Body.String()}); d != "" {
				t.Errorf("not as huma: %s", d)
			}
		})
	}
}

func send(mux *http.ServeMux, ask, body string) *httptest.ResponseRecorder {
	words := strings.Split(ask, " ")
	r := httptest.NewRequest(words[0], words[1], strings.NewReader(body))
	for _, h := range words[2:] {
		name, value, _ := strings.Cut(h, "=")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

// TestRefused looks at structs that huma could read and we cannot: they must not
// pass in silence.
func TestRefused(t *testing.T) {
	type deep struct {
		Limit int `json:"limit" default:"5"`
	}
	for _, c := range []struct {
		name    string
		in, out any
	}{
		{"no struct", "", struct{}{}},
		{"no struct to answer with", struct{}{}, ""},
		{"a raw body", struct{ RawBody []byte }{}, struct{}{}},
		{"a cookie", struct {
			C string `cookie:"c"`
		}{}, struct{}{}},
		{"a form", struct {
			C string `form:"c"`
		}{}, struct{}{}},
		{"an exploded query", struct {
			C []string `query:"c,explode"`
		}{}, struct{}{}},
		{"a format of times", struct {
			C time.Time `query:"c" timeFormat:"2006"`
		}{}, struct{}{}},
		{"a parameter behind a pointer", struct {
			C *string `query:"c"`
		}{}, struct{}{}},
		{"a default in the body", struct{ Body map[string][]*deep }{}, struct{}{}},
		{"an answer's field without a name", struct{}{}, struct{ Status int }{}},
		{"a function that is none of ours", struct{}{}, struct{ Body func() }{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := humago.New(http.NewServeMux(), huma.Config{OpenAPI: &huma.OpenAPI{Components: &huma.Components{Schemas: huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)}}})
			defer func() {
				if recover() == nil {
					t.Error("it was added")
				}
			}()
			endpoint.Add(api, huma.Operation{OperationID: "x", Method: "GET", Path: "/x"}, reflect.TypeOf(c.in), reflect.TypeOf(c.out), nil)
		})
	}
}
