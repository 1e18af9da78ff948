package bmccli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/lan"
	"millwright.dev/millwright/ipmi/sol"
)

const solLong = `Attaches this terminal to the machine's serial console, by serial over LAN. At the
beginning of a line:
  ~.   end                      ~B   send a break
  ~^Z  suspend                  ~?   this help
  ~~   a ~
Without a terminal, stdin is typed and what the console says goes to stdout, until stdin
has ended and the console has been silent for a second. Who else has the console keeps it,
unless --take-over says otherwise. A console that several want to see, with a log, is
what millwright console is for.`

func (c *caller) consoleVerbs() []*cobra.Command {
	n := uint8(channel.Present)
	var force, plain bool
	var escape string
	activate := c.verb("activate", "Attach this terminal to the serial console", solLong, "bmc7 sol activate\necho | millwright bmc bmc7 sol activate", cobra.NoArgs, func([]string) (job, error) {
		return job{one: true, follows: true, peer: func(ctx context.Context, p *peer) (answer, error) {
			s, err := p.login(ctx)
			if err != nil {
				return answer{}, err
			}
			line, err := sol.Open(ctx, s, sol.Options{Force: force, Plain: plain, Tell: func(n sol.Notice) { p.run.hint("[" + n.String() + "]") }})
			if err != nil {
				return answer{}, err
			}
			defer line.Close()
			return answer{}, p.run.frame.Talk(ctx, p.name, line, escape)
		}}, nil
	})
	activate.Flags().BoolVar(&force, "take-over", false, "take the console from whoever has it")
	activate.Flags().BoolVar(&plain, "plain", false, "without encryption, for BMCs that cannot do otherwise: what is typed can be read on the network")
	activate.Flags().StringVarP(&escape, "escape", "e", "~", "the escape `CHARACTER`, ^X for a control character, or none")
	return []*cobra.Command{c.family("sol", "Use and set the serial console (serial over LAN)", "bmc7 sol activate\nbmc[1-40] sol info",
		activate,
		c.verb("deactivate", "Take the serial console from whoever has it", "", "bmc[1-40] sol deactivate", cobra.NoArgs, noArgs(job{danger: "sol deactivate", doer: solDeactivate})),
		c.verb("status", "Tell who has the serial console", "", "bmc[1-40] sol status", cobra.NoArgs, noArgs(job{doer: solStatus})),
		c.onChannel(&n, c.verb("info", "Show how the serial console is set", "", "bmc[1-40] sol info", cobra.NoArgs, func([]string) (job, error) { return solInfo(n), nil })),
		c.onChannel(&n, c.verb("set NAME=VALUE…", "Set the serial console", solSetLong, "bmc[1-40] sol set enabled=on baud=115200", cobra.MinimumNArgs(1), func(args []string) (job, error) { return solSet(&n, args) })),
		c.verb("test [TIMES]", "Try whether the serial console can be had, several times", "", "bmc7 sol test 20", cobra.MaximumNArgs(1), solTest),
	)}
}

func solDeactivate(ctx context.Context, d ipmi.Doer) (answer, error) {
	err := channel.DeactivatePayload(ctx, d, channel.PayloadRef{Type: channel.PayloadSOL, Instance: 1})
	var code *ipmi.CodeError
	if errors.As(err, &code) && code.Code == 0x80 {
		return said("nobody had it"), nil
	}
	return unlessFailed(said("taken away"), err)
}

func solStatus(ctx context.Context, d ipmi.Doer) (answer, error) {
	s, err := channel.GetPayloadStatus(ctx, d, channel.PayloadSOL)
	if err != nil {
		return answer{}, err
	}
	for i := uint8(1); i <= 16; i++ {
		if !s.IsActive(i) {
			continue
		}
		text := "somebody has it"
		if in, err := channel.GetPayloadInstance(ctx, d, channel.PayloadRef{Type: channel.PayloadSOL, Instance: i}); err == nil {
			if who, err := channel.GetSession(ctx, d, channel.SessionRef{ID: in.Session}); err == nil && who.Handle != 0 {
				text = fmt.Sprintf("user %d has it", who.User)
				if who.HasPeer {
					text += " from " + who.Peer.Addr().String()
				}
			}
		}
		return said("%s", text), nil
	}
	return said("free"), nil
}

func solInfo(n uint8) job {
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		n, err := lanChannel(ctx, d, n)
		if err != nil {
			return answer{}, err
		}
		s, err := lan.GetSOLConfig(ctx, d, n)
		value := map[string]any{
			"enabled": s.Enabled, "privilege": s.Privilege, "encryption": s.ForceEncryption, "authentication": s.ForceAuthentication, "gather": s.Interval, "threshold": s.Threshold,
			"retries": s.Retries.Count, "retry": s.Retries.Interval, "baud": s.Now.Baud(), "baudStored": s.Stored.Baud(), "port": s.Port,
		}
		return unlessFailed(pairs(value, "serial console", enabled(s.Enabled), "needs", s.Privilege, "encrypted", yesNo(s.ForceEncryption), "authenticated", yesNo(s.ForceAuthentication),
			"gathers for", s.Interval, "or until", fmt.Sprintf("%d characters", s.Threshold), "retries", fmt.Sprintf("%d, after %v", s.Retries.Count, s.Retries.Interval),
			"baud now", baud(s.Now), "baud after a start", baud(s.Stored), "port", s.Port), err)
	}}
}

func baud(r lan.BitRate) string {
	if n := r.Baud(); n > 0 {
		return fmt.Sprint(n)
	}
	return "as the serial port"
}

const solSetLong = `Sets the serial console, all that is named as one change:
  enabled=on               or off
  privilege=operator       the least that it needs: user, operator, administrator
  encryption=on            it must be encrypted, or need not
  authentication=on        it must be authenticated, or need not
  gather=50ms              how long the BMC gathers characters before it sends them
  threshold=60             and how many it sends at once
  retries=7                how often it sends again what was not acknowledged
  retry=100ms              and after how long
  baud=115200              of the serial port, now and after the next start`

func solSet(n *uint8, args []string) (job, error) {
	if _, err := solChange(args, lan.SOLConfig{}); err != nil {
		return job{}, usagef("sol set: %w", err)
	}
	return job{danger: "sol set", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		n, err := lanChannel(ctx, d, *n)
		if err != nil {
			return answer{}, err
		}
		now, err := lan.GetSOLConfig(ctx, d, n)
		if err != nil {
			return answer{}, err
		}
		changes, err := solChange(args, now)
		if err != nil {
			return answer{}, err
		}
		err = lan.ChangeSOL(ctx, d, n, func() error {
			for _, c := range changes {
				if err := lan.SetSOL(ctx, d, n, c.param, c.data...); err != nil {
					return err
				}
			}
			return nil
		})
		return unlessFailed(said("set"), err)
	}}, nil
}

type solParam struct {
	param lan.SOLParam
	data  []byte
}

// solChange gives the parameters that are to be written, made of those that there are.
func solChange(args []string, now lan.SOLConfig) ([]solParam, error) {
	var list []solParam
	put := func(p lan.SOLParam, data []byte) {
		for i := range list {
			if list[i].param == p {
				list[i].data = data
				return
			}
		}
		list = append(list, solParam{p, data})
	}
	for _, a := range args {
		name, text, found := strings.Cut(a, "=")
		if !found {
			return nil, fmt.Errorf("%q is not NAME=VALUE", a)
		}
		var err error
		switch name {
		case "enabled":
			now.Enabled, err = parseOnOff(text)
			on := byte(0)
			if now.Enabled {
				on = 1
			}
			put(lan.SOLEnable, []byte{on})
		case "privilege", "encryption", "authentication":
			err = solAuth(&now.SOLAuth, name, text)
			put(lan.SOLAuthentication, now.SOLAuth.Append(nil))
		case "gather":
			now.Interval, err = time.ParseDuration(text)
			put(lan.SOLAccumulate, now.Accumulate.Append(nil))
		case "threshold":
			var v uint64
			v, err = number(text, 1, 255)
			now.Threshold = uint8(v)
			put(lan.SOLAccumulate, now.Accumulate.Append(nil))
		case "retries":
			var v uint64
			v, err = number(text, 0, 7)
			now.Retries.Count = uint8(v)
			put(lan.SOLRetry, now.Retries.Append(nil))
		case "retry":
			now.Retries.Interval, err = time.ParseDuration(text)
			put(lan.SOLRetry, now.Retries.Append(nil))
		case "baud":
			var v uint64
			var rate lan.BitRate
			if v, err = number(text, 1, 1<<20); err == nil {
				rate, err = lan.ParseBitRate(int(v))
			}
			put(lan.SOLBitRateNow, []byte{byte(rate)})
			put(lan.SOLBitRateStored, []byte{byte(rate)})
		default:
			err = fmt.Errorf("%q cannot be set", name)
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// solAuth changes what a console's session must have.
func solAuth(a *lan.SOLAuth, name, text string) (err error) {
	switch name {
	case "privilege":
		a.Privilege, err = channel.ParsePrivilegeName(text)
	case "encryption":
		a.ForceEncryption, err = parseOnOff(text)
	case "authentication":
		a.ForceAuthentication, err = parseOnOff(text)
	}
	return err
}

func solTest(args []string) (job, error) {
	times := uint64(5)
	if len(args) > 0 {
		var err error
		if times, err = number(args[0], 1, 1000); err != nil {
			return job{}, err
		}
	}
	return job{peer: func(ctx context.Context, p *peer) (answer, error) {
		s, err := p.login(ctx)
		if err != nil {
			return answer{}, err
		}
		for i := range times {
			line, err := sol.Open(ctx, s, sol.Options{})
			if err == nil {
				err = line.Close()
			}
			if err != nil {
				return answer{}, fmt.Errorf("after %d times of %d: %w", i, times, err)
			}
		}
		return said("had it %d times", times), nil
	}}, nil
}
