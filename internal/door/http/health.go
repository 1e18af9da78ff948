package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

type healthOutput struct{ Body wire.Health }

func (d *Door) registerHealth() {
	register(d, route{
		method: http.MethodGet, path: "/healthz", id: "is-alive", tag: tagDaemon, public: true,
		summary: "Is the daemon alive?", doc: "Answers as long as the daemon answers at all. For whoever restarts it.",
	}, func(context.Context, *struct{}) (*healthOutput, error) {
		return &healthOutput{wire.Health{Status: "ok"}}, nil
	})
	register(d, route{
		method: http.MethodGet, path: "/readyz", id: "is-ready", tag: tagDaemon, public: true, errors: []int{503},
		summary: "Can the daemon do its work?", doc: "Answers 200 when the daemon takes requests and its log can be read, 503 otherwise. Devices that cannot be reached do not count: they are no reason to send people elsewhere.",
	}, func(ctx context.Context, _ *struct{}) (*healthOutput, error) {
		if err := d.opts.Desk.Ready(ctx); err != nil { // whose details are not for everybody
			return nil, &room.Error{Code: room.CodeBusy, Op: "be ready", Said: "not ready"}
		}
		return &healthOutput{wire.Health{Status: "ok"}}, nil
	})
}
