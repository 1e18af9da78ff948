package endpoint

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// output is how the struct of an answer is written.
type output struct {
	headers []header
	body    []int // index of the field; nil if there is none
}

// header is a field that is sent as a header unless it is "".
type header struct {
	index []int
	name  string
}

// outputOf looks through an output and describes the answer to a request that went
// well.
func outputOf(schemas huma.Registry, op *huma.Operation, out reflect.Type) output {
	var o output
	body, has := out.FieldByName("Body")
	if has {
		o.body = body.Index
	}
	if op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusNoContent
		if has || op.Method == http.MethodHead {
			op.DefaultStatus = http.StatusOK
		}
	}
	status := strconv.Itoa(op.DefaultStatus)
	r := op.Responses[status]
	if r == nil {
		r = &huma.Response{}
		op.Responses[status] = r
	}
	if r.Description == "" {
		r.Description = http.StatusText(op.DefaultStatus)
	}
	if has {
		describeMessage(schemas, op, r, out, body)
	}
	for _, f := range reflect.VisibleFields(out) {
		if f.Anonymous || !f.IsExported() || f.Name == "Body" {
			continue
		}
		h := header{f.Index, f.Tag.Get("header")}
		if h.name == "" || f.Type.Kind() != reflect.String {
			panic(out.String() + "." + f.Name + " is neither the body nor a header of text")
		}
		o.headers = append(o.headers, h)
		if r.Headers == nil {
			r.Headers = make(map[string]*huma.Param)
		}
		r.Headers[h.name] = &huma.Param{Schema: huma.SchemaFromField(schemas, f, hint(out, f.Name, op.OperationID+status+h.name))}
	}
	return o
}

// describeMessage describes the message of an answer, unless the handler writes it
// itself, or it has been described.
func describeMessage(schemas huma.Registry, op *huma.Operation, r *huma.Response, out reflect.Type, f reflect.StructField) {
	if f.Type.Kind() == reflect.Func {
		if f.Type != reflect.TypeFor[func(huma.Context)]() {
			panic(out.String() + ".Body is a function, and not a func(huma.Context)")
		}
		return
	}
	schema := huma.SchemaFromField(schemas, f, hint(out, f.Name, op.OperationID+"Response"))
	if len(r.Content) == 0 {
		r.Content = map[string]*huma.MediaType{media: {}}
	}
	if m := r.Content[media]; m != nil && m.Schema == nil {
		m.Schema = schema
	}
}

// answer answers with an output.
func (e *endpoint) answer(ctx huma.Context, out reflect.Value) {
	if !out.IsValid() || out.IsNil() {
		ctx.SetStatus(e.op.DefaultStatus)
		return
	}
	out = out.Elem()
	for _, h := range e.out.headers {
		if text := out.FieldByIndex(h.index).String(); text != "" {
			ctx.SetHeader(h.name, text)
		}
	}
	if e.out.body == nil {
		ctx.SetStatus(e.op.DefaultStatus)
		return
	}
	message := out.FieldByIndex(e.out.body).Interface()
	if itself, is := message.(func(huma.Context)); is {
		itself(ctx)
		return
	}
	e.write(ctx, e.op.DefaultStatus, message)
}

// write answers with a message. It panics if the message cannot be written, for
// whoever stands around the API to write down.
func (e *endpoint) write(ctx huma.Context, status int, message any) {
	kind, err := e.api.Negotiate(ctx.Header("Accept"))
	if err != nil {
		panic(fmt.Errorf("choose a format for the answer of %s: %w", e.op.OperationID, err))
	}
	if own, is := message.(huma.ContentTypeFilter); is {
		kind = own.ContentType(kind)
	}
	ctx.SetHeader("Content-Type", kind)
	if message, err = e.api.Transform(ctx, strconv.Itoa(status), message); err != nil {
		panic(fmt.Errorf("transform the answer of %s: %w", e.op.OperationID, err))
	}
	ctx.SetStatus(status)
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return
	}
	if err := e.api.Marshal(ctx.BodyWriter(), kind, message); err != nil && ctx.Context().Err() == nil {
		panic(fmt.Errorf("write the answer of %s: %w", e.op.OperationID, err))
	}
}
