package client

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/url"

	"millwright.dev/millwright/internal/door/http/wire"
)

// Groups gives the groups with their nodes, by name.
func (c *Client) Groups(ctx context.Context) ([]wire.Group, error) {
	var list wire.Groups
	err := c.get(ctx, "/v1/groups", &list)
	return list.Items, err
}

// Watched is one message of the stream of states: a picture of all nodes, or one
// change.
type Watched struct {
	All    *wire.States // first, and again when the room was read anew
	Change *wire.Change
}

// States follows what is believed of nodes until ctx ends or the stream breaks off,
// which is its last error; no targets means all. Whoever comes back begins with a
// new picture of all.
func (c *Client) States(ctx context.Context, targets string) iter.Seq2[Watched, error] {
	return func(yield func(Watched, error) bool) {
		path := "/v1/states/stream"
		if targets != "" {
			path += "?" + url.Values{"targets": {targets}}.Encode()
		}
		for m, err := range c.messages(ctx, path) {
			if err != nil {
				yield(Watched{}, err)
				return
			}
			var w Watched
			switch m.kind {
			case "states":
				err = json.Unmarshal(m.data, &w.All)
			case "change":
				err = json.Unmarshal(m.data, &w.Change)
			default:
				continue
			}
			if err != nil {
				yield(Watched{}, broken(ctx, err))
				return
			}
			if !yield(w, nil) {
				return
			}
		}
		yield(Watched{}, broken(ctx, io.ErrUnexpectedEOF))
	}
}
