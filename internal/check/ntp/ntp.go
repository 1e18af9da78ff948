// Package ntp checks time servers (RFC 5905): that a node answers, that its clock is
// synchronised, how far it is from a reference, and how far from the clock of this
// machine, which is assumed to be right.
//
// A server that is silent, that says itself that it is not synchronised, or whose time
// or stratum is out of bounds, is bad. One that asks us to come less often (a kiss of
// death) leaves it unknown.
//
// Start at [Settings].
package ntp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/beevik/ntp"

	"millwright.dev/millwright/internal/check"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "ntp",
		Summary: "tells the right time by NTP",
		New: func() check.Settings {
			return &Settings{Host: "{address}", Port: 123, Offset: time.Second, Stratum: 15}
		},
	}
}

// Settings of one check.
type Settings struct {
	Host    string        `yaml:"host" default:"{address}" doc:"whom to ask"`
	Port    int           `yaml:"port" default:"123" doc:"the UDP port"`
	Offset  time.Duration `yaml:"offset" default:"1s" doc:"how far its clock may be from this machine's, either way"`
	Stratum int           `yaml:"stratum" default:"15" doc:"the highest stratum that is ok: how many servers there are between it and a reference clock"`
}

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	switch {
	case s.Host == "":
		return nil, check.Field("host", "it is empty")
	case s.Port < 1 || s.Port > 65535:
		return nil, check.Field("port", "1 to 65535")
	case s.Offset <= 0:
		return nil, check.Field("offset", "it must be more than nothing")
	case s.Stratum < 1 || s.Stratum > 15:
		return nil, check.Field("stratum", "1 to 15")
	}
	return &asker{*s}, nil
}

// asker is the check.
type asker struct{ Settings }

// again is after which time the question is asked again: packets get lost.
const again = 2 * time.Second

// Run implements [check.Check].
func (c *asker) Run(ctx context.Context, env check.Env) check.Result {
	to := net.JoinHostPort(env.Fill(c.Host), strconv.Itoa(c.Port))
	for {
		answer, err := c.ask(ctx, &env, to)
		var network net.Error
		switch {
		case err == nil:
			return c.verdict(to, answer)
		case ctx.Err() == nil && errors.As(err, &network) && network.Timeout():
			continue
		}
		return check.Unreached(ctx, to, err)
	}
}

func (c *asker) ask(ctx context.Context, env *check.Env, to string) (*ntp.Response, error) {
	stop := func() bool { return true }
	defer func() { stop() }()
	return ntp.QueryWithOptions(to, ntp.QueryOptions{
		Timeout: again,
		Dialer: func(_, remote string) (net.Conn, error) {
			conn, err := env.DialContext(ctx, "udp", remote)
			if err == nil {
				stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		},
	})
}

// verdict judges an answer.
func (c *asker) verdict(to string, a *ntp.Response) check.Result {
	if a.IsKissOfDeath() {
		return check.Unclear(fmt.Sprintf("%s wants to be left alone (%s)", to, a.KissCode))
	}
	r := check.Result{
		Verdict: check.OK, Took: a.RTT,
		Values: []check.Value{
			{Quantity: check.Offset, Value: a.ClockOffset.Seconds()},
			{Quantity: check.Stratum, Value: float64(a.Stratum)},
		},
		Said: fmt.Sprintf("%s: offset %s, stratum %d", to, a.ClockOffset.Round(time.Microsecond), a.Stratum),
	}
	wrong := ""
	switch err := a.Validate(); {
	case a.Leap == ntp.LeapNotInSync, a.Stratum == 0, a.Stratum > 15:
		wrong = "it is not synchronised"
	case err != nil:
		wrong = err.Error()
	case a.ClockOffset.Abs() > c.Offset:
		wrong = "more than " + c.Offset.String() + " away"
	case int(a.Stratum) > c.Stratum:
		wrong = fmt.Sprintf("the stratum is more than %d", c.Stratum)
	}
	if wrong != "" {
		r.Verdict = check.Bad
		r.Said += ": " + wrong
	}
	return r
}
