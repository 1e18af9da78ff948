package client

import (
	"context"
	"net/url"

	"millwright.dev/millwright/internal/door/http/wire"
)

// Plugins gives how the room's plugins stand.
func (c *Client) Plugins(ctx context.Context) ([]wire.Plugin, error) {
	var out wire.Plugins
	err := c.get(ctx, "/v1/plugins", &out)
	return out.Items, err
}

// PluginLog gives what a plugin has said last.
func (c *Client) PluginLog(ctx context.Context, name string) ([]wire.PluginLine, error) {
	var out wire.PluginLog
	err := c.get(ctx, "/v1/plugins/"+url.PathEscape(name)+"/log", &out)
	return out.Items, err
}

// RestartPlugin starts a plugin anew.
func (c *Client) RestartPlugin(ctx context.Context, name string) error {
	return c.post(ctx, "/v1/plugins/"+url.PathEscape(name)+"/restart", nil, nil)
}

// EnablePlugin has a plugin run from now on, or not.
func (c *Client) EnablePlugin(ctx context.Context, name string, on bool) error {
	word := map[bool]string{true: "enable", false: "disable"}[on]
	return c.post(ctx, "/v1/plugins/"+url.PathEscape(name)+"/"+word, nil, nil)
}
