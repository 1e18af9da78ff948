// Package endpoint adds operations to huma's API without a copy of huma for each.
//
// huma.Register is generic: the compiler writes all of it once for every pair
// of input and output struct, and fifty operations were two megabytes of the same
// machine code. Here one ordinary function does the work from
// the structs' reflected types. What a struct means is huma's: the schemas, their
// validation and the description are made by huma's own public functions, and a
// test sends the same requests to huma.Register and to [Add] and compares.
//
// # What a struct may have
//
// An input has parameters, which are fields with a tag path, query or header: text,
// numbers, booleans, times, and slices of these, whose values a request parts with
// commas. The tags default, required and hidden and those of the schema (doc, enum,
// minimum, maxLength, …) mean what they mean to huma. Its field Body is the message.
// An output has headers, which are fields with a tag header, and a field Body, which
// is the message or a func(huma.Context) that writes the answer itself.
//
// What huma could do besides and nobody here needs is refused when it is added:
// cookies, forms, raw bodies, exploded and deep queries, defaults within a body.
// Resolvers are not looked for.
//
// Start at [Add].
package endpoint

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Handler answers a request. It gets a pointer to the input struct and gives one to
// the output struct; a nil one is an answer without headers and body.
type Handler func(ctx context.Context, in any) (out any, err error)

// endpoint is one operation and how its structs are read and written.
type endpoint struct {
	api    huma.API
	op     *huma.Operation
	in     reflect.Type
	params []param
	body   *body
	out    output
	handle Handler
}

// Add adds an operation to the API and to its description. in and out are the types
// of the structs; it panics if they have what no operation may have, since that is a
// fault of the program that shows as soon as it starts.
func Add(api huma.API, op huma.Operation, in, out reflect.Type, handle Handler) { //nolint:gocritic // our own copy, as huma.Register takes it
	if in.Kind() != reflect.Struct || out.Kind() != reflect.Struct {
		panic("input and output of " + op.OperationID + " must be structs")
	}
	if op.Responses == nil {
		op.Responses = make(map[string]*huma.Response)
	}
	schemas := api.OpenAPI().Components.Schemas
	e := &endpoint{api: api, op: &op, in: in, handle: handle}
	e.params = paramsOf(schemas, &op, in)
	e.body = bodyOf(schemas, &op, in)
	e.out = outputOf(schemas, &op, out)
	if !op.Hidden {
		api.OpenAPI().AddOperation(&op)
	}
	api.Adapter().Handle(&op, api.Middlewares().Handler(op.Middlewares.Handler(e.serve)))
}

// serve reads a request, has it answered, and writes the answer.
func (e *endpoint) serve(ctx huma.Context) {
	in := reflect.New(e.in)
	r := reading{endpoint: e, ctx: ctx, in: in.Elem(), status: http.StatusUnprocessableEntity}
	if !r.read() {
		// Who does not want to hear it has left.
		_ = huma.WriteErr(e.api, ctx, r.status, r.said, r.faults.Errors...)
		return
	}
	out, err := e.handle(ctx.Context(), in.Interface())
	if err != nil {
		e.fail(ctx, err)
		return
	}
	e.answer(ctx, reflect.ValueOf(out))
}

// fail answers with an error of the handler.
func (e *endpoint) fail(ctx huma.Context, err error) {
	var more huma.HeadersError
	if errors.As(err, &more) {
		for name, values := range more.GetHeaders() {
			for _, value := range values {
				ctx.AppendHeader(name, value)
			}
		}
	}
	var known huma.StatusError
	if !errors.As(err, &known) {
		known = huma.NewErrorWithContext(ctx, http.StatusInternalServerError, "unexpected error occurred", err)
	}
	e.write(ctx, known.GetStatus(), known)
}
