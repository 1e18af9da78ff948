package plugin

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/secret"
)

// Kind is what a thing is.
type Kind string

// The kinds of things that a plugin may provide.
const (
	Driver   Kind = "driver"
	Check    Kind = "check"
	Control  Kind = "control"
	Notifier Kind = "notifier"
	Reaction Kind = "reaction"
)

func kinds() []Kind { return []Kind{Driver, Check, Control, Notifier, Reaction} }

// Thing is something that a plugin provides.
type Thing struct {
	Kind     Kind   `json:"kind"`
	Name     string `json:"name"`
	Summary  string `json:"summary,omitempty"` // one line for people who choose
	Settings Schema `json:"settings"`          // of each use of it
	// Can is what it can do: of a driver the verbs, as "on"; of a control off, on and status.
	Can      []string `json:"can,omitempty"`
	Measures bool     `json:"measures,omitempty"` // of a driver: whether it can be asked to measure
}

// Use is one use of a thing.
type Use struct {
	Plugin   string
	Provides string // the thing's name
	Settings Values
}

// Credential is what a plugin is given to log in with.
type Credential struct {
	User   string            `json:"user,omitempty"`
	Values map[string]string `json:"values,omitempty"`
}

// reveal makes a credential to send, and hides its secrets in the plugin's log.
func (u *unit) reveal(r secret.Resolved) *Credential {
	if r.User == "" && len(r.Values) == 0 {
		return nil
	}
	u.journal.hide(r.Secrets())
	c := &Credential{User: r.User, Values: make(map[string]string, len(r.Values))}
	for name, v := range r.Values {
		c.Values[name] = v.Reveal()
	}
	return c
}

// Node is the node that a check or a control is asked about.
type Node struct {
	Name       string
	Address    string
	Credential secret.Resolved
}

// nodeRequest is what is sent for it.
type nodeRequest struct {
	Thing      string      `json:"thing"`
	Node       string      `json:"node"`
	Address    string      `json:"address"`
	Settings   Values      `json:"settings"`
	Credential *Credential `json:"credential,omitempty"`
	Timeout    int64       `json:"timeout_ms,omitempty"`
}

// CheckResult is what a check says.
type CheckResult struct {
	Verdict string  `json:"verdict"` // ok, bad or unknown
	Said    string  `json:"said"`    // the evidence in one line
	Took    int64   `json:"took_ms,omitempty"`
	Values  []Value `json:"values,omitempty"`
}

// Value is a number that a check has measured.
type Value struct {
	Part     string  `json:"part,omitempty"`
	Quantity string  `json:"quantity"`
	Value    float64 `json:"value"`
}

// Check has a check look at a node.
func (h *Host) Check(ctx context.Context, use Use, n Node) (CheckResult, error) {
	var r CheckResult
	err := h.ask(ctx, use, Check, "check.run", n, &r)
	r.Said = clean(r.Said, maxValue)
	return r, err
}

// Control has a control turn a node "off" or "on", or tell its "status": "on", "off" or
// "unknown", and empty for the others.
func (h *Host) Control(ctx context.Context, use Use, verb string, n Node) (state string, err error) {
	var r struct {
		State string `json:"state"`
	}
	err = h.ask(ctx, use, Control, "control."+verb, n, &r)
	return r.State, err
}

// ask asks a thing about a node.
func (h *Host) ask(ctx context.Context, use Use, kind Kind, method string, n Node, result any) error {
	u, l, thing, err := h.reach(ctx, use, kind)
	if err != nil {
		return err
	}
	settings, err := thing.Settings.Check(use.Settings)
	if err != nil {
		return &NotThereError{Plugin: use.Plugin, Why: fmt.Sprintf("%s %s: settings: %v", kind, use.Provides, err)}
	}
	return l.call(ctx, method, nodeRequest{
		Thing: use.Provides, Node: n.Name, Address: n.Address, Settings: settings,
		Credential: u.reveal(n.Credential), Timeout: left(ctx),
	}, result)
}

// left is how much time there is, in milliseconds; zero if there is no end.
func left(ctx context.Context) int64 {
	end, has := ctx.Deadline()
	if !has {
		return 0
	}
	return max(1, time.Until(end).Milliseconds())
}

// Notify has a notifier send an event to people.
func (h *Host) Notify(ctx context.Context, use Use, e Event) error {
	_, l, thing, err := h.reach(ctx, use, Notifier)
	if err != nil {
		return err
	}
	settings, err := thing.Settings.Check(use.Settings)
	if err != nil {
		return &NotThereError{Plugin: use.Plugin, Why: fmt.Sprintf("notifier %s: settings: %v", use.Provides, err)}
	}
	return l.call(ctx, "notify", map[string]any{"thing": use.Provides, "settings": settings, "event": e, "timeout_ms": left(ctx)}, nil)
}

// CheckSettings looks at the settings of a use, if the plugin runs, so that it has said
// what it wants. Else it says nothing: they are looked at again before each use.
func (h *Host) CheckSettings(use Use, kind Kind) error {
	u, err := h.unit(use.Plugin)
	if err != nil {
		return nil //nolint:nilerr // it may come
	}
	_, s, _ := u.look()
	if s.State != Running {
		return nil
	}
	i := slices.IndexFunc(s.Provides, func(t Thing) bool { return t.Kind == kind && t.Name == use.Provides })
	if i < 0 {
		return fmt.Errorf("plugin %s provides no %s %q", use.Plugin, kind, use.Provides)
	}
	_, err = s.Provides[i].Settings.Check(use.Settings)
	return err
}

// serial gives numbers to sessions.
type serial struct{ last atomic.Uint64 }

func (s *serial) next() string { return "s" + strconv.FormatUint(s.last.Add(1), 10) }

// Session is a driver at work on one device.
type Session struct {
	Thing Thing
	id    string
	link  *link
	close sync.Once
}

// openRequest is what is sent to open one.
type openRequest struct {
	Thing      string      `json:"thing"`
	Session    string      `json:"session"`
	Device     string      `json:"device"`
	Plugs      []string    `json:"plugs"`
	Settings   Values      `json:"settings"`
	Credential *Credential `json:"credential,omitempty"`
	Timeout    int64       `json:"timeout_ms,omitempty"`
}

// Open has a driver reach a device.
func (h *Host) Open(ctx context.Context, use Use, device string, plugs []string, who secret.Resolved) (*Session, error) {
	u, l, thing, err := h.reach(ctx, use, Driver)
	if err != nil {
		return nil, err
	}
	settings, err := thing.Settings.Check(use.Settings)
	if err != nil {
		return nil, &NotThereError{Plugin: use.Plugin, Why: fmt.Sprintf("driver %s: settings: %v", use.Provides, err)}
	}
	s := &Session{Thing: thing, id: h.serial.next(), link: l}
	err = l.call(ctx, "driver.open", openRequest{
		Thing: use.Provides, Session: s.id, Device: device, Plugs: plugs,
		Settings: settings, Credential: u.reveal(who), Timeout: left(ctx),
	}, nil)
	if err != nil {
		if ctx.Err() != nil { // it may open yet, and nobody would close it
			l.tell("driver.close", map[string]string{"session": s.id})
		}
		return nil, err
	}
	return s, nil
}

// PlugResult is what became of one plug: one of State, Done, Failed and Unknown.
type PlugResult struct {
	State   string `json:"state,omitempty"`   // what was read: on, off or unknown
	Raw     string `json:"raw,omitempty"`     // as the device said it
	Done    bool   `json:"done,omitempty"`    // the device took the command
	Failed  string `json:"failed,omitempty"`  // it surely did not: why
	Unknown string `json:"unknown,omitempty"` // it may or may not have: why
}

// Do has one operation done on plugs, and gives what became of each.
func (s *Session) Do(ctx context.Context, op string, plugs []string) (map[string]PlugResult, error) {
	var r struct {
		Plugs map[string]PlugResult `json:"plugs"`
	}
	err := s.link.call(ctx, "driver.do", map[string]any{"session": s.id, "op": op, "plugs": plugs, "timeout_ms": left(ctx)}, &r)
	return r.Plugs, err
}

// Measurement is a value that a device measured; Plug is empty if it is of no plug.
type Measurement struct {
	Plug     string  `json:"plug,omitempty"`
	Part     string  `json:"part,omitempty"`
	Quantity string  `json:"quantity"`
	Value    float64 `json:"value"`
}

// Measure has the device measure.
func (s *Session) Measure(ctx context.Context) ([]Measurement, error) {
	var r struct {
		Readings []Measurement `json:"readings"`
	}
	err := s.link.call(ctx, "driver.measure", map[string]string{"session": s.id}, &r)
	return r.Readings, err
}

// Done is closed when the plugin has ended, and the session with it.
func (s *Session) Done() <-chan struct{} { return s.link.done() }

// closeTime is how long a driver has to leave a device.
const closeTime = 2 * time.Second

// Close ends the session. It may be called again.
func (s *Session) Close() error {
	s.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		_ = s.link.call(ctx, "driver.close", map[string]string{"session": s.id}, nil)
	})
	return nil
}
