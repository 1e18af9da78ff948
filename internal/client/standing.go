package client

import (
	"context"
	"net/url"
	"strings"

	"millwright.dev/millwright/internal/door/http/wire"
)

// Standings gives how nodes stand; no targets are all nodes. With bad set, only those that
// need somebody's eye.
func (c *Client) Standings(ctx context.Context, targets string, bad bool) ([]wire.NodeStanding, error) {
	q := url.Values{"limit": {"10000"}}
	if targets != "" {
		q.Set("targets", targets)
	}
	if bad {
		q.Set("bad", "true")
	}
	var list []wire.NodeStanding
	for {
		var page wire.Standings
		if err := c.get(ctx, "/v1/standings?"+q.Encode(), &page); err != nil {
			return nil, err
		}
		list = append(list, page.Items...)
		if page.Next == "" {
			return list, nil
		}
		q.Set("after", page.Next)
	}
}

// Why tells why a node stands as it does.
func (c *Client) Why(ctx context.Context, node string) (wire.Why, error) {
	var out wire.Why
	err := c.get(ctx, "/v1/nodes/"+url.PathEscape(node)+"/why", &out)
	return out, err
}

// Ties gives what a node needs, or what needs it, directly or all the way.
func (c *Client) Ties(ctx context.Context, node string, needed, all bool) ([]wire.Tie, error) {
	q := url.Values{}
	if needed {
		q.Set("needed", "true")
	}
	if all {
		q.Set("all", "true")
	}
	var out wire.Ties
	err := c.get(ctx, "/v1/nodes/"+url.PathEscape(node)+"/ties?"+q.Encode(), &out)
	return out.Items, err
}

// Impact tells what falls when nodes, devices or feeds go.
func (c *Client) Impact(ctx context.Context, nodes string, devices, feeds []string) (wire.Impact, error) {
	q := url.Values{}
	if nodes != "" {
		q.Set("nodes", nodes)
	}
	if len(devices) > 0 { // a list is one parameter, with commas
		q.Set("devices", strings.Join(devices, ","))
	}
	if len(feeds) > 0 {
		q.Set("feeds", strings.Join(feeds, ","))
	}
	var out wire.Impact
	err := c.get(ctx, "/v1/impact?"+q.Encode(), &out)
	return out, err
}

// Holds gives all holds.
func (c *Client) Holds(ctx context.Context) ([]wire.Hold, error) {
	var out wire.Holds
	err := c.get(ctx, "/v1/holds", &out)
	return out.Items, err
}

// Hold holds nodes, and gives their names.
func (c *Client) Hold(ctx context.Context, h wire.NewHold) (string, error) {
	var out wire.Cleared
	err := c.post(ctx, "/v1/holds", h, &out)
	return out.Nodes, err
}

// Release takes holds off, and gives the names of those nodes that had one.
func (c *Client) Release(ctx context.Context, h wire.EndHold) (string, error) {
	var out wire.Cleared
	err := c.post(ctx, "/v1/holds/release", h, &out)
	return out.Nodes, err
}

// Picture is what of the room is drawn.
type Picture struct {
	Targets     string
	Power, Fold bool
}

// Graph gives the room as a graph.
func (c *Client) Graph(ctx context.Context, p Picture) (wire.Graph, error) {
	q := url.Values{}
	if p.Targets != "" {
		q.Set("targets", p.Targets)
	}
	if p.Power {
		q.Set("power", "true")
	}
	if p.Fold {
		q.Set("fold", "true")
	}
	var out wire.Graph
	err := c.get(ctx, "/v1/graph?"+q.Encode(), &out)
	return out, err
}
