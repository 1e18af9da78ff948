package endpoint

import (
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

var timeType = reflect.TypeFor[time.Time]()

// param is a field of an input that is a part of the path, of the query, or a header.
type param struct {
	index    []int
	in, name string
	required bool
	fallback string // for what is not sent
	layout   string // of times
	schema   *huma.Schema
}

// paramsOf finds and describes the parameters of an input.
func paramsOf(schemas huma.Registry, op *huma.Operation, in reflect.Type) []param {
	var params []param
	for _, f := range reflect.VisibleFields(in) {
		if f.Anonymous || !f.IsExported() || f.Name == "Body" {
			continue
		}
		p, is := paramOf(f)
		if !is {
			continue
		}
		if !settable(f.Type) {
			panic(in.String() + "." + f.Name + " is of a type that no parameter can have")
		}
		p.schema = huma.SchemaFromField(schemas, f, "")
		if f.Tag.Get("hidden") != "true" {
			op.Parameters = append(op.Parameters, p.described())
		}
		params = append(params, p)
	}
	return params
}

// paramOf reads the tags of a field.
func paramOf(f reflect.StructField) (param, bool) {
	p := param{index: f.Index, fallback: f.Tag.Get("default"), layout: time.RFC3339Nano}
	for _, in := range []string{"path", "query", "header"} {
		if p.name = f.Tag.Get(in); p.name != "" {
			p.in = in
			break
		}
	}
	if f.Tag.Get("cookie") != "" || f.Tag.Get("form") != "" || f.Tag.Get("timeFormat") != "" || strings.Contains(p.name, ",") {
		panic("parameter " + f.Name + " has a tag that is not supported")
	}
	if p.in == "header" {
		p.layout = http.TimeFormat
	}
	p.required = p.in == "path"
	if said, has := f.Tag.Lookup("required"); has {
		p.required = said == "true"
	}
	return p, p.in != ""
}

// described is the parameter in the API's description.
func (p *param) described() *huma.Param {
	d := &huma.Param{Name: p.name, Description: p.schema.Description, In: p.in, Required: p.required, Schema: p.schema}
	if p.in == "query" {
		d.Explode = new(bool) // lists are parted with commas
	}
	return d
}

// text is what a request says, or what is said for it.
func (p *param) text(ctx huma.Context) string {
	var text string
	switch p.in {
	case "path":
		text = ctx.Param(p.name)
	case "query":
		text = ctx.Query(p.name)
	case "header":
		text = ctx.Header(p.name)
	}
	if text == "" {
		return p.fallback
	}
	return text
}

// settable tells whether [param.set] can set a value of the type.
func settable(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t == timeType || t.Kind() == reflect.String || t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 && t.Kind() != reflect.Uintptr
}

// set sets a field from a text, and gives its value as a schema wants to see it.
func (p *param) set(v reflect.Value, text string) (any, error) {
	if v.Type() == timeType {
		at, err := time.Parse(p.layout, text)
		if err != nil {
			return nil, errors.New("invalid date/time for format " + p.layout)
		}
		v.Set(reflect.ValueOf(at))
		return text, nil
	}
	switch v.Kind() {
	case reflect.Slice:
		return p.setAll(v, strings.Split(text, ","))
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, errors.New("invalid boolean")
		}
		v.SetBool(b)
		return b, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return nil, errors.New("invalid integer")
		}
		v.SetInt(n)
		return n, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return nil, errors.New("invalid integer")
		}
		v.SetUint(n)
		return n, nil
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errors.New("invalid float")
		}
		v.SetFloat(n)
		return n, nil
	}
	v.SetString(text)
	return text, nil
}

// setAll sets a slice from the texts of its elements.
func (p *param) setAll(v reflect.Value, texts []string) (any, error) {
	all := reflect.MakeSlice(v.Type(), len(texts), len(texts))
	values := make([]any, len(texts))
	for i, text := range texts {
		var err error
		if values[i], err = p.set(all.Index(i), text); err != nil {
			return nil, err
		}
	}
	v.Set(all)
	return values, nil
}
