package wire

import "time"

// ConsoleProtocol is the WebSocket subprotocol of a console.
const ConsoleProtocol = "millwright.console.v1"

// The types of messages at a console, besides bytes.
const (
	ConsoleAttached = "attached" // the first: how it stands
	ConsoleState    = "state"    // the console was opened, or lost
	ConsoleWriter   = "writer"   // somebody else types now
	ConsoleJoined   = "joined"   // somebody has attached
	ConsoleLeft     = "left"     // somebody has left
	ConsoleBreak    = "break"    // a break was sent; from a client: send one
	ConsoleDropped  = "dropped"  // what was typed did not reach the console
	ConsoleLost     = "lost"     // bytes were missed, because too many came
	ConsoleClosed   = "closed"   // the last: why this ends

	ConsoleTake   = "take"   // from a client: type
	ConsoleWatch  = "watch"  // from a client: only watch from now on
	ConsoleResize = "resize" // from a client: how large the terminal is
	ConsoleWho    = "who"    // from a client: answered by attached
)

// ConsoleMessage is a text frame at a console, in both directions. Bytes of the console
// are binary frames.
type ConsoleMessage struct {
	Type string `json:"type" doc:"What it tells or asks." enum:"attached,state,writer,joined,left,break,dropped,lost,closed,take,watch,resize,who" example:"state"`

	State    string         `json:"state,omitempty" doc:"Of attached and state: how far the console is within reach." enum:"opening,open,lost" example:"open"`
	By       string         `json:"by,omitempty" doc:"Who: of writer, who types now, absent for nobody; of joined, left and break." example:"ann"`
	You      bool           `json:"you,omitempty" doc:"Of attached and writer: whether it is you who types."`
	Said     string         `json:"said,omitempty" doc:"Why, for people."`
	Bytes    int64          `json:"bytes,omitempty" doc:"Of lost: how many bytes were missed."`
	Message  string         `json:"message,omitempty" doc:"Of attached: what the room has for whoever attaches."`
	Who      []ConsoleGuest `json:"who,omitempty" doc:"Of attached: who is attached, you among them."`
	TakeOver bool           `json:"take_over,omitempty" doc:"Of take: though somebody else types."`
	Columns  int            `json:"columns,omitempty" doc:"Of resize." example:"80"`
	Rows     int            `json:"rows,omitempty" doc:"Of resize." example:"24"`
}

// ConsoleGuest is somebody who is attached to a console.
type ConsoleGuest struct {
	Who    string    `json:"who" doc:"Their name." example:"ann"`
	From   string    `json:"from,omitempty" doc:"Their address."`
	Since  time.Time `json:"since" doc:"When they attached."`
	Writes bool      `json:"writes,omitempty" doc:"Whether it is they who type."`
}

// Console is a node's console: GET /v1/consoles.
type Console struct {
	Node     string         `json:"node" doc:"The node." example:"web7"`
	Via      string         `json:"via" doc:"How it is reached: an address, or device:plug." example:"telnet://ts1:7007"`
	State    string         `json:"state" doc:"How far it is within reach; closed while nobody needs it." enum:"closed,opening,open,lost" example:"open"`
	Since    *time.Time     `json:"since,omitempty" doc:"Since when, unless it is closed."`
	Said     string         `json:"said,omitempty" doc:"Why it is lost."`
	Kept     bool           `json:"kept,omitempty" doc:"Whether it is kept open for its log."`
	ReadOnly bool           `json:"read_only,omitempty" doc:"Whether nobody may type."`
	Read     int64          `json:"read,omitempty" doc:"Bytes that it has written since it was opened first."`
	Trouble  string         `json:"trouble,omitempty" doc:"What is wrong with its log."`
	Attached []ConsoleGuest `json:"attached" doc:"Who is attached." nullable:"false"`
}

// Consoles lists consoles.
type Consoles struct {
	Items []Console `json:"items" doc:"In the order of host lists." nullable:"false"`
}
