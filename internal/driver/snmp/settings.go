// Package snmp drives power devices that speak SNMP: most PDUs made for racks.
//
// One driver serves all makes. What is different between them, which objects hold the
// state of an outlet and what to write to switch it, is data: package profile beneath
// this one. The wire's bytes and the security of version 3 are the library gosnmp's;
// who waits for what, and what is believed, is ours: a device costs a socket and no
// goroutine, and an answer counts only if it is to the question, of the objects that
// were asked for, and as secure as the question was.
//
// Start at [Settings]. Then read in this order:
//
//	wire.go     one question and its answer: sending again, what is not believed
//	usm.go      version 3: who the engine is, its time, its reports
//	read.go     many objects in few messages
//	session.go  logging in, reading states
//	change.go   switching, and waiting until it can be seen
//	measure.go  what the device measures and says of itself
//
// Package agent beside profile is a device of any profile to test against.
package snmp

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "snmp",
		Summary: "a PDU that speaks SNMP (version 1, 2c or 3), by a profile of its make",
		New:     func() driver.Settings { return defaults() },
	}
}

func defaults() *Settings {
	return &Settings{
		Version: "2c", Profile: auto, Auth: "sha", Privacy: "aes128", Timeout: 10 * time.Second,
		RetryAfter: time.Second, Retries: 3, MaxRepetitions: 32, Cycle: byDevice, Rest: 5 * time.Second,
		Unit: -1,
	}
}

// Settings of one device.
//
// The credential is, for versions 1 and 2c, the community: `password` is the one that
// may write, and is used for reading too unless `passphrase` is another one for that.
// For version 3, `user` and `password` authenticate, and `passphrase` is for privacy;
// without it the password serves for both.
type Settings struct {
	Address string `yaml:"address" required:"true" doc:"where it is: host, host:port, udp://host:port or tcp://host:port; the port is 161 if none is given"`
	Version string `yaml:"version" enum:"1,2c,3" default:"2c" doc:"the version of SNMP"`

	Profile     string `yaml:"profile" enum:"auto,generic,apc-masterswitch,apc-rpdu,apc-rpdu2,baytech,cyberpower-epdu,cyberpower-epdu2,eaton-epdu,eaton-managed,eaton-pulizzi,raritan-px1,raritan-px2,sentry3,sentry4,vertiv-geist-v5" default:"auto" doc:"which make it is; auto asks the device, generic takes the objects below"`
	ProfileFile string `yaml:"profile-file" doc:"a file with a profile of your own, in the room's folder"`

	Outlets int      `yaml:"outlets" doc:"how many outlets it has; their plugs are named by their numbers"`
	Plugs   []string `yaml:"plugs" doc:"the plugs there are, ranges allowed, instead of outlets; without both, any outlet's number will do"`
	Unit    int      `yaml:"unit" default:"-1" doc:"the number of the PDU in a chain, for plugs that name none; -1 for the first"`

	Auth    string `yaml:"auth" enum:"none,md5,sha,sha224,sha256,sha384,sha512" default:"sha" doc:"version 3: how messages are authenticated"`
	Privacy string `yaml:"privacy" enum:"none,des,aes128,aes192,aes256,aes192c,aes256c" default:"aes128" doc:"version 3: how messages are encrypted; those with c extend keys as Cisco does"`
	Context string `yaml:"context" doc:"version 3: the name of the context"`

	Timeout        time.Duration `yaml:"timeout" default:"10s" doc:"how long an operation may take, until the device shows its result"`
	RetryAfter     time.Duration `yaml:"retry-after" default:"1s" doc:"how long to wait for an answer before asking again"`
	Retries        int           `yaml:"retries" default:"3" doc:"how often to ask again"`
	MaxRepetitions int           `yaml:"max-repetitions" default:"32" doc:"the most objects that one GetBulk asks for; 0 never uses it"`

	Cycle string        `yaml:"cycle" enum:"device,driver" default:"device" doc:"who does a cycle: the device, if it can, which works also if it feeds the way to itself, or we, by off, rest and on"`
	Rest  time.Duration `yaml:"rest" default:"5s" doc:"time without power in a cycle that we do"`

	StateObject   string   `yaml:"state-object" doc:"generic: OID of an outlet's state; the outlet's number is appended, or put where {outlet} stands"`
	StateOn       []string `yaml:"state-on" doc:"generic: values of the state that mean on"`
	StateOff      []string `yaml:"state-off" doc:"generic: values of the state that mean off"`
	StateMoving   []string `yaml:"state-moving" doc:"generic: values of the state of an outlet that is about to change"`
	CommandObject string   `yaml:"command-object" doc:"generic: OID that is written to; that of the state if none is given"`
	CommandType   string   `yaml:"command-type" enum:"integer,gauge,string" doc:"generic: type of what is written; integer if none is given"`
	CommandOn     string   `yaml:"command-on" doc:"generic: what is written to switch an outlet on"`
	CommandOff    string   `yaml:"command-off" doc:"generic: what is written to switch an outlet off"`
	CommandCycle  string   `yaml:"command-cycle" doc:"generic: what is written to have the device cycle an outlet"`
	LabelObject   string   `yaml:"label-object" doc:"generic: OID of an outlet's label"`

	network, to string
	profile     *profile.Profile // nil if the device is asked
}

// The words of settings that the code asks for.
const (
	auto     = "auto"
	generic  = "generic"
	byDevice = "device"
	version3 = "3"
	none     = "none"
)

// maxPlugs bounds the outlets of one device.
const maxPlugs = 4096

// pingPeriod is how often an idle device is asked whether it is still there.
const pingPeriod = 30 * time.Second

// Traits implements [driver.Settings].
func (s *Settings) Traits(shelf driver.Shelf) (driver.Traits, error) {
	fail := func(field string, err error) (driver.Traits, error) {
		return driver.Traits{}, &driver.FieldError{Field: field, Err: err}
	}
	var err error
	if s.network, s.to, err = parseAddress(s.Address); err != nil {
		return fail("address", err)
	}
	if field, err := s.limits(); err != nil {
		return fail(field, err)
	}
	if s.profile, err = s.choose(shelf); err != nil {
		return driver.Traits{}, err
	}
	t := driver.Traits{Type: "SNMP device", Timeout: s.Timeout, Ping: pingPeriod, Verbs: []room.Op{room.On, room.Off, room.Cycle, room.Status}}
	if p := s.profile; p != nil {
		t.Type, t.Verbs = p.Name, verbs(p)
	}
	if t.Plugs, err = s.plugs(); err != nil {
		return fail("plugs", err)
	}
	if s.Version != version3 || s.Auth != none {
		t.Login = []string{secret.Password}
	}
	return t, nil
}

func verbs(p *profile.Profile) []room.Op {
	on, off, cycle, temp := p.Verbs()
	var list []room.Op
	for _, v := range []struct {
		op  room.Op
		can bool
	}{{room.On, on}, {room.Off, off}, {room.Cycle, cycle}, {room.Status, true}, {room.Temp, temp}} {
		if v.can {
			list = append(list, v.op)
		}
	}
	return list
}

// limits checks the settings that are numbers.
func (s *Settings) limits() (field string, err error) {
	switch {
	case s.Timeout < 100*time.Millisecond || s.Timeout > time.Hour:
		return "timeout", errors.New("must be between 100ms and 1h")
	case s.RetryAfter < 10*time.Millisecond || s.RetryAfter > s.Timeout:
		return "retry-after", errors.New("must be between 10ms and the timeout")
	case s.Retries < 0 || s.Retries > 100:
		return "retries", errors.New("must be between 0 and 100")
	case s.MaxRepetitions < 0 || s.MaxRepetitions > 1000:
		return "max-repetitions", errors.New("must be between 0 and 1000")
	case s.Rest < 0 || s.Rest >= s.Timeout:
		return "rest", fmt.Errorf("must be less than the timeout, which is %v", s.Timeout)
	case s.Unit < -1 || s.Unit > 9999:
		return "unit", errors.New("must be between 0 and 9999, or -1")
	case s.Auth == none && s.Privacy != none && s.Version == version3:
		return "privacy", errors.New("there is no privacy without authentication; set it to none, or auth to something else")
	}
	return "", nil
}

// choose finds the profile; none if the device will be asked.
func (s *Settings) choose(shelf driver.Shelf) (p *profile.Profile, err error) {
	field := "profile"
	switch {
	case s.ProfileFile != "":
		field = "profile-file"
		p, err = readProfile(shelf, s.ProfileFile)
	case s.Profile == auto:
		return nil, nil
	case s.Profile == generic:
		field = "state-object"
		p, err = s.generic()
	default:
		var found bool
		if p, found = profile.Builtin(s.Profile); !found {
			err = fmt.Errorf("there is no profile %q; there are auto, generic, %s", s.Profile, strings.Join(profile.Names(), ", "))
		}
	}
	if err != nil {
		return nil, &driver.FieldError{Field: field, Err: err}
	}
	return p, nil
}

func readProfile(shelf driver.Shelf, name string) (*profile.Profile, error) {
	files, ok := shelf.(driver.Files)
	if !ok {
		return nil, errors.New("files cannot be read here")
	}
	data, err := files.File(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p, err := profile.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if p.Name == "" {
		p.Name = name
	}
	return p, nil
}

// generic makes a profile of the objects in the settings.
func (s *Settings) generic() (*profile.Profile, error) {
	values := func(list []string) (v profile.Values) {
		for _, text := range list {
			v = append(v, profile.Value(text))
		}
		return v
	}
	order := func(text string) *profile.Order {
		if text == "" {
			return nil
		}
		return &profile.Order{Value: profile.Value(text)}
	}
	p := &profile.Profile{
		Name: generic, Index: profile.DefaultIndex(), Label: s.LabelObject,
		State: profile.State{Object: s.StateObject, On: values(s.StateOn), Off: values(s.StateOff), Moving: values(s.StateMoving)},
		Command: profile.Command{
			Object: s.CommandObject, Type: s.CommandType,
			On: order(s.CommandOn), Off: order(s.CommandOff), Cycle: order(s.CommandCycle),
		},
	}
	if p.Command.Object == "" {
		p.Command.Object = p.State.Object
	}
	return p, p.Check()
}

// plugs gives the plugs that the settings name.
func (s *Settings) plugs() ([]string, error) {
	index := profile.DefaultIndex()
	if s.profile != nil {
		index = s.profile.Index
	}
	if s.Outlets < 0 || s.Outlets > maxPlugs {
		return nil, fmt.Errorf("a device has at most %d outlets", maxPlugs)
	}
	if s.Outlets > 0 && len(s.Plugs) > 0 {
		return nil, errors.New("give either outlets or plugs")
	}
	if s.Outlets == 0 && len(s.Plugs) == 0 {
		return nil, nil
	}
	names := make([]string, 0, max(s.Outlets, len(s.Plugs)))
	for n := range s.Outlets {
		names = append(names, strconv.Itoa(index.First+n))
	}
	for _, text := range s.Plugs {
		more, err := hostlist.Expand(text)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	if len(s.Plugs) == 0 {
		return names, nil
	}
	if len(names) > maxPlugs {
		return nil, fmt.Errorf("a device has at most %d outlets", maxPlugs)
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return nil, fmt.Errorf("plug %q is there twice", name)
		}
		seen[name] = true
		if s.profile == nil {
			continue
		}
		if _, err := index.Plug(name); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// defaultPort is that of RFC 3417, section 3.
const defaultPort = "161"

// parseAddress reads where a device is.
func parseAddress(text string) (network, to string, err error) {
	network, rest, found := strings.Cut(text, "://")
	if !found {
		network, rest = "udp", text
	}
	if network != "udp" && network != "tcp" {
		return "", "", fmt.Errorf("%q is no way to speak SNMP; there are udp:// and tcp://", network)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]"), defaultPort
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", "", fmt.Errorf("%q is no address", text)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("%q is no port", port)
	}
	if host == "" || strings.ContainsAny(host, "/ \t\n") {
		return "", "", fmt.Errorf("%q is no address: the host is missing", text)
	}
	return network, net.JoinHostPort(host, port), nil
}

var _ driver.Settings = (*Settings)(nil)
