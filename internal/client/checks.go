package client

import (
	"context"
	"net/url"

	"millwright.dev/millwright/internal/door/http/wire"
)

// Checks gives how checks stand; no targets are all nodes. With bad set, only those that
// are not ok.
func (c *Client) Checks(ctx context.Context, targets string, bad bool) ([]wire.Check, error) {
	q := url.Values{}
	if targets != "" {
		q.Set("targets", targets)
	}
	if bad {
		q.Set("bad", "true")
	}
	var out wire.Checks
	err := c.get(ctx, "/v1/checks?"+q.Encode(), &out)
	return out.Items, err
}

// Look has checks made now: those that are named, or all of the nodes'.
func (c *Client) Look(ctx context.Context, targets string, checks []string) ([]wire.Check, error) {
	var out wire.Checks
	err := c.post(ctx, "/v1/checks/look", wire.Look{Targets: targets, Checks: checks}, &out)
	return out.Items, err
}

// Controls gives the controls of a node.
func (c *Client) Controls(ctx context.Context, node string) ([]wire.Control, error) {
	var out wire.Controls
	err := c.get(ctx, machinePath(node, "controls"), &out)
	return out.Items, err
}

// Control has a control of a node do one thing: off, on or status.
func (c *Client) Control(ctx context.Context, node, control, op string) (wire.ControlState, error) {
	var out wire.ControlState
	err := c.post(ctx, machinePath(node, "controls/"+url.PathEscape(control)), wire.UseControl{Op: op}, &out)
	return out, err
}
