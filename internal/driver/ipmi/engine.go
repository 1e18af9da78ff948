package ipmi

import (
	"sync"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
)

// engine is the client that all devices share. It is there while one of them has a
// session, or is trying to.
type engine struct {
	mu     sync.Mutex
	users  int
	client *ipmi.Client

	seen oem.Seen // which variant of its maker's a firmware is, so that each is asked once
}

// enter gives the client; whoever was given it must leave.
func (e *engine) enter() *ipmi.Client {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users++; e.users == 1 {
		e.client = ipmi.NewClient(ipmi.ClientOptions{})
	}
	return e.client
}

func (e *engine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users--; e.users == 0 {
		_ = e.client.Close()
		e.client = nil
	}
}
