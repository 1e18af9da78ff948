package nut

import (
	"cmp"
	"context"
	"crypto/subtle"
	"maps"
	"slices"
	"sync"
)

// Bank is a [Handler] in memory: UPSes that are what they were last said to be,
// for simulations and tests. Its methods may be called from any goroutine.
type Bank struct {
	mu       sync.Mutex
	units    map[string]*unit
	user     string
	password string
	done     []Request
}

type unit struct {
	description string
	vars        map[string]string
	fails       error
}

// Interface guard.
var _ Handler = (*Bank)(nil)

// NewBank makes one without any UPS. Whoever wants to do more than read has to
// be this user; with an empty one nobody may.
func NewBank(username, password string) *Bank {
	return &Bank{units: map[string]*unit{}, user: username, password: password}
}

// Put adds a UPS, or puts variables of one to new values.
func (b *Bank) Put(ups, description string, vars Vars) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.units[ups]
	if u == nil {
		u = &unit{vars: map[string]string{}}
		b.units[ups] = u
	}
	u.description = cmp.Or(description, u.description)
	maps.Copy(u.vars, vars)
}

// Fail lets a UPS answer with an error, such as [DataStale], until it is nil.
func (b *Bank) Fail(ups string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if u := b.units[ups]; u != nil {
		u.fails = err
	}
}

// Done gives what clients had done, in their order, the last thousand of it,
// without passwords.
func (b *Bank) Done() []Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.done)
}

// UPSes gives all, by name.
func (b *Bank) UPSes(context.Context) []UPS {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := make([]UPS, 0, len(b.units))
	for _, name := range slices.Sorted(maps.Keys(b.units)) {
		found = append(found, UPS{Name: name, Description: b.units[name].description})
	}
	return found
}

// Vars gives the variables of a UPS by name. All can be set.
func (b *Bank) Vars(_ context.Context, ups string) ([]Var, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.units[ups]
	switch {
	case u == nil:
		return nil, UnknownUPS
	case u.fails != nil:
		return nil, u.fails
	}
	vars := make([]Var, 0, len(u.vars))
	for _, name := range slices.Sorted(maps.Keys(u.vars)) {
		vars = append(vars, Var{Name: name, Value: u.vars[name], Writable: true})
	}
	return vars, nil
}

// Commands gives the two that a bank obeys.
func (b *Bank) Commands(_ context.Context, ups string) ([]Command, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.units[ups] == nil {
		return nil, UnknownUPS
	}
	return []Command{{"load.off", "Turn off the load immediately"}, {"load.on", "Turn on the load immediately"}}, nil
}

// Do sets variables, switches loads and takes shutdowns down.
func (b *Bank) Do(_ context.Context, r Request) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	same := subtle.ConstantTimeCompare([]byte(r.Username), []byte(b.user)) & subtle.ConstantTimeCompare([]byte(r.Password), []byte(b.password))
	u := b.units[r.UPS]
	switch {
	case b.user == "" || same != 1:
		return AccessDenied
	case u == nil:
		return UnknownUPS
	case r.Verb == VerbSet && u.vars[r.Name] == "":
		return VarNotSupported
	case r.Verb == VerbSet:
		u.vars[r.Name] = r.Value
	case r.Verb == VerbShutdown:
		u.vars["ups.status"] += " FSD"
	case r.Verb == VerbCommand && r.Name == "load.off":
		u.vars["ups.status"] = "OFF"
	case r.Verb == VerbCommand && r.Name == "load.on":
		u.vars["ups.status"] = "OL"
	case r.Verb == VerbCommand:
		return CommandNotSupported
	}
	r.Password = ""
	const kept = 1000
	if len(b.done) == kept {
		b.done = slices.Delete(b.done, 0, 1)
	}
	b.done = append(b.done, r)
	return nil
}
