package webplug

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// formBox is a strip of the ePowerSwitch family: a form with P1=1, 0 or r.
type formBox struct {
	page  string // that takes the form
	login string // basic, digest, or form: a page of its own
}

func (f formBox) answer(b *Box, w http.ResponseWriter, r *http.Request, body []byte) {
	form, _ := url.ParseQuery(string(body))
	switch f.login {
	case "basic":
		if !b.basic(w, r, "ePowerSwitch") {
			return
		}
	case "digest":
		if !b.digest(w, r, "PS Maverick", "MD5") {
			return
		}
	case "form":
		if r.URL.Path == "/elogin.html" {
			if b.tokens["in"] = b.right(b.user, form.Get("pwd")); b.tokens["in"] {
				b.sessions++
			}
		}
		if !b.tokens["in"] {
			_, _ = io.WriteString(w, `<html><body><form method="post" action="elogin.html"><input type="password" name="pwd"></form></body></html>`)
			return
		}
	}
	if r.URL.Path == f.page && r.Method == http.MethodPost {
		for name, values := range form {
			if !b.formSwitch(strings.TrimPrefix(name, "P"), values[0]) {
				http.Error(w, "bad command", http.StatusBadRequest)
				return
			}
		}
	} else if r.URL.Path != f.page && r.URL.Path != "/" && r.URL.Path != "/elogin.html" {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, "<html><body><h1>The power strip of rack three</h1>")
	for i, plug := range b.Plugs {
		fmt.Fprintf(w, "<p>Socket %d is %s</p>", i+1, map[bool]string{true: "ON", false: "OFF"}[b.on(plug)])
	}
	_, _ = io.WriteString(w, "</body></html>")
}

// formSwitch does one command; false if it is none, or refused.
func (b *Box) formSwitch(number, command string) bool {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(b.Plugs) {
		return false
	}
	switch plug := b.Plugs[n-1]; command {
	case "0", "1":
		return b.move(plug, command == "1")
	case "r":
		return b.cycle(plug)
	}
	return false
}

// hiddenPage is an ePowerSwitch R2 by its hidden page.
type hiddenPage struct{}

func (hiddenPage) answer(b *Box, w http.ResponseWriter, r *http.Request, _ []byte) {
	if !b.basic(w, r, "Hidden Page") {
		return
	}
	if r.URL.Path != "/hidden.htm" {
		http.NotFound(w, r)
		return
	}
	told := make(map[int]string)
	for command := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if command == "" {
			continue
		}
		name, value, _ := strings.Cut(command, "=")
		n, err := strconv.Atoi(strings.TrimPrefix(strings.ToUpper(name), "M0:O"))
		if err != nil || n < 1 || n > len(b.Plugs) || !b.hiddenSwitch(b.Plugs[n-1], strings.ToUpper(value)) {
			http.Error(w, "bad command", http.StatusBadRequest)
			return
		}
		told[n-1] = map[string]string{"ON": "On", "OFF": "Off", "RESTART": "Restart"}[strings.ToUpper(value)]
	}
	_, _ = io.WriteString(w, "<html><body><pre>Hidden Page\n21 Dec 2010 02:29:01\nePowerSwitch 8M+ R2\nVersion: 2.1.0.0\n")
	for i, plug := range b.Plugs {
		state := told[i]
		if state == "" {
			state = map[bool]string{true: "On", false: "Off"}[b.on(plug)]
		}
		fmt.Fprintf(w, "M0:O%d=%s\n", b.shown(i)+1, state)
	}
	_, _ = io.WriteString(w, "</pre></body></html>")
}

func (b *Box) hiddenSwitch(plug, command string) bool {
	switch command {
	case "ON", "OFF":
		return b.move(plug, command == "ON")
	case "RESTART":
		return b.cycle(plug)
	}
	return false
}

// ipPower is an IP Power 9258. Its query is no form: + separates.
type ipPower struct {
	first int  // the number of the first outlet after p6
	basic bool // the password is not in the query
}

func (m ipPower) answer(b *Box, w http.ResponseWriter, r *http.Request, _ []byte) {
	if !strings.EqualFold(r.URL.Path, "/set.cmd") {
		http.NotFound(w, r)
		return
	}
	given := make(map[string]string)
	for part := range strings.SplitSeq(r.URL.RawQuery, "+") {
		name, value, _ := strings.Cut(part, "=")
		value, _ = url.PathUnescape(value)
		given[strings.ToLower(name)] = value
	}
	if m.basic {
		if !b.basic(w, r, "IP9258") {
			return
		}
	} else if !b.right(given["user"], given["pass"]) {
		_, _ = io.WriteString(w, "<html>UnAuthorized</html>")
		return
	}
	told := make(map[int]string)
	if strings.EqualFold(given["cmd"], "setpower") {
		for i := range b.Plugs {
			value, ok := given[fmt.Sprintf("p6%d", i+m.first)]
			if !ok {
				continue
			}
			if value != "0" && value != "1" || !b.move(b.Plugs[i], value == "1") {
				http.Error(w, "bad command", http.StatusBadRequest)
				return
			}
			told[i] = value
		}
	}
	var parts []string
	for i, plug := range b.Plugs {
		value, asked := told[i]
		if len(told) > 0 && !asked {
			continue
		}
		if !asked {
			value = map[bool]string{true: "1", false: "0"}[b.on(plug)]
		}
		parts = append(parts, fmt.Sprintf("P6%d=%s", b.shown(i)+m.first, value))
	}
	_, _ = io.WriteString(w, "<html>"+strings.Join(parts, ",")+"</html>")
}
