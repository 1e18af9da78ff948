package httpdriver

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"

	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/secret"
)

// noPlug is the plug of a request that is of none.
const noPlug = -1

// value gives what stands for a name in a text that is about a plug.
func (s *session) value(plug int) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		switch name {
		case placePlug:
			if plug >= 0 {
				return s.env.Plugs[plug].Name, true
			}
		case placeIndex, placeNumber:
			if plug < 0 || s.places[plug] < 0 {
				return "", false
			}
			n := s.places[plug]
			if name == placeNumber {
				n++
			}
			return strconv.Itoa(n), true
		case placeUser:
			return cmp.Or(s.env.Credential.User, s.spec.User), true
		case placePassword:
			return s.env.Credential.Get(secret.Password).Reveal(), true
		case placeDevice:
			return s.env.Device, true
		}
		text, ok := s.taken[name]
		return text, ok
	}
}

// filler fills templates that are about a plug.
func (s *session) filler(t *web.Talk, plug int) func(text string, esc escape) (string, error) {
	return func(text string, esc escape) (string, error) {
		parsed, err := parseTemplate(text)
		if err != nil {
			return "", err
		}
		return parsed.fill(s.value(plug), esc, t.Client.Hide)
	}
}

// request makes what is to be sent.
func (s *session) request(t *web.Talk, r *Request, plug int, change bool) (web.Request, error) {
	fill := s.filler(t, plug)
	out := web.Request{Method: r.Method, Header: make(http.Header), Change: change}
	parsed, err := parseTemplate(r.Path)
	if err == nil {
		out.Path, err = parsed.fillPath(s.value(plug), t.Client.Hide)
	}
	if err != nil {
		return out, err
	}
	text, kind := "", ""
	switch {
	case r.Form != nil:
		kind = "application/x-www-form-urlencoded"
		text, err = form(r.Form, fill)
	case r.JSON != "":
		kind = "application/json"
		text, err = fill(r.JSON, inJSON)
	case r.XML != "":
		kind = "text/xml"
		text, err = fill(r.XML, inXML)
	case r.Text != "":
		kind = "text/plain"
		text, err = fill(r.Text, asIs)
	}
	if err != nil {
		return out, err
	}
	if kind != "" {
		out.Body = []byte(text)
		out.Header.Set("Content-Type", kind)
		out.Method = cmp.Or(out.Method, http.MethodPost)
	}
	for name, value := range r.Headers {
		filled, err := fill(value, inHeader)
		if err != nil {
			return out, err
		}
		out.Header.Set(name, filled)
	}
	return out, nil
}

// form makes the text of a form, sorted by names.
func form(fields map[string]string, fill func(string, escape) (string, error)) (string, error) {
	values := make(url.Values, len(fields))
	for name, value := range fields {
		n, err := fill(name, asIs)
		if err != nil {
			return "", err
		}
		v, err := fill(value, asIs)
		if err != nil {
			return "", err
		}
		values.Set(n, v)
	}
	return values.Encode(), nil
}

// exchange sends a request and gives the answer, if it is to be believed.
func (s *session) exchange(t *web.Talk, r *Request, plug int, change bool) (*page, error) {
	out, err := s.request(t, r, plug, change)
	if err != nil {
		return nil, web.Refused("nothing was sent: " + err.Error())
	}
	a, err := t.Do(out)
	if err != nil {
		return nil, err
	}
	p := newPage(a)
	fill := s.filler(t, plug)
	if !s.entering && s.denied(a) {
		return nil, web.Refused("it does not let us in; are the user and the password right?")
	}
	for _, c := range r.Refused {
		if p.holds(c, fill) != nil {
			continue
		}
		said, err := p.find(c.Find, fill)
		if err != nil || said == "" {
			said = a.Line()
		}
		return nil, web.Refused(said)
	}
	if err := a.Want(r.Status...); err != nil {
		return nil, err
	}
	for _, c := range r.Expect {
		if err := p.holds(c, fill); err != nil {
			return nil, web.Odd(err.Error())
		}
	}
	return p, s.keep(t, r, p, plug)
}

// denied says whether an answer means that we are not let in.
func (s *session) denied(a *web.Answer) bool {
	p := newPage(a)
	for _, c := range s.spec.Denied {
		if p.holds(c, plain) == nil {
			return true
		}
	}
	return false
}

// plain fills nothing: what is denied is the same for all.
func plain(text string, _ escape) (string, error) { return text, nil }

// keep takes what later requests need.
func (s *session) keep(t *web.Talk, r *Request, p *page, plug int) error {
	fill := s.filler(t, plug)
	for name, f := range r.Take {
		found, err := p.find(f, fill)
		if err != nil && f.Cookie == "" && f.Header == "" { // those some versions have and others not
			return web.Odd(err.Error())
		}
		s.taken[name] = found
	}
	for name, value := range r.Attach {
		filled, err := fill(value, inHeader)
		if err != nil {
			return web.Odd(err.Error())
		}
		if filled != "" {
			t.Client.Attach(name, filled)
		}
	}
	return nil
}
