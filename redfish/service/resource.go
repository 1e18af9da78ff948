package service

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// privilege is what a method takes (DSP0266, "Redfish service operation-to-privilege
// mapping").
type privilege uint8

const (
	login privilege = iota
	configureSelf
	configureComponents
	configureManager
	configureUsers
)

// privileges gives the names of what a role may do, as Role.AssignedPrivileges has them.
func privileges(r Role) []string {
	switch r {
	case Administrator:
		return []string{"Login", "ConfigureManager", "ConfigureUsers", "ConfigureComponents", "ConfigureSelf"}
	case Operator:
		return []string{"Login", "ConfigureComponents", "ConfigureSelf"}
	case ReadOnly:
		return []string{"Login", "ConfigureSelf"}
	}
	return nil
}

func may(r Role, p privilege) bool {
	name := [...]string{"Login", "ConfigureSelf", "ConfigureComponents", "ConfigureManager", "ConfigureUsers"}[p]
	return slices.Contains(privileges(r), name)
}

// resource is what there is at a path: how it is shown and changed.
type resource struct {
	// get gives the document, without @odata.etag.
	get func(*call) (object, error)
	// raw answers GET itself, with what is no document.
	raw func(*call) error
	// patch reads what is wished, and gives what does it; nothing is done before all is
	// read. What is wrong with single properties it leaves in the fields.
	patch func(*call, *fields) ([]step, error)
	// post takes a new member of a collection, or an action's parameters.
	post func(*call) error
	del  func(*call) error

	open       bool      // GET is for strangers too
	openPost   bool      // so is POST
	write      privilege // that changes take
	read       privilege
	collection bool // its Members can be paged
}

// step is one part of a change: which properties it is for, and what does it.
type step struct {
	names []string
	do    func() error
}

// public says whether strangers may use a method.
func (r *resource) public(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.open
	case http.MethodPost:
		return r.openPost
	}
	return false
}

func (r *resource) needs(method string) privilege {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.read
	}
	return r.write
}

// handler gives what answers a method, nil for none.
func (r *resource) handler(method string) func(*call) error {
	switch {
	case (method == http.MethodGet || method == http.MethodHead) && r.raw != nil:
		return r.raw
	case (method == http.MethodGet || method == http.MethodHead) && r.get != nil:
		return func(c *call) error { return c.show(r) }
	case method == http.MethodPatch && r.patch != nil:
		return func(c *call) error { return c.change(r) }
	case method == http.MethodPost && r.post != nil:
		return r.post
	case method == http.MethodDelete && r.del != nil:
		return func(c *call) error { return c.remove(r) }
	}
	return nil
}

// methods gives the header Allow.
func (r *resource) methods() string {
	var list []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodDelete} {
		if r.handler(m) != nil {
			list = append(list, m)
		}
	}
	return strings.Join(append(list, http.MethodOptions), ", ")
}

// place is a place in the tree of paths.
type place struct {
	named    map[string]*place
	variable *place
	resource *resource
}

// at gives the place of a pattern, such as /redfish/v1/Systems/{}, and makes it.
func (p *place) at(pattern string) *place {
	for part := range strings.SplitSeq(strings.TrimPrefix(pattern, "/"), "/") {
		next := p.variable
		if part != "{}" {
			next = p.named[part]
		}
		if next == nil {
			next = &place{named: make(map[string]*place)}
			if part == "{}" {
				p.variable = next
			} else {
				p.named[part] = next
			}
		}
		p = next
	}
	return p
}

// find gives the resource of an escaped path, and the variables in it.
func (p *place) find(path string) (*resource, []string) {
	var ids []string
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		name, err := url.PathUnescape(part)
		if err != nil || name == "" {
			return nil, nil
		}
		next := p.named[name]
		if next == nil {
			if next = p.variable; next == nil {
				return nil, nil
			}
			ids = append(ids, name)
		}
		p = next
	}
	return p.resource, ids
}

// join makes a path of a parent's and an id.
func join(parent string, ids ...string) string {
	for _, id := range ids {
		parent += "/" + url.PathEscape(id)
	}
	return parent
}

func link(path string) object { return object{"@odata.id": path} }

// links makes an array of links.
func links(paths ...string) []object {
	out := make([]object, len(paths))
	for i, p := range paths {
		out[i] = link(p)
	}
	return out
}

// encode writes JSON as everything here is written: members sorted, so that equal
// documents are equal bytes.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // documents are made of plain values
		return []byte("{}")
	}
	return b.Bytes()
}

// etagOf names the state of a document. Clocks do not count.
func etagOf(o object) string {
	if _, has := o["DateTime"]; has {
		o = maps.Clone(o)
		delete(o, "DateTime")
	}
	sum := sha256.Sum256(encode(o))
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// show answers GET.
func (c *call) show(r *resource) error {
	if err := c.wants("application/json"); err != nil {
		return err
	}
	o, err := r.get(c)
	if err != nil {
		return err
	}
	if c.path != "/redfish" {
		etag := etagOf(o)
		if c.query.tells() && matches(c.r.Header.Values("If-None-Match"), etag) {
			c.w.Header().Set("ETag", etag)
			c.w.WriteHeader(http.StatusNotModified)
			return nil
		}
		if err := c.precondition(etag); err != nil {
			return err
		}
		c.note(o, etag)
	}
	if o, err = c.answer(r, o); err != nil {
		return err
	}
	c.write(http.StatusOK, o)
	return nil
}

// note puts an ETag, and what describes the document, where they belong.
func (c *call) note(o object, etag string) {
	o["@odata.etag"] = etag
	if c.query.plain() {
		c.w.Header().Set("ETag", etag)
	}
	if kind, _ := o["@odata.type"].(string); kind != "" {
		name, _, _ := strings.Cut(strings.TrimPrefix(kind, "#"), ".")
		c.w.Header().Set("Link", "<"+root+"/JsonSchemas/"+name+">; rel=describedby")
	}
}

// matches says whether one of the ETags of a header is the given one. Weak ones count
// too: clients send back what proxies have made of ours.
func matches(header []string, etag string) bool {
	for _, list := range header {
		for one := range strings.SplitSeq(list, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == "*" || one == etag {
				return true
			}
		}
	}
	return false
}

// precondition holds a request to its If-Match.
func (c *call) precondition(etag string) error {
	if want := c.r.Header.Values("If-Match"); len(want) > 0 && !matches(want, etag) {
		return failed(http.StatusPreconditionFailed, say("PreconditionFailed"))
	}
	return nil
}

// change answers PATCH: what is right is done, and what is wrong is noted beside it
// (DSP0266, section "PATCH (update)").
func (c *call) change(r *resource) error {
	body, err := c.body(maxBody)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return failed(http.StatusBadRequest, say("EmptyJSON"))
	}
	leave, err := c.locks.take(c.ctx, c.path)
	if err != nil {
		return err
	}
	defer leave()
	before, err := r.get(c)
	if err != nil {
		return err
	}
	if err := c.precondition(etagOf(before)); err != nil {
		return err
	}
	f := fieldsOf(body, "")
	steps, err := r.patch(c, f)
	if err != nil {
		return err
	}
	f.rest(before)
	if len(steps) == 0 {
		if len(*f.wrong) == 0 {
			return failed(http.StatusBadRequest, say("EmptyJSON"))
		}
		return f.err()
	}
	for i, s := range steps {
		err := s.do()
		if err != nil && i == 0 {
			return err
		}
		if err != nil {
			f.note(strings.Join(s.names, ","), c.faultOf(err).messages[0])
		}
	}
	c.memo.forget()
	after, err := r.get(c)
	if err != nil {
		return err
	}
	c.note(after, etagOf(after))
	for _, m := range *f.wrong {
		name, _, _ := strings.Cut(m.property, "/")
		list, _ := after[name+"@Message.ExtendedInfo"].([]object)
		after[name+"@Message.ExtendedInfo"] = append(list, m.object())
	}
	c.write(http.StatusOK, after)
	return nil
}

// remove answers DELETE.
func (c *call) remove(r *resource) error {
	if r.get != nil && len(c.r.Header.Values("If-Match")) > 0 {
		o, err := r.get(c)
		if err != nil {
			return err
		}
		if err := c.precondition(etagOf(o)); err != nil {
			return err
		}
	}
	if err := r.del(c); err != nil {
		return err
	}
	c.memo.forget()
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// created answers a POST that has made a resource.
func (c *call) created(path string, o object) {
	c.w.Header().Set("Location", path)
	c.note(o, etagOf(o))
	c.write(http.StatusCreated, o)
}

// write sends JSON.
func (c *call) write(status int, o object) {
	data := encode(o)
	h := c.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	c.patience(answerFor)
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(data) // a client that is gone needs no answer
	}
}
