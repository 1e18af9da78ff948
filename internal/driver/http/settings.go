// Package httpdriver drives devices that are switched by HTTP requests: smart plugs,
// power strips with a web page, service processors with a REST interface. A make of
// device is a file of data, a profile; who has a box that none fits writes the same
// in the room file, under `define`.
//
// It exists because such devices differ in nothing but what is sent and where in the
// answer the truth is. What the device says is only looked through, by JSON paths,
// regular expressions and XPaths of the definition; none of it is evaluated. An
// answer is believed where it shows what the definition expects, and not because
// nothing was wrong with it.
//
// Start at [Settings]; [Definition] is what a profile says. The conversation is
// package web's.
//
//	settings.go    what a room file says; Traits and Open
//	profile.go     the built-in profiles, in profiles/*.yaml
//	definition.go  what a profile or a room says of a make of device
//	check.go       what can be wrong with that
//	template.go    {places} in what is sent
//	find.go        where in an answer something is
//	exchange.go    one request and its answer
//	session.go     batches
//	measure.go     what it measures, and what it is
package httpdriver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "http",
		Summary: "a device that is switched by HTTP requests: smart plugs, power strips with a web page, REST interfaces",
		New:     func() driver.Settings { return &Settings{} },
	}
}

// Settings of one device.
type Settings struct {
	Address string        `yaml:"address" required:"true" doc:"where it is: http://host[:port] or https://host[:port]"`
	Profile string        `yaml:"profile" enum:"blackbox-ps-maverick,blackbox-pse505,dli,dli-rest,epowerswitch,epowerswitch-old,epowerswitch-r2,ip-power-9258,ip-power-9258-old,openbmc,shelly-gen1,shelly-gen2,tasmota" doc:"the make of device"`
	Define  *Definition   `yaml:"define" doc:"how the device is spoken to, if there is no profile for it"`
	TLS     web.TLS       `yaml:"tls" doc:"whom to trust, for https"`
	Plugs   []string      `yaml:"plugs" doc:"the plugs there are, ranges allowed, if not those of the profile"`
	Auth    string        `yaml:"auth" enum:"none,basic,digest,asked,bearer" doc:"how requests carry the credential, if not as the profile says"`
	Timeout time.Duration `yaml:"timeout" doc:"how long one action may take, if not as long as the profile says"`
	Rest    time.Duration `yaml:"rest" doc:"time without power in a cycle made of off and on, if not as the profile says"`

	base  *url.URL
	spec  Definition // of the profile or of define, with what the settings say instead
	plugs []string
}

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	wrong := func(field string, err error) (driver.Traits, error) {
		return driver.Traits{}, &driver.FieldError{Field: field, Err: err}
	}
	base, err := web.ParseAddress(s.Address)
	if err != nil {
		return wrong("address", err)
	}
	if err := s.TLS.Check(); err != nil {
		return wrong("tls", err)
	}
	field, err := s.choose()
	if err != nil {
		return wrong(field, err)
	}
	plugs, err := expand(s.spec.Plugs)
	if err != nil {
		return wrong("plugs", err)
	}
	password, err := s.spec.check(len(plugs) > 0)
	if err != nil {
		return wrong(field, err)
	}
	t := driver.Traits{Type: cmp.Or(s.Profile, "http"), Plugs: plugs, Timeout: s.spec.Timeout, Actions: s.actions}
	if !s.spec.PasswordOptional && (password || s.spec.scheme() != web.None) {
		t.Login = []string{secret.Password}
	}
	for _, op := range room.Ops() {
		if !s.spec.can(op) {
			continue
		}
		if r := s.spec.change(op); r != nil && !r.perPlug() && len(plugs) != 1 {
			return wrong(field, fmt.Errorf("%v: %w", op, errOneForAll))
		}
		t.Verbs = append(t.Verbs, op)
	}
	s.base, s.plugs = base, plugs
	return t, nil
}

// choose settles what the device is spoken to by, and names the setting that says so.
func (s *Settings) choose() (field string, err error) {
	switch {
	case s.Profile != "" && s.Define != nil:
		return "profile", errors.New("give profile or define, not both")
	case s.Define != nil:
		field, s.spec = "define", *s.Define
	case s.Profile == "":
		return "profile", fmt.Errorf("name the make of device (one of %s), or write down how it is spoken to, under define", strings.Join(Profiles(), ", "))
	default:
		p, err := profile(s.Profile)
		if err != nil {
			return "profile", err
		}
		field, s.spec = "profile", *p
	}
	if s.Timeout < 0 {
		return "timeout", errors.New("must be more than nothing")
	}
	if s.Rest < 0 {
		return "rest", errors.New("must not be negative")
	}
	if len(s.Plugs) > 0 {
		s.spec.Plugs = s.Plugs
	}
	s.spec.Auth = cmp.Or(s.Auth, s.spec.Auth)
	s.spec.Timeout = cmp.Or(s.Timeout, s.spec.Timeout, driver.DefaultTimeout)
	s.spec.Rest = cmp.Or(s.Rest, s.spec.Rest, defaultRest)
	return field, nil
}

// defaultRest is the time without power in a cycle made of off and on.
const defaultRest = 5 * time.Second

// expand gives the names of plugs.
func expand(texts []string) (plugs []string, err error) {
	seen := make(map[string]bool)
	for _, text := range texts {
		names, err := hostlist.Expand(text)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if name == "" || seen[name] {
				return nil, fmt.Errorf("plug %q is there twice or has no name", name)
			}
			seen[name] = true
			plugs = append(plugs, name)
		}
	}
	return plugs, nil
}

// actions says that a read that is one request for all plugs is one action.
func (s *Settings) actions(op room.Op, plugs int, _ bool) int {
	if r := s.spec.read(op); r != nil && !r.perPlug() {
		return 1
	}
	return plugs
}

// Open implements [driver.Settings].
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	t := &session{spec: &s.spec, taken: make(map[string]string)}
	t.index(env.Plugs, s.plugs)
	config := web.Config{
		Base: s.base, TLS: s.TLS, Patience: s.spec.Timeout, Redirects: int(s.spec.Redirects), OneShot: s.spec.OneShot,
		Auth:    web.Auth{Scheme: s.spec.scheme(), User: s.spec.User, Protected: s.spec.Protected},
		Expired: t.denied,
	}
	if len(s.spec.Login) > 0 {
		config.Login = t.login
	}
	if s.spec.Logout != nil {
		config.Logout = t.logout
	}
	t.env = env // for names, before there is a client
	client, err := web.Open(ctx, env, config, t.probe)
	if err != nil {
		return nil, err
	}
	t.Client = client
	return t, nil
}

// User is who logs in where the credential names nobody. Traits must have been found.
func (s *Settings) User() string { return s.spec.User }

var _ driver.Settings = (*Settings)(nil)
