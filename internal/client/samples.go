package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"millwright.dev/millwright/internal/door/http/wire"
)

// Samples gives the newest sample of each series that is asked for; the parameters are
// those of the API: targets, quantity, node, device…
func (c *Client) Samples(ctx context.Context, q url.Values) ([]wire.Sample, error) {
	var out wire.Samples
	err := c.get(ctx, "/v1/samples?"+q.Encode(), &out)
	return out.Items, err
}

// Chart gives samples for a chart; see Samples for the parameters.
func (c *Client) Chart(ctx context.Context, q url.Values) (wire.Chart, error) {
	var out wire.Chart
	err := c.get(ctx, "/v1/samples/chart?"+q.Encode(), &out)
	return out, err
}

// ExportSamples gives samples as a table in the format that is asked for. The caller
// closes it.
func (c *Client) ExportSamples(ctx context.Context, q url.Values) (io.ReadCloser, error) {
	res, err := c.send(ctx, http.MethodGet, "/v1/samples/export?"+q.Encode(), "*/*", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}
