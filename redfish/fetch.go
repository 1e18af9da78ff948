package redfish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Get reads a resource. What was read less than Options.CacheTTL ago, with no change
// since, is good enough; what is older is asked for by its ETag, so that a service need
// not say again what it said before.
func (c *Client) Get(ctx context.Context, path string) (Document, error) {
	u, err := c.resolve(path)
	if err != nil {
		return Document{}, err
	}
	key := u.RequestURI()
	old, kept, fresh := c.cache.get(key, c.opts.CacheTTL)
	if fresh {
		return old, nil
	}
	q := ask{method: http.MethodGet, path: path}
	// Of what a query puts together, an ETag says little: services give that of the
	// collection alone, without the members that are in it.
	if kept && old.etag != "" && c.opts.CacheTTL > 0 && u.RawQuery == "" {
		q.header = http.Header{"If-None-Match": {old.etag}}
	}
	a, err := c.do(ctx, q)
	if err != nil {
		return Document{}, err
	}
	if a.status == http.StatusNotModified {
		c.cache.put(key, old, 0)
		return old, nil
	}
	if err := a.wants(q); err != nil {
		return Document{}, err
	}
	if c.opts.CacheTTL > 0 {
		c.cache.put(key, a.doc, len(a.body))
	}
	return a.doc, nil
}

// Read reads a resource as it is now, whatever was read before.
func (c *Client) Read(ctx context.Context, path string) (Document, error) {
	q := ask{method: http.MethodGet, path: path}
	a, err := c.do(ctx, q)
	if err != nil {
		return Document{}, err
	}
	if err := a.wants(q); err != nil {
		return Document{}, err
	}
	if u, err := c.resolve(path); err == nil && c.opts.CacheTTL > 0 {
		c.cache.put(u.RequestURI(), a.doc, len(a.body))
	}
	return a.doc, nil
}

// wants gives an error for an answer that should be a document and is none.
func (a *answer) wants(q ask) error {
	switch {
	case a.odd != nil:
		return fmt.Errorf("%s %s: %w", q.method, q.path, a.odd)
	case !a.doc.IsObject():
		return fmt.Errorf("%s %s: %w: an answer without an object", q.method, q.path, ErrNotJSON)
	}
	return nil
}

// GetAll reads several resources, Options.Workers at a time. The documents are in the
// order of the paths; one that cannot be read is empty, and why is in the error, which
// joins all that went wrong.
func (c *Client) GetAll(ctx context.Context, paths []string) ([]Document, error) {
	docs, wrong := make([]Document, len(paths)), make([]error, len(paths))
	todo := make(chan int)
	var workers sync.WaitGroup
	for range min(c.opts.Workers, len(paths)) {
		workers.Go(func() {
			for i := range todo {
				docs[i], wrong[i] = c.Get(ctx, paths[i])
			}
		})
	}
	for i := range paths {
		todo <- i
	}
	close(todo)
	workers.Wait()
	return docs, errors.Join(wrong...)
}

// The bounds of a collection.
const (
	maxPages   = 1000
	maxMembers = 20_000
)

// Members reads a collection with all its pages and members (DSP0266 "Resource
// collection responses"). Where the service offers it, they come in one answer. Members
// that cannot be read are left out, and why is in the error; the others are there
// nevertheless.
func (c *Client) Members(ctx context.Context, path string) ([]Document, error) {
	if path == "" {
		return nil, nil
	}
	whole, err := c.pages(ctx, path, true)
	if err != nil && len(whole) == 0 {
		return nil, err
	}
	wrong := []error{err}
	var missing []string
	var places []int
	for i, m := range whole {
		if l := m.Link(); l != "" && isReference(m) {
			missing, places = append(missing, l), append(places, i)
		}
	}
	docs, err := c.GetAll(ctx, missing)
	wrong = append(wrong, err)
	for i, d := range docs {
		whole[places[i]] = d
	}
	list := whole[:0]
	for _, m := range whole {
		if m.IsObject() && !isReference(m) {
			list = append(list, m)
		}
	}
	return list, errors.Join(wrong...)
}

// Refs gives the paths of a collection's members, without reading them.
func (c *Client) Refs(ctx context.Context, path string) ([]string, error) {
	list, err := c.pages(ctx, path, false)
	var refs []string
	for _, m := range list {
		if l := m.Link(); l != "" {
			refs = append(refs, l)
		}
	}
	return refs, err
}

// isReference says whether a document only refers to a resource.
func isReference(d Document) bool {
	for _, k := range d.Keys() {
		if k != "@odata.id" && k != "href" && k != "title" {
			return false
		}
	}
	return true
}

// pages reads the pages of a collection.
func (c *Client) pages(ctx context.Context, path string, expand bool) (members []Document, err error) {
	var page Document
	expanded := expand && c.expands() && !strings.Contains(path, "?")
	if expanded {
		page, err = c.Get(ctx, path+"?$expand=.($levels=1)")
		expanded = err == nil
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
	}
	if !expanded { // services promise what they do not hold
		page, err = c.Get(ctx, path)
	}
	seen := map[string]bool{path: true}
	for range maxPages {
		if err != nil {
			return members, err
		}
		members = append(members, page.List("Members")...)
		next := page.Link("Members@odata.nextLink")
		if next == "" {
			next = page.Link("@odata.nextLink")
		}
		switch {
		case next == "":
			return members, nil
		case seen[next] || len(members) > maxMembers:
			return members, fmt.Errorf("GET %s: its pages have no end", path)
		}
		seen[next] = true
		page, err = c.Get(ctx, next)
	}
	return members, fmt.Errorf("GET %s: its pages have no end", path)
}

// expands says whether the service puts members into their collection when it is
// asked to (ProtocolFeaturesSupported of the root).
func (c *Client) expands() bool {
	f := c.root.At("ProtocolFeaturesSupported", "ExpandQuery")
	return f.True("ExpandAll") || f.True("NoLinks")
}

// now gives a service's idea of the time beside ours: what has to be added to its times
// to have ours. It is not ok where it does not say.
func (c *Client) clock(ctx context.Context, path string) (shift time.Duration, ok bool) {
	before := time.Now()
	d, err := c.Read(ctx, path)
	if err != nil {
		return 0, false
	}
	theirs := d.Time("DateTime")
	if theirs.IsZero() {
		return 0, false
	}
	ours := before.Add(time.Since(before) / 2)
	return ours.Sub(theirs), true
}
