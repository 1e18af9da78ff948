package libvirt

import "context"

// Event is something that happened to a machine.
type Event struct {
	Domain Domain
	Kind   EventKind
	Detail int // how or why; its meaning is the kind's: see [Event.Why]
}

// EventKind is what happened to a machine (virDomainEventType).
type EventKind int

// The kinds of events.
const (
	Defined EventKind = iota
	Undefined
	Started
	Suspended
	Resumed
	Stopped
	ShutDown // the machine has shut itself down; Stopped follows
	Asleep   // suspended by its own operating system
	Crashed

	// Rebooted is the machine's own, without its having been stopped. It is not in
	// libvirt's list.
	Rebooted EventKind = 100
)

// String says what happened.
func (k EventKind) String() string {
	switch k {
	case Defined:
		return "defined"
	case Undefined:
		return "undefined"
	case Started:
		return "started"
	case Suspended:
		return "suspended"
	case Resumed:
		return "resumed"
	case Stopped:
		return "stopped"
	case ShutDown:
		return "shut down"
	case Asleep:
		return "asleep"
	case Crashed:
		return "crashed"
	case Rebooted:
		return "rebooted"
	}
	return "changed"
}

// Why says how or why, if the kind has such; else it is empty.
func (e Event) Why() string {
	var words []string
	switch e.Kind {
	case Defined:
		words = []string{"new", "changed", "renamed", "from a snapshot"}
	case Started:
		words = []string{"booted", "migrated", "restored", "from a snapshot", "woken up"}
	case Suspended:
		words = []string{"paused", "migrated", "I/O error", "watchdog", "restored", "from a snapshot", "API error", "copied", "copy failed"}
	case Stopped:
		words = []string{"shut down", "destroyed", "crashed", "migrated", "saved", "failed", "from a snapshot"}
	case ShutDown:
		words = []string{"finished", "by the guest", "by the host"}
	case Crashed:
		words = []string{"panicked", "its loader crashed"}
	}
	if e.Detail >= 0 && e.Detail < len(words) {
		return words[e.Detail]
	}
	return ""
}

// The numbers of events to ask for (virDomainEventID).
const (
	eventLifecycle = 0
	eventReboot    = 1
)

// listen asks for events of all machines. Reboots are not had from every hypervisor.
func (c *Conn) listen(ctx context.Context) error {
	for _, id := range []uint32{eventLifecycle, eventReboot} {
		_, err := c.call(ctx, procRegister, appendUint(appendUint(nil, id), 0)) // of no machine alone
		if err != nil && id == eventLifecycle {
			return err
		}
	}
	return nil
}

// happened tells an event.
func (c *Conn) happened(procedure uint32, payload []byte) {
	if c.notify == nil {
		return
	}
	r := reader{b: payload}
	r.int() // the number of our having asked
	e := Event{Domain: r.domain(), Kind: Rebooted}
	switch procedure {
	case procEventLifecycle:
		e.Kind, e.Detail = EventKind(r.int()), r.int()
	case procEventReboot:
	default:
		return
	}
	if r.err == nil {
		c.notify(e)
	}
}
