package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/door/http/wire"
)

type clearInput struct{ Body wire.Targets }

type clearOutput struct{ Body wire.Cleared }

func (d *Door) registerHolds() {
	register(d, route{
		method: http.MethodPost, path: "/v1/holds/clear", id: "clear-holds", tag: tagOperations, errors: []int{404},
		summary: "Let go of nodes that are held back",
		doc:     "A node is held back when its cycle or reset was cut off, so that nobody knows how it stands. Whoever has looked lets go of it. To do it twice does no harm.",
	}, func(ctx context.Context, in *clearInput) (*clearOutput, error) {
		freed, err := d.opts.Desk.Clear(ctx, actorOf(ctx), in.Body.Targets)
		return &clearOutput{wire.Cleared{Nodes: freed}}, err
	})
}
