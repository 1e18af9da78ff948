package webplug

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// tasmota is a relay board with Tasmota.
type tasmota struct{}

func (tasmota) answer(b *Box, w http.ResponseWriter, r *http.Request, _ []byte) {
	if r.URL.Path != "/cm" {
		http.NotFound(w, r)
		return
	}
	q := r.URL.Query()
	if b.password != "" && !b.right(q.Get("user"), q.Get("password")) {
		reply(w, 401, object{"WARNING": "Need user=<username>&password=<password>"})
		return
	}
	command, argument, _ := strings.Cut(q.Get("cmnd"), " ")
	command = strings.ToLower(command)
	switch {
	case command == "status" && argument == "8":
		reply(w, 200, object{"StatusSNS": object{"Time": "2026-01-01T00:00:00", "ENERGY": object{
			"Total": 3.185, "Power": 160, "ApparentPower": 170, "Factor": 0.94, "Voltage": 232, "Current": 0.73,
		}}})
	case command == "status" && argument == "0":
		var names []string
		for i := range b.Plugs {
			names = append(names, fmt.Sprintf("relay %d", i+1))
		}
		reply(w, 200, object{
			"Status":    object{"DeviceName": "rack 3", "FriendlyName": names, "Power": "0"},
			"StatusFWR": object{"Version": "14.4.1(tasmota)"}, "StatusNET": object{"Mac": "DC:4F:22:B0:2E:3B"},
		})
	case strings.HasPrefix(command, "power"):
		b.tasmotaPower(w, strings.TrimPrefix(command, "power"), strings.ToLower(argument))
	default:
		reply(w, 200, object{"Command": "Unknown"})
	}
}

func (b *Box) tasmotaPower(w http.ResponseWriter, number, argument string) {
	n, err := strconv.Atoi(number)
	if number == "" {
		n, err = 1, nil
	}
	if err != nil || n < 1 || n > len(b.Plugs) {
		reply(w, 200, object{"Command": "Unknown"})
		return
	}
	plug := b.Plugs[n-1]
	state := map[bool]string{true: "ON", false: "OFF"}[b.on(plug)]
	if argument == "on" || argument == "off" {
		if !b.move(plug, argument == "on") {
			reply(w, 200, object{"Command": "Error"})
			return
		}
		state = strings.ToUpper(argument)
	}
	name := "POWER" + strconv.Itoa(b.shown(n-1)+1)
	if len(b.Plugs) == 1 {
		name = "POWER"
	}
	reply(w, 200, object{name: state})
}
