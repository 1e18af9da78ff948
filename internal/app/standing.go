package app

import (
	"context"
	"sync"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/internal/state"
)

func (a *App) openStandings(ctx context.Context) (err error) {
	a.standings, err = standing.Open(ctx, standing.Options{Store: a.store, Events: a.events, Log: a.log})
	if err == nil {
		a.onClose(a.standings.Close)
	}
	return err
}

// followStates lets nodes' standings follow what is read of their power, where nothing
// of ours has caused it, until ctx ends. The returned function waits for it to be over.
func (a *App) followStates(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		_, after, _, _ := a.state.Changes(-1)
		a.seeAll()
		for {
			list, last, more, known := a.state.Changes(after)
			if !known {
				a.seeAll()
			}
			for _, c := range list {
				if c.Node != "" && !c.Caused {
					a.standings.Seen(c.Node, c.State)
				}
			}
			after = last
			select {
			case <-ctx.Done():
				return
			case <-more:
			}
		}
	})
	return wg.Wait
}

// seeAll tells what is believed of every node.
func (a *App) seeAll() {
	type seen struct {
		node  string
		state room.State
	}
	var all []seen
	a.state.Every(func(r *room.Room, id room.NodeID, b state.Belief) {
		if !b.Seen.IsZero() {
			all = append(all, seen{r.Nodes[id].Name, b.State})
		}
	})
	for _, s := range all {
		a.standings.Seen(s.node, s.state)
	}
}

// forgetGone forgets how nodes stood that are not in the room any more.
func (a *App) forgetGone(ctx context.Context, r *room.Room) {
	err := a.standings.Forget(ctx, func(node string) bool {
		_, there := r.Node(node)
		return there
	})
	if err != nil {
		a.log.Warn("what is known of nodes that are gone is kept for now", "why", err)
	}
}
