package libvirt

import (
	"context"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/libvirt"
)

// maxLog bounds what is kept of one machine; older entries go.
const maxLog = 256

// happened hears of an event. The library's reader waits meanwhile.
func (n *session) happened(e libvirt.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := e.Domain.Name
	if !n.plugged(name) {
		return
	}
	n.count++
	log := append(n.logs[name], driver.LogEntry{
		ID: strconv.FormatInt(n.began.UnixNano(), 36) + "-" + strconv.Itoa(n.count), At: time.Now(), Source: "libvirt",
		Text: n.Clean(strings.TrimSuffix(e.Kind.String()+": "+e.Why(), ": ")), Severity: severity(e),
	})
	n.logs[name] = log[max(0, len(log)-maxLog):]
	if e.Kind == libvirt.Started {
		n.started[name] = true
		n.poke()
	}
}

// plugged says whether a machine is one of ours.
func (n *session) plugged(name string) bool {
	for _, p := range n.Env.Plugs {
		if p.Name == name {
			return true
		}
	}
	return false
}

// severity says how bad an event is.
func severity(e libvirt.Event) driver.Severity {
	const stoppedCrashed, stoppedFailed, suspendedIO, suspendedWatchdog = 2, 5, 2, 3
	switch {
	case e.Kind == libvirt.Crashed, e.Kind == libvirt.Stopped && (e.Detail == stoppedCrashed || e.Detail == stoppedFailed):
		return driver.Critical
	case e.Kind == libvirt.Suspended && (e.Detail == suspendedIO || e.Detail == suspendedWatchdog):
		return driver.Warning
	}
	return driver.Fine
}

func (n *session) poke() {
	select {
	case n.nudge <- struct{}{}:
	default:
	}
}

// catchUp has those machines looked at that may have started while nobody listened.
func (n *session) catchUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.Env.Plugs {
		if p.Used {
			n.started[p.Name] = true
		}
	}
	n.poke()
}

// settle puts back boot devices that have had their one start. It ends with the session.
func (n *session) settle() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		select {
		case <-n.nudge:
		case <-n.closing:
			return
		case <-n.conn.Done():
			return
		}
		n.mu.Lock()
		names := n.started
		n.started = make(map[string]bool)
		n.mu.Unlock()
		for name := range names {
			n.settleOne(ctx, name)
		}
	}
}

func (n *session) settleOne(ctx context.Context, name string) {
	if n.conn.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, n.Settings.Timeout)
	defer cancel()
	d, err := n.conn.Lookup(ctx, name)
	if err == nil {
		err = n.conn.SettleBoot(ctx, d)
	}
	if err != nil && n.conn.Err() == nil {
		n.Env.Log.Warn("what a machine booted from before could not be put back", "device", n.Env.Device, "plug", name, "err", n.Clean(err.Error()))
	}
}

// Log implements [driver.Logbook]: what has happened since the session began.
func (n *session) Log(_ context.Context, plug int, tell func(driver.LogEntry)) error {
	n.mu.Lock()
	list := append([]driver.LogEntry(nil), n.logs[n.Env.Plugs[plug].Name]...)
	n.mu.Unlock()
	for _, e := range list {
		tell(e)
	}
	return nil
}

// ClearLog implements [driver.Logbook].
func (n *session) ClearLog(_ context.Context, plug int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.logs, n.Env.Plugs[plug].Name)
	return nil
}

var _ driver.Logbook = (*session)(nil)
