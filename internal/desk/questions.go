package desk

import (
	"millwright.dev/millwright/internal/ask"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Questions gives the open questions of devices on which the actor may switch
// something, the oldest first.
func (d *Desk) Questions(by Actor) ([]ask.Question, error) {
	v := d.View(by)
	if err := v.rights.NeedAny(auth.View, "questions"); err != nil {
		return nil, d.barred(by, "questions", "", err)
	}
	var list []ask.Question
	for _, q := range d.board.Open() {
		if id, found := v.Room.Device(q.Device); found && v.SeesDevice(id) || v.Everything() || q.Node != "" && v.SeesNamed(q.Node) {
			list = append(list, q)
		}
	}
	return list, nil
}

// Answer answers a question: whoever may switch all that hangs on the device.
func (d *Desk) Answer(by Actor, question string, yes bool, said string) error {
	q, open := d.board.Find(question)
	if !open {
		return &room.Error{Code: room.CodeNotFound, Op: "answer", Subject: question, Said: "there is no such open question"}
	}
	r := d.fleet.Room()
	if id, found := r.Device(q.Device); found {
		if err := d.need(r, by, auth.Operate, "answer", "", r.NodesOf(id)); err != nil {
			return err
		}
	} else if id, found := r.Node(q.Node); found {
		if err := d.need(r, by, auth.Operate, "answer", "", []room.NodeID{id}); err != nil {
			return err
		}
	} else if err := d.needAll(by, auth.Operate, "answer"); err != nil {
		return err
	}
	return d.board.Answer(question, driver.Answer{Yes: yes, By: by.String(), Said: said})
}
