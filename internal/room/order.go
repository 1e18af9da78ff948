package room

import "time"

// ControlID is a control's place in [Room.Controls], CheckID a check's in [Room.Checks].
// Both are valid for one Room only.
type (
	ControlID int32
	CheckID   int32
)

// Control is a way to shut nodes down in software, and perhaps to start them.
type Control struct {
	Name       string
	Kind       string // as in `kind:`
	Settings   any    // prepared; only package control knows its type
	Credential string // one of the room's, or ""
	// Timeout bounds each thing that it is asked to do.
	Timeout time.Duration
}

// Check is a test of nodes.
type Check struct {
	Name       string
	Kind       string // as in `kind:`
	Settings   any    // prepared; only package check knows its type
	Credential string // one of the room's, or ""

	Every      time.Duration // how often it is made unasked; zero is never
	Timeout    time.Duration // of one look
	Retries    int           // looks after a bad one before it counts
	RetryAfter time.Duration // between these
	// Starting says that a node has come up only when this check is ok.
	Starting bool
}

// Choice is a need that some of several nodes meet.
type Choice struct {
	Least int      // how many of them
	Of    []NodeID // sorted, no repeats
}

// Conduct says how a node is brought up and down.
type Conduct struct {
	// StartAttempts and StopAttempts are how often it is tried before the node has
	// failed for good; zero is for ever.
	StartAttempts, StopAttempts int
	// RetryAfter is the pause before the second attempt; each further one is twice as
	// long, up to RetryMost.
	RetryAfter, RetryMost time.Duration
	// StartWithin is how long after power-on the checks may take to be ok.
	StartWithin time.Duration
	// Grace is how long a node may take to halt when its controls have asked it to.
	Grace time.Duration
	// AfterGrace says what is done when it has not.
	AfterGrace AfterGrace
	// Cords is how many of its cords must be on for the node to be up; zero is all.
	Cords int
	// ForcedCounts says that what was forced on counts as up for those that need it.
	ForcedCounts bool
	// Witness is how long after switching something else than the switch itself (the
	// outlet's current, the service processor, a check) may take to agree with it. Zero
	// asks nothing else.
	Witness time.Duration
}

// AfterGrace is what is done with a node that has not halted in time.
type AfterGrace string

// What can be done with it.
const (
	Hold AfterGrace = "hold" // its power stays on, and it has failed to stop
	Cut  AfterGrace = "cut"  // its power is cut
	Ask  AfterGrace = "ask"  // somebody is asked
)

// DefaultConduct is that of a room that says nothing of it.
func DefaultConduct() Conduct {
	return Conduct{
		StartAttempts: 3, StopAttempts: 3, RetryAfter: 5 * time.Second, RetryMost: 5 * time.Minute,
		StartWithin: 5 * time.Minute, Grace: 2 * time.Minute, AfterGrace: Hold, ForcedCounts: true, Witness: 30 * time.Second,
	}
}

// Limit bounds how many of some nodes are switched on at the same time.
type Limit struct {
	Name    string        // the group's, or "" for the whole room
	AtOnce  int           // most nodes on their way up or down at the same time; zero is no limit
	Stagger time.Duration // least time between two switch-ons

	covers bits // nil is every node
}

// Covers says whether the limit is about a node.
func (l *Limit) Covers(id NodeID) bool { return l.covers == nil || l.covers.has(id) }

// Hard gives the needs that each must be up by itself: Needs without those that are
// only wanted or part of a choice. The slice is for reading only.
func (n *Node) Hard() []NodeID {
	if len(n.Wants) == 0 && len(n.Choices) == 0 {
		return n.Needs
	}
	return n.hard
}

// Conduct gives how a node is brought up and down.
func (r *Room) Conduct(id NodeID) *Conduct {
	if c := r.Nodes[id].Conduct; c != nil {
		return c
	}
	return &r.Settings.Conduct
}

// Where gives where a node's operating system is reached.
func (r *Room) Where(id NodeID) string {
	if a := r.Nodes[id].Address; a != "" {
		return a
	}
	return r.Nodes[id].Name
}

// Check finds a check by its name, and Control a control.
func (r *Room) Check(name string) (CheckID, bool) {
	for i := range r.Checks {
		if r.Checks[i].Name == name {
			return CheckID(i), true
		}
	}
	return None, false
}

// Control finds a control by its name.
func (r *Room) Control(name string) (ControlID, bool) {
	for i := range r.Controls {
		if r.Controls[i].Name == name {
			return ControlID(i), true
		}
	}
	return None, false
}

// Before says whether node x goes before node y where nothing else decides: the higher
// priority first, then the order of host lists.
func (r *Room) Before(x, y NodeID) bool {
	r.rankOnce.Do(r.rank)
	return r.ranks[x] < r.ranks[y]
}
