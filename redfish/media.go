package redfish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Media is a drive that is not there: an image at a URL that the machine sees as a CD or
// a stick (the VirtualMedia schema).
type Media struct {
	Path     string
	ID       string
	Name     string
	Kinds    []string // MediaTypes: "CD", "DVD", "USBStick", "Floppy"
	Image    string   // the URL of what is in; empty if nothing is
	Inserted bool
	ReadOnly bool
}

// Media gives the machine's virtual drives: its own, or its managers'.
func (s *System) Media(ctx context.Context) ([]Media, error) {
	d, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	paths := []string{d.Link("VirtualMedia")}
	managers, err := s.linked(ctx, "ManagedBy", "Managers")
	wrong := []error{err}
	for _, m := range managers {
		paths = append(paths, m.Link("VirtualMedia"))
	}
	for _, p := range paths {
		if p == "" {
			continue
		}
		docs, err := s.client.fresh(ctx, p)
		wrong = append(wrong, err)
		var list []Media
		for _, d := range docs {
			list = append(list, Media{
				Path: d.Link(), ID: d.String("Id"), Name: d.String("Name"), Kinds: d.Strings("MediaTypes"),
				Image: d.String("Image"), Inserted: d.True("Inserted") || !d.Has("Inserted") && d.String("Image") != "", ReadOnly: d.True("WriteProtected"),
			})
		}
		if len(list) > 0 {
			return list, errors.Join(wrong...)
		}
	}
	return nil, errors.Join(append(wrong, &UnsupportedError{What: "virtual media"})...)
}

// MediaFor finds a virtual drive by its id, or by what it can be, such as "CD".
func (s *System) MediaFor(ctx context.Context, what string) (Media, error) {
	list, err := s.Media(ctx)
	for _, m := range list {
		if strings.EqualFold(m.ID, what) {
			return m, nil
		}
	}
	for _, m := range list {
		if slices.ContainsFunc(m.Kinds, func(k string) bool { return strings.EqualFold(k, what) }) {
			return m, nil
		}
	}
	if err != nil {
		return Media{}, err
	}
	return Media{}, fmt.Errorf("%w: it has no virtual drive %q", NotFound, what)
}

// Insert puts an image in, by the action, or where there is none by writing it. User and
// password are for the URL, and may be empty.
func (c *Client) Insert(ctx context.Context, m Media, url, user, password string) error {
	d, err := c.Read(ctx, m.Path)
	if err != nil {
		return err
	}
	body := map[string]any{"Image": url, "Inserted": true, "WriteProtected": true}
	if user != "" {
		body["UserName"], body["Password"] = user, password
	}
	a, ok := c.Action(d, "VirtualMedia.InsertMedia")
	if !ok {
		_, err = c.Patch(ctx, m.Path, map[string]any{"Image": url, "Inserted": true})
		return err
	}
	r, err := a.Call(ctx, body)
	if errors.Is(err, Invalid) || errors.Is(err, Unsupported) { // it knows only the parameter that it must
		delete(body, "Inserted")
		delete(body, "WriteProtected")
		r, err = a.Call(ctx, body)
	}
	if err == nil && r.Task != nil && r.Task.Monitor != "" {
		_, err = r.Task.Wait(ctx, nil)
	}
	return err
}

// Eject takes out what is in. That nothing is in is no error.
func (c *Client) Eject(ctx context.Context, m Media) error {
	d, err := c.Read(ctx, m.Path)
	if err != nil {
		return err
	}
	if !d.True("Inserted") && d.String("Image") == "" {
		return nil
	}
	if a, ok := c.Action(d, "VirtualMedia.EjectMedia"); ok {
		_, err = a.Call(ctx, nil)
		return err
	}
	_, err = c.Patch(ctx, m.Path, map[string]any{"Image": nil, "Inserted": false})
	return err
}
