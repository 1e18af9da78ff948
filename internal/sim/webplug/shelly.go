package webplug

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

type object = map[string]any

// shelly1 is a Shelly of the first generation.
type shelly1 struct{}

func (shelly1) answer(b *Box, w http.ResponseWriter, r *http.Request, _ []byte) {
	if r.URL.Path != "/shelly" && !b.basic(w, r, "shelly4pro-4021E8") {
		return
	}
	switch {
	case r.URL.Path == "/shelly":
		reply(w, 200, object{"type": "SHSW-44", "mac": "4022D88E4021", "auth": b.password != "", "fw": "20230913-112003/v1.14.0"})
	case r.URL.Path == "/status":
		var relays, meters []object
		for i := range b.Plugs {
			relays = append(relays, b.shelly1Relay(b.at(i)))
			meters = append(meters, object{"power": b.watts(i, 40.5+float64(i)), "is_valid": true, "total": 6000 * (i + 1)})
		}
		reply(w, 200, object{"relays": relays, "meters": meters, "voltage": 231.2, "temperature": 41.5, "mac": "4022D88E4021"})
	case r.URL.Path == "/settings":
		var relays []object
		for i := range b.Plugs {
			relays = append(relays, object{"name": fmt.Sprintf("channel %d", i)})
		}
		reply(w, 200, object{"device": object{"type": "SHSW-44", "mac": "4022D88E4021"}, "fw": "20230913-112003/v1.14.0", "name": "rack 3", "relays": relays})
	case strings.HasPrefix(r.URL.Path, "/relay/"):
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/relay/"))
		if err != nil || n < 0 || n >= len(b.Plugs) {
			http.Error(w, "Not Found", http.StatusNotFound)
			return
		}
		plug := b.Plugs[n]
		state := b.shelly1Relay(plug)
		if turn := r.URL.Query().Get("turn"); turn != "" {
			if (turn != "on" && turn != "off") || !b.move(plug, turn == "on") {
				http.Error(w, "Bad turn!", http.StatusBadRequest)
				return
			}
			state["ison"] = turn == "on" // what it has told its relay to be
		}
		reply(w, 200, state)
	default:
		http.NotFound(w, r)
	}
}

func (b *Box) shelly1Relay(plug string) object {
	return object{"ison": b.on(plug), "has_timer": false, "overpower": false, "is_valid": true, "source": "http"}
}

// shelly2 is a Shelly of the second generation.
type shelly2 struct{}

func (shelly2) answer(b *Box, w http.ResponseWriter, r *http.Request, body []byte) {
	const name, volts = "shellypro4pm-f008d1d8b8b8", 230.1
	method, ok := strings.CutPrefix(r.URL.Path, "/rpc/")
	switch {
	case !ok:
		http.NotFound(w, r)
		return
	case method == "Shelly.GetDeviceInfo":
		reply(w, 200, object{"id": name, "mac": "F008D1D8B8B8", "model": "SPSW-104PE16EU", "gen": 2, "ver": "1.4.4", "app": "Pro4PM", "name": "rack 3", "auth_en": b.password != "", "auth_domain": name})
		return
	case !b.digest(w, r, name, "SHA-256"):
		return
	}
	var in struct {
		ID *int  `json:"id"`
		On *bool `json:"on"`
	}
	if len(body) > 0 {
		if json.Unmarshal(body, &in) != nil {
			reply(w, 500, object{"code": -103, "message": "Invalid argument"})
			return
		}
	} else if n, err := strconv.Atoi(r.URL.Query().Get("id")); err == nil {
		in.ID = &n
	}
	if in.ID == nil || *in.ID < 0 || *in.ID >= len(b.Plugs) {
		reply(w, 500, object{"code": -105, "message": "Argument 'id', value not found!"})
		return
	}
	shown := b.shown(*in.ID)
	switch method {
	case "Switch.GetStatus":
		on := b.on(b.Plugs[shown])
		reply(w, 200, object{
			"id": shown, "source": "HTTP_in", "output": on, "apower": b.watts(shown, 12.5+float64(shown)), "voltage": volts, "current": math.Round(1000*b.watts(shown, 0.5*volts)/volts) / 1000, "pf": 0.98, "freq": 50.0,
			"aenergy": object{"total": 1234.5}, "temperature": object{"tC": 38.25, "tF": 100.9},
		})
	case "Switch.GetConfig":
		reply(w, 200, object{"id": shown, "name": fmt.Sprintf("channel %d", shown), "in_mode": "follow"})
	case "Switch.Set":
		plug := b.Plugs[*in.ID]
		was := b.on(plug)
		if in.On == nil || !b.move(plug, *in.On) {
			reply(w, 500, object{"code": -108, "message": "Switch is in fault state!"})
			return
		}
		reply(w, 200, object{"was_on": was})
	default:
		reply(w, 404, object{"code": 404, "message": "No handler for " + method})
	}
}
