package fleet

import (
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
)

type letterKind uint8

const (
	letterDone letterKind = iota // a job has ended; its results are in it
	letterPlug                   // one plug of a live job
	letterDiagnostic
	letterFault
	letterTrace
)

// letter is one report of an owner to an exchange.
type letter struct {
	kind   letterKind
	job    *job
	cord   int32
	result plugResult
	said   string
	fault  *driver.Fault
	device string
	trace  devspec.Trace
}

// maxTraces bounds the letters a slow reader can let pile up: a conversation is
// for watching, and what nobody watches may be cut. All else is bounded by the
// number of nodes asked for.
const maxTraces = 1 << 16

// mailbox takes letters from many owners, without ever making one of them wait.
type mailbox struct {
	mu      sync.Mutex
	letters []letter
	spare   []letter
	bell    chan struct{}
}

func newMailbox() *mailbox { return &mailbox{bell: make(chan struct{}, 1)} }

func (m *mailbox) post(l letter) {
	m.mu.Lock()
	if l.kind != letterTrace || len(m.letters) < maxTraces {
		m.letters = append(m.letters, l)
	}
	m.mu.Unlock()
	select {
	case m.bell <- struct{}{}:
	default:
	}
}

// wait gives what has come; it returns empty-handed when stop closes or at due.
// What it gives is valid until the next call.
func (m *mailbox) wait(stop <-chan struct{}, due time.Time) []letter {
	var alarm <-chan time.Time
	if !due.IsZero() {
		alarm = time.After(time.Until(due))
	}
	select {
	case <-m.bell:
	case <-stop:
	case <-alarm:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	got := m.letters
	clear(m.spare)
	m.letters, m.spare = m.spare[:0], got
	return got
}
