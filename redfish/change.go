package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Result is what came of a change that the service took.
type Result struct {
	Document Document  // what it answered; may be empty
	Location string    // the path of what was made; empty if nothing was
	Messages []Message // what it has to say nevertheless, such as properties that it left as they were
	Task     *Task     // what is still going on; nil if all is done
}

// Post makes something of a collection, or calls an action.
func (c *Client) Post(ctx context.Context, path string, body any) (*Result, error) {
	return c.change(ctx, http.MethodPost, path, body, "")
}

// Delete deletes a resource. It gives no error if there is none.
func (c *Client) Delete(ctx context.Context, path string) (*Result, error) {
	r, err := c.change(ctx, http.MethodDelete, path, nil, "")
	if errors.Is(err, NotFound) {
		return &Result{}, nil
	}
	return r, err
}

// maxConflicts is how often a change is made anew because somebody else was faster.
const maxConflicts = 4

// Patch changes properties of a resource (DSP0266 "PATCH (update)"). It reads the
// resource's ETag first, so that the change is of what was read, and does so again when
// something else has changed it meanwhile.
func (c *Client) Patch(ctx context.Context, path string, body any) (*Result, error) {
	return c.patch(ctx, path, func(Document) (any, error) { return body, nil })
}

// patch is as Patch, where the change depends on what there is.
func (c *Client) patch(ctx context.Context, path string, change func(Document) (any, error)) (*Result, error) {
	for try := 1; ; try++ {
		d, err := c.Read(ctx, path)
		if err != nil {
			return nil, err
		}
		body, err := change(d)
		if err != nil {
			return nil, err
		}
		r, err := c.change(ctx, http.MethodPatch, path, body, d.etag)
		var no *Error
		if !errors.As(err, &no) || try == maxConflicts || no.Status != http.StatusPreconditionFailed && no.Status != http.StatusPreconditionRequired {
			return r, err
		}
		if err := rest(ctx, no.RetryAfter); err != nil {
			return nil, err
		}
	}
}

func (c *Client) change(ctx context.Context, method, path string, body any, etag string) (*Result, error) {
	q := ask{method: method, path: path, change: true}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		q.body = text
	}
	if etag != "" {
		q.header = http.Header{"If-Match": {etag}}
	}
	a, err := c.do(ctx, q)
	if err != nil {
		return nil, err
	}
	return c.result(a), nil
}

// result makes a Result of an answer.
func (c *Client) result(a *answer) *Result {
	r := &Result{Document: a.doc, Location: a.location(), Messages: messages(a.doc, c.masked)}
	if a.status == http.StatusAccepted {
		r.Task = c.task(a)
	}
	return r
}

// Action is something that a resource can do (DSP0266 "Actions").
type Action struct {
	Name   string // "#ComputerSystem.Reset"
	Target string // where it is called
	doc    Document
	client *Client
}

// Action finds an action of a resource, by its name without #. It is not ok where the
// resource does not offer it.
func (c *Client) Action(d Document, name string) (Action, bool) {
	for _, path := range [][]string{{"Actions", "#" + name}, {"Actions", name}, {"Actions", "Oem", "#" + name}} {
		if at := d.At(path...); at.IsObject() {
			target := at.String("target")
			if target == "" && d.Link() != "" {
				target = strings.TrimSuffix(d.Link(), "/") + "/Actions/" + name
			}
			return Action{Name: "#" + name, Target: target, doc: at, client: c}, target != ""
		}
	}
	return Action{}, false
}

// Allowed gives the values that a parameter may have, by what stands beside the action,
// or by its ActionInfo; nil if the service does not say.
func (a Action) Allowed(ctx context.Context, parameter string) ([]string, error) {
	if list := a.doc.Strings(parameter + "@Redfish.AllowableValues"); len(list) > 0 {
		return list, nil
	}
	info := a.doc.Link("@Redfish.ActionInfo")
	if info == "" {
		return nil, nil
	}
	d, err := a.client.Get(ctx, info)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, nil // it promises what it does not hold
	}
	for _, p := range d.List("Parameters") {
		if p.String("Name") == parameter {
			return p.Strings("AllowableValues"), nil
		}
	}
	return nil, nil
}

// Call calls the action.
func (a Action) Call(ctx context.Context, parameters any) (*Result, error) {
	if parameters == nil {
		parameters = struct{}{}
	}
	return a.client.Post(ctx, a.Target, parameters)
}

// UnsupportedError is something that a machine does not offer.
type UnsupportedError struct {
	What    string   // what was asked for
	Allowed []string // what there is instead, if it says so
}

func (e *UnsupportedError) Error() string {
	if len(e.Allowed) == 0 {
		return "it does not offer " + e.What
	}
	return fmt.Sprintf("it does not offer %s, only %s", e.What, clip(strings.Join(e.Allowed, ", ")))
}

// Is says that the error is of kind [Unsupported].
func (e *UnsupportedError) Is(target error) bool { return target == Unsupported }

// choose gives the first of several values that is allowed; the first of them if the
// service does not say.
func choose(allowed []string, wanted ...string) (string, bool) {
	if len(allowed) == 0 {
		return wanted[0], true
	}
	for _, w := range wanted {
		if i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, w) }); i >= 0 {
			return allowed[i], true
		}
	}
	return "", false
}
