package httpdoor

import (
	"bytes"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/layout"
	"millwright.dev/millwright/internal/room"
)

type graphInput struct {
	Targets string `query:"targets" doc:"Only these nodes, what they need and what needs them." example:"web[1-40]"`
	Power   bool   `query:"power" doc:"Devices and feeds too."`
	Fold    bool   `query:"fold" doc:"One box for nodes that are tied alike."`
}

type graphOutput struct{ Body wire.Graph }

type pictureInput struct {
	Targets string `query:"targets" doc:"Only these nodes, what they need and what needs them." example:"web[1-40]"`
	Power   bool   `query:"power" doc:"Devices and feeds too."`
	Fold    bool   `query:"fold" doc:"One box for nodes that are tied alike."`
	Theme   string `query:"theme" doc:"For which background; auto follows whoever looks at it." enum:"auto,light,dark" default:"auto"`
}

func (d *Door) registerGraph() {
	register(d, route{
		method: http.MethodGet, path: "/v1/graph", id: "get-graph", tag: tagNodes, errors: []int{404},
		summary: "Give the room as a graph, laid out", doc: "What needs what, with live states and with places to draw it at: what is needed stands above what needs it.",
	}, func(ctx context.Context, in *graphInput) (*graphOutput, error) {
		l, err := d.laidOut(ctx, in)
		if err != nil {
			return nil, err
		}
		return &graphOutput{wire.GraphOf(l)}, nil
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/graph.svg", id: "get-graph-svg", tag: tagNodes, errors: []int{404},
		summary: "Draw the room", doc: "The same as a picture that stands alone.",
		answers: map[int]map[string]any{200: {"image/svg+xml": ""}},
	}, d.drawSVG)
	register(d, route{
		method: http.MethodGet, path: "/v1/graph.dot", id: "get-graph-dot", tag: tagNodes, errors: []int{404},
		summary: "Give the room in Graphviz' language", doc: "The same for dot(1).",
		answers: map[int]map[string]any{200: {"text/vnd.graphviz": ""}},
	}, func(ctx context.Context, in *graphInput) (*raw, error) {
		g, err := d.opts.Desk.Graph(actorOf(ctx), desk.Picture(*in))
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := layout.DOT(&b, g); err != nil {
			return nil, unfit(err)
		}
		return document("text/vnd.graphviz", b.Bytes()), nil
	})
}

// document is an answer that is no JSON.
func document(media string, data []byte) *raw {
	return &raw{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", media)
		_, _ = ctx.BodyWriter().Write(data)
	}}
}

// unfit is why a graph cannot be laid out.
func unfit(err error) error {
	return &room.Error{Code: room.CodeRefused, Op: "draw graph", Said: err.Error(), Err: err}
}

func (d *Door) laidOut(ctx context.Context, in *graphInput) (*layout.Layout, error) {
	g, err := d.opts.Desk.Graph(actorOf(ctx), desk.Picture(*in))
	if err != nil {
		return nil, err
	}
	l, err := layout.Compute(g, layout.Options{})
	if err != nil {
		return nil, unfit(err)
	}
	return l, nil
}

func (d *Door) drawSVG(ctx context.Context, in *pictureInput) (*raw, error) {
	l, err := d.laidOut(ctx, &graphInput{in.Targets, in.Power, in.Fold})
	if err != nil {
		return nil, err
	}
	themes := map[string]layout.Theme{"light": layout.Light, "dark": layout.Dark}
	var b bytes.Buffer
	if err := layout.SVG(&b, l, layout.SVGOptions{Title: d.opts.Desk.Room().Name, Theme: themes[in.Theme]}); err != nil {
		return nil, unfit(err)
	}
	return document("image/svg+xml", b.Bytes()), nil
}
