package httpdoor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// statuses says which HTTP status stands for a code. The code itself is in the
// document; the status is for programs that know no more than HTTP.
var statuses = map[room.Code]int{
	room.CodeNotFound: http.StatusNotFound,
	room.CodeRefused:  http.StatusConflict,
	room.CodeBusy:     http.StatusServiceUnavailable,
	room.CodeTimeout:  http.StatusGatewayTimeout,
	room.CodeDevice:   http.StatusBadGateway,
	room.CodeUnknown:  http.StatusBadGateway,
	room.CodeInvalid:  http.StatusBadRequest,
	room.CodeInternal: http.StatusInternalServerError,
}

// codeOf is the reverse, for what HTTP itself finds wrong.
func codeOf(status int) room.Code {
	switch status {
	case http.StatusNotFound:
		return room.CodeNotFound
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusConflict:
		return room.CodeRefused
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return room.CodeBusy
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return room.CodeTimeout
	}
	if status >= http.StatusInternalServerError {
		return room.CodeInternal
	}
	return room.CodeInvalid
}

// statusError is an error that HTTP has a status for of its own.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *statusError) Unwrap() error { return e.err }

// withStatus gives an error another status than its code has.
func withStatus(status int, err error) error { return &statusError{status, err} }

// problemOf puts an error into a document.
func problemOf(err error) *wire.Problem {
	p := &wire.Problem{Type: "about:blank", Code: room.CodeOf(err), Detail: err.Error()}
	var e *room.Error
	var own *statusError
	switch {
	case errors.As(err, &e):
		p.Op, p.Subject, p.Said, p.Tried, p.Confirm = e.Op, e.Subject, e.Said, e.Tried, e.Confirm
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		p.Code = room.CodeTimeout
	}
	if p.Said == "" && e != nil && e.Err != nil {
		p.Said = e.Err.Error()
	}
	p.Status = statuses[p.Code]
	var missing *auth.Missing
	var denied *auth.Denied
	switch {
	case errors.As(err, &own):
		p.Status = own.status
	case errors.As(err, &missing):
		p.Status = http.StatusForbidden
	case errors.As(err, &denied):
		p.Status = http.StatusUnauthorized
	}
	if p.Status == 0 {
		p.Status = http.StatusInternalServerError
	}
	explain(p, err)
	p.Title = http.StatusText(p.Status)
	return p
}

// trouble is a problem as huma takes an error from a handler.
type trouble struct{ wire.Problem }

func (t *trouble) Error() string { return t.Detail }

// GetStatus implements [huma.StatusError].
func (t *trouble) GetStatus() int { return t.Status }

// ContentType implements [huma.ContentTypeFilter].
func (t *trouble) ContentType(string) string { return wire.Trouble }

// inOurWords makes documents like all others of what huma finds wrong with a
// request. What was sent is not sent back: it may be large, or a password.
func inOurWords(_ huma.Context, _ string, v any) (any, error) {
	m, is := v.(*huma.ErrorModel)
	if !is {
		return v, nil
	}
	p := &wire.Problem{Type: "about:blank", Title: http.StatusText(m.Status), Status: m.Status, Code: codeOf(m.Status), Op: "read request", Detail: m.Detail}
	const most = 20
	var said []string
	for _, e := range m.Errors[:min(len(m.Errors), most)] {
		if e == nil {
			continue
		}
		where := shorten(e.Location)
		message := shortened(e.Message, 300)
		p.Errors = append(p.Errors, wire.Fault{Where: where, Message: message})
		said = append(said, strings.TrimPrefix(where+": "+message, ": "))
	}
	if p.Said = strings.Join(said, "; "); p.Said != "" {
		p.Detail = "the request is not as it should be: " + p.Said
	}
	return p, nil
}

// refuse answers with a problem document.
func refuse(w http.ResponseWriter, err error) {
	p := problemOf(err)
	h := w.Header()
	h.Set("Content-Type", wire.Trouble)
	if p.Code == room.CodeBusy && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "2")
	}
	w.WriteHeader(p.Status)
	_ = encode(w, p) // who does not want to hear it has left
}

// answer answers with one document.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", wire.JSON)
	w.WriteHeader(status)
	_ = encode(w, v)
}

func encode(w http.ResponseWriter, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// invalid is a request that makes no sense.
func invalid(said string) error {
	return &room.Error{Code: room.CodeInvalid, Op: "read request", Said: said}
}

func shorten(s string) string { return shortened(s, 40) }

func shortened(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
