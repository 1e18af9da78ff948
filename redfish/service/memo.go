package service

import (
	"context"
	"sync"
	"time"
)

const (
	// freshFor is how long what a machine was asked counts as new: a client that walks
	// through all documents of a machine asks the machine once.
	freshFor = 2 * time.Second
	maxMemos = 4096
)

// memo keeps what machines have just said, by user, and lets those who ask the same at
// the same moment wait for one answer.
type memo struct {
	mu    sync.Mutex
	notes map[string]*noted
}

type noted struct {
	done  chan struct{}
	at    time.Time
	value any
	err   error
}

// forget drops everything, since something has been changed.
func (m *memo) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notes = nil
}

// memoise gives what ask gives, or what it has given just before.
func memoise[T any](c *call, what, machine string, ask func() (T, error)) (T, error) {
	m, key := &c.memo, what+"\x00"+c.user.Name+"\x00"+machine
	now := time.Now()
	m.mu.Lock()
	n := m.notes[key]
	if n != nil && (n.at.IsZero() || now.Sub(n.at) < freshFor) {
		m.mu.Unlock()
		select {
		case <-n.done:
			if n.err == nil {
				v, _ := n.value.(T)
				return v, nil
			}
		case <-c.ctx.Done():
			var none T
			return none, context.Cause(c.ctx)
		}
		return ask() // another's failure need not be ours
	}
	n = &noted{done: make(chan struct{})}
	if m.notes == nil || len(m.notes) >= maxMemos {
		m.notes = make(map[string]*noted)
	}
	m.notes[key] = n
	m.mu.Unlock()

	v, err := ask()
	m.mu.Lock()
	defer m.mu.Unlock()
	n.value, n.err, n.at = v, err, time.Now()
	if err != nil && m.notes[key] == n {
		delete(m.notes, key)
	}
	close(n.done)
	return v, err
}
