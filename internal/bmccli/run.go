package bmccli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/redfish"
)

// job is what a verb does with each host. One of its functions is set, and web besides
// where it can be done by Redfish too.
type job struct {
	doer func(ctx context.Context, d ipmi.Doer) (answer, error)
	host func(ctx context.Context, h *host.Host) (answer, error)
	peer func(ctx context.Context, p *peer) (answer, error)
	web  func(ctx context.Context, c *redfish.Client, s *redfish.System) (answer, error)

	before  func(ctx context.Context, r *run) error // what is asked once for all hosts; may be nil
	danger  string                                  // what is asked for several machines, as in "power off"; empty: nothing is
	open    bool                                    // needs no login
	follows bool                                    // tells by itself, without end
	finds   bool                                    // those that fail are left out, and the others shown together
	one     bool                                    // for one host at a time
}

// run is one call.
type run struct {
	frame  *Frame
	flags  *flags
	job    job
	hops   []ipmi.Hop
	client *ipmi.Client
	seen   oem.Seen // variants of makers that were found out
	peers  []*peer
	creds  *credentials

	mu sync.Mutex // of what is written while it goes on
}

// outcome is what became of one host.
type outcome struct {
	host   string
	answer answer
	err    error
}

// perform does a job with all hosts of the flags.
func perform(ctx context.Context, frame *Frame, f *flags, j job) error {
	r := &run{frame: frame, flags: f, job: j}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.consent(ctx); err != nil {
		return err
	}
	if j.before != nil {
		if err := j.before(ctx, r); err != nil {
			return err
		}
	}
	r.client = ipmi.NewClient(ipmi.ClientOptions{})
	defer r.end()
	if j.follows {
		return r.finish(r.round(ctx), ctx)
	}
	for {
		err := r.finish(r.round(ctx), ctx)
		if f.watch == 0 || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(f.watch):
		}
		r.begin()
	}
}

// prepare reads hosts, settings and credentials: all that can be wrong before anybody is
// talked to.
func (r *run) prepare(ctx context.Context) error {
	f := r.flags
	if err := f.check(); err != nil {
		return err
	}
	hosts, err := parseHosts(f.hosts)
	if err != nil {
		return err
	}
	if r.job.one && len(hosts) > 1 {
		return usagef("this is for one host at a time")
	}
	for _, text := range f.bridge {
		hop, err := parseHop(text)
		if err != nil {
			return err
		}
		r.hops = append(r.hops, hop)
	}
	rules, err := f.readRules()
	if err != nil {
		return err
	}
	if r.creds, err = newCredentials(r.frame, f); err != nil {
		return err
	}
	for _, h := range hosts {
		p := &peer{run: r, name: h, set: f.forHost(h, rules)}
		if p.opts, err = p.set.options(f); err != nil {
			return err
		}
		if !r.job.open {
			who, err := r.creds.of(ctx, p.set)
			if err != nil {
				return err
			}
			p.who = &who
		}
		r.peers = append(r.peers, p)
	}
	return nil
}

// consent asks whether so many machines are meant.
func (r *run) consent(ctx context.Context) error {
	if r.job.danger == "" || len(r.peers) < 2 || r.flags.yes {
		return nil
	}
	question := fmt.Sprintf("%s: %d machines, %s.\nGo on? [y/N] ", r.job.danger, len(r.peers), r.frame.Clean(fold(r.names())))
	yes, asked := r.frame.Agree(ctx, question)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case asked && !yes:
		r.hint("Nothing was done.")
		return ExitRefused
	}
	return nil
}

func (r *run) names() []string {
	names := make([]string, len(r.peers))
	for i, p := range r.peers {
		names[i] = p.name
	}
	return names
}

// round does the job once with each host, so many at a time.
func (r *run) round(ctx context.Context) []outcome {
	outcomes := make([]outcome, len(r.peers))
	slots := make(chan struct{}, r.flags.parallel)
	var all sync.WaitGroup
	for i, p := range r.peers {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			o := &outcomes[i]
			o.host = p.name
			if o.err = ctx.Err(); o.err == nil {
				o.answer, o.err = r.with(ctx, p)
				if o.err != nil && len(o.answer.rows) == 0 && o.answer.line == "" {
					o.answer = answer{notes: o.answer.notes} // nothing was read, which is not that there is nothing
				}
			}
		})
	}
	all.Wait()
	return outcomes
}

// with does the job with one host.
func (r *run) with(ctx context.Context, p *peer) (answer, error) {
	j := r.job
	if !j.open && p.speaksRedfish() {
		if j.web == nil {
			return answer{}, fmt.Errorf("%w: it takes IPMI (--protocol ipmi)", errNotHere)
		}
		c, s, err := p.redfish(ctx)
		if err != nil {
			return answer{}, err
		}
		return j.web(ctx, c, s)
	}
	switch {
	case j.doer != nil:
		d, err := p.doer(ctx)
		if err != nil {
			return answer{}, err
		}
		return j.doer(ctx, d)
	case j.host != nil:
		h, err := p.machine(ctx)
		if err != nil {
			return answer{}, err
		}
		return j.host(ctx, h)
	case j.peer != nil:
		return j.peer(ctx, p)
	}
	return answer{}, fmt.Errorf("%w: it takes Redfish (--protocol redfish)", errNotHere)
}

// finish shows what came of a round, and makes the exit status of it.
func (r *run) finish(outcomes []outcome, ctx context.Context) error { //nolint:revive // the round comes first
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if r.job.finds && !r.flags.json && !r.flags.csv && !r.flags.each {
		return r.plain(r.frame.Stdout, found(outcomes))
	}
	if r.job.finds {
		outcomes = slices.DeleteFunc(outcomes, func(o outcome) bool { return o.err != nil })
	}
	if err := r.show(outcomes); err != nil {
		return err
	}
	statuses := make([]Status, len(outcomes))
	for i, o := range outcomes {
		if o.err != nil {
			statuses[i], _ = kindOf(o.err)
		}
	}
	if s := together(statuses); s != ExitOK {
		return s
	}
	return nil
}

// end logs out everywhere.
func (r *run) end() {
	var all sync.WaitGroup
	for _, p := range r.peers {
		all.Go(p.close)
	}
	all.Wait()
	_ = r.client.Close()
}
