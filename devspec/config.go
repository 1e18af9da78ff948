package devspec

import "strings"

// Config is what a powerman.conf, or a device file, says: its directives in the
// order in which they stand.
type Config struct {
	Listens      []*Listen
	TCPWrappers  *Switch // nil when the file does not say
	PlugLogLevel *LogLevel
	Specs        []*Spec
	Devices      []*Device
	Nodes        []*Node
	Aliases      []*Alias

	name  string
	files *files
}

// Listen is a listen directive: an address to serve clients on.
type Listen struct {
	Pos     Pos
	Address string // host:port as written
}

// Switch is a yes or no.
type Switch struct {
	Pos  Pos
	On   bool
	Bare bool // neither is written, which means yes
}

// LogLevel is a plug_log_level directive.
type LogLevel struct {
	Pos   Pos
	Name  string
	Level int // syslog priority 0 (emerg) to 7 (debug)
}

// Device is a device directive.
type Device struct {
	Pos      Pos
	Name     string
	Spec     string // name of a specification
	Where    string // host:port, a serial line's path, or a command line with |&
	Flags    string
	HasFlags bool

	specPos, wherePos, flagsPos Pos
	seq                         int
}

// Node is a node directive: host names and the plugs they hang on.
type Node struct {
	Pos      Pos
	Hosts    string // a host list
	Device   string
	Plugs    string // a host list of plug names, when HasPlugs
	HasPlugs bool

	hostsPos, devicePos, plugsPos Pos
	seq                           int
}

// Alias is an alias directive: one more name for some nodes.
type Alias struct {
	Pos   Pos
	Name  string
	Hosts string // a host list

	hostsPos Pos
}

// DefaultListen is the address that is served when the file has no listen line.
const DefaultListen = "127.0.0.1:10101"

// logLevels are the names that plug_log_level accepts, with syslog's numbers. The
// name none has no number of its own and counts as debug.
var logLevels = []struct {
	name  string
	level int
}{
	{"alert", 1},
	{"crit", 2},
	{"debug", 7},
	{"emerg", 0},
	{"err", 3},
	{"error", 3},
	{"info", 6},
	{"none", 16},
	{"notice", 5},
	{"panic", 0},
	{"warn", 4},
	{"warning", 4},
}

// ParseConfig reads the file name and all that it includes. Everything that is
// wrong is reported at once: the error is an [ErrorList], and the configuration is
// what could be understood nevertheless, never nil.
//
// It checks grammar, and compiles the regular expressions. What the directives say
// of each other is checked by [Config.Resolve].
func ParseConfig(name string, open OpenFunc) (*Config, error) {
	p := newParser(name, open)
	src, err := p.files.read(name)
	if err != nil {
		return p.config, ErrorList{{
			Pos: Pos{File: name}, Msg: "cannot read: " + reason(err),
			powermand: name + ": " + reason(err),
		}}
	}
	p.lex.push(src)
	p.parse()
	p.errs.sortByPlace()
	return p.config, p.errs.err()
}

// Spec finds a specification by name; of several, the first.
func (c *Config) Spec(name string) *Spec {
	for _, s := range c.Specs {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Transport is how a device is reached, which its third string tells.
type Transport uint8

// The transports of powerman.conf(5).
const (
	TransportTCP Transport = iota
	TransportSerial
	TransportCoprocess
)

// Transport tells how the device is reached.
func (d *Device) Transport() Transport {
	switch {
	case strings.Contains(d.Where, "|&"):
		return TransportCoprocess
	case strings.HasPrefix(d.Where, "/"):
		return TransportSerial
	}
	return TransportTCP
}

// Command splits the command line of a coprocess as powermand does: at blanks,
// with | and & counting as blanks, and without quoting.
func (d *Device) Command() []string {
	return strings.FieldsFunc(d.Where, func(r rune) bool {
		return strings.ContainsRune(" \t\r\n\v\f|&", r)
	})
}
