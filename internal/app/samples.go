package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/sampler"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/series"
	"millwright.dev/millwright/internal/series/remotewrite"
	"millwright.dev/millwright/internal/transport"
)

// forwarding sends samples on to where the room says.
type forwarding struct {
	mu     sync.RWMutex
	to     room.RemoteWrite
	sender *remotewrite.Sender // nil for nowhere
}

// lastSamples is how long the daemon waits at its end for samples to be sent on.
const lastSamples = 2 * time.Second

func (f *forwarding) send(at time.Time, k series.Key, value float64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.sender != nil {
		f.sender.Send(at, k, value)
	}
}

// turn makes another sender the one; what the one before still has is sent.
func (f *forwarding) turn(to room.RemoteWrite, next *remotewrite.Sender) {
	f.mu.Lock()
	before := f.sender
	f.to, f.sender = to, next
	f.mu.Unlock()
	if before != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastSamples)
		defer cancel()
		_ = before.Close(ctx) // what could not be sent is counted there
	}
}

func (a *App) openSamples(ctx context.Context) error {
	file, err := a.store.OpenSamples(ctx)
	if err != nil {
		return fmt.Errorf("open the samples: %w", err)
	}
	if aside := file.SetAside(); aside != "" {
		a.log.Error("the samples were damaged; they are set aside, and new ones begun", "file", aside)
		a.note("samples damaged", event.Failed, "they are set aside as "+filepath.Base(aside))
	}
	a.onClose(func() { _ = file.Close() })
	a.samples, err = series.Open(ctx, file, series.Options{Trouble: a.samplesTrouble, Tee: a.forwarding.send, Log: a.log})
	if err != nil {
		return fmt.Errorf("open the samples: %w", err)
	}
	a.onClose(func() {
		if err := a.samples.Close(); err != nil {
			a.log.Error("closing the samples", "why", err)
		}
		a.forwarding.turn(room.RemoteWrite{}, nil)
	})
	a.sampler = sampler.New(a.fleet, a.samples, a.log)
	return nil
}

func (a *App) samplesTrouble(why error) {
	if why == nil {
		a.note("samples written", event.OK, "samples can be written again")
		return
	}
	a.note("samples not written", event.Failed, why.Error())
}

// sample has devices measured until ctx ends. The returned function waits.
func (a *App) sample(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() { a.sampler.Run(ctx) })
	return wg.Wait
}

// sampleCheck keeps what a look at a node has measured.
func (a *App) sampleCheck(r rounds.Report) {
	if r.Last.Verdict == check.OK && r.Last.Took > 0 {
		a.samples.Append(r.At, series.Key{Node: r.Node, Check: r.Check, Quantity: series.Latency}, r.Last.Took.Seconds())
	}
	for _, v := range r.Last.Values {
		a.samples.Append(r.At, series.Key{Node: r.Node, Check: r.Check, Part: v.Part, Quantity: series.Quantity(v.Quantity)}, v.Value)
	}
}

// applySamples takes what a room says of samples.
func (a *App) applySamples(r *room.Room) {
	s := r.Settings.Samples
	if s.Raw > 0 {
		if err := a.samples.SetRetention(series.Retention{Raw: s.Raw, Minutes: s.Minutes, Hours: s.Hours, Days: s.Days}); err != nil {
			a.log.Error("samples are kept for as long as before", "why", err)
		}
	}
	if reflect.DeepEqual(a.forwarding.to, s.Send) {
		return
	}
	sender, err := a.newSender(r, s.Send)
	if err != nil {
		a.log.Error("samples are not sent on", "to", s.Send.URL, "why", err)
		a.note("samples not sent on", event.Failed, err.Error())
	}
	a.forwarding.turn(s.Send, sender)
}

// newSender makes what sends samples to an address; nil for none.
func (a *App) newSender(r *room.Room, to room.RemoteWrite) (*remotewrite.Sender, error) {
	if to.URL == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	o := remotewrite.Options{URL: to.URL, Labels: to.Labels, Log: a.log.With(slog.String("to", to.URL))}
	u, err := url.Parse(to.URL)
	if err != nil {
		return nil, err
	}
	if to.Bearer != "" {
		if o.Bearer, err = a.secret(ctx, to.Bearer); err != nil {
			return nil, err
		}
	}
	if to.Credential != "" {
		who, err := a.credential(ctx, r, to.Credential)
		if err != nil {
			return nil, err
		}
		o.User, o.Password = who.User, who.Get(secret.Password)
	}
	trust := transport.TLSOptions{CA: to.CA, Pins: to.Pins, Insecure: to.Insecure}
	if to.CA != "" && !filepath.IsAbs(to.CA) {
		trust.CA = filepath.Join(roomfile.Folder(a.opts.Config), to.CA)
	}
	if u.Scheme == "https" {
		if o.TLS, err = trust.Config(u.Hostname()); err != nil {
			return nil, err
		}
	}
	return remotewrite.New(o)
}
