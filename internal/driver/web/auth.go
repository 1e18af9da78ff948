package web

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/icholy/digest"

	"millwright.dev/millwright/internal/secret"
)

// challenge is what a device has asked for last, and how often that was used.
type challenge struct {
	digest *digest.Challenge // nil: it wants basic
	used   int
}

// authorise gives a request the credential, as far as it is known how.
func (c *Client) authorise(req *http.Request, body []byte) error {
	if c.cred.password.IsZero() { // there is nothing to let us in
		return nil
	}
	switch c.cred.Scheme {
	case None:
	case Basic:
		c.basic(req)
	case Bearer:
		req.Header.Set("Authorization", "Bearer "+c.cred.password.Reveal())
	case Digest, Asked:
		if c.asked == nil {
			return nil
		}
		if c.asked.digest == nil {
			c.basic(req)
			return nil
		}
		return c.answer(req, body)
	}
	return nil
}

func (c *Client) basic(req *http.Request) {
	text := base64.StdEncoding.EncodeToString([]byte(c.cred.user + ":" + c.cred.password.Reveal()))
	req.Header.Set("Authorization", "Basic "+text)
}

// answer answers the digest challenge that was heard last.
func (c *Client) answer(req *http.Request, body []byte) error {
	c.asked.used++
	cred, err := digest.Digest(c.asked.digest, digest.Options{
		Method: req.Method, URI: req.URL.RequestURI(), Count: c.asked.used,
		GetBody:  getBody(body),
		Username: c.cred.user, Password: c.cred.password.Reveal(),
	})
	if err != nil {
		return Odd("a challenge that cannot be answered: " + err.Error())
	}
	c.hide(cred.Response)
	req.Header.Set("Authorization", cred.String())
	return nil
}

// learn takes the challenge out of a 401. It says whether there is a new one, which
// is worth another try: a device whose challenge is the answer to our answer does
// not believe us, unless it says that ours was only stale.
func (c *Client) learn(a *Answer, answered bool) bool {
	if c.cred.Scheme != Digest && c.cred.Scheme != Asked || c.cred.password.IsZero() {
		return false
	}
	found, err := digest.FindChallenge(a.Header)
	if err != nil {
		found = nil
	}
	if found == nil {
		basic := slices.ContainsFunc(a.Header.Values("WWW-Authenticate"), func(s string) bool {
			return len(s) >= 5 && strings.EqualFold(s[:5], "basic")
		})
		if c.cred.Scheme == Digest || !basic || answered {
			return false
		}
		c.asked = &challenge{}
		return true
	}
	for i := range found.QOP { // a list with blanks
		found.QOP[i] = strings.TrimSpace(found.QOP[i])
	}
	old := c.asked
	c.asked = &challenge{digest: found}
	return !answered || found.Stale || old != nil && old.used > 1 && old.digest != nil && old.digest.Nonce != found.Nonce
}

// maxCookies is how many cookies a device may set.
const maxCookies = 32

// cookie is one that the device has set. There is but one host, and it gets all.
type cookie struct{ name, value string }

// remember keeps the cookies of an answer.
func (c *Client) remember(h http.Header) {
	for _, set := range (&http.Response{Header: h}).Cookies() {
		c.cookies = slices.DeleteFunc(c.cookies, func(k cookie) bool { return k.name == set.Name })
		if set.MaxAge < 0 || set.Value == "" || len(c.cookies) >= maxCookies {
			continue
		}
		c.cookies = append(c.cookies, cookie{set.Name, set.Value})
		c.session = append(c.session, secret.NewValue(set.Value))
		c.hide("")
	}
}

// Cookie gives the value of a cookie that the device has set; empty if it has not.
func (c *Client) Cookie(name string) string {
	for _, k := range c.cookies {
		if k.name == name {
			return k.value
		}
	}
	return ""
}

// Attach has every later request carry a header, until the session is logged in
// again: a token that the device gave. The value is a secret from then on.
func (c *Client) Attach(name, value string) {
	c.attached = append(c.attached, cookie{name, value})
	c.Hide(value)
}

// Hide keeps a value that the device gave out of traces and errors, until the
// session is logged in again.
func (c *Client) Hide(value string) {
	c.session = append(c.session, secret.NewValue(value))
	c.hide("")
}
