package webplug

import (
	"crypto/md5" //nolint:gosec // so it is on the devices
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// right says whether user and password are the box's.
func (b *Box) right(user, password string) bool {
	return user == b.user && subtle.ConstantTimeCompare([]byte(password), []byte(b.password)) == 1 && !b.faults[BadPassword]
}

// basic asks for the password by basic authentication, RFC 7617; true if it was given.
func (b *Box) basic(w http.ResponseWriter, r *http.Request, realm string) bool {
	if user, password, ok := r.BasicAuth(); b.password == "" || ok && b.right(user, password) {
		return true
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", realm))
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprint(w, "401 Unauthorized")
	return false
}

// digest asks for the password by digest authentication, RFC 7616; true if it was
// given. A challenge may be used again, with a count that grows.
func (b *Box) digest(w http.ResponseWriter, r *http.Request, realm, algorithm string) bool {
	if b.password == "" {
		return true
	}
	stale := false
	if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Digest "); ok {
		given := parameters(text)
		used, known := b.nonces[given["nonce"]]
		count, err := strconv.ParseInt(given["nc"], 16, 32)
		fits := given["uri"] == r.URL.RequestURI() && given["realm"] == realm && given["username"] == b.user
		right := fits && !b.faults[BadPassword] && given["response"] == b.response(given, r.Method, algorithm)
		if right && known && err == nil && int(count) > used {
			b.nonces[given["nonce"]] = int(count)
			return true
		}
		stale = right && !known
	}
	nonce := rand.Text()
	b.nonces[nonce] = 0
	challenge := fmt.Sprintf(`Digest qop="auth", realm=%q, nonce=%q, algorithm=%s`, realm, nonce, algorithm)
	if stale {
		challenge += ", stale=true"
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

// response is the answer to a challenge, RFC 7616 section 3.4.1.
func (b *Box) response(given map[string]string, method, algorithm string) string {
	sum := func(text string) string {
		if algorithm == "SHA-256" {
			return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
		}
		return fmt.Sprintf("%x", md5.Sum([]byte(text))) //nolint:gosec // as above
	}
	a1 := sum(b.user + ":" + given["realm"] + ":" + b.password)
	a2 := sum(method + ":" + given["uri"])
	return sum(strings.Join([]string{a1, given["nonce"], given["nc"], given["cnonce"], given["qop"], a2}, ":"))
}

// parameters reads name=value, name="value".
func parameters(text string) map[string]string {
	all := make(map[string]string)
	for text != "" {
		name, rest, ok := strings.Cut(text, "=")
		if !ok {
			break
		}
		value := ""
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			value, text, _ = strings.Cut(quoted, `"`)
			_, text, _ = strings.Cut(text, ",")
		} else {
			value, text, _ = strings.Cut(rest, ",")
		}
		all[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return all
}

// token makes a session.
func (b *Box) token() string {
	t := rand.Text()
	b.tokens[t] = true
	b.sessions++
	return t
}

// session says whether a request carries the cookie of a session.
func (b *Box) session(r *http.Request, cookie string) bool {
	c, err := r.Cookie(cookie)
	return err == nil && b.tokens[c.Value]
}
