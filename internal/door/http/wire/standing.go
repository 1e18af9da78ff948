package wire

import (
	"time"

	"millwright.dev/millwright/internal/standing"
)

// Standing is how a thing stands with what was asked of it.
type Standing struct {
	Kind   string         `json:"kind" doc:"What it is." enum:"node,plug,control,check" example:"node"`
	Object string         `json:"object,omitempty" doc:"Which plug (DEVICE:PLUG), control or check of the node; absent for the node itself." example:"ping"`
	State  standing.State `json:"state" doc:"How it stands, in the words of Ockle's operation states and a few more." example:"OK"`
	Reason string         `json:"reason,omitempty" doc:"Why."`
	Since  time.Time      `json:"since,omitzero" doc:"Since when."`
	Starts int            `json:"starts" doc:"Attempts to start since the last success."`
	Stops  int            `json:"stops" doc:"Attempts to stop since the last success."`
	Drift  bool           `json:"drift,omitempty" doc:"It was seen in another state than was asked for."`
}

// StandingChange is one change of how something stands.
type StandingChange struct {
	Node     string         `json:"node" doc:"The node." example:"web7"`
	Was      standing.State `json:"was,omitempty" doc:"How it stood before."`
	Standing Standing       `json:"standing" doc:"How it stands now."`
}

// NodeStanding is how a node and all of it stands.
type NodeStanding struct {
	Node  string     `json:"node" doc:"Its name." example:"web7"`
	Hold  *Hold      `json:"hold,omitempty" doc:"The hold on it, if there is one."`
	Items []Standing `json:"items" doc:"The node first, then its plugs, controls and checks." nullable:"false"`
}

// Standings is a list of how nodes stand.
type Standings struct {
	Items []NodeStanding `json:"items" doc:"In the order of host lists." nullable:"false"`
	Next  string         `json:"next,omitempty" doc:"Go on with after=this; absent on the last page."`
}

// Hold is what somebody has decided about a node.
type Hold struct {
	Node   string    `json:"node" doc:"The node." example:"web7"`
	Kind   string    `json:"kind" doc:"hold: nothing automatic touches it. maintenance: nor is anything expected of it." enum:"hold,maintenance"`
	Author string    `json:"author,omitempty" doc:"Who has decided."`
	Reason string    `json:"reason,omitempty" doc:"Why."`
	Since  time.Time `json:"since" doc:"Since when."`
	Until  time.Time `json:"until,omitzero" doc:"Until when; absent if until it is taken off."`
}

// Holds is all holds.
type Holds struct {
	Items []Hold `json:"items" doc:"By node and kind." nullable:"false"`
}

// NewHold asks for a hold.
type NewHold struct {
	Targets string    `json:"targets" doc:"The nodes." minLength:"1" maxLength:"65536" example:"web[1-4]"`
	Kind    string    `json:"kind" doc:"What sort of hold." enum:"hold,maintenance"`
	Reason  string    `json:"reason,omitempty" doc:"Why, for people." maxLength:"1024"`
	Until   time.Time `json:"until,omitzero" doc:"When it ends by itself."`
}

// EndHold asks for holds to be taken off.
type EndHold struct {
	Targets string `json:"targets" doc:"The nodes." minLength:"1" maxLength:"65536"`
	Kind    string `json:"kind" doc:"What sort of hold." enum:"hold,maintenance"`
}

// Why is why something stands as it does.
type Why struct {
	Subject string    `json:"subject" doc:"The node, device, check, control or run."`
	Kind    string    `json:"kind" doc:"What it is." enum:"node,power,hold,device,check,control,plug,run,choice"`
	State   string    `json:"state,omitempty" doc:"How it stands."`
	Said    string    `json:"said,omitempty" doc:"What is known of it."`
	Since   time.Time `json:"since,omitzero" doc:"Since when."`
	Because []Why     `json:"because,omitempty" doc:"The reasons for that."`
}

// Impact is what falls when something goes.
type Impact struct {
	Fallen  []Hit    `json:"fallen" doc:"Nodes that do not work any more." nullable:"false"`
	Worse   []Hit    `json:"worse" doc:"Nodes that work, with less to hold them up." nullable:"false"`
	Devices []string `json:"devices" doc:"Devices that go with it." nullable:"false"`
	Feeds   []string `json:"feeds" doc:"Feeds that go with it." nullable:"false"`
}

// Hit is a node that is hit.
type Hit struct {
	Node  string `json:"node" doc:"Its name."`
	Cause string `json:"cause" doc:"Why: it was said to go, no cord has power, a need has fallen, too few of a choice are left; or it has lost one of several cords, the spare of a choice, or what it only wants." enum:"gone,power,need,choice,cord,spare,want"`
	By    string `json:"by,omitempty" doc:"Because of which node or device."`
}

// Tie is a node that another needs, or that needs it.
type Tie struct {
	Node  string         `json:"node" doc:"Its name."`
	How   string         `json:"how" doc:"How it is needed." enum:"needs,wants,some of"`
	Away  int            `json:"away" doc:"Over how many such ties; 1 is directly."`
	State standing.State `json:"state" doc:"How it stands."`
}

// Ties are the nodes that one needs, or that need it.
type Ties struct {
	Items []Tie `json:"items" doc:"The nearest first." nullable:"false"`
}

// Graph is the room as a graph, laid out.
type Graph struct {
	Width  float64     `json:"width" doc:"Of the whole, in pixels."`
	Height float64     `json:"height" doc:"Likewise."`
	Layers int         `json:"layers" doc:"How many layers there are."`
	Nodes  []GraphNode `json:"nodes" doc:"The boxes, by priority and name." nullable:"false"`
	Edges  []GraphEdge `json:"edges" doc:"What is needed by what." nullable:"false"`
}

// GraphNode is a box.
type GraphNode struct {
	Label string  `json:"label" doc:"The node's name, or the folded names of nodes that are drawn as one."`
	Kind  string  `json:"kind" doc:"What it is." enum:"node,group,device,feed,ups"`
	State string  `json:"state,omitempty" doc:"The key of how it is drawn."`
	Note  string  `json:"note,omitempty" doc:"A second line."`
	Layer int     `json:"layer" doc:"0 is on top: what others need."`
	Order int     `json:"order" doc:"The place in its layer."`
	X     float64 `json:"x" doc:"The left upper corner."`
	Y     float64 `json:"y" doc:"Likewise."`
	W     float64 `json:"w" doc:"Its width."`
	H     float64 `json:"h" doc:"Its height."`
}

// GraphEdge says that a box is needed by another.
type GraphEdge struct {
	From   int         `json:"from" doc:"The place in nodes of what is needed."`
	To     int         `json:"to" doc:"And of what needs it."`
	Style  string      `json:"style" doc:"How it is needed." enum:"needs,wants,some of,power"`
	Points [][]float64 `json:"points,omitempty" doc:"Its way, as pairs of x and y."`
}
