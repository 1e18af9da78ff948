package webplug

import (
	"crypto/md5" //nolint:gosec // so it is on the device
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// dli is a Digital Loggers switch by its page.
type dli struct{}

func (dli) answer(b *Box, w http.ResponseWriter, r *http.Request, body []byte) {
	if r.URL.Path == "/login.tgi" {
		b.dliLogin(w, body)
		return
	}
	if !b.session(r, "DLILPC") {
		challenge := rand.Text()
		b.nonces[challenge] = 0
		fmt.Fprintf(w, `<html><head><title>Power Controller</title></head><body><form name="login" action="/login.tgi" method="post">`+
			`<input type="hidden" name="Challenge" value="%s"><input name="Username"><input type="password" name="Password"></form></body></html>`, challenge)
		return
	}
	if r.URL.Path != "/outlet" {
		bits := 0
		for i := range b.Plugs {
			if b.on(b.at(i)) {
				bits |= 1 << i
			}
		}
		fmt.Fprintf(w, "<html><head><title>Outlet Control</title></head><body>\n<!-- state=%02x lock=00 -->\n</body></html>", bits)
		return
	}
	number, command, _ := strings.Cut(r.URL.RawQuery, "=")
	n, err := strconv.Atoi(number)
	plug := ""
	if err == nil && n >= 1 && n <= len(b.Plugs) {
		plug = b.Plugs[n-1]
	}
	var ok bool
	switch command {
	case "ON", "OFF":
		ok = b.move(plug, command == "ON")
	case "CCL":
		ok = b.cycle(plug)
	}
	if !ok {
		http.Error(w, "no such outlet, or it is locked", http.StatusForbidden)
		return
	}
	w.Header().Set("Location", "/index.htm")
	w.WriteHeader(http.StatusFound)
}

// dliLogin looks at the sum of challenge, user, password and challenge.
func (b *Box) dliLogin(w http.ResponseWriter, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err == nil && form.Get("Username") == b.user && !b.faults[BadPassword] {
		for challenge := range b.nonces {
			sum := md5.Sum([]byte(challenge + b.user + b.password + challenge)) //nolint:gosec // as above
			if hex.EncodeToString(sum[:]) == form.Get("Password") {
				delete(b.nonces, challenge)
				http.SetCookie(w, &http.Cookie{Name: "DLILPC", Value: b.token()}) //nolint:gosec // as the device has it
				w.Header().Set("Location", "/index.htm")
				w.WriteHeader(http.StatusFound)
				return
			}
		}
	}
	_, _ = io.WriteString(w, `<html><body>Login failed<form><input name="Challenge" type="hidden" value="x"></form></body></html>`)
}

// dliREST is a Digital Loggers switch by its REST interface.
type dliREST struct{}

func (dliREST) answer(b *Box, w http.ResponseWriter, r *http.Request, body []byte) {
	if !b.digest(w, r, "Power Controller", "MD5") {
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) != 5 || strings.Join(parts[:3], "/") != "restapi/relay/outlets" {
		http.NotFound(w, r)
		return
	}
	n, err := strconv.Atoi(parts[3])
	if err != nil || n < 0 || n >= len(b.Plugs) {
		http.NotFound(w, r)
		return
	}
	plug := b.Plugs[n]
	if r.Method != http.MethodGet && r.Header.Get("X-CSRF") == "" {
		http.Error(w, "X-CSRF is missing", http.StatusForbidden)
		return
	}
	value := ""
	if form, err := url.ParseQuery(string(body)); err == nil {
		value = form.Get("value")
	}
	switch what := parts[4]; {
	case what == "name" && r.Method == http.MethodGet:
		reply(w, 200, fmt.Sprintf("Outlet %d", n+1))
	case (what == "physical_state" || what == "state") && r.Method == http.MethodGet:
		reply(w, 200, b.on(b.at(n)))
	case what == "state" && r.Method == http.MethodPut && (value == "true" || value == "false") && b.move(plug, value == "true"),
		what == "cycle" && r.Method == http.MethodPost && b.cycle(plug):
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "conflict", http.StatusConflict)
	}
}
