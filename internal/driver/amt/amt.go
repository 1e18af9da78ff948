// Package amt drives Intel Active Management Technology: the service processor of
// Intel's desktops, laptops and workstations, by WS-Management (AMT 3.0 and later)
// or by the SOAP service RemoteControl that came before it.
//
// Power is CIM_PowerManagementService's RequestPowerStateChange, and what it is
// CIM_AssociatedPowerManagementService's PowerState (Intel AMT Implementation and
// Reference Guide, "Change System Power State"; DMTF DSP1027). A machine that is off
// is switched on, and not reset, when it is to be cycled or reset.
//
// Start at [Settings]; message.go says what is said.
package amt

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "amt",
		Summary: "Intel AMT, by WS-Management or the older SOAP",
		New: func() driver.Settings {
			return &Settings{Protocol: "auto", Rest: 10 * time.Second, Timeout: 30 * time.Second}
		},
	}
}

// Settings of one machine.
type Settings struct {
	Address  string        `yaml:"address" required:"true" doc:"where the AMT is, as http://host:16992, or https://host:16993 for TLS"`
	TLS      web.TLS       `yaml:"tls" doc:"whom to trust, for https"`
	Protocol string        `yaml:"protocol" enum:"auto,wsman,soap" default:"auto" doc:"what it speaks; auto asks for WS-Management first"`
	Rest     time.Duration `yaml:"rest" default:"10s" doc:"how long a cycle leaves the machine off; AMT wants time between two changes"`
	Timeout  time.Duration `yaml:"timeout" default:"30s" doc:"how long one operation may take"`

	at *url.URL
}

// plug is the one that there is: the machine itself.
const plug = "1"

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	field := func(name, said string) (driver.Traits, error) {
		return driver.Traits{}, &driver.FieldError{Field: name, Err: errors.New(said)}
	}
	at, err := web.Place(s.Address, s.TLS, "http://host:16992 or https://host:16993", "http", "https")
	switch {
	case err != nil:
		return driver.Traits{}, err
	case s.Protocol != "auto" && s.Protocol != "wsman" && s.Protocol != "soap":
		return field("protocol", "it is auto, wsman or soap")
	case s.Rest < 0 || s.Timeout <= 0:
		return field("timeout", "times must be more than nothing")
	}
	s.at = at
	return driver.Traits{
		Type: "amt", Plugs: []string{plug}, Timeout: s.Timeout, Login: []string{secret.Password},
		Verbs: []room.Op{room.Status, room.On, room.Off, room.Cycle, room.Reset},
	}, nil
}

// Open implements [driver.Settings]: it reads the power, which shows that the
// password is right, and which protocol is spoken.
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	n := &session{Settings: s, soap: s.Protocol == "soap"}
	config := web.Config{
		Base: s.at, TLS: s.TLS, Patience: s.Timeout,
		Auth: web.Auth{Scheme: web.Digest, User: "admin"},
	}
	client, err := web.Open(ctx, env, config, func(t *web.Talk) error {
		_, err := n.power(t)
		if errors.Is(err, errNoWSMan) && s.Protocol == "auto" {
			n.soap = true
			_, err = n.power(t)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	n.Client = client
	return n, nil
}

var errNoWSMan = errors.New("it has no WS-Management")

// session is an open conversation.
type session struct {
	*web.Client
	*Settings
	soap bool
}

// Do implements [driver.Session].
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	switch b.Op {
	case room.Status:
		return n.Each(ctx, b, sink, func(t *web.Talk, p int) error {
			state, err := n.power(t)
			if err == nil {
				sink.State(p, state, state.String())
			}
			return err
		})
	case room.On:
		return n.Each(ctx, b, sink, func(t *web.Talk, _ int) error { return n.change(t, powerOn) })
	case room.Off:
		return n.Each(ctx, b, sink, func(t *web.Talk, _ int) error { return n.off(t) })
	case room.Reset:
		return n.Each(ctx, b, sink, func(t *web.Talk, _ int) error { return n.reset(t) })
	case room.Cycle:
		return n.Each(ctx, b, sink, func(t *web.Talk, _ int) error { return n.cycle(t) })
	}
	return n.Cannot(b, sink)
}

// off switches off. AMT refuses that of a machine that is off.
func (n *session) off(t *web.Talk) error {
	state, err := n.power(t)
	if err != nil || state == room.StateOff {
		return err
	}
	return n.change(t, powerOff)
}

func (n *session) reset(t *web.Talk) error {
	state, err := n.power(t)
	if err != nil {
		return err
	}
	if state == room.StateOff {
		return n.change(t, powerOn)
	}
	return n.change(t, busReset)
}

// look is how long lies between two looks at the power.
const look = time.Second

// cycle switches off, waits until it is, rests, and switches on.
func (n *session) cycle(t *web.Talk) error {
	return t.Cycle(n.Rest, func() error {
		if err := n.off(t); err != nil {
			return err
		}
		for {
			state, err := n.power(t)
			if err != nil || state == room.StateOff {
				return action.Unfinished(err)
			}
			if err := t.Wait(look); err != nil {
				return err
			}
		}
	}, func() error { return n.change(t, powerOn) })
}

// ask sends a message and reads the answer.
func (n *session) ask(t *web.Talk, m message) (*document, error) {
	a, err := t.Do(web.Request{Method: http.MethodPost, Path: m.path, Header: m.header, Body: m.body, Change: m.change})
	if err != nil {
		return nil, err
	}
	if !n.soap && (a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed) {
		return nil, errNoWSMan
	}
	doc, ok := read(a.Body)
	if fault := doc.fault(); ok && fault != "" {
		return nil, web.Refused(fault)
	}
	if err := a.Want(http.StatusOK); err != nil {
		return nil, err
	}
	if !ok {
		return nil, web.Odd(a.Line())
	}
	return doc, nil
}

// power reads whether the machine is on.
func (n *session) power(t *web.Talk) (room.State, error) {
	m, read := wsmanPower(), (*document).wsmanPower
	if n.soap {
		m, read = soapPower(), (*document).soapPower
	}
	doc, err := n.ask(t, m)
	if err != nil {
		return room.StateUnknown, err
	}
	state, ok := read(doc)
	if !ok {
		return state, web.Odd("an answer without the power's state")
	}
	return state, nil
}

// change asks for another power state. The answer says that it was accepted.
func (n *session) change(t *web.Talk, to powerState) error {
	m, member := wsmanChange(to), "ReturnValue"
	if n.soap {
		m, member = soapChange(to), "Status"
	}
	doc, err := n.ask(t, m)
	if err != nil {
		return err
	}
	switch said, has := doc.first(member); {
	case !has:
		return web.Odd("an answer without " + member)
	case said != "0":
		return web.Refused(member + " " + said + trouble[said])
	}
	return nil
}

// trouble words the most frequent answers.
var trouble = map[string]string{
	"1":    ": not supported",
	"2":    ": an error",
	"2054": ": another redirection session keeps it from being switched",
}

var _ driver.Session = (*session)(nil)
