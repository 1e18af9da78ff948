package bmccli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/pef"
	"millwright.dev/millwright/ipmi/rmcp"
)

func (c *caller) channelVerb() *cobra.Command {
	n := uint8(channel.Present)
	return c.family("channel", "Read and set who may come in by a channel", "bmc7 channel list\nbmc7 channel access --channel 1 --mode always",
		c.verb("list", "List all channels", "", "bmc7 channel list", cobra.NoArgs, noArgs(job{doer: channelList})),
		c.onChannel(&n, c.verb("info", "Show what a channel is", "", "bmc7 channel info --channel 1", cobra.NoArgs, func([]string) (job, error) {
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				i, err := channel.GetInfo(ctx, d, n)
				return unlessFailed(pairs(i, "channel", i.Channel, "medium", i.Medium, "protocol", i.Protocol, "sessions", i.Sessions, "active now", i.Active, "protocol of", i.Vendor), err)
			}}, nil
		})),
		c.accessVerb(&n),
		c.onChannel(&n, c.verb("ciphers", "List the cipher suites that the BMC announces", "Lists the cipher suites that the BMC announces and, where it tells, the most that a session with each may do. BMCs announce suites that they refuse, and take others: it is a hint.", "bmc7 channel ciphers", cobra.NoArgs, func([]string) (job, error) {
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) { return cipherList(ctx, d, n) }}, nil
		})),
		c.onChannel(&n, c.verb("cipher-privilege SUITE PRIVILEGE", "Limit what sessions with a cipher suite may do", "Limits what sessions with a cipher suite may do; none has the suite refused. Suite 0 should be.", "bmc[1-40] channel cipher-privilege 0 none", cobra.ExactArgs(2), func(args []string) (job, error) {
			suite, err := number(args[0], 0, 255)
			if err != nil {
				return job{}, err
			}
			limit := channel.Privilege(0)
			if args[1] != "none" {
				if limit, err = channel.ParsePrivilegeName(args[1]); err != nil {
					return job{}, &UsageError{err}
				}
			}
			return job{danger: "channel cipher-privilege", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				n, err := lanChannel(ctx, d, n)
				if err != nil {
					return answer{}, err
				}
				return unlessFailed(said("set"), lan.SetSuitePrivilege(ctx, d, n, uint8(suite), limit))
			}}, nil
		})),
		c.onChannel(&n, c.verb("authcap", "Show how one may log in", "", "bmc7 channel authcap", cobra.NoArgs, func([]string) (job, error) {
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				a, err := channel.GetAuthCapabilities(ctx, d, channel.AuthQuery{Channel: n, IPMI2: true, Privilege: channel.Administrator})
				return unlessFailed(authAnswer(a), err)
			}}, nil
		})),
	)
}

func authAnswer(a channel.AuthCapabilities) answer {
	var types []string
	for _, t := range []struct {
		bit  channel.AuthTypes
		name string
	}{{channel.AuthNone, "none"}, {channel.AuthMD2, "MD2"}, {channel.AuthMD5, "MD5"}, {channel.AuthPassword, "password in clear"}, {channel.AuthOEM, "OEM"}} {
		if a.Types.Has(t.bit) {
			types = append(types, t.name)
		}
	}
	return pairs(a, "channel", a.Channel, "IPMI 2.0", yesNo(a.V20), "IPMI 1.5", yesNo(a.V15), "IPMI 1.5 by", strings.Join(types, ", "), "has a key Kg", yesNo(a.KgSet),
		"users with names", yesNo(a.NamedUsers), "users without names", yesNo(a.NullUsers), "anonymous users", yesNo(a.Anonymous), "maker", a.Maker)
}

func channelList(ctx context.Context, d ipmi.Doer) (answer, error) {
	a := answer{head: []string{"CHANNEL", "MEDIUM", "SESSIONS", "ACTIVE", "MODE", "LIMIT"}}
	var last error
	for n := range uint8(16) {
		if n > 0x0b && n != 0x0f {
			continue
		}
		i, err := channel.GetInfo(ctx, d, n)
		if err != nil {
			last = err
			continue
		}
		mode, limit := "-", "-"
		if access, err := channel.GetAccess(ctx, d, n, channel.Volatile); err == nil {
			mode, limit = access.Mode.String(), access.Limit.String()
		}
		a.rows = append(a.rows, []Cell{numeric(n), cell(i.Medium), cell(i.Sessions), numeric(i.Active), cell(mode), cell(limit)})
	}
	if len(a.rows) == 0 {
		return answer{}, last
	}
	return a, nil
}

const accessLong = `Reads who may come in by a channel, now and after the BMC's next start, or changes what is
named. What is not named stays. --keep volatile changes it until the next start only.`

func (c *caller) accessVerb(n *uint8) *cobra.Command {
	var mode, limit, keep string
	var alerting, perMessage, userLevel string
	v := c.onChannel(n, c.verb("access", "Read or set who may come in", accessLong, "bmc7 channel access\nbmc7 channel access --mode always --limit administrator", cobra.NoArgs, func([]string) (job, error) {
		changes := slices.ContainsFunc([]string{mode, limit, alerting, perMessage, userLevel}, func(s string) bool { return s != "" })
		if !changes {
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) { return accessRead(ctx, d, *n) }}, nil
		}
		change := func(a *channel.Access) (err error) {
			if mode != "" {
				a.Mode, err = channel.ParseMode(mode)
			}
			if limit != "" && err == nil {
				a.Limit, err = channel.ParsePrivilegeName(limit)
			}
			for text, to := range map[string]*bool{alerting: &a.NoAlerting, perMessage: &a.NoPerMsg, userLevel: &a.NoUserAuth} {
				if text != "" && err == nil {
					var on bool
					on, err = parseOnOff(text)
					*to = !on
				}
			}
			return err
		}
		if err := change(new(channel.Access)); err != nil {
			return job{}, usagef("channel access: %w", err)
		}
		stores := map[string][]channel.Store{"both": {channel.NonVolatile, channel.Volatile}, "volatile": {channel.Volatile}, "kept": {channel.NonVolatile}}[keep]
		if stores == nil {
			return job{}, usagef("--keep: %q is none of both, volatile, kept", keep)
		}
		return job{danger: "channel access", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			for _, s := range stores {
				a, err := channel.GetAccess(ctx, d, *n, s)
				if err == nil {
					err = change(&a)
				}
				if err == nil {
					err = channel.SetAccess(ctx, d, channel.AccessSetting{Channel: *n, Access: a, Modes: s, LimitStore: s})
				}
				if err != nil {
					return answer{}, err
				}
			}
			return said("set"), nil
		}}, nil
	}))
	v.Flags().StringVar(&mode, "mode", "", "let people in `WHEN`: disabled, pre-boot, always or shared")
	v.Flags().StringVar(&limit, "limit", "", "the most that a session may do: a `PRIVILEGE`")
	v.Flags().StringVar(&alerting, "alerting", "", "alerts go out here, `on or off`")
	v.Flags().StringVar(&perMessage, "per-message", "", "IPMI 1.5: each packet is authenticated, `on or off`")
	v.Flags().StringVar(&userLevel, "user-level", "", "IPMI 1.5: commands of privilege user are authenticated, `on or off`")
	v.Flags().StringVar(&keep, "keep", "both", "change it `WHERE`: both, volatile (until the next start) or kept (from then on)")
	return v
}

func accessRead(ctx context.Context, d ipmi.Doer, n uint8) (answer, error) {
	a := answer{head: []string{"WHICH", "MODE", "LIMIT", "ALERTING", "PER-MESSAGE", "USER-LEVEL"}}
	for _, s := range []channel.Store{channel.Volatile, channel.NonVolatile} {
		x, err := channel.GetAccess(ctx, d, n, s)
		if err != nil {
			return a, err
		}
		a.rows = append(a.rows, []Cell{cell(s), cell(x.Mode), cell(x.Limit), cell(enabled(!x.NoAlerting)), cell(enabled(!x.NoPerMsg)), cell(enabled(!x.NoUserAuth))})
	}
	return a, nil
}

func cipherList(ctx context.Context, d ipmi.Doer, n uint8) (answer, error) {
	list, err := channel.GetSuites(ctx, d, n, 0)
	if err != nil {
		return answer{}, err
	}
	limits := make(map[uint8]channel.Privilege)
	if real, err := lanChannel(ctx, d, n); err == nil {
		if m, err := lan.GetSuites(ctx, d, real); err == nil {
			limits = m
		}
	}
	a := answer{head: []string{"SUITE", "ALGORITHMS", "LIMIT"}}
	for _, s := range list {
		limit := "-"
		if l, ok := limits[s.ID]; ok {
			limit = "none"
			if l != 0 {
				limit = l.String()
			}
		}
		tone := Plain
		if !rmcp.Suite(s.ID).Encrypts() {
			tone = Warn
		}
		a.rows = append(a.rows, []Cell{numeric(s.ID), toned(tone, algorithms(rmcp.Suite(s.ID))), cell(limit)})
	}
	return a, nil
}

// algorithms names those of a suite.
func algorithms(s rmcp.Suite) string {
	_, text, _ := strings.Cut(s.String(), "(")
	return strings.TrimSuffix(text, ")")
}

func (c *caller) suitesVerb() *cobra.Command {
	return c.verb("suites", "Tell which cipher suites a BMC lets one in by", "Logs in by each cipher suite, and tells which were taken: what is announced and what is taken differ. Suite 0, which protects nothing, is tried as well, without the password, and should be refused.", "bmc[1-40] suites", cobra.NoArgs, noArgs(job{peer: trySuites}))
}

func trySuites(ctx context.Context, p *peer) (answer, error) {
	suites := slices.DeleteFunc(rmcp.Suites(), func(s rmcp.Suite) bool { _, ok := s.Algorithms(); return !ok || s == 0 })
	suites = append([]rmcp.Suite{0}, suites...)
	slices.Sort(suites)
	rows, failures := make([][]Cell, len(suites)), make([]error, len(suites))
	const together = 8 // sessions are few on some BMCs, but most suites are refused
	slots := make(chan struct{}, together)
	var all sync.WaitGroup
	for i, s := range suites {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			var taken Cell
			taken, failures[i] = trySuite(ctx, p, s)
			rows[i] = []Cell{numeric(uint8(s)), cell(algorithms(s)), taken}
		})
	}
	all.Wait()
	for _, err := range failures {
		if err != nil {
			return answer{}, err
		}
	}
	return answer{head: []string{"SUITE", "ALGORITHMS", "TAKEN"}, rows: rows}, nil
}

// trySuite says whether a BMC lets one in by a suite; an error is that it does not answer.
func trySuite(ctx context.Context, p *peer, s rmcp.Suite) (Cell, error) {
	o := p.opts
	o.Suites, o.Privilege = []rmcp.Suite{s}, ipmi.PrivilegeUser
	o.User, o.Password, o.Kg = p.who.user, p.who.password.Reveal(), p.who.kg.Reveal()
	if s == 0 {
		o.Password = "" // nothing would protect it
	}
	session, err := p.run.client.Open(ctx, p.address(), o)
	if err == nil {
		_ = session.Close(ctx)
		if !s.Encrypts() {
			return toned(Bad, "yes, though nothing is encrypted"), nil
		}
		return toned(Good, "yes"), nil
	}
	var login *ipmi.LoginError
	if errors.As(err, &login) && login.Kind == ipmi.LoginSuiteRefused {
		return toned(Faint, "no"), nil
	}
	if status, _ := kindOf(err); status == ExitUnreachable {
		return Cell{}, err
	}
	return toned(Warn, "no: "+strings.TrimPrefix(worded(err), "log in: ")), nil
}

// alertTest sends an alert and waits for what becomes of it.
func alertTest(n *uint8, index uint8) job {
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		n, err := lanChannel(ctx, d, *n)
		if err != nil {
			return answer{}, err
		}
		if err := pef.SendAlert(ctx, d, n, index); err != nil {
			return answer{}, err
		}
		ctx, stop := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("alert %d: nothing is known of it after a minute", index))
		defer stop()
		for {
			state, err := pef.GetAlert(ctx, d, n, index)
			if err != nil || state != pef.AlertInProgress {
				return unlessFailed(said("%v", state), err)
			}
			select {
			case <-ctx.Done():
				return answer{}, context.Cause(ctx)
			case <-time.After(time.Second):
			}
		}
	}}
}
