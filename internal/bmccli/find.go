package bmccli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

func (c *caller) findVerbs() []*cobra.Command {
	ping := c.verb("ping", "Ask whether something speaks IPMI there, without logging in", "Sends an RMCP presence ping, and tells how long the answer took. Needs no user. BMCs may leave pings unanswered; discover asks more.", "bmc[1-40] ping", cobra.NoArgs, func([]string) (job, error) {
		return job{open: true, peer: c.pinged}, nil
	})
	discover := c.verb("discover", "Find the BMCs among addresses", "Asks all hosts, without logging in, how one may log in, and tells those that answer: with a network as hosts it finds the BMCs in it. Hosts that do not answer within --timeout (2 s unless it is given) are left out.", "192.0.2.0/24 discover\nbmc[1-400] discover --csv", cobra.NoArgs, func([]string) (job, error) {
		if !c.flags.given("timeout") {
			c.flags.timeout = 2 * time.Second
		}
		if !c.flags.given("parallel") {
			c.flags.parallel = 512
		}
		return job{open: true, finds: true, peer: c.discovered}, nil
	})
	return []*cobra.Command{ping, discover}
}

func (c *caller) pinged(ctx context.Context, p *peer) (answer, error) {
	ctx, stop := context.WithTimeout(ctx, c.flags.timeout)
	defer stop()
	begun := time.Now()
	asf, err := p.run.client.Ping(ctx, p.address())
	if err != nil {
		return answer{}, unanswered(ctx, err)
	}
	took := time.Since(begun).Round(10 * time.Microsecond)
	what := "speaks RMCP"
	if asf.IPMI {
		what = "speaks IPMI"
	}
	a := answer{line: what, tone: Good, value: map[string]any{"ipmi": asf.IPMI, "milliseconds": float64(took.Microseconds()) / 1000}}
	if len(p.run.peers) == 1 {
		a.line = fmt.Sprintf("%s (%v)", what, took)
	}
	return a, nil
}

// unanswered makes of the end of patience what it means.
func unanswered(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ipmi.ErrNoAnswer
	}
	return err
}

func (c *caller) discovered(ctx context.Context, p *peer) (answer, error) {
	ctx, stop := context.WithTimeout(ctx, c.flags.timeout)
	defer stop()
	k, err := p.run.client.Capabilities(ctx, p.address())
	if err != nil {
		return answer{}, unanswered(ctx, err)
	}
	a := answer{head: []string{"VERSION", "LOGIN"}, rows: [][]Cell{{cell(versions(k)), cell(logins(k))}}}
	a.value = map[string]any{"version": versions(k), "login": logins(k), "ipmi20": k.Plus20}
	return a, nil
}

func versions(k rmcp.AuthCaps) string {
	switch {
	case k.PlusValid && k.Plus20 && k.Types&^1 != 0:
		return "1.5, 2.0"
	case k.PlusValid && k.Plus20:
		return "2.0"
	}
	return "1.5"
}

func logins(k rmcp.AuthCaps) string {
	var words []string
	for _, w := range []struct {
		is   bool
		name string
	}{{k.Named, "named users"}, {k.Null, "users without name"}, {k.Anonymous, "anonymous"}, {k.KgSet, "needs Kg"}, {k.Types&1 != 0, "without authentication"}} {
		if w.is {
			words = append(words, w.name)
		}
	}
	return strings.Join(words, ", ")
}

// found makes one table of those that answered.
func found(outcomes []outcome) answer {
	all := answer{head: []string{"HOST", "VERSION", "LOGIN"}}
	for _, o := range outcomes {
		if o.err != nil {
			continue
		}
		for _, row := range o.answer.rows {
			all.rows = append(all.rows, append([]Cell{cell(o.host)}, row...))
		}
	}
	return all
}
