package local

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"millwright.dev/millwright/internal/door/local/wire"
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

// problemOf puts an error into a document.
func problemOf(err error) *wire.Problem {
	p := &wire.Problem{Type: "about:blank", Code: room.CodeOf(err), Detail: err.Error()}
	var e *room.Error
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
	if p.Status == 0 {
		p.Status = http.StatusInternalServerError
	}
	p.Title = http.StatusText(p.Status)
	return p
}

// refuse answers with a problem document.
func refuse(w http.ResponseWriter, err error) {
	p := problemOf(err)
	w.Header().Set("Content-Type", wire.Trouble)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // who does not want to hear it has left
}

// answer answers with one document.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", wire.JSON)
	_ = json.NewEncoder(w).Encode(v)
}

// invalid is a request that makes no sense.
func invalid(said string) error {
	return &room.Error{Code: room.CodeInvalid, Op: "read request", Said: said}
}

// readFor is how long a client may take to send a request's body.
const readFor = 30 * time.Second

// read decodes a request's body, strictly and bounded. The clock is its own and
// not the server's ReadTimeout, which would go on to end streams of answers.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	ctl := http.NewResponseController(w)
	_ = ctl.SetReadDeadline(time.Now().Add(readFor)) // writers of tests know none
	defer func() { _ = ctl.SetReadDeadline(time.Time{}) }()
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, wire.MaxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid("the body is not what is expected here: " + err.Error())
	}
	if d.More() {
		return invalid("there is more behind the JSON value")
	}
	return nil
}
