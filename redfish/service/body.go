package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// object is a JSON object.
type object = map[string]any

// readFor is how long a client may take to send a body.
const readFor = 30 * time.Second

// body reads the request's body: one JSON object of bounded size and depth.
func (c *call) body(most int64) (object, error) {
	media, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, failed(http.StatusUnsupportedMediaType, say("HeaderInvalid", "Content-Type: "+c.r.Header.Get("Content-Type")))
	}
	if enc := c.r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, failed(http.StatusUnsupportedMediaType, say("HeaderInvalid", "Content-Encoding: "+enc))
	}
	ctl := http.NewResponseController(c.w)
	_ = ctl.SetReadDeadline(time.Now().Add(readFor)) // writers of tests know none
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, failed(http.StatusRequestEntityTooLarge, say("GeneralError").words("The body is too large."))
	case err != nil:
		return nil, &fault{status: http.StatusRequestTimeout, messages: []message{say("GeneralError").words("The body did not come to its end.")}, cause: err}
	}
	_ = ctl.SetReadDeadline(time.Time{})
	return parseObject(data)
}

// parseObject reads one JSON object and nothing else.
func parseObject(data []byte) (object, error) {
	bad := failed(http.StatusBadRequest, say("MalformedJSON"))
	if !utf8.Valid(data) || tooDeep(data) {
		return nil, bad
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad
	}
	o, is := v.(object)
	if !is {
		return nil, failed(http.StatusBadRequest, say("UnrecognizedRequestBody"))
	}
	return o, nil
}

// tooDeep says whether JSON is nested deeper than anything that is taken.
func tooDeep(data []byte) bool {
	depth, text := 0, false
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case text && b == '\\':
			i++
		case b == '"':
			text = !text
		case text:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return false
}

// fields reads the members of an object one by one, and keeps what is wrong with
// them. Names that start with @ or hold one are notes for others, and are passed over.
type fields struct {
	from   object
	path   string // of the object in the body, with a slash at its end, or ""
	action string // whose parameters they are; "" for properties of a resource
	seen   []string
	wrong  *[]message
}

func fieldsOf(o object, action string) *fields {
	return &fields{from: o, action: action, wrong: new([]message)}
}

// take gives a member; needed is noted if it is missing.
func (f *fields) take(name string, needed bool) (any, bool) {
	f.seen = append(f.seen, name)
	v, given := f.from[name]
	if !given && needed {
		if f.action != "" {
			f.note(name, say("ActionParameterMissing", f.action, f.path+name))
		} else {
			f.note(name, say("PropertyMissing", f.path+name))
		}
	}
	return v, given
}

func (f *fields) note(name string, m message) {
	*f.wrong = append(*f.wrong, m.about(f.path+name))
}

// bad notes that a value is wrong: kind is ValueTypeError, ValueNotInList or
// ValueFormatError.
func (f *fields) bad(name, kind string, v any) {
	text, is := v.(string)
	if !is {
		shown, _ := json.Marshal(v)
		text = string(shown)
	}
	if f.action != "" {
		f.note(name, say("ActionParameter"+kind, text, f.path+name, f.action))
	} else {
		f.note(name, say("Property"+kind, text, f.path+name))
	}
}

// maxText is how long a text of a body may be.
const maxText = 2048

func (f *fields) text(name string, needed bool) (string, bool) {
	v, given := f.take(name, needed)
	if !given {
		return "", false
	}
	text, is := v.(string)
	switch {
	case !is:
		f.bad(name, "ValueTypeError", v)
	case len(text) > maxText:
		f.note(name, say("StringValueTooLong", f.path+name, "2048"))
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		f.bad(name, "ValueFormatError", v)
	default:
		return text, true
	}
	return "", false
}

func (f *fields) choice(name string, needed bool, of ...string) (string, bool) {
	text, ok := f.text(name, needed)
	if ok && !slices.Contains(of, text) {
		f.bad(name, "ValueNotInList", text)
		return "", false
	}
	return text, ok
}

func (f *fields) flag(name string) (value, ok bool) {
	v, given := f.take(name, false)
	if !given {
		return false, false
	}
	value, ok = v.(bool)
	if !ok {
		f.bad(name, "ValueTypeError", v)
	}
	return value, ok
}

// texts takes an array of at most so many texts.
func (f *fields) texts(name string, most int) []string {
	v, given := f.take(name, false)
	if !given {
		return nil
	}
	list, is := v.([]any)
	if !is {
		f.bad(name, "ValueTypeError", v)
		return nil
	}
	out := make([]string, 0, len(list))
	for _, one := range list {
		text, is := one.(string)
		if !is || len(text) > maxText || len(list) > most {
			f.bad(name, "ValueFormatError", v)
			return nil
		}
		out = append(out, text)
	}
	return out
}

// sub gives the members of an object inside.
func (f *fields) sub(name string) (*fields, bool) {
	v, given := f.take(name, false)
	if !given {
		return nil, false
	}
	o, is := v.(object)
	if !is {
		f.bad(name, "ValueTypeError", v)
		return nil, false
	}
	return &fields{from: o, path: f.path + name + "/", action: f.action, wrong: f.wrong}, true
}

// rest notes members that nobody has taken. Those that the resource has cannot be
// written; has is nil for what has none.
func (f *fields) rest(has object) {
	names := make([]string, 0, len(f.from))
	for name := range f.from {
		if !slices.Contains(f.seen, name) && !strings.Contains(name, "@") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), 20)] {
		_, known := has[name]
		switch {
		case f.action != "":
			f.note(name, say("ActionParameterUnknown", f.action, f.path+name))
		case known:
			f.note(name, say("PropertyNotWritable", f.path+name))
		default:
			f.note(name, say("PropertyUnknown", f.path+name))
		}
	}
}

// err gives all that is wrong as one failure.
func (f *fields) err() error {
	if len(*f.wrong) == 0 {
		return nil
	}
	return failed(http.StatusBadRequest, *f.wrong...)
}
