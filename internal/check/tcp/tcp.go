// Package tcp checks that a node takes connections at a port, and perhaps that who is
// behind it says what is expected: the least that shows that a service is up.
//
// A connection that is refused, and one that is not made in time, is bad; so is a peer
// that says something else, or nothing.
//
// Start at [Settings].
package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/placeholder"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "tcp",
		Summary: "takes connections at a TCP port, and perhaps says what is expected",
		New:     func() check.Settings { return &Settings{Host: "{address}"} },
	}
}

// Settings of one check.
type Settings struct {
	Host   string `yaml:"host" default:"{address}" doc:"where to connect to, without the port"`
	Port   int    `yaml:"port" required:"true" doc:"the TCP port"`
	Send   string `yaml:"send" doc:"what to send when the connection is made; in double quotes \\r\\n is a line's end"`
	Expect string `yaml:"expect" doc:"regular expression (RE2) that must match in the first 4 KiB of what the peer says; without it the connection alone counts"`
}

// The bounds of what is sent and heard, in bytes.
const (
	maxSend  = 4 << 10
	maxHeard = 4 << 10
)

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	switch {
	case s.Host == "":
		return nil, check.Field("host", "it is empty")
	case s.Port < 1 || s.Port > 65535:
		return nil, check.Field("port", "1 to 65535")
	case len(s.Send) > maxSend:
		return nil, check.Field("send", "at most %d bytes", maxSend)
	}
	c := &looker{Settings: *s}
	var err error
	if c.expect, err = check.Pattern(check.Example(), "expect", s.Expect); err != nil {
		return nil, err
	}
	return c, nil
}

// looker is the check.
type looker struct {
	Settings
	expect *regexp.Regexp // for all nodes, unless their names are in it
}

// Run implements [check.Check].
func (c *looker) Run(ctx context.Context, env check.Env) check.Result {
	to := net.JoinHostPort(env.Fill(c.Host), strconv.Itoa(c.Port))
	start := time.Now()
	conn, err := env.DialContext(ctx, "tcp", to)
	took := time.Since(start)
	if err != nil {
		return check.Unreached(ctx, "connect to "+to, err)
	}
	defer conn.Close()
	if c.Send == "" && c.expect == nil {
		return check.Good(fmt.Sprintf("connected to %s in %s", to, check.Took(took)), took)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := io.WriteString(conn, env.Fill(c.Send)); err != nil {
		return check.Unreached(ctx, "send to "+to, err)
	}
	if c.expect == nil {
		return check.Good(fmt.Sprintf("connected to %s in %s", to, check.Took(took)), took)
	}
	return c.hear(ctx, &env, conn, to, start)
}

// hear reads until what is expected was said.
func (c *looker) hear(ctx context.Context, env *check.Env, conn io.Reader, to string, start time.Time) check.Result {
	expect := c.expect
	if placeholder.In(c.Expect) {
		var err error
		if expect, err = check.Pattern(env, "expect", c.Expect); err != nil {
			return check.Unclear(err.Error())
		}
	}
	heard := make([]byte, 0, 512)
	for {
		if len(heard) == cap(heard) {
			heard = append(heard, 0)[:len(heard)]
		}
		n, err := conn.Read(heard[len(heard):min(cap(heard), maxHeard)])
		heard = heard[:len(heard)+n]
		took := time.Since(start)
		switch {
		case n > 0 && expect.Match(heard):
			return check.Good(fmt.Sprintf("%s said %q in %s", to, env.Line(string(expect.Find(heard)), 60), check.Took(took)), took)
		case len(heard) >= maxHeard:
			return check.Wrong(fmt.Sprintf("%s did not say what is expected in its first %d bytes: %q", to, maxHeard, env.Line(string(heard), 60)))
		case errors.Is(err, io.EOF):
			return check.Wrong(fmt.Sprintf("%s hung up; all it said was %q", to, env.Line(string(heard), 60)))
		case err != nil && len(heard) > 0 && ctx.Err() != nil && !errors.Is(ctx.Err(), context.Canceled):
			return check.Wrong(fmt.Sprintf("%s said only %q in time", to, env.Line(string(heard), 60)))
		case err != nil:
			return check.Unreached(ctx, "what "+to+" says", err)
		}
	}
}
