// Package icmp pings: it checks that a node answers ICMP echo requests (RFC 792, RFC
// 4443), and how quickly, and how many get lost.
//
// It pings by itself, in one of two ways: by a socket for pings, which needs no rights
// but a group that is in the range of the sysctl net.ipv4.ping_group_range (which is for
// IPv6 too), or by a raw one, which needs CAP_NET_RAW. Where neither is permitted, the
// program ping does it, if there is one. If nobody may ping, the result is unknown and
// says what to set.
//
// A reply counts if it has the id, the number and the whole random payload of a request
// of this very check: pings that go on at the same time, ours and others', never mix.
//
// Start at [Settings]; socket.go is the conversation, program.go the way out.
package icmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"millwright.dev/millwright/internal/check"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "icmp",
		Summary: "answers pings",
		New: func() check.Settings {
			return &Settings{Host: "{address}", Family: "any", Count: 3, Interval: 250 * time.Millisecond, Patience: time.Second, Loss: 50}
		},
	}
}

// Settings of one check.
type Settings struct {
	Host     string        `yaml:"host" default:"{address}" doc:"whom to ping: a name or an address"`
	Family   string        `yaml:"family" enum:"any,4,6" default:"any" doc:"by IPv4 or IPv6; any takes what the name resolves to first"`
	Count    int           `yaml:"count" default:"3" doc:"how many requests are sent"`
	Interval time.Duration `yaml:"interval" default:"250ms" doc:"time between two requests"`
	Patience time.Duration `yaml:"patience" default:"1s" doc:"how long replies are waited for after the last request"`
	Loss     float64       `yaml:"loss" default:"50" doc:"percentage of requests that may remain without reply; 100 only measures"`
	Slowest  time.Duration `yaml:"slowest" doc:"bad if the mean time of the replies is longer; 0 for no limit"`
}

const maxCount = 100

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	if _, known := families[s.Family]; !known {
		return nil, check.Field("family", "it is any, 4 or 6")
	}
	switch {
	case s.Host == "":
		return nil, check.Field("host", "it is empty")
	case s.Count < 1 || s.Count > maxCount:
		return nil, check.Field("count", "1 to %d", maxCount)
	case s.Interval < 10*time.Millisecond || s.Interval > time.Minute:
		return nil, check.Field("interval", "10ms to 1m")
	case s.Patience < 10*time.Millisecond || s.Patience > time.Minute:
		return nil, check.Field("patience", "10ms to 1m")
	case !(s.Loss >= 0 && s.Loss <= 100):
		return nil, check.Field("loss", "0 to 100")
	case s.Slowest < 0:
		return nil, check.Field("slowest", "it cannot be less than nothing")
	}
	return &pinger{Settings: *s, open: listen, program: "ping"}, nil
}

// families are the values of Family, as the resolver has them.
var families = map[string]string{"any": "ip", "4": "ip4", "6": "ip6"}

// pinger is the check.
type pinger struct {
	Settings
	open    func(network string, to netip.Addr) (net.PacketConn, error)
	program string
}

// Pinged implements [check.Pinger]. A check that only measures is always ok.
func (c *pinger) Pinged() string {
	if c.Loss >= 100 {
		return ""
	}
	return c.Host
}

var _ check.Pinger = (*pinger)(nil)

// tally is what came of a ping.
type tally struct {
	sent, heard   int
	sum, min, max time.Duration
}

func (t *tally) add(d time.Duration) {
	if t.heard == 0 || d < t.min {
		t.min = d
	}
	t.max = max(t.max, d)
	t.sum += d
	t.heard++
}

func (t *tally) mean() time.Duration { return t.sum / time.Duration(max(1, t.heard)) }

func (t *tally) loss() float64 { return 100 * float64(t.sent-t.heard) / float64(max(1, t.sent)) }

// Run implements [check.Check].
func (c *pinger) Run(ctx context.Context, env check.Env) check.Result {
	host := env.Fill(c.Host)
	to, err := c.resolve(ctx, host)
	if err != nil {
		return check.Unclear(check.Why(ctx, err))
	}
	t, err := c.ping(ctx, to)
	shown := host
	if host != to.String() {
		shown += " (" + to.String() + ")"
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return check.Unclear("ping " + shown + ": cut short")
	case errors.Is(err, errNoProgram):
		return check.Unclear("ping " + shown + ": " + err.Error())
	case err != nil && t.heard == 0:
		return check.Unreached(ctx, "ping "+shown, err)
	case t.sent == 0:
		return check.Unclear("ping " + shown + ": nothing was sent in time")
	}
	return c.verdict(shown, t)
}

func (c *pinger) resolve(ctx context.Context, host string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap(), nil
	}
	list, err := net.DefaultResolver.LookupNetIP(ctx, families[c.Family], host)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(list) == 0 {
		return netip.Addr{}, fmt.Errorf("%s has no address", host)
	}
	return list[0].Unmap(), nil
}

// verdict judges what came of it.
func (c *pinger) verdict(who string, t tally) check.Result {
	said := fmt.Sprintf("%s: %d of %d pings answered", who, t.heard, t.sent)
	if t.heard > 0 {
		said += fmt.Sprintf(", in %s on average (%s to %s)", check.Took(t.mean()), check.Took(t.min), check.Took(t.max))
	}
	r := check.Result{Verdict: check.OK, Said: said, Values: []check.Value{{Quantity: check.Loss, Value: t.loss()}}}
	if t.heard > 0 {
		r.Took = t.mean()
	}
	switch {
	case t.loss() > c.Loss:
		r.Verdict = check.Bad
	case c.Slowest > 0 && t.mean() > c.Slowest:
		r.Verdict = check.Bad
		r.Said += ", slower than " + c.Slowest.String()
	}
	return r
}

// ping does it in the first way that is permitted.
func (c *pinger) ping(ctx context.Context, to netip.Addr) (tally, error) {
	var denied error
	for _, network := range networks(to) {
		conn, err := c.open(network, to)
		if err != nil {
			denied = err
			continue
		}
		defer conn.Close()
		return c.talk(ctx, conn, to)
	}
	t, err := c.byProgram(ctx, to)
	if errors.Is(err, errNoProgram) {
		err = fmt.Errorf("we may not ping (%w), and %w: widen the group range by `sysctl net.ipv4.ping_group_range=\"0 2147483647\"`, or give the daemon CAP_NET_RAW", denied, errNoProgram)
	}
	return t, err
}
