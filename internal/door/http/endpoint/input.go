package endpoint

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const media = "application/json" // of what is in the description

// body is the field of an input that holds the message.
type body struct {
	index  []int
	schema *huma.Schema
}

// bodyOf finds and describes the message of an input; nil if it has none.
func bodyOf(schemas huma.Registry, op *huma.Operation, in reflect.Type) *body {
	if _, has := in.FieldByName("RawBody"); has {
		panic(in.String() + " has a RawBody, which is not supported")
	}
	f, has := in.FieldByName("Body")
	if !has {
		return nil
	}
	refuseDefaults(f.Type, nil)
	optional := f.Type.Kind() == reflect.Pointer || f.Type.Kind() == reflect.Interface
	b := &body{f.Index, huma.SchemaFromField(schemas, f, hint(in, f.Name, op.OperationID+"Request"))}
	op.RequestBody = &huma.RequestBody{
		Required: !optional || f.Tag.Get("required") == "true",
		Content:  map[string]*huma.MediaType{media: {Schema: b.schema}},
	}
	b.schema.PrecomputeMessages()
	return b
}

// hint is what the schema of a field is named for, if its type has no name.
func hint(parent reflect.Type, field, other string) string {
	if parent.Name() != "" {
		return parent.Name() + field
	}
	return other
}

// refuseDefaults panics if a message has defaults: they would be described, and
// nobody would set them. above are the types that it is part of.
func refuseDefaults(t reflect.Type, above []reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(above, t) {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if _, has := f.Tag.Lookup("default"); has {
			panic(t.String() + "." + f.Name + " has a default, which is not supported in a body")
		}
		refuseDefaults(f.Type, append(slices.Clip(above), t))
	}
}

// reading is a request while it is read.
type reading struct {
	*endpoint
	ctx    huma.Context
	in     reflect.Value // the input struct
	faults huma.ValidateResult
	path   huma.PathBuffer // to what is being looked at
	status int             // of the answer if there are faults
	said   string          // and what they are in sum
}

// read fills the input struct, and says whether there is no fault.
func (r *reading) read() bool {
	r.said = "validation failed"
	if r.op.RejectUnknownQueryParameters && !r.knowsQuery() {
		return false
	}
	for i := range r.params {
		r.readParam(&r.params[i])
	}
	if r.body != nil {
		data, ok := r.readBody()
		if !ok {
			return false
		}
		r.decode(data)
	}
	return len(r.faults.Errors) == 0
}

// knowsQuery looks for parameters that the operation does not have.
func (r *reading) knowsQuery() bool {
	u := r.ctx.URL()
	if u.RawQuery == "" {
		return true
	}
	var unknown []string
	for name := range u.Query() {
		if !slices.ContainsFunc(r.params, func(p param) bool { return p.in == "query" && p.name == name }) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		r.at("query", name)
		r.faults.Add(&r.path, "", "unknown query parameter")
	}
	return len(unknown) == 0
}

func (r *reading) at(where ...string) {
	r.path.Reset()
	for _, part := range where {
		r.path.Push(part)
	}
}

// readParam reads one parameter into its field.
func (r *reading) readParam(p *param) {
	r.at(p.in, p.name)
	text := p.text(r.ctx)
	if text == "" {
		if p.required {
			r.faults.Add(&r.path, "", "required "+p.in+" parameter is missing")
		}
		return
	}
	v, err := p.set(r.in.FieldByIndex(p.index), text)
	if err != nil {
		r.faults.Add(&r.path, text, err.Error())
		return
	}
	huma.Validate(r.api.OpenAPI().Components.Schemas, p.schema, &r.path, huma.ModeWriteToServer, v, &r.faults)
}

// readBody reads the message's bytes, and says whether they could be read.
func (r *reading) readBody() ([]byte, bool) {
	from := r.ctx.BodyReader()
	if from == nil {
		from = strings.NewReader("")
	}
	if most := r.op.MaxBodyBytes; most > 0 {
		from = io.LimitReader(from, most)
	}
	data, err := io.ReadAll(from)
	switch {
	case r.op.MaxBodyBytes > 0 && int64(len(data)) == r.op.MaxBodyBytes:
		r.status, r.said = http.StatusRequestEntityTooLarge, fmt.Sprintf("request body is too large limit=%d bytes", r.op.MaxBodyBytes)
	case err != nil:
		r.status, r.said = http.StatusInternalServerError, "cannot read request body"
		r.faults.Errors = []error{err}
	case len(data) == 0 && r.op.RequestBody.Required:
		r.status, r.said = http.StatusBadRequest, "request body is required"
	default:
		return data, true
	}
	return nil, false
}

// decode holds the message against its schema and puts it into its field.
func (r *reading) decode(data []byte) {
	if len(data) == 0 {
		return
	}
	kind := r.ctx.Header("Content-Type")
	if kind == "" {
		kind = media
	}
	r.at("body")
	// Schemas are for plain maps and slices, so it is decoded twice.
	var plain any
	if err := r.api.Unmarshal(kind, data, &plain); err != nil {
		r.status = http.StatusBadRequest
		if errors.Is(err, huma.ErrUnknownContentType) {
			r.status = http.StatusUnsupportedMediaType
		}
		r.faults.Add(&r.path, string(data), err.Error())
		return
	}
	before := len(r.faults.Errors)
	huma.Validate(r.api.OpenAPI().Components.Schemas, r.body.schema, &r.path, huma.ModeWriteToServer, plain, &r.faults)
	if len(r.faults.Errors) > before {
		return
	}
	if err := r.api.Unmarshal(kind, data, r.in.FieldByIndex(r.body.index).Addr().Interface()); err != nil {
		r.at("body")
		r.faults.Add(&r.path, string(data), err.Error())
	}
}
