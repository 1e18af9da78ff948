package redfishpower

import (
	"context"
	"sync"
	"time"
)

const (
	// perBMC and together are how many requests may be young at a time.
	perBMC   = 4
	together = 128

	// patience is how long a request counts as young. After it the next may
	// start, though the answer is still out: a room full of dead BMCs, each of
	// which takes the whole message timeout, must not hold up those that answer.
	patience = 250 * time.Millisecond
)

// gate lets a number of requests through at a time. Its zero value lets none.
type gate struct{ free chan struct{} }

func newGate(n int) gate { return gate{make(chan struct{}, n)} }

// enter waits for a place. It is given back by leave or when patience is over,
// whatever is first.
func (g gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.free <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	once := sync.OnceFunc(func() { <-g.free })
	t := time.AfterFunc(patience, once)
	return func() { t.Stop(); once() }, nil
}

// gates are one for each BMC and one for all.
type gates struct {
	all gate
	mu  sync.Mutex
	bmc map[string]gate
}

func newGates() *gates { return &gates{all: newGate(together), bmc: map[string]gate{}} }

func (g *gates) of(host string) gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.bmc[host]; !ok {
		g.bmc[host] = newGate(perBMC)
	}
	return g.bmc[host]
}

// enter waits for a place at a BMC, then for one of all.
func (g *gates) enter(ctx context.Context, host string) (leave func(), err error) {
	one, err := g.of(host).enter(ctx)
	if err != nil {
		return nil, err
	}
	all, err := g.all.enter(ctx)
	if err != nil {
		one()
		return nil, err
	}
	return func() { all(); one() }, nil
}
