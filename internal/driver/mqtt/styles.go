package mqtt

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// point is what is known of one plug: what to say to it, and where it says what.
type point struct {
	command string // topic of commands
	on, off string // payloads
	ask     string // topic of questions; empty if it cannot be asked
	askWith string

	states  []string // topics on which its state is said
	value   []string // for JSON: the member that holds the state; empty for plain words
	numbers string   // topic with what it measures; empty if that is its state's
	measure string   // topic of questions for that
	with    string
	alive   string // topic of its last will
	aliveIs string
}

// topics gives those on which a plug says something, each once.
func (p *point) topics() []string {
	list := slices.Concat(p.states, []string{p.numbers, p.alive})
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(t string) bool { return t == "" })
}

// styles say, for each make of plug, what its topics are. topic is the device's,
// relay its relay's number or name, "" if none was given.
var styles = map[string]func(s *Settings, topic, relay string) point{
	// Tasmota: docs "MQTT" and "Commands". A relay answers on stat/TOPIC/POWERn,
	// and without a number where the device has but one.
	"tasmota": func(_ *Settings, topic, relay string) point {
		power := "POWER" + relay
		return point{
			command: "cmnd/" + topic + "/" + power, on: "ON", off: "OFF",
			ask: "cmnd/" + topic + "/" + power, askWith: "",
			states:  []string{"stat/" + topic + "/" + power},
			numbers: "stat/" + topic + "/STATUS8", measure: "cmnd/" + topic + "/STATUS", with: "8",
			alive: "tele/" + topic + "/LWT", aliveIs: "Online",
		}
	},
	// Zigbee2MQTT: guide "MQTT topics and messages". Endpoints of one device are
	// members state_l1, state_l2 of one answer.
	"zigbee2mqtt": func(s *Settings, topic, relay string) point {
		member := "state"
		if relay != "" {
			member += "_" + relay
		}
		at := s.Base + "/" + topic
		return point{
			command: at + "/set", on: word(member, "ON"), off: word(member, "OFF"),
			ask: at + "/get", askWith: word(member, ""),
			states: []string{at}, value: []string{member},
			numbers: at, measure: at + "/get", with: word(member, ""),
			alive: at + "/availability", aliveIs: "online",
		}
	},
	// Shelly, first generation: API reference "MQTT support".
	"shelly1": func(_ *Settings, topic, relay string) point {
		at := "shellies/" + topic
		return point{
			command: at + "/relay/" + number(relay) + "/command", on: "on", off: "off",
			ask: at + "/command", askWith: "update",
			states: []string{at + "/relay/" + number(relay)},
			alive:  at + "/online", aliveIs: "true",
		}
	},
	// Shelly, second generation and later: API reference "MQTT control".
	"shelly2": func(_ *Settings, topic, relay string) point {
		id := "switch:" + number(relay)
		return point{
			command: topic + "/command/" + id, on: "on", off: "off",
			ask: topic + "/command/" + id, askWith: "status_update",
			states: []string{topic + "/status/" + id}, value: []string{"output"},
			numbers: topic + "/status/" + id, measure: topic + "/command/" + id, with: "status_update",
			alive: topic + "/online", aliveIs: "true",
		}
	},
	"topics": func(s *Settings, topic, relay string) point {
		fill := strings.NewReplacer("{topic}", topic, "{relay}", relay).Replace
		t := s.Topics
		p := point{
			command: fill(t.Command), on: or(t.On, "ON"), off: or(t.Off, "OFF"), ask: fill(t.Ask), askWith: fill(t.AskWith),
			states: []string{fill(t.State)}, alive: fill(t.Alive), aliveIs: or(t.AliveIs, "online"),
		}
		if t.Value != "" {
			p.value = strings.Split(fill(t.Value), ".")
		}
		return p
	},
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func number(relay string) string { return or(relay, "0") }

func word(member, value string) string { return fmt.Sprintf("{%q:%q}", member, value) }

// point makes a plug's topics from its text in the settings. What is a relay and
// what a level of the topic only the style knows: a relay is the last part if it is
// a number, or for Zigbee2MQTT one of its names for endpoints.
func (s *Settings) point(text string) (point, error) {
	topic, relay := text, ""
	if i := strings.LastIndexByte(text, '/'); i > 0 && isRelay(text[i+1:]) {
		topic, relay = text[:i], text[i+1:]
	}
	if badTopic(topic) {
		return point{}, fmt.Errorf("%q is no topic", text)
	}
	p := styles[s.Style](s, topic, relay)
	for _, t := range append([]string{p.command}, p.states...) {
		if badTopic(t) {
			return point{}, fmt.Errorf("%q is no topic", t)
		}
	}
	return p, nil
}

// isRelay says whether a part names a relay: 2, l2, left, right…
func isRelay(part string) bool {
	switch part {
	case "left", "right", "center", "top", "bottom":
		return true
	}
	digits := strings.TrimPrefix(part, "l")
	return digits != "" && len(digits) <= 3 && strings.Trim(digits, "0123456789") == ""
}

// maxPayload bounds what is looked at of an answer.
const maxPayload = 64 << 10

// state reads what a plug says of itself.
func (p *point) state(payload []byte) room.State {
	if len(payload) > maxPayload {
		return room.StateUnknown
	}
	text := strings.TrimSpace(string(payload))
	if len(p.value) > 0 {
		var doc any
		if json.Unmarshal(payload, &doc) != nil {
			return room.StateUnknown
		}
		text = fmt.Sprint(member(doc, p.value))
	}
	switch strings.ToLower(text) {
	case "on", "true", "1":
		return room.StateOn
	case "off", "false", "0":
		return room.StateOff
	}
	if len(p.value) == 0 && text == p.on {
		return room.StateOn
	}
	if len(p.value) == 0 && text == p.off {
		return room.StateOff
	}
	return room.StateUnknown
}

// member follows names into a document.
func member(doc any, path []string) any {
	for _, name := range path {
		m, is := doc.(map[string]any)
		if !is {
			return nil
		}
		doc = m[name]
	}
	return doc
}

// lives reads a last will: a word, or what newer Zigbee2MQTT writes.
func (p *point) lives(payload []byte) bool {
	text := strings.TrimSpace(string(payload))
	var doc struct {
		State string `json:"state"`
	}
	if strings.HasPrefix(text, "{") && len(payload) <= maxPayload && json.Unmarshal(payload, &doc) == nil {
		text = doc.State
	}
	return strings.EqualFold(text, p.aliveIs)
}

// quantities are the names under which plugs say what they measure, with what a
// value is to be multiplied by to be in the quantity's unit.
var quantities = []struct {
	path     []string
	quantity driver.Quantity
	factor   float64
}{
	{[]string{"StatusSNS", "ENERGY", "Power"}, driver.Power, 1},
	{[]string{"StatusSNS", "ENERGY", "ApparentPower"}, driver.ApparentPower, 1},
	{[]string{"StatusSNS", "ENERGY", "Factor"}, driver.PowerFactor, 1},
	{[]string{"StatusSNS", "ENERGY", "Voltage"}, driver.Voltage, 1},
	{[]string{"StatusSNS", "ENERGY", "Current"}, driver.Current, 1},
	{[]string{"StatusSNS", "ENERGY", "Total"}, driver.Energy, 1000},
	{[]string{"power"}, driver.Power, 1},
	{[]string{"voltage"}, driver.Voltage, 1},
	{[]string{"current"}, driver.Current, 1},
	{[]string{"energy"}, driver.Energy, 1000},
	{[]string{"device_temperature"}, driver.Temperature, 1},
	{[]string{"apower"}, driver.Power, 1},
	{[]string{"pf"}, driver.PowerFactor, 1},
	{[]string{"aenergy", "total"}, driver.Energy, 1},
	{[]string{"temperature", "tC"}, driver.Temperature, 1},
}

// readings reads what a plug measures.
func readings(plug int, payload []byte) []driver.Reading {
	var doc any
	if len(payload) > maxPayload || json.Unmarshal(payload, &doc) != nil {
		return nil
	}
	var list []driver.Reading
	for _, q := range quantities {
		if v, is := member(doc, q.path).(float64); is {
			list = append(list, driver.Reading{Plug: plug, Quantity: q.quantity, Value: v * q.factor})
		}
	}
	return list
}
