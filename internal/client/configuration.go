package client

import (
	"context"
	"net/url"
	"strconv"

	"millwright.dev/millwright/internal/door/http/wire"
)

// Conflict is the cause of an error when the files have changed since the revision
// that a change was made from.
type Conflict struct {
	Latest int64
	Diff   string // what has changed
}

func (c *Conflict) Error() string { return "the files have changed meanwhile" }

// Mistakes is the cause of an error when a new configuration cannot be read.
type Mistakes []wire.Fault

func (m Mistakes) Error() string {
	text := ""
	for i, one := range m {
		if i > 0 {
			text += "\n"
		}
		text += one.Where + ": " + one.Message
	}
	return text
}

// causeOf gives what a problem says beside its words.
func causeOf(p *wire.Problem) error {
	switch {
	case p.Latest != 0:
		return &Conflict{Latest: p.Latest, Diff: p.Diff}
	case len(p.Errors) > 0:
		return Mistakes(p.Errors)
	}
	return nil
}

// Revision gives one accepted configuration with its files.
func (c *Client) Revision(ctx context.Context, number int64) (wire.RevisionFiles, error) {
	var r wire.RevisionFiles
	err := c.get(ctx, "/v1/revisions/"+strconv.FormatInt(number, 10), &r)
	return r, err
}

// Diff compares two revisions; 0 is what is on the disk.
func (c *Client) Diff(ctx context.Context, from, to int64) (string, error) {
	var d wire.Difference
	err := c.get(ctx, "/v1/revisions/"+strconv.FormatInt(from, 10)+"/diff?to="+strconv.FormatInt(to, 10), &d)
	return d.Diff, err
}

// ChangeConfiguration changes the room's files.
func (c *Client) ChangeConfiguration(ctx context.Context, change wire.ChangeConfiguration) (wire.Changed, error) {
	var done wire.Changed
	err := c.post(ctx, "/v1/revisions", change, &done)
	return done, err
}

// RollBack makes the files what they were in an older revision.
func (c *Client) RollBack(ctx context.Context, to int64, how wire.RollBack) (wire.Changed, error) {
	var done wire.Changed
	err := c.post(ctx, "/v1/revisions/"+strconv.FormatInt(to, 10)+"/rollback", how, &done)
	return done, err
}

// Readings gives what devices measure: those that targets hang on, or all.
func (c *Client) Readings(ctx context.Context, targets string) ([]wire.Measured, error) {
	path := "/v1/readings"
	if targets != "" {
		path += "?targets=" + url.QueryEscape(targets)
	}
	var list wire.Readings
	err := c.get(ctx, path, &list)
	return list.Items, err
}

// Describe asks a device what it is.
func (c *Client) Describe(ctx context.Context, device string) (wire.Description, error) {
	var d wire.Description
	err := c.get(ctx, "/v1/devices/"+url.PathEscape(device)+"/description", &d)
	return d, err
}

// Questions gives the open questions.
func (c *Client) Questions(ctx context.Context) ([]wire.Question, error) {
	var list wire.Questions
	err := c.get(ctx, "/v1/questions", &list)
	return list.Items, err
}

// Answer answers a question.
func (c *Client) Answer(ctx context.Context, question string, a wire.Answer) error {
	return c.post(ctx, "/v1/questions/"+url.PathEscape(question)+"/answer", a, nil)
}
