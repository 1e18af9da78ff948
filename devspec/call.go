package devspec

import "time"

// PlugTable is the plugs of one device as scripts see them: names, whether a node
// hangs on each, and an index. It is immutable; build it once per device.
type PlugTable struct {
	names  []string
	mapped []bool
	index  map[string]int
	nodes  int // how many are mapped
}

// NewPlugTable builds the table from plugs in iteration order, as in
// [LayoutDevice].
func NewPlugTable(plugs []Plug) *PlugTable {
	t := &PlugTable{
		names:  make([]string, len(plugs)),
		mapped: make([]bool, len(plugs)),
		index:  make(map[string]int, len(plugs)),
	}
	for i, p := range plugs {
		t.names[i] = p.Name
		if p.Node != "" {
			t.mapped[i] = true
			t.nodes++
		}
		t.index[p.Name] = i
	}
	return t
}

// Len gives the number of plugs.
func (t *PlugTable) Len() int { return len(t.names) }

// Whole reports whether a request for that many different plugs is one for the whole
// device, as [Spec.Choose] means it: every plug belongs to a node and is asked for.
func (t *PlugTable) Whole(targets int) bool { return targets == len(t.names) && t.nodes == targets }

// Name gives the name of a plug.
func (t *PlugTable) Name(plug int) string { return t.names[plug] }

// Find gives the plug of that name.
func (t *PlugTable) Find(name string) (plug int, ok bool) {
	plug, ok = t.index[name]
	return plug, ok
}

// Sink takes the results of scripts as they come. Its methods are called by the
// goroutine that called Run, in order; they must not call the session.
type Sink interface {
	// PlugState says what state the device reported for a targeted plug. raw is
	// what it said, for example a temperature.
	PlugState(plug int, state State, raw string)
	// PlugResult says how a power command ended for a targeted plug. text is what
	// the device said, up to its first line end; it is for the user when ok is
	// false.
	PlugResult(plug int, ok bool, text string)
	// Trace takes telemetry; it is called only when Call.Trace is set.
	Trace(Trace)
}

// Call is what one request knows about one device, over all the actions it needs
// there. It belongs to one goroutine at a time and to one request.
type Call struct {
	// Start is when the clock of the next action began to run: when it came to the
	// head of the device's queue, which may be before the device was connected.
	// Zero means the moment of Run.
	Start time.Time
	// Sink takes the results. It may be nil, as for login and ping.
	Sink Sink
	// Trace asks for telemetry.
	Trace bool

	plugs *PlugTable
	cells []cell // one per plug; nil when the call has no targets
}

// cell is the memory of one plug within one request: its state, and whether the
// request is about it.
type cell uint8

const (
	cellState    cell = 0x0f
	cellTargeted cell = 0x80
)

// NewCall makes the call of a request about the targeted plugs (indices into the
// table). A login or ping has none.
func NewCall(plugs *PlugTable, targets []int, sink Sink) *Call {
	c := &Call{Sink: sink, plugs: plugs}
	if len(targets) > 0 {
		c.cells = make([]cell, plugs.Len())
		for _, t := range targets {
			c.cells[t] = cellTargeted
		}
	}
	return c
}

// State gives what this request has learnt about a plug so far.
func (c *Call) State(plug int) State {
	if c.cells == nil {
		return Unknown
	}
	return State(c.cells[plug] & cellState)
}

// wants reports whether a result for the plug is of interest: a node hangs on it,
// and the request is about it.
func (c *Call) wants(plug int) bool {
	return c.cells != nil && c.cells[plug]&cellTargeted != 0 && c.plugs.mapped[plug]
}

func (c *Call) setState(plug int, s State) {
	c.cells[plug] = c.cells[plug]&^cellState | cell(s)
}
