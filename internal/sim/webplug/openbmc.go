package webplug

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// openBMC is a service processor with bmcweb's REST interface, of as many hosts as
// there are plugs.
type openBMC struct{}

func (openBMC) answer(b *Box, w http.ResponseWriter, r *http.Request, body []byte) {
	no := func(status int, why string) {
		reply(w, status, object{"data": object{"description": why}, "message": strconv.Itoa(status) + " " + http.StatusText(status), "status": "error"})
	}
	if r.URL.Path == "/login" && r.Method == http.MethodPost {
		var in struct{ Data []string }
		if json.Unmarshal(body, &in) != nil || len(in.Data) != 2 || !b.right(in.Data[0], in.Data[1]) {
			no(http.StatusUnauthorized, "Invalid username or password")
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "XSRF-TOKEN", Value: "xsrf-" + strconv.Itoa(b.sessions+1), Secure: true}) //nolint:gosec // as the device has it
		http.SetCookie(w, &http.Cookie{Name: "SESSION", Value: b.token(), Secure: true, HttpOnly: true})               //nolint:gosec // as the device has it
		reply(w, 200, object{"data": "User '" + in.Data[0] + "' logged in", "message": "200 OK", "status": "ok"})
		return
	}
	if !b.session(r, "SESSION") {
		no(http.StatusUnauthorized, "Login required")
		return
	}
	if r.Method != http.MethodGet && r.Header.Get("X-XSRF-TOKEN") != "xsrf-"+strconv.Itoa(b.sessions) {
		no(http.StatusForbidden, "The cross-site token is missing")
		return
	}
	if r.URL.Path == "/logout" {
		if c, err := r.Cookie("SESSION"); err == nil {
			delete(b.tokens, c.Value)
		}
		reply(w, 200, object{"data": "User 'root' logged out", "message": "200 OK", "status": "ok"})
		return
	}
	path := regexp.MustCompile(`^/xyz/openbmc_project/state/(host|chassis)([0-9]+)/attr/([A-Za-z]+)$`).FindStringSubmatch(r.URL.Path)
	if path == nil {
		no(http.StatusNotFound, "org.freedesktop.DBus.Error.FileNotFound: path or object not found")
		return
	}
	n, _ := strconv.Atoi(path[2])
	plug := b.at(n)
	if plug == "" {
		no(http.StatusNotFound, "org.freedesktop.DBus.Error.FileNotFound: path or object not found")
		return
	}
	if r.Method == http.MethodGet {
		b.openBMCRead(w, plug, path[1]+"/"+path[3])
		return
	}
	var in struct{ Data string }
	ok := json.Unmarshal(body, &in) == nil
	_, what, _ := strings.Cut(in.Data, "Transition.")
	plug = b.Plugs[n]
	switch path[1] + "/" + path[3] + "=" + what {
	case "host/RequestedHostTransition=On", "chassis/RequestedPowerTransition=On":
		ok = ok && b.move(plug, true)
	case "host/RequestedHostTransition=Off", "chassis/RequestedPowerTransition=Off":
		ok = ok && b.move(plug, false)
	case "host/RequestedHostTransition=Reboot":
		ok = ok && !b.rejects(plug)
	default:
		ok = false
	}
	if !ok {
		no(http.StatusBadRequest, "The property value is invalid")
		return
	}
	reply(w, 200, object{"data": nil, "message": "200 OK", "status": "ok"})
}

func (b *Box) openBMCRead(w http.ResponseWriter, plug, what string) {
	text := ""
	switch on := b.on(plug); what {
	case "chassis/CurrentPowerState":
		text = "xyz.openbmc_project.State.Chassis.PowerState." + map[bool]string{true: "On", false: "Off"}[on]
	case "host/CurrentHostState":
		text = "xyz.openbmc_project.State.Host.HostState." + map[bool]string{true: "Running", false: "Off"}[on]
	}
	reply(w, 200, object{"data": text, "message": "200 OK", "status": "ok"})
}
