package desk

import (
	"context"
	"io"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/console"
	"millwright.dev/millwright/internal/console/journal"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
)

// What is asked of consoles, in events and refusals.
const (
	opConsole    = "console"
	opConsoles   = "list consoles"
	opConsoleLog = "read console log"
)

// errNoConsoles is for a desk without them.
func noConsoles(op string) error {
	return &room.Error{Code: room.CodeRefused, Op: op, Said: "this daemon has no consoles"}
}

// Attach gives a seat at a node's console. Consoles show passwords that people type at
// the wrong prompt, and what no role to look was given for; so to watch takes the same
// role as to type: operate on the node. The log has who came and went, and never what
// the console said. The caller closes the seat.
func (d *Desk) Attach(by Actor, node string, w console.Wish) (*console.Seat, error) {
	if d.consoles == nil {
		return nil, noConsoles(opConsole)
	}
	r, id, err := d.one(by, auth.Operate, opConsole, node)
	if err != nil {
		return nil, err
	}
	name := r.Nodes[id].Name
	w.Who, w.From = by.String(), by.Remote
	w.Left = func() { d.consoleEvent(by, name, "detach", event.OK, "") }
	s, err := d.consoles.Attach(name, w)
	if err != nil {
		d.consoleEvent(by, name, "attach", event.Refused, err.Error())
		return nil, err
	}
	switch {
	case s.TookFrom() != "":
		d.consoleEvent(by, name, "take over", event.OK, "from "+s.TookFrom())
	case w.Write:
		d.consoleEvent(by, name, "attach", event.OK, "to type")
	default:
		d.consoleEvent(by, name, "attach", event.OK, "to watch")
	}
	return s, nil
}

// TakeConsole makes a seat the one that types.
func (d *Desk) TakeConsole(by Actor, node string, s *console.Seat, takeOver bool) error {
	if _, _, err := d.one(by, auth.Operate, opConsole, node); err != nil {
		return err
	}
	from, err := s.Take(takeOver)
	if from != "" {
		d.consoleEvent(by, node, "take over", event.OK, "from "+from)
	}
	return err
}

// MayConsole says why somebody who is attached may be so no longer. It writes nothing
// down.
func (d *Desk) MayConsole(by Actor, node string) error {
	r := d.fleet.Room()
	rights := d.rights(r, by)
	if id, found := r.Node(node); found && rights.May(auth.Operate, id) {
		return nil
	}
	return rights.Refuse(auth.Operate, opConsole, "")
}

func (d *Desk) consoleEvent(by Actor, node, op, outcome, detail string) {
	e := by.author()
	e.Kind, e.Op, e.Targets, e.Count, e.Outcome, e.Detail = event.Console, op, node, 1, outcome, detail
	d.events.AppendLater(e)
}

// Console is a node that has a console, or may have one.
type Console struct {
	Node string
	// Via says how it is reached, without secrets: an address, device:plug.
	Via      string
	ReadOnly bool
	Kept     bool            // always open, for its log
	Status   *console.Status // nil when it is not open
}

// Consoles lists the consoles on which the actor may be: those that the room names a
// way to, and those that are open.
func (d *Desk) Consoles(by Actor) ([]Console, error) {
	if d.consoles == nil {
		return nil, noConsoles(opConsoles)
	}
	r := d.fleet.Room()
	rights := d.rights(r, by)
	if err := rights.NeedAny(auth.Operate, opConsoles); err != nil {
		return nil, d.barred(by, opConsoles, "", err)
	}
	open := make(map[string]*console.Status)
	list := d.consoles.List()
	for i := range list {
		open[list[i].Node] = &list[i]
	}
	var out []Console
	for _, id := range rights.Only(auth.Operate, r.Sorted()) {
		c, named := r.Console(id)
		name := r.Nodes[id].Name
		if !named && open[name] == nil {
			continue
		}
		out = append(out, Console{Node: name, Via: r.ConsoleVia(id), ReadOnly: c.ReadOnly, Kept: c.Keeping.Log, Status: open[name]})
	}
	return out, nil
}

// ConsoleLog copies a span of the log of a node's console to out. It takes what it would
// take to have watched.
func (d *Desk) ConsoleLog(_ context.Context, by Actor, node string, span journal.Span, out io.Writer) error {
	if d.consoles == nil {
		return noConsoles(opConsoleLog)
	}
	r, id, err := d.one(by, auth.Operate, opConsoleLog, node)
	if err != nil {
		return err
	}
	d.consoleEvent(by, r.Nodes[id].Name, "read log", event.OK, "")
	return d.consoles.ReadLog(r.Nodes[id].Name, span, out)
}
