// Package wol wakes machines by Wake-on-LAN: it sends a packet that holds the
// machine's hardware address sixteen times (AMD, "Magic Packet Technology",
// publication 20213, 1995).
//
// Such a packet is never answered, so by itself it proves nothing. A device of
// this driver can therefore say how a machine shows that it lives: a TCP address
// at which it answers, be it by refusing. Then switching on ends when the machine
// does answer, and its state can be read. Nobody can be switched off like that.
//
// Start at [Settings].
package wol

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "wol",
		Summary: "machines that are woken by Wake-on-LAN, with proof of life",
		New: func() driver.Settings {
			return &Settings{Via: "255.255.255.255:9", Silent: "unknown", Timeout: 3 * time.Minute, Packets: 3}
		},
	}
}

// Settings of one set of machines.
type Settings struct {
	Machines map[string]string `yaml:"machines" required:"true" doc:"the hardware address of each machine, by plug name, as 00:11:22:33:44:55"`
	Via      string            `yaml:"via" default:"255.255.255.255:9" doc:"where packets go, as address:port: a network's broadcast address, or a relay"`
	Packets  int               `yaml:"packets" default:"3" doc:"how many packets are sent, since any may be lost"`
	Alive    string            `yaml:"alive" doc:"TCP address at which a machine answers when it runs, as host:port; {plug} stands for the plug's name. Without it nothing proves that a machine has woken, and no state can be read"`
	Silent   string            `yaml:"silent" enum:"unknown,off" default:"unknown" doc:"what a machine is that does not answer: off only if nothing else, such as a firewall, can keep it silent"`
	Timeout  time.Duration     `yaml:"timeout" default:"3m" doc:"how long a machine may take to wake and answer"`

	macs map[string]net.HardwareAddr
}

const (
	maxMachines = 10_000
	maxPackets  = 20
)

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	if err := s.check(); err != nil {
		return driver.Traits{}, err
	}
	s.macs = make(map[string]net.HardwareAddr, len(s.Machines))
	for _, name := range slices.Sorted(maps.Keys(s.Machines)) {
		mac, err := net.ParseMAC(s.Machines[name])
		if err != nil || len(mac) != 6 {
			return driver.Traits{}, field("machines", "%s: %q is no hardware address of six bytes", name, s.Machines[name])
		}
		s.macs[name] = mac
	}
	t := driver.Traits{
		Type: "wol", Verbs: []room.Op{room.On}, Timeout: s.Timeout,
		Plugs: slices.SortedFunc(maps.Keys(s.Machines), hostlist.Compare),
	}
	if s.Alive != "" {
		t.Verbs = append(t.Verbs, room.Status)
	}
	return t, nil
}

func (s *Settings) check() error {
	_, _, via := net.SplitHostPort(s.Via)
	_, _, alive := net.SplitHostPort(strings.ReplaceAll(s.Alive, plugMark, "x"))
	switch {
	case len(s.Machines) == 0:
		return field("machines", "there are none")
	case len(s.Machines) > maxMachines:
		return field("machines", "at most %d", maxMachines)
	case via != nil:
		return field("via", "write address:port")
	case s.Alive != "" && alive != nil:
		return field("alive", "write host:port; {plug} stands for the plug's name")
	case s.Alive != "" && len(s.Machines) > 1 && !strings.Contains(s.Alive, plugMark):
		return field("alive", "without {plug} all machines would have one sign of life")
	case s.Silent != "unknown" && s.Silent != "off":
		return field("silent", "it is unknown or off")
	case s.Packets < 1 || s.Packets > maxPackets:
		return field("packets", "1 to %d", maxPackets)
	case s.Timeout <= 0:
		return field("timeout", "it must be more than nothing")
	}
	return nil
}

// plugMark stands for a plug's name in settings.
const plugMark = "{plug}"

func field(name, format string, args ...any) error {
	return &driver.FieldError{Field: name, Err: fmt.Errorf(format, args...)}
}

// packet makes the packet that wakes a machine.
func packet(mac net.HardwareAddr, password []byte) []byte {
	p := slices.Concat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, slices.Repeat([]byte(mac), 16))
	return append(p, password...)
}

// passwordOf reads what some cards want behind the packet ("SecureOn"): four or
// six bytes, written like a hardware address. Empty is none.
func passwordOf(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	var bytes []byte
	for part := range strings.SplitSeq(text, ":") {
		var b byte
		if n, err := fmt.Sscanf(part, "%02x", &b); n != 1 || err != nil || len(part) != 2 {
			return nil, errPassword
		}
		bytes = append(bytes, b)
	}
	if len(bytes) != 4 && len(bytes) != 6 {
		return nil, errPassword
	}
	return bytes, nil
}

var errPassword = errors.New("the credential's password must be four or six bytes, written like 00:11:22:33:44:55")
