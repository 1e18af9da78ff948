package room

import (
	"sync"
	"time"
)

// NodeID is a node's place in [Room.Nodes]. It is valid for one Room only.
type NodeID int32

// DeviceID is a device's place in [Room.Devices]. It is valid for one Room only.
type DeviceID int32

// None is the id of nothing: a plug with no node behind it, a look-up that failed.
const None = -1

// Room is one installation's configuration at one moment: immutable, complete
// and valid. Its exported slices are for reading only.
type Room struct {
	Name     string
	Nodes    []Node   // in the order of the configuration
	Devices  []Device // in the order of the configuration
	Feeds    []Feed
	Groups   []Group // sorted by name
	Aliases  []Group // sorted by name
	Settings Settings

	// Credentials are what devices log in with: references to secrets, never
	// the secrets themselves. Sorted by name.
	Credentials []Credential
	Vetoes      []Veto // what is asked before nodes are switched; sorted by name

	Controls []Control // in the order of the configuration
	Checks   []Check   // in the order of the configuration
	Limits   []Limit   // sorted by name

	UPSes     []UPS // in the order of the configuration
	Battery   Battery
	Schedules []Schedule // in the order of the configuration
	Plugins   []Plugin   // in the order of the configuration

	nodes   map[string]NodeID
	devices map[string]DeviceID
	groups  map[string]int
	aliases map[string]int
	needed  needIndex

	sortOnce sync.Once
	sorted   []NodeID
	rankOnce sync.Once
	ranks    []int32 // by NodeID; see Before
}

// Settings are the room-wide choices.
type Settings struct {
	// AuditReads makes requests that change nothing leave events too.
	AuditReads bool
	// Verify is how long an outcome is read back before it counts as failed;
	// zero means not at all. A device's own value goes first.
	Verify time.Duration
	// Rest is the time without power between the two halves of a cycle that
	// Millwright itself composes (a node with several cords).
	Rest time.Duration
	// KeepEvents is how long events are kept; zero is for ever.
	KeepEvents time.Duration
	// Secrets says where the encrypted store of secrets is.
	Secrets Secrets
	// PowerMan holds what a powerman.conf says of its daemon.
	PowerMan PowerMan
	// HTTP is the door for browsers and programs over TCP.
	HTTP HTTP
	// Redfish is the door for Redfish clients.
	Redfish Redfish
	// Ockle is the door for Ockle's clients.
	Ockle Ockle
	// IPMI is the door that shows nodes as BMCs.
	IPMI IPMI
	// Consoles is what nodes' consoles are unless they say otherwise.
	Consoles Consoles
	// Samples is what is kept of what devices measure.
	Samples Samples
	// Conduct is how nodes are brought up and down unless they say otherwise.
	Conduct Conduct
}

// Secrets says where the encrypted store of secrets is, and what opens it. Paths may
// be relative to the room's folder; empty ones are for the daemon to choose.
type Secrets struct {
	File       string   // the store
	Key        string   // its key file
	Identity   string   // the age identity that opens it, instead of a key file
	Recipients []string // more age recipients that can open it
}

// PowerMan is what a powerman.conf (or the room's `powerman:` part) asks of the
// PowerMan door.
type PowerMan struct {
	// Listen holds "host:port" addresses; empty means the default, 127.0.0.1:10101.
	Listen []string
	// TCPWrappers asks for hosts.allow and hosts.deny to be honoured.
	TCPWrappers bool
	// PlugLogLevel is the syslog priority (0 to 7) of the line that is logged
	// after each power action. roomfile fills in PowerMan's default, 7 (debug).
	PlugLogLevel int
	// Off closes the door altogether.
	Off bool
}

// Node is a machine, or a group or service that stands for one in the graph.
type Node struct {
	Name  string
	Cords []Cord // empty for a node that only stands for others
	// BMC is the plug of its service processor: empty, or one. A node with nothing
	// else to be switched by has it as its cord too.
	BMC []Cord
	// Needs is all that comes before this node on the way up: what it needs for certain
	// ([Node.Hard]), what it only wants, and what it needs some of. Sorted, no repeats.
	Needs   []NodeID
	Wants   []NodeID // of Needs, what it can do without
	Choices []Choice // of Needs, what it needs only some of
	hard    []NodeID // of Needs, the others; only if there are Wants or Choices
	// Priority decides what goes first where needs do not: the higher on the way up.
	Priority int
	// Address is where its operating system is reached; see [Room.Where].
	Address  string
	Controls []ControlID // in the order in which they are asked, if that matters
	Checks   []CheckID
	Conduct  *Conduct // nil for the room's; see [Room.Conduct]
	Watts    float64  // what it draws, if somebody said; zero if not
	Inrush   float64  // and what it draws for a moment when it is switched on
	// Settle is how long after power-on the node's dependents wait.
	Settle time.Duration
	// Console is what its entry says of its console, nil for nothing; see [Room.Console].
	Console *Console
}

// Cord is a node's link to a plug: Plug counts in the device's Plugs.
type Cord struct {
	Device DeviceID
	Plug   int32
}

// Plug is one switchable thing on a device.
type Plug struct {
	Name string
	Node NodeID // None when nothing hangs on it
}

// Device is something that switches.
type Device struct {
	Name   string
	Driver string // the name of its driver, as in `driver:`
	Plugs  []Plug // in iteration order: what "all" and loops walk through

	// Settings is the driver's own settings value, decoded and checked. Only
	// the driver knows its type.
	Settings any
	// Identity is equal for two devices exactly if a session of one can serve
	// the other: same driver, settings, plugs and credential references. A reload keeps the
	// sessions of devices whose identity did not change.
	Identity string

	Feed    string        // the feed it hangs on, or ""
	Verify  time.Duration // as Settings.Verify; negative means never
	Stagger time.Duration // least time between two switch-ons (inrush)
	AtOnce  int           // most plugs switched by one command; 0 means no limit

	// Credential names one of the room's Credentials, or is "".
	Credential string

	// Poll is how often the device is read unasked; zero means never, which is
	// what devices of a powerman.conf always have.
	Poll time.Duration
}

// Feed is a device's upstream circuit.
type Feed struct {
	Name string
	Amps float64 // the breaker's rating; zero when not said
	// Volts is between the wires; zero is 230. Reserve is the part of the rating, 0 to 1,
	// that is not used for plans.
	Volts, Reserve float64
	From           string // the feed that feeds it, or ""
}

// Credential says where the means to log in are kept.
type Credential struct {
	Name string
	User string
	// Secrets holds references such as "env:PDU_PASSWORD" or
	// "file:/etc/millwright/pdu.pass" by what they are ("password", "key",
	// "passphrase"). They are opaque here and resolved anew at each log-in.
	Secrets map[string]string
}

// Group is a named list of nodes: `@name` for groups, plain name for aliases.
type Group struct {
	Name  string
	Nodes []NodeID // in the order written, no repeats for groups
}
