package httpdoor

import (
	"context"
	"errors"
	"net/http"

	"millwright.dev/millwright/internal/room"
)

func (d *Door) registerConfiguration() {
	register(d, route{
		method: http.MethodPost, path: "/v1/reload", id: "reload", tag: tagConfiguration,
		summary: "Read the configuration again",
		doc:     "All of it is taken, or nothing; then the problem says all that is wrong. Devices that did not change keep their sessions. To do it twice does no harm.",
	}, d.reload)
}

func (d *Door) reload(ctx context.Context, _ *struct{}) (*versionOutput, error) {
	if err := d.opts.Desk.Reload(ctx, actorOf(ctx)); err != nil {
		var known *room.Error
		if !errors.As(err, &known) {
			known = &room.Error{Code: room.CodeInvalid, Op: "reload", Said: err.Error(), Err: err}
		}
		return nil, known
	}
	v, err := d.version(ctx)
	return &versionOutput{v}, err
}
