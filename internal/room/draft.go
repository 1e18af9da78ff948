package room

import "time"

// Draft is a room as people write it: parts refer to each other by name, and
// nothing is checked yet. Ranges are already expanded, one entry per name.
//
// Entries may share their slices (the Needs of forty nodes that were written as
// one range); [New] notices and does the work once. It never changes them.
type Draft struct {
	Name        string
	Settings    Settings
	Nodes       []DraftNode
	Devices     []DraftDevice
	Feeds       []Feed
	Groups      []DraftGroup
	Aliases     []DraftGroup
	Credentials []Credential
	Vetoes      []DraftVeto
	Controls    []DraftControl
	Checks      []DraftCheck
	Limits      []DraftLimit
	UPSes       []UPS
	Battery     Battery // but for its stages
	Stages      []DraftStage
	Schedules   []DraftSchedule
	Plugins     []Plugin
	// ConsoleNodes holds names as a group's Members do: those whose consoles are
	// always kept, if the settings say that any are. Nil is all.
	ConsoleNodes []string
}

// DraftNode is a node to be.
type DraftNode struct {
	Name  string
	Cords []DraftCord
	// BMC is the plug of the node's service processor; without Device it has none.
	BMC DraftCord
	// Needs holds names as a group's Members do.
	Needs []string
	// Wants are needs that it can do without, Choices those of which some are enough.
	Wants   []string
	Choices []DraftChoice
	// Controls and Checks are names of what the draft defines.
	Controls, Checks []string
	Priority         int
	Address          string
	Conduct          *Conduct // may be shared; nil for the room's
	Watts, Inrush    float64
	// Groups holds the names of groups that the node belongs to, without "@".
	// They come into being by being named here.
	Groups []string
	Settle time.Duration
	// Console may be shared by nodes that were written as one; nil for nothing said.
	Console *DraftConsole
}

// DraftCord names a plug. Without Plug it is the device's next free plug, in
// order, or on a device whose plugs may have any name, the plug named as the
// node.
type DraftCord struct {
	Device string
	Plug   string
}

// DraftDevice is a device to be.
type DraftDevice struct {
	Device
	// Fixed is the device's set of plugs, in order; nil if plugs come into
	// being by being named in a cord. Device.Plugs is not looked at.
	Fixed []string
	// NewestFirst makes plugs that are not fixed be walked in the reverse order
	// of their definition, which is how PowerMan does it.
	NewestFirst bool
}

// DraftGroup is a group or an alias to be. An alias's members are node names.
// A group's are node names, aliases, other groups ("@name"), and any of these
// with "-" in front, which is taken away at the end.
type DraftGroup struct {
	Name    string
	Members []string
	// Loose allows an alias what PowerMan allows: to have the name of a node,
	// which is then hidden behind it, and to name nothing.
	Loose bool
}

// Problem is one thing that is wrong with a Draft.
type Problem struct {
	Code ProblemCode
	Kind string // "room", "node", "device", "feed", "group", "alias", "credential", "veto", "control", "check", "limit", "ups", "stage", "schedule", "plugin"
	Name string // whose problem it is
	// Item is the place in the Draft's slice of that kind, -1 for the room.
	Item int
	// Field is the part that is wrong: "name", "cords", "bmc", "needs", "groups",
	// "members", "feed", "from", "credential", "nodes", "console", "wants", "needs-some",
	// "controls", "checks", "feeds".
	Field string
	// Index is the place in that field's list, or -1.
	Index int
	// Other is the Item, of the same kind, that this one collides with, or -1.
	Other int
	Msg   string // one sentence without Kind and Name
	// Object is the name that is unknown, which stands quoted in Msg, or "". Who
	// shows problems may fold those that differ in nothing else.
	Object string
}

// String gives the problem as one line.
func (p Problem) String() string {
	if p.Kind == "room" {
		return p.Msg
	}
	return p.Kind + " " + p.Name + ": " + p.Msg
}

// ProblemCode says what sort of problem it is.
type ProblemCode string

// The sorts of problems.
const (
	Duplicate ProblemCode = "duplicate" // named twice
	Unknown   ProblemCode = "unknown"   // refers to what is not there
	Taken     ProblemCode = "taken"     // the plug has a node already, or none is free
	Looped    ProblemCode = "cycle"     // comes back to itself
	BadName   ProblemCode = "bad-name"
	Empty     ProblemCode = "empty"
	TooMuch   ProblemCode = "too-much" // beyond a limit
)

// Limits of a room. They keep a slip of the pen, such as a needless zero in a
// range, from eating the machine's memory.
const (
	MaxNodes    = 1_000_000
	MaxNeeds    = 8_000_000 // links between nodes, all together
	maxProblems = 1000
)
