package amt_test

import (
	"crypto/md5"
	"fmt"
	"net/http"
	"regexp"
)

// digest is the server's side of RFC 2617, as AMT does it.
type digest struct {
	user, password string
	nonces         int
}

const realm = "Digest:A3829B3827DE4D33D4449B366831FD01"

var part = regexp.MustCompile(`(\w+)="?([^",]+)"?`)

func hash(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

// lets says whether a request carries the right answer, and else asks for it.
func (d *digest) lets(w http.ResponseWriter, r *http.Request) bool {
	said := make(map[string]string)
	for _, m := range part.FindAllStringSubmatch(r.Header.Get("Authorization"), -1) {
		said[m[1]] = m[2]
	}
	a1, a2 := hash(d.user+":"+realm+":"+d.password), hash(r.Method+":"+r.URL.RequestURI())
	want := hash(a1 + ":" + said["nonce"] + ":" + said["nc"] + ":" + said["cnonce"] + ":" + said["qop"] + ":" + a2)
	if said["username"] == d.user && said["response"] == want {
		return true
	}
	d.nonces++
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="%s", nonce="%s", stale="false", qop="auth"`, realm, hash(fmt.Sprint("nonce", d.nonces))))
	w.WriteHeader(http.StatusUnauthorized)
	return false
}
