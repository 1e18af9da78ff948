package service

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Backend is the owner of the machines and of the users. Its methods are called from
// many goroutines. Errors that are an [*Error] tell the client what is wrong; of any
// other the client learns only that something went wrong.
//
// A method about a machine gives [NotFound] for one that there is not, or that the
// user may not see, [Refused] for what the user may not do, and [Unable] for what the
// machine cannot do.
type Backend interface {
	// Authenticate finds out who somebody is. [Unauthenticated] is for whoever is not
	// let in.
	Authenticate(ctx context.Context, c Credentials) (User, error)
	// Valid says whether a user who was let in before still would be. It must be cheap:
	// it is called for each request of a session.
	Valid(u User) error

	// Machines lists the ids of those machines that the user may see, sorted. The
	// slice is for reading only. Ids go into paths; any text that is not empty will do.
	Machines(ctx context.Context, u User) ([]string, error)
	// Machine tells what a machine is and how it stands. It should not take long:
	// lists ask it for each of their members.
	Machine(ctx context.Context, u User, id string) (Machine, error)

	// Reset does one of the machine's Resets, to its end.
	Reset(ctx context.Context, u User, id string, how ResetType) error
	// SetIndicator turns the locator light on or off.
	SetIndicator(ctx context.Context, u User, id string, lit bool) error
	// Boot tells what the machine boots from next; SetBoot changes it.
	Boot(ctx context.Context, u User, id string) (Boot, error)
	SetBoot(ctx context.Context, u User, id string, b Boot) error
	// Readings tells what the machine measures now.
	Readings(ctx context.Context, u User, id string) ([]Reading, error)
	// Log tells the machine's log, oldest entry first; ClearLog empties it.
	Log(ctx context.Context, u User, id string) ([]LogEntry, error)
	ClearLog(ctx context.Context, u User, id string) error
	// SetMedium changes what is in one of the machine's Media.
	SetMedium(ctx context.Context, u User, id string, m Medium) error
}

// AccountKeeper is a backend whose users can be listed and changed. The service asks
// it only for what the user's role allows.
type AccountKeeper interface {
	Accounts(ctx context.Context, u User) ([]Account, error)
	AddAccount(ctx context.Context, u User, a Account, password string) error
	// ChangeAccount changes what is not nil in the change.
	ChangeAccount(ctx context.Context, u User, name string, c AccountChange) error
	RemoveAccount(ctx context.Context, u User, name string) error
}

// ManagerResetter is a backend whose managers can be started anew, without anything
// happening to their machines.
type ManagerResetter interface {
	ResetManager(ctx context.Context, u User, id string) error
}

// Seer is a backend that can say more quickly than by Machine whether a user may see a
// machine. It is asked for each event and listener.
type Seer interface {
	Sees(u User, id string) bool
}

// Credentials are what somebody shows to be let in: a name and a password, or a token
// of the owner's making.
type Credentials struct {
	Name, Password string
	Token          string // from "Authorization: Bearer"; then there is no name
	Remote         string // the client's address with its port
}

// User is somebody who was let in.
type User struct {
	Name string
	Role Role
	// Proof is the backend's own, for its methods.
	Proof any
}

// Role is what a user may do at most, as Redfish has it.
type Role string

// The roles. A backend may still refuse a user of any role.
const (
	ReadOnly      Role = "ReadOnly"
	Operator      Role = "Operator"      // may also switch machines and change their settings
	Administrator Role = "Administrator" // may also change users, subscriptions and the service
)

// Account is a user as AccountKeeper lists them.
type Account struct {
	Name    string
	Role    Role
	Enabled bool
}

// AccountChange is what is to be changed of an account.
type AccountChange struct {
	Password *string
	Role     *Role
	Enabled  *bool
}

// Machine is what a machine is, what it can do, and how it stands.
type Machine struct {
	ID   string
	Name string // for people; empty is the id

	Manufacturer, Model, SerialNumber, PartNumber, AssetTag string
	UUID                                                    string // as RFC 9562 writes it, or ""
	HostName, BiosVersion                                   string
	ManagerVersion                                          string // of the BMC's firmware

	Power  PowerState
	Health Health

	Resets    []ResetType // that it can do; none hides the action
	Boot      *BootAbility
	Indicator Indicator
	Sensors   bool // Readings may be asked
	Log       bool // Log may be asked
	Media     []Medium
	Consoles  []Console
}

// PowerState is whether a machine has power; empty is not known.
type PowerState string

// The power states.
const (
	PowerUnknown PowerState = ""
	PowerOn      PowerState = "On"
	PowerOff     PowerState = "Off"
	PoweringOn   PowerState = "PoweringOn"
	PoweringOff  PowerState = "PoweringOff"
	Paused       PowerState = "Paused"
)

// Health is how a machine or part is doing; empty is not known.
type Health string

// The degrees of health.
const (
	HealthUnknown Health = ""
	OK            Health = "OK"
	Warning       Health = "Warning"
	Critical      Health = "Critical"
)

// Indicator is the state of a locator light; empty is that there is none.
type Indicator string

// The states of the light.
const (
	NoIndicator      Indicator = ""
	IndicatorUnknown Indicator = "Unknown" // there is one, and it cannot be read
	Lit              Indicator = "Lit"
	Dark             Indicator = "Off"
)

// ResetType is a way to switch a machine (Resource.ResetType).
type ResetType string

// The ways.
const (
	ResetOn          ResetType = "On"
	ForceOff         ResetType = "ForceOff"
	GracefulShutdown ResetType = "GracefulShutdown"
	GracefulRestart  ResetType = "GracefulRestart"
	ForceRestart     ResetType = "ForceRestart"
	Nmi              ResetType = "Nmi"
	PowerCycle       ResetType = "PowerCycle"
	PushPowerButton  ResetType = "PushPowerButton"
	ForceOn          ResetType = "ForceOn"
)

// BootAbility says what a machine can be told to boot from.
type BootAbility struct {
	Sources []BootSource // besides None
	Modes   bool         // UEFI or Legacy can be chosen
}

// BootSource is what a machine boots from (ComputerSystem.BootSource).
type BootSource string

// The sources.
const (
	BootNone      BootSource = "None"
	BootPxe       BootSource = "Pxe"
	BootHdd       BootSource = "Hdd"
	BootCd        BootSource = "Cd"
	BootUsb       BootSource = "Usb"
	BootBiosSetup BootSource = "BiosSetup"
	BootDiags     BootSource = "Diags"
	BootUefiHTTP  BootSource = "UefiHttp"
)

// Boot is what a machine boots from, other than by its own settings.
type Boot struct {
	Source     BootSource // BootNone or "" is by its own settings
	Continuous bool       // at every boot, rather than the next one
	Legacy     bool       // rather than UEFI, where modes can be chosen
}

// Medium is a drive whose medium comes from elsewhere.
type Medium struct {
	ID           string
	Types        []string // of "CD", "DVD", "Floppy", "USBStick"
	Image        string   // the address of what is in it; "" is nothing
	Inserted     bool
	WriteProtect bool
	User         string // that the image's server is shown
	Password     string // write only
}

// Console is a way to a machine's serial console.
type Console struct {
	Kind    ConsoleKind
	Port    int    // zero if it has none of its own
	Command string // that leads to the console, once logged in
	URI     string // of a WebSocket
}

// ConsoleKind is the protocol of a console.
type ConsoleKind string

// The protocols.
const (
	ConsoleSSH       ConsoleKind = "SSH"
	ConsoleTelnet    ConsoleKind = "Telnet"
	ConsoleIPMI      ConsoleKind = "IPMI"
	ConsoleWebSocket ConsoleKind = "WebSocket"
)

// Reading is what one sensor says.
type Reading struct {
	ID   string // unique in its machine; made from the name if empty
	Name string
	Kind ReadingKind
	// Value is in the unit of the kind; nil is that the sensor says nothing now.
	Value   *float64
	Health  Health
	Context string // a Redfish PhysicalContext such as "Intake", or ""
	At      time.Time

	// What counts as too low or too high; nil is not known.
	LowCritical, LowCaution, HighCaution, HighCritical *float64
}

// ReadingKind is what is measured (Sensor.ReadingType).
type ReadingKind string

// The kinds.
const (
	Temperature   ReadingKind = "Temperature" // degrees Celsius
	Humidity      ReadingKind = "Humidity"    // percent
	Voltage       ReadingKind = "Voltage"     // volts
	Current       ReadingKind = "Current"     // amperes
	Power         ReadingKind = "Power"       // watts
	ApparentPower ReadingKind = "ApparentPower"
	PowerFactor   ReadingKind = "PowerFactor"
	Energy        ReadingKind = "EnergykWh"  // kilowatt-hours
	Frequency     ReadingKind = "Frequency"  // hertz
	Rotational    ReadingKind = "Rotational" // turns a minute
	Percent       ReadingKind = "Percent"
)

// LogEntry is one line of a machine's log.
type LogEntry struct {
	ID     string    // unique in the log until it is cleared
	At     time.Time // zero is not known
	Source string    // the sensor or part, or ""
	Text   string
	Health Health // how bad it is
}

// Code is a kind of failure.
type Code uint8

// The kinds of failure.
const (
	Internal        Code = iota // anything else
	NotFound                    // there is no such thing, or it may not be seen
	Unauthenticated             // not let in
	Refused                     // the user may not do that
	Unable                      // this machine cannot do that
	Invalid                     // what was asked makes no sense
	Busy                        // not now
	Timeout                     // no answer in time
	Exists                      // there is one already
)

// Error is a failure that the client is told of.
type Error struct {
	Code       Code
	Said       string        // for people
	RetryAfter time.Duration // for Busy and Unauthenticated; zero is not said
	Err        error         // not for the client
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Said, e.Err)
	}
	return e.Said
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// codeOf gives the kind of a failure.
func codeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Busy
	}
	return Internal
}
