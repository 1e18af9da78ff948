package client

import (
	"context"
	"net/http"
	"net/url"

	"millwright.dev/millwright/internal/door/http/wire"
)

// Boot reads what a node boots from.
func (c *Client) Boot(ctx context.Context, node string) (wire.Boot, error) {
	var b wire.Boot
	err := c.get(ctx, machinePath(node, "boot"), &b)
	return b, err
}

// SetBoot says what a node boots from.
func (c *Client) SetBoot(ctx context.Context, node string, b wire.Boot) error {
	return c.document(ctx, http.MethodPut, machinePath(node, "boot"), b, nil)
}

// MachineLog reads a node's own event log.
func (c *Client) MachineLog(ctx context.Context, node string) ([]wire.LogEntry, error) {
	var log wire.MachineLog
	err := c.get(ctx, machinePath(node, "log"), &log)
	return log.Items, err
}

// ClearMachineLog empties a node's own event log.
func (c *Client) ClearMachineLog(ctx context.Context, node string) error {
	return c.post(ctx, machinePath(node, "log/clear"), nil, nil)
}

func machinePath(node, what string) string { return "/v1/nodes/" + url.PathEscape(node) + "/" + what }
