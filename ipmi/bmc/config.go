package bmc

import (
	"log/slog"
	"net/netip"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sel"
)

// Privilege is what a user may do (section 6.8).
type Privilege = channel.Privilege

// The privileges, each including those before it.
const (
	Callback      = channel.Callback
	User          = channel.User
	Operator      = channel.Operator
	Administrator = channel.Administrator
	OEM           = channel.OEM
	NoAccess      = channel.NoAccess
)

// Account is a user of a machine. Its number is its place in [Config.Users], from 1.
type Account struct {
	Name      string // at most 16 bytes; empty: the null user, who cannot log in
	Password  string // at most 20 bytes; above 16 only IPMI 2.0 can use it
	Privilege Privilege
	Disabled  bool
	NoSOL     bool // may not have the console
}

// Limits bound what clients can take from a machine. Zeros stand for the defaults.
type Limits struct {
	Sessions  int           // open at a time; 16
	Idle      time.Duration // after which a session ends; 60 s
	Handshake time.Duration // in which a login must be done; 15 s
	HalfOpen  int           // logins under way, of one source a quarter; 64
	Burst     int           // handshake tokens that a source can save up; 100
	PerSecond float64       // handshake tokens that a source gets; 10
	Failure   int           // tokens that a failed login costs; a handshake costs one; 10
	Running   int           // commands that wait for the host at a time; 16
	SELSize   int           // records in the event log; 512
	SDRSize   int           // records in the repository; 1024
}

// LAN is the address of a machine as it tells it to clients. It changes no network.
type LAN struct {
	Address netip.Prefix
	Gateway netip.Addr
	MAC     [6]byte
	DHCP    bool
}

// Config is what a machine is at its start. Slices are shared by all machines made
// from it until one of them changes its own, so thousands of alike ones are cheap.
type Config struct {
	Name   string // of the machine: its DCMI identifier and system name
	GUID   mc.GUID
	Device mc.DeviceID // zero: a controller with all functions; see [DefaultDevice]

	Users     []Account
	UserSlots int // 15 unless given, at most 63

	Kg     []byte       // at most 20 bytes; empty: the password is used in its place
	Suites []rmcp.Suite // empty: 17 and 3

	// InsecureSuite0 lets sessions without any authentication in, when Suites has 0: anyone
	// who knows a user's name can do everything that the user can.
	InsecureSuite0 bool
	// V15 also lets IPMI 1.5 in, with MD5 and MD2.
	V15 bool
	// TellUnknownUsers answers logins of users that do not exist with a status that says so.
	// Without it they get a code by a key that nobody knows, as those with a wrong password.
	TellUnknownUsers bool
	// InsecurePasswords lets passwords be set in sessions that are not encrypted.
	InsecurePasswords bool

	Limits Limits
	LAN    LAN
	SDR    [][]byte         // records with their headers
	FRU    map[uint8][]byte // inventory areas by device
	SEL    []sel.Record
	Asset  string // DCMI asset tag
	Power  Power  // what DCMI says about power

	Policy chassis.Policy // what happens when mains power comes back

	// Behind are controllers that requests can be bridged to (section 6.13).
	Behind map[ipmi.Hop]*Machine

	Faults *Faults
	Log    *slog.Logger // nil: nothing is logged
	// Notify is told what happens, from the goroutine where it happens: it must be quick.
	Notify func(Event)
}

// Power is what DCMI reads and limits.
type Power struct {
	Watts uint16 // until [Machine.SetWatts] is called
	Limit uint16 // watts
}

// DefaultDevice is the identity of a machine whose [Config] has none.
func DefaultDevice() mc.DeviceID {
	return mc.DeviceID{
		ID: 0x20, Revision: 1, DeviceSDR: true, Major: 1, Minor: 0x00, Version: 0x02,
		Support: 0xbf, Maker: 0, Product: 1, HasAux: true,
	}
}

func (l *Limits) fill() {
	def := func(p *int, n int) {
		if *p <= 0 {
			*p = n
		}
	}
	def(&l.Sessions, 16)
	def(&l.HalfOpen, 64)
	def(&l.Burst, 100)
	def(&l.Failure, 10)
	def(&l.Running, 16)
	def(&l.SELSize, 512)
	def(&l.SDRSize, 1024)
	if l.Idle <= 0 {
		l.Idle = 60 * time.Second
	}
	if l.Handshake <= 0 {
		l.Handshake = 15 * time.Second
	}
	if l.PerSecond <= 0 {
		l.PerSecond = 10
	}
}

// Kind is what an [Event] is about.
type Kind uint8

// The kinds of events.
const (
	LoggedIn Kind = iota
	LoginFailed
	LoginLimited // the source made too many attempts; told once a minute for each source
	LoggedOut
	SessionExpired
	Powered // a power command was carried out
	Logged  // a record was added to the event log
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case LoggedIn:
		return "logged in"
	case LoginFailed:
		return "login failed"
	case LoginLimited:
		return "too many logins"
	case LoggedOut:
		return "logged out"
	case SessionExpired:
		return "session expired"
	case Powered:
		return "power command"
	case Logged:
		return "event logged"
	}
	return "unknown"
}

// Event is something that happened to a machine.
type Event struct {
	Kind      Kind
	User      string     // as the client called itself; at most 16 bytes, of any value
	From      netip.Addr // of the client; invalid when no client did it
	Privilege Privilege  // that the session may reach
	Detail    string
	Record    sel.Record // of Logged
}
