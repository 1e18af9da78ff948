package redfish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/redfish"
)

// ask has an action ask the service, and words what fails. The client may ask several
// things at once, so what it tells is gathered first.
func ask(a *action.Action, do func(context.Context) error) error {
	var mu sync.Mutex
	sent, changed := false, false
	type piece struct {
		kind devspec.TraceKind
		text string
	}
	var pieces []piece
	trace := redfish.Trace{Asking: func(change bool) {
		mu.Lock()
		defer mu.Unlock()
		sent, changed = true, changed || change
	}}
	if a.Traced() {
		trace.Text = func(ours bool, text string) {
			mu.Lock()
			defer mu.Unlock()
			kind := devspec.TraceRecv
			if ours {
				kind = devspec.TraceSend
			}
			pieces = append(pieces, piece{kind, text})
		}
	}
	err := do(redfish.WithTrace(a.Context(), trace))
	mu.Lock()
	defer mu.Unlock()
	a.Sent, a.Changed = a.Sent || sent, a.Changed || changed
	for _, p := range pieces {
		a.Trace(p.kind, p.text)
	}
	return worded(a, err)
}

// worded makes what an action returns of an error of the client's.
func worded(a *action.Action, err error) error {
	if err == nil {
		return nil
	}
	var said *redfish.Error
	var untrusted *redfish.CertificateError
	switch {
	case a.Context().Err() != nil:
		return a.Over()
	case errors.As(err, &untrusted):
		return fmt.Errorf("TLS: its certificate is not trusted (%w): if it is the device's own, set tls: pins: [%s]; if an authority of yours has signed it, tls: ca", untrusted.Err, untrusted.Fingerprint())
	case errors.As(err, &said):
		return refused(said)
	case errors.Is(err, redfish.ErrNotJSON), errors.Is(err, redfish.ErrElsewhere):
		return action.Unsure("it says what nobody understands: " + err.Error())
	case kind(err) != 0:
		return action.Refused(err.Error())
	}
	return a.Lost(err)
}

// refused tells what the service surely has not done from what nobody knows.
func refused(said *redfish.Error) error {
	switch {
	case said.Kind == redfish.Denied:
		return action.Refused("it does not let us in, or not do that; are the user and the password right? (" + said.Error() + ")")
	case said.Status/100 == 4 || said.Status == http.StatusServiceUnavailable || said.Status == http.StatusNotImplemented:
		return action.Refused(said.Error())
	}
	return action.Unsure(said.Error())
}

// kind gives the kind of an error that the library has made by itself; 0 if it is none.
func kind(err error) redfish.Kind {
	for k := redfish.Denied; k <= redfish.Broken; k++ {
		if errors.Is(err, k) {
			return k
		}
	}
	return 0
}

// aside asks what is in no batch.
func (n *session) aside(ctx context.Context, do func(context.Context) error) error {
	return n.Aside(ctx, func(a *action.Action) error { return ask(a, do) })
}

// system finds the machine of a plug, once.
func (n *session) system(ctx context.Context, plug int) (*redfish.System, error) {
	which := n.plugs[n.Env.Plugs[plug].Name]
	n.mu.Lock()
	s := n.systems[which]
	n.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := n.client.System(ctx, which)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.systems[which] = s
	return s, nil
}

var _ driver.Session = (*session)(nil)
