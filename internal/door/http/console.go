package httpdoor

import (
	"context"
	"net/http"
	"time"

	"millwright.dev/millwright/internal/console"
	"millwright.dev/millwright/internal/console/journal"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

const tagConsoles = "Consoles"

type consoleInput struct {
	Node     string `path:"node" doc:"The node." maxLength:"256"`
	Mode     string `query:"mode" doc:"To type, or to watch only." enum:"write,watch" default:"write"`
	TakeOver bool   `query:"take_over" doc:"Type though somebody else does, who only watches from then on."`
	Replay   int    `query:"replay" doc:"At most so many bytes of what came last come first; by default all that is kept for it, and none for 0." minimum:"-1" default:"-1"`
}

type consoleLogInput struct {
	Node  string    `path:"node" doc:"The node." maxLength:"256"`
	Since time.Time `query:"since" doc:"Only lines of this time or later (RFC 3339)."`
	Until time.Time `query:"until" doc:"Only lines before this time."`
	Bytes int64     `query:"bytes" doc:"At most about so many bytes, the newest." minimum:"1" maximum:"67108864" default:"16777216"`
}

type consolesOutput struct{ Body wire.Consoles }

const consoleDoc = `A WebSocket (subprotocol ` + "`millwright.console.v1`" + `, or none). Binary frames are bytes: of the console, and to be typed. Text frames are messages in JSON (ConsoleMessage).

The first message is ` + "`attached`" + `. Then come ` + "`state`" + ` (opening, open, lost: a console that is lost is reached again by itself), ` + "`writer`" + ` (who types now, and whether that is you), ` + "`joined`, `left`, `break`, `dropped`" + ` (what you typed did not reach the console), ` + "`lost`" + ` (you read too slowly, and have missed so many bytes), and at the end ` + "`closed`" + ` with the reason.

A client may send ` + "`break`, `take`" + ` (with take_over), ` + "`watch`, `resize`" + ` and ` + "`who`" + `, which is answered by attached. What is typed while the console is not open is dropped and never typed later.

It takes the role operate on the node, to watch as well as to type. A page of another site is refused, whatever cookies its browser has.`

func (d *Door) registerConsoles() {
	register(d, route{
		method: http.MethodGet, path: "/v1/consoles", id: "list-consoles", tag: tagConsoles,
		summary: "List the consoles", doc: "Those that the room names a way to, and those that are open, with who is attached; as far as the asker has the role operate on their nodes.",
	}, d.listConsoles)
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{node}/console", id: "attach-to-console", tag: tagConsoles, status: http.StatusSwitchingProtocols,
		summary: "Attach to a console", doc: consoleDoc,
		answers: map[int]map[string]any{http.StatusSwitchingProtocols: {wire.JSON: wire.ConsoleMessage{}}}, errors: []int{404, 409, 426},
	}, func(_ context.Context, in *consoleInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.attach(w, r, in) }), nil
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{node}/console/log", id: "read-console-log", tag: tagConsoles,
		summary: "Read the log of a console", doc: "The lines of the log as they are kept: `TIME | text`, with `*` for what happened to the console and `+` for a line that goes on. The oldest first.",
		answers: map[int]map[string]any{200: {plainText: ""}}, errors: []int{404},
	}, func(_ context.Context, in *consoleLogInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.consoleLog(w, r, in) }), nil
	})
}

const plainText = "text/plain; charset=utf-8"

func (d *Door) listConsoles(ctx context.Context, _ *struct{}) (*consolesOutput, error) {
	list, err := d.opts.Desk.Consoles(actorOf(ctx))
	if err != nil {
		return nil, err
	}
	out := wire.Consoles{Items: make([]wire.Console, len(list))}
	for i := range list {
		out.Items[i] = consoleOf(&list[i])
	}
	return &consolesOutput{out}, nil
}

func consoleOf(c *desk.Console) wire.Console {
	out := wire.Console{Node: c.Node, Via: c.Via, State: "closed", Kept: c.Kept, ReadOnly: c.ReadOnly, Attached: []wire.ConsoleGuest{}}
	if s := c.Status; s != nil {
		out.State, out.Since, out.Said, out.Read, out.Trouble = string(s.State), &s.Since, s.Said, s.Read, s.Trouble
		out.Attached = guestsOf(s)
	}
	return out
}

func guestsOf(s *console.Status) []wire.ConsoleGuest {
	list := make([]wire.ConsoleGuest, len(s.Attached))
	for i, a := range s.Attached {
		list[i] = wire.ConsoleGuest{Who: a.Who, From: a.From, Since: a.Since, Writes: a.Writes}
	}
	return list
}

// consoleLog answers with a span of a console's log.
func (d *Door) consoleLog(w http.ResponseWriter, r *http.Request, in *consoleLogInput) {
	begun := false
	out := writerFunc(func(p []byte) (int, error) {
		if !begun {
			w.Header().Set("Content-Type", plainText)
			begun = true
		}
		return w.Write(p)
	})
	err := d.opts.Desk.ConsoleLog(r.Context(), actorOf(r.Context()), in.Node, journal.Span{Since: in.Since, Until: in.Until, Bytes: in.Bytes}, out)
	switch {
	case err != nil && begun:
		panic(http.ErrAbortHandler) // the reader shall not take it for all
	case err != nil:
		refuse(w, err)
	case !begun:
		w.Header().Set("Content-Type", plainText)
		w.WriteHeader(http.StatusOK)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// sameOrigin refuses a WebSocket that a page of another site opens: browsers send
// cookies, and their certificate, with such a one.
func sameOrigin(r *http.Request) error {
	err := withStatus(http.StatusForbidden, &room.Error{Code: room.CodeRefused, Op: "console", Said: "a page of another site asked for this"})
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return err
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		if r.Header.Get("Authorization") == "" && cookieOf(r) != "" { // a browser would say where its page is from
			return err
		}
		return nil
	}
	if origin != ownOrigin(r) {
		return err
	}
	return nil
}

func ownOrigin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
