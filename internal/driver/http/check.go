package httpdriver

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/antchfx/xpath"
	"github.com/theory/jsonpath"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
)

// checker looks through a definition before anything is reached: every text has to
// be a template whose places are known, and every pattern one that compiles.
type checker struct {
	taken    map[string]bool // names that some request takes
	fixed    bool            // the plugs are listed, so they have an index
	of       string          // which entry is looked at
	err      error           // the first
	password bool            // something says {password}
}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: "+format, append([]any{c.of}, args...)...)
	}
}

// check looks through d, whose plugs are listed if fixed.
func (d *Definition) check(fixed bool) (password bool, err error) {
	c := &checker{taken: make(map[string]bool), fixed: fixed, of: "define"}
	all := d.requests()
	for _, r := range all {
		for name := range r.request.Take {
			c.taken[name] = true
		}
	}
	if !slices.Contains([]string{"", "none", "basic", "digest", "asked", "bearer"}, d.Auth) {
		c.fail("auth: %q is none of none, basic, digest, asked, bearer", d.Auth)
	}
	if d.Timeout < 0 || d.Rest < 0 || d.Confirm < 0 {
		c.fail("a time must not be negative")
	}
	if !slices.ContainsFunc(room.Ops(), d.can) {
		c.fail("neither on, off nor status is there, so the device can do nothing")
	}
	for _, r := range all {
		c.of = r.name
		c.request(r.request)
	}
	c.of = "denied"
	c.claims(d.Denied)
	for _, op := range room.Ops() {
		if r := d.read(op); r != nil {
			c.of = op.String()
			c.read(r)
		}
	}
	c.measures(d)
	return c.password, c.err
}

// named is a request and what it is for.
type named struct {
	name    string
	request *Request
}

// requests gives all requests of a definition.
func (d *Definition) requests() []named {
	var all []named
	for i := range d.Login {
		all = append(all, named{"login", &d.Login[i]})
	}
	if d.Logout != nil {
		all = append(all, named{"logout", d.Logout})
	}
	if d.Probe != nil {
		all = append(all, named{"probe", d.Probe})
	}
	for _, op := range room.Ops() {
		if r := d.read(op); r != nil {
			all = append(all, named{op.String(), &r.Request})
		}
		if r := d.change(op); r != nil {
			all = append(all, named{op.String(), r})
		}
	}
	for i := range d.Measure {
		all = append(all, named{"measure", &d.Measure[i].Request})
	}
	for i := range d.Describe {
		all = append(all, named{"describe", &d.Describe[i].Request})
	}
	return all
}

func (c *checker) request(r *Request) {
	bodies := 0
	for _, given := range []bool{r.Form != nil, r.JSON != "", r.XML != "", r.Text != ""} {
		if given {
			bodies++
		}
	}
	if bodies > 1 {
		c.fail("only one of form, send-json, send-xml and send-text can be sent")
	}
	if len(r.Path) > maxPattern || strings.ContainsFunc(r.Path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		c.fail("path: %q has a blank or a control character, or is too long; write %%20", r.Path)
	}
	if _, err := url.Parse("/" + strings.TrimLeft(c.sample(r.Path, asIs), "/")); err != nil {
		c.fail("path: %q is no path", r.Path)
	}
	for name, value := range r.Headers {
		c.header(name)
		c.sample(value, inHeader)
	}
	for name, value := range r.Attach {
		c.header(name)
		c.sample(value, inHeader)
	}
	for name, value := range r.Form {
		c.sample(name, asIs)
		c.sample(value, asIs)
	}
	c.sample(r.JSON, inJSON)
	c.sample(r.XML, inXML)
	c.sample(r.Text, asIs)
	for name, f := range r.Take {
		if !isName(name) || slices.Contains([]string{placePlug, placeIndex, placeNumber, placeUser, placePassword, placeDevice}, name) || slices.Contains(hashes, name) {
			c.fail("take: %q is no name for a text: lower case letters, digits and dashes, and none that has a meaning already", name)
		}
		c.find(f)
	}
	for _, s := range r.Status {
		if s < 200 || s > 599 {
			c.fail("answer: %d is no status of an answer", s)
		}
	}
	c.claims(r.Expect)
	c.claims(r.Refused)
}

func (c *checker) header(name string) {
	ok := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
	if !ok || slices.ContainsFunc([]string{"Host", "Content-Length", "Transfer-Encoding", "Connection"}, func(s string) bool { return strings.EqualFold(s, name) }) {
		c.fail("%q is no header that can be set", name)
	}
}

// sample fills a template with samples, and complains of places that are unknown.
func (c *checker) sample(text string, esc escape) string {
	t, err := parseTemplate(text)
	if err != nil {
		c.fail("%w", err)
		return ""
	}
	t.uses(func(name string) {
		switch name {
		case placePlug, placeUser, placeDevice:
		case placePassword:
			c.password = true
		case placeIndex, placeNumber:
			if !c.fixed {
				c.fail("{%s} is the plug's place in the list of plugs: list them under plugs", name)
			}
		default:
			if !c.taken[name] {
				c.fail("there is no {%s}: there are {plug}, {index}, {number}, {user}, {password}, {device} and what requests take", name)
			}
		}
	})
	filled, _ := t.fill(func(string) (string, bool) { return "1", true }, esc, func(string) {})
	return filled
}

func (c *checker) claims(claims []Claim) {
	for _, claim := range claims {
		c.find(claim.Find)
		c.sample(claim.Is, asIs)
		c.regex(claim.Like)
	}
}

func (c *checker) find(f Find) {
	given := 0
	for _, text := range []string{f.JSON, f.Regex, f.XPath, f.Header, f.Cookie} {
		if text != "" {
			given++
		}
		if len(text) > maxPattern {
			c.fail("a pattern of more than %d bytes", maxPattern)
			return
		}
	}
	if given > 1 {
		c.fail("only one of json, regex, xpath, header and cookie can say where a text is")
	}
	c.regex(f.Regex)
	if f.JSON != "" {
		if _, err := jsonpath.Parse(c.sample(f.JSON, inJSONPath)); err != nil {
			c.fail("json: %q is no JSON path: %w", f.JSON, err)
		}
		if err := web.CheckPath(f.JSON); err != nil {
			c.fail("json: %q: %w", f.JSON, err)
		}
	}
	if f.XPath != "" {
		if _, err := xpath.Compile(c.sample(f.XPath, inXPath)); err != nil {
			c.fail("xpath: %q is no XPath: %w", f.XPath, err)
		}
	}
	c.sample(f.Header+f.Cookie, asIs)
}

func (c *checker) regex(text string) {
	if len(text) > maxPattern {
		c.fail("a pattern of more than %d bytes", maxPattern)
		return
	}
	if _, err := regexp.Compile(c.sample(text, inRegex)); err != nil {
		c.fail("%w", err)
	}
}

func (c *checker) read(r *Read) {
	c.find(r.Find)
	c.regex(r.On)
	c.regex(r.Off)
	if r.Bits && !c.fixed {
		c.fail("bits needs the list of plugs")
	}
}

func (c *checker) measures(d *Definition) {
	c.of = "measure"
	for _, m := range d.Measure {
		for _, v := range m.Values {
			c.find(v.Find)
			if (driver.Quantity(v.Quantity).Unit() == "") != (v.Quantity == string(driver.PowerFactor)) {
				c.fail("%q is no quantity", v.Quantity)
			}
		}
	}
	c.of = "describe"
	for _, e := range d.Describe {
		for _, f := range []Find{e.Product, e.Firmware, e.Serial, e.Name, e.Label} {
			c.find(f)
		}
	}
}

// mentionsPlug says whether any of the texts has the plug in a place.
func mentionsPlug(texts ...string) bool {
	found := false
	for _, text := range texts {
		t, err := parseTemplate(text)
		if err != nil {
			continue
		}
		t.uses(func(n string) { found = found || n == placePlug || n == placeIndex || n == placeNumber })
	}
	return found
}

// perPlug says whether a request is sent for each plug.
func (r *Request) perPlug() bool {
	texts := []string{r.Path, r.JSON, r.XML, r.Text}
	for name, value := range r.Form {
		texts = append(texts, name, value)
	}
	for _, value := range r.Headers {
		texts = append(texts, value)
	}
	return mentionsPlug(texts...)
}

// errOneForAll is of a change that would hit every plug.
var errOneForAll = errors.New("neither {plug}, {index} nor {number} is in it, so it would do the same for every plug; if the device has but one, list it under plugs")

// auth gives the scheme for package web.
func (d *Definition) scheme() web.Scheme {
	if d.Auth == "none" {
		return web.None
	}
	return web.Scheme(d.Auth)
}
