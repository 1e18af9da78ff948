// Package mqtt drives plugs that hang on an MQTT broker: Tasmota, Zigbee2MQTT,
// Shelly of either generation, and whatever else takes a word on one topic and
// says its state on another.
//
// The broker only carries words; a command that it took has moved nothing. So a
// plug counts as switched when it has said its state after the command, and as
// unreachable when the broker says in its name that it has left (its last will).
// All plugs of a batch are worked at side by side.
//
// A plug is named by the topic that its own settings call the device's, with the
// relay behind a slash where there are several:
//
//	driver: mqtt
//	credential: broker
//	settings:
//	  address: mqtt://broker:1883
//	  style: tasmota
//	  plugs: {lamp: tasmota_4F2C11, heater: tasmota_77A0B2/2}
//
// Start at [Settings]; styles.go says what each make of plug wants to hear.
package mqtt

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "mqtt",
		Summary: "plugs on an MQTT broker: Tasmota, Zigbee2MQTT, Shelly, or by topics",
		New: func() driver.Settings {
			return &Settings{Style: "tasmota", Base: "zigbee2mqtt", Rest: 5 * time.Second, Timeout: 10 * time.Second}
		},
	}
}

// Settings of the plugs on one broker.
type Settings struct {
	Address string            `yaml:"address" required:"true" doc:"the broker, as mqtt://host:1883 or mqtts://host:8883"`
	TLS     web.TLS           `yaml:"tls" doc:"whom to trust, for mqtts"`
	Style   string            `yaml:"style" enum:"tasmota,zigbee2mqtt,shelly1,shelly2,topics" default:"tasmota" doc:"what the plugs speak; shelly1 and shelly2 are the generations"`
	Base    string            `yaml:"base" default:"zigbee2mqtt" doc:"for zigbee2mqtt: its base topic"`
	Plugs   map[string]string `yaml:"plugs" required:"true" doc:"the topic of each plug's device, with /RELAY behind it where it has several"`
	Topics  Topics            `yaml:"topics" doc:"for the style topics: what to send, and what comes back"`
	Rest    time.Duration     `yaml:"rest" default:"5s" doc:"how long a cycle leaves a plug off"`
	Timeout time.Duration     `yaml:"timeout" default:"10s" doc:"how long a plug may take to answer"`

	broker *url.URL
	points map[string]point
}

// Topics are for plugs of no known style. {topic} stands for the plug's topic and
// {relay} for its relay.
type Topics struct {
	Command string `yaml:"command" doc:"topic that takes commands"`
	On      string `yaml:"on" default:"ON" doc:"what switches on"`
	Off     string `yaml:"off" default:"OFF" doc:"what switches off"`
	State   string `yaml:"state" doc:"topic on which the plug says its state"`
	Value   string `yaml:"value" doc:"for answers in JSON: the member that holds the state, with dots between levels"`
	Ask     string `yaml:"ask" doc:"topic on which it can be asked for its state; without it the last that was said counts"`
	AskWith string `yaml:"ask-with" doc:"what to ask with"`
	Alive   string `yaml:"alive" doc:"topic of its last will"`
	AliveIs string `yaml:"alive-is" default:"online" doc:"what stands there while it is in reach"`
}

const (
	maxPlugs = 10_000
	maxTopic = 256
)

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	if err := s.check(); err != nil {
		return driver.Traits{}, err
	}
	s.points = make(map[string]point, len(s.Plugs))
	for name, text := range s.Plugs {
		p, err := s.point(text)
		if err != nil {
			return driver.Traits{}, &driver.FieldError{Field: "plugs", Err: fmt.Errorf("%s: %w", name, err)}
		}
		s.points[name] = p
	}
	return driver.Traits{
		Type: "mqtt-" + s.Style, Verbs: []room.Op{room.Status, room.On, room.Off, room.Cycle}, Timeout: s.Timeout,
		Plugs: slices.SortedFunc(maps.Keys(s.Plugs), hostlist.Compare),
	}, nil
}

func (s *Settings) check() (err error) {
	field := func(name, format string, args ...any) error {
		return &driver.FieldError{Field: name, Err: fmt.Errorf(format, args...)}
	}
	if s.broker, err = parseBroker(s.Address); err != nil {
		return &driver.FieldError{Field: "address", Err: err}
	}
	if err := s.TLS.Check(); err != nil {
		return &driver.FieldError{Field: "tls", Err: err}
	}
	_, known := styles[s.Style]
	switch {
	case !known:
		return field("style", "%q is none of tasmota, zigbee2mqtt, shelly1, shelly2 and topics", s.Style)
	case len(s.Plugs) == 0:
		return field("plugs", "there are none")
	case len(s.Plugs) > maxPlugs:
		return field("plugs", "at most %d", maxPlugs)
	case s.Style == "topics" && (s.Topics.Command == "" || s.Topics.State == ""):
		return field("topics", "the style topics needs at least command and state")
	case s.Rest < 0 || s.Timeout <= 0:
		return field("timeout", "times must be more than nothing")
	case badTopic(s.Base):
		return field("base", "%q is no topic", s.Base)
	}
	return nil
}

func parseBroker(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "mqtt" && u.Scheme != "mqtts" || u.Hostname() == "" || u.Path != "" || u.User != nil {
		return nil, errors.New("write mqtt://host:1883, or mqtts://host:8883 for TLS; user and password belong to the credential")
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), map[string]string{"mqtt": "1883", "mqtts": "8883"}[u.Scheme])
	}
	return u, nil
}

// badTopic says whether a text cannot be the topic of a device.
func badTopic(text string) bool {
	return text == "" || len(text) > maxTopic || strings.ContainsAny(text, "#+\x00\n") || strings.HasPrefix(text, "/")
}
