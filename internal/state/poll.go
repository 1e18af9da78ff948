package state

import (
	"context"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// pollStep is how often it is looked whether a device is due.
const pollStep = time.Second

// Poll reads the devices that want to be read unasked, each at its own pace,
// until ctx ends. The returned function waits for the last reads.
func (k *Keeper) Poll(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		due := make(map[string]time.Time)
		busy := make(map[string]chan struct{})
		for {
			select {
			case <-ctx.Done():
				return
			case <-k.applied:
			case <-k.nextPoll():
			}
			k.pollDue(ctx, &wg, due, busy)
		}
	})
	return wg.Wait
}

// nextPoll rings when it is worth looking again: never in a room that polls nothing.
func (k *Keeper) nextPoll() <-chan time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.room.Devices {
		if k.room.Devices[i].Poll > 0 {
			return time.After(pollStep)
		}
	}
	return nil
}

func (k *Keeper) pollDue(ctx context.Context, wg *sync.WaitGroup, due map[string]time.Time, busy map[string]chan struct{}) {
	k.mu.Lock()
	r := k.room
	k.mu.Unlock()
	now := time.Now()
	for i := range r.Devices {
		d := &r.Devices[i]
		if d.Poll <= 0 || now.Before(due[d.Name]) || running(busy[d.Name]) {
			continue
		}
		due[d.Name] = now.Add(d.Poll)
		done := make(chan struct{})
		busy[d.Name] = done
		wg.Go(func() {
			defer close(done)
			// A device that cannot be read has a poll setting that does nothing.
			_ = k.Do(ctx, fleet.Request{Room: r, Op: room.Status, Nodes: r.NodesOf(room.DeviceID(i))}, deaf{})
		})
	}
}

func running(done chan struct{}) bool {
	if done == nil {
		return false
	}
	select {
	case <-done:
		return false
	default:
		return true
	}
}

// deaf is a sink for reads whose only purpose is to be noted.
type deaf struct{}

func (deaf) Result(fleet.Result)            {}
func (deaf) Fault(*driver.Fault)            {}
func (deaf) Diagnostic(room.NodeID, string) {}
func (deaf) Trace(string, devspec.Trace)    {}
