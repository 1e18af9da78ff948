package libvirt

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// The numbers of procedures (remote_procedure; those of signs of life are of another
// program).
const (
	procPing = 1
	procPong = 2

	procOpen              = 1
	procGetVersion        = 4
	procDefineXML         = 11
	procDestroy           = 12
	procGetXMLDesc        = 14
	procGetInfo           = 16
	procLookupByName      = 23
	procLookupByUUID      = 24
	procReboot            = 27
	procShutdown          = 33
	procGetHostname       = 59
	procAuthList          = 66
	procAuthPolkit        = 70
	procGetLibVersion     = 157
	procCreateWithFlags   = 196
	procOpenConsole       = 201
	procInjectNMI         = 210
	procGetState          = 212
	procUndefineFlags     = 231
	procReset             = 245
	procListAllDomains    = 273
	procRegister          = 316
	procEventLifecycle    = 318
	procEventReboot       = 319
	procConnectGetType    = 3
	procConnectGetURI     = 110
	procDomainIsPersisted = 151
)

// UUID is a machine's identity.
type UUID [16]byte

// String writes it as libvirt does, in five groups.
func (u UUID) String() string {
	h := hex.EncodeToString(u[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// ParseUUID reads a UUID, with its dashes or without.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(s), "-", ""))
	if err != nil || len(b) != len(u) {
		return u, fmt.Errorf("%q is no UUID", s)
	}
	copy(u[:], b)
	return u, nil
}

// Domain is a machine, as libvirt refers to it.
type Domain struct {
	Name string
	UUID UUID
	ID   int // while it runs, as of when it was looked up; else -1
}

// Active says whether the machine was running, or at least held in memory, when it was
// looked up.
func (d Domain) Active() bool { return d.ID >= 0 }

// State is what a machine does (virDomainState).
type State int

// The states.
const (
	NoState State = iota
	Running
	Blocked
	Paused
	ShuttingDown
	ShutOff
	CrashedState
	Sleeping
)

// String names the state as virsh does.
func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Blocked:
		return "idle"
	case Paused:
		return "paused"
	case ShuttingDown:
		return "in shutdown"
	case ShutOff:
		return "shut off"
	case CrashedState:
		return "crashed"
	case Sleeping:
		return "pmsuspended"
	}
	return "no state"
}

// Off says whether a machine in this state has no power.
func (s State) Off() bool { return s == ShutOff || s == CrashedState }

// on does a procedure that takes a machine.
func (c *Conn) on(ctx context.Context, what string, procedure uint32, d Domain, more ...uint32) ([]byte, error) {
	args := appendDomain(nil, d)
	for _, v := range more {
		args = appendUint(args, v)
	}
	b, err := c.call(ctx, procedure, args)
	if err != nil {
		err = fmt.Errorf("%s %s: %w", what, d.Name, err)
	}
	return b, err
}

// Domains lists all machines, running and not.
func (c *Conn) Domains(ctx context.Context) ([]Domain, error) {
	b, err := c.call(ctx, procListAllDomains, appendUint(appendUint(nil, 1), 0))
	if err != nil {
		return nil, fmt.Errorf("list the machines: %w", err)
	}
	r := reader{b: b}
	n := r.uint()
	if n > maxDomains {
		return nil, fmt.Errorf("list the machines: %w: %d of them", ErrMalformed, n)
	}
	var list []Domain
	for ; n > 0 && r.err == nil; n-- {
		list = append(list, r.domain())
	}
	return list, r.err
}

// Lookup finds a machine by its name.
func (c *Conn) Lookup(ctx context.Context, name string) (Domain, error) {
	return c.found(ctx, "look for "+name, procLookupByName, appendString(nil, name))
}

// LookupUUID finds a machine by its UUID.
func (c *Conn) LookupUUID(ctx context.Context, u UUID) (Domain, error) {
	return c.found(ctx, "look for "+u.String(), procLookupByUUID, u[:])
}

func (c *Conn) found(ctx context.Context, what string, procedure uint32, args []byte) (Domain, error) {
	b, err := c.call(ctx, procedure, args)
	if err != nil {
		return Domain{}, fmt.Errorf("%s: %w", what, err)
	}
	r := reader{b: b}
	d := r.domain()
	return d, r.err
}

// State reads what a machine does.
func (c *Conn) State(ctx context.Context, d Domain) (State, error) {
	b, err := c.on(ctx, "state of", procGetState, d, 0)
	if err != nil {
		return NoState, err
	}
	r := reader{b: b}
	return State(r.int()), r.err
}

// Info is what a machine has, in figures.
type Info struct {
	State     State
	MaxMemory uint64 // KiB
	Memory    uint64 // KiB
	CPUs      int
	CPUTime   uint64 // used so far, in ns
}

// Info reads what a machine has.
func (c *Conn) Info(ctx context.Context, d Domain) (Info, error) {
	b, err := c.on(ctx, "figures of", procGetInfo, d)
	if err != nil {
		return Info{}, err
	}
	r := reader{b: b}
	i := Info{State: State(r.int()), MaxMemory: r.hyper(), Memory: r.hyper(), CPUs: r.int(), CPUTime: r.hyper()}
	return i, r.err
}

// XML gives a machine's description as it runs.
func (c *Conn) XML(ctx context.Context, d Domain) (string, error) { return c.xml(ctx, d, 0) }

// LastingXML gives a machine's description as it will be at its next start, with its
// secrets: what may be handed to [Conn.Define] after a change.
func (c *Conn) LastingXML(ctx context.Context, d Domain) (string, error) {
	const secure, inactive = 1, 2 // VIR_DOMAIN_XML_...
	return c.xml(ctx, d, secure|inactive)
}

func (c *Conn) xml(ctx context.Context, d Domain, flags uint32) (string, error) {
	b, err := c.on(ctx, "description of", procGetXMLDesc, d, flags)
	if err != nil {
		return "", err
	}
	r := reader{b: b}
	text := r.string()
	return text, r.err
}

// Define makes a machine of a description, or changes what one will be at its next
// start.
func (c *Conn) Define(ctx context.Context, xml string) (Domain, error) {
	if len(xml) > maxString {
		return Domain{}, errors.New("the description is too long")
	}
	return c.found(ctx, "define a machine", procDefineXML, appendString(nil, xml))
}

// Undefine forgets a machine. What it has on disks stays, but for its UEFI variables and
// what was saved of its memory.
func (c *Conn) Undefine(ctx context.Context, d Domain) error {
	const managedSave, nvram = 1, 4 // VIR_DOMAIN_UNDEFINE_...
	_, err := c.on(ctx, "undefine", procUndefineFlags, d, managedSave|nvram)
	if errors.Is(err, CodeArgument) || errors.Is(err, CodeInvalidArgument) {
		_, err = c.on(ctx, "undefine", procUndefineFlags, d, 0)
	}
	return err
}

// Start switches a machine on. One that is on is refused, mostly with
// [CodeOperationInvalid].
func (c *Conn) Start(ctx context.Context, d Domain) error {
	_, err := c.on(ctx, "start", procCreateWithFlags, d, 0)
	return err
}

// Destroy pulls a machine's plug. One that is off is refused, mostly with
// [CodeOperationInvalid].
func (c *Conn) Destroy(ctx context.Context, d Domain) error {
	_, err := c.on(ctx, "switch off", procDestroy, d)
	return err
}

// Shutdown asks a machine's operating system to shut down.
func (c *Conn) Shutdown(ctx context.Context, d Domain) error {
	_, err := c.on(ctx, "shut down", procShutdown, d)
	return err
}

// Reboot asks a machine's operating system to reboot.
func (c *Conn) Reboot(ctx context.Context, d Domain) error {
	_, err := c.on(ctx, "reboot", procReboot, d, 0)
	return err
}

// Reset presses a machine's reset button.
func (c *Conn) Reset(ctx context.Context, d Domain) error {
	_, err := c.on(ctx, "reset", procReset, d, 0)
	return err
}

// InjectNMI interrupts a machine so that its operating system looks after itself, mostly
// by a dump.
func (c *Conn) InjectNMI(ctx context.Context, d Domain) error {
	_, err := c.on(ctx, "interrupt", procInjectNMI, d, 0)
	return err
}

// Persistent says whether a machine is still there after it was switched off.
func (c *Conn) Persistent(ctx context.Context, d Domain) (bool, error) {
	b, err := c.on(ctx, "what is known of", procDomainIsPersisted, d)
	if err != nil {
		return false, err
	}
	r := reader{b: b}
	return r.int() != 0, r.err
}

// Version is a number of libvirt's: a million times the major one, a thousand times the
// minor one, and the third.
type Version uint64

// String writes the version with dots.
func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", v/1_000_000, v/1000%1000, v%1000)
}

// Versions gives libvirt's and the hypervisor's.
func (c *Conn) Versions(ctx context.Context) (libvirt, hypervisor Version, err error) {
	for procedure, into := range map[uint32]*Version{procGetLibVersion: &libvirt, procGetVersion: &hypervisor} {
		b, err := c.call(ctx, procedure, nil)
		if err != nil {
			return 0, 0, fmt.Errorf("versions: %w", err)
		}
		r := reader{b: b}
		if *into = Version(r.hyper()); r.err != nil {
			return 0, 0, r.err
		}
	}
	return libvirt, hypervisor, nil
}

// Hostname is what the machine calls itself on which the daemon runs.
func (c *Conn) Hostname(ctx context.Context) (string, error) { return c.text(ctx, procGetHostname) }

// Hypervisor names the kind of hypervisor, such as "QEMU".
func (c *Conn) Hypervisor(ctx context.Context) (string, error) {
	return c.text(ctx, procConnectGetType)
}

// URI is what was opened, as the daemon calls it.
func (c *Conn) URI(ctx context.Context) (string, error) { return c.text(ctx, procConnectGetURI) }

func (c *Conn) text(ctx context.Context, procedure uint32) (string, error) {
	b, err := c.call(ctx, procedure, nil)
	if err != nil {
		return "", err
	}
	r := reader{b: b}
	s := r.string()
	return s, r.err
}
