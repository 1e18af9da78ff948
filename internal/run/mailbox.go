package run

import (
	"sync"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
)

// letterKind is what a letter brings.
type letterKind uint8

const (
	letterPower    letterKind = iota // a device has answered: result, of an act
	letterWitness                    // a second witness: evidence, of the node in result
	letterSaid                       // controls or checks are through: err, said
	letterHalted                     // a node has halted, or has not in time (err)
	letterAnswer                     // somebody has answered
	letterAdmitted                   // the gate lets a step begin
	letterPause                      // by
	letterResume                     // by
	letterLook                       // nothing but a reason to look again
	letterFree                       // the nodes that a run waited for are its own now
)

// letter is what a driver of a run hears.
type letter struct {
	kind     letterKind
	step     int32
	act      plan.Acts
	result   fleet.Result
	evidence Evidence
	answer   Answer
	ticket   plan.Ticket
	said     string
	by       string
	err      error
}

// mailbox takes letters without ever keeping anybody waiting.
type mailbox struct {
	mu     sync.Mutex
	list   []letter
	closed bool          // nobody will read it any more
	wake   chan struct{} // holds a token while there may be letters
}

// post says whether somebody may still read it.
func (m *mailbox) post(letters ...letter) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.list = append(m.list, letters...)
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return true
}

// close takes nothing more in, and gives what was not read.
func (m *mailbox) close() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return m.list
}

func (m *mailbox) take() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	return list
}
