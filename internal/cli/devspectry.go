package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// trial is one specification tried on one device.
type trial struct {
	*program
	specName string
	user     string
	password string // a reference
	plugList string
	noDelays bool
	timeout  time.Duration

	spec    *devspec.Spec
	plugs   *devspec.PlugTable
	secrets map[string]string
}

const trialHelp = `
ADDRESS is as in a room file: telnet://host:port, tcp://host:port, ssh://user@host,
serial:///dev/ttyS0, exec:/path. OP is status, status-soft, temp, beacon, on, off,
cycle, reset, beacon-on or beacon-off, on the named plugs, or on all of them.
Without one it only logs in and out.

A password is never an argument: --password names where it is kept, as env:NAME or
file:PATH, and it is shown as ****.`

func (p *program) trialFlags(c *cobra.Command) *trial {
	t := &trial{program: p}
	f := c.Flags()
	f.StringVar(&t.specName, "spec", "", "the specification's `NAME`, if the file has several")
	f.StringVar(&t.user, "user", "", "what %{user} stands for (`NAME`)")
	f.StringVar(&t.password, "password", "", "where the password is: env:NAME or file:PATH (`REF`)")
	f.StringVar(&t.plugList, "plugs", "", "the plugs, if the specification has no list of its own (`LIST`)")
	f.BoolVar(&t.noDelays, "no-delays", false, "delays take no time")
	f.DurationVar(&t.timeout, "timeout", time.Minute, "give up after this `TIME`")
	return t
}

func (p *program) devspecTrace() *cobra.Command {
	c := &cobra.Command{
		Use: "trace FILE ADDRESS [OP [PLUGS]]", Short: "Try a specification on a device, showing the conversation", Args: cobra.MinimumNArgs(2),
		Long:    "Connects to a device, logs in by the specification, carries out one operation, and\nshows the conversation as it goes on stderr, and what became of the plugs on stdout.\n" + trialHelp,
		Example: "  millwright devspec trace my-pdu.dev telnet://10.0.0.5 status\n  millwright devspec trace my-pdu.dev ssh://admin@10.0.0.5 on 3 --password file:pdu.pass",
	}
	t := p.trialFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return t.onDevice(c.Context(), args[0], args[1], "", args[2:])
	}
	return c
}

func (p *program) devspecRecord() *cobra.Command {
	c := &cobra.Command{
		Use: "record FILE ADDRESS RECORDING [OP [PLUGS]]", Short: "Keep a conversation as a file", Args: cobra.MinimumNArgs(3),
		Long:    "Does what trace does, and writes the conversation to the file RECORDING, secrets\nmasked. The device can then be played from it, without the device: see replay.\n" + trialHelp,
		Example: "  millwright devspec record my-pdu.dev telnet://10.0.0.5 status.rec status",
	}
	t := p.trialFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return t.onDevice(c.Context(), args[0], args[1], args[2], args[3:])
	}
	return c
}

func (p *program) devspecReplay() *cobra.Command {
	c := &cobra.Command{
		Use: "replay RECORDING FILE [OP [PLUGS]]", Short: "Try a specification on a recorded conversation", Args: cobra.MinimumNArgs(2),
		Long:    "Plays the device from a recording and carries out the same operation on it. If the\nspecification now says something else than was recorded, that is an error, with the\nplace: so a recording is a test of the specification.",
		Example: "  millwright devspec replay status.rec my-pdu.dev status",
	}
	t := p.trialFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return t.onRecording(c.Context(), args[0], args[1], args[2:])
	}
	return c
}

// onDevice tries the specification on a real device, recording it if there is a
// file to record to.
func (t *trial) onDevice(ctx context.Context, file, address, recording string, args []string) (err error) {
	if err := t.load(ctx, file); err != nil {
		return err
	}
	to, err := transport.ParseURL(address)
	if err != nil {
		return usagef("%s: %w", address, err)
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	who := transport.Credentials{User: t.user, Password: t.secrets["password"]}
	var conn io.ReadWriteCloser
	if conn, err = new(transport.Dialer).Dial(ctx, to, who); err != nil {
		return err
	}
	if recording == "" {
		return t.talk(ctx, conn, args)
	}
	out, err := os.OpenFile(recording, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		conn.Close()
		return err
	}
	err = t.talk(ctx, devspec.NewRecorder(conn, out, t.secrets), args)
	return errors.Join(err, out.Close())
}

// onRecording tries the specification on a device that is played from a file.
func (t *trial) onRecording(ctx context.Context, recording, file string, args []string) error {
	if err := t.load(ctx, file); err != nil {
		return err
	}
	in, err := os.Open(recording)
	if err != nil {
		return err
	}
	defer in.Close()
	turns, err := devspec.ReadRecording(recording, in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	here, there := net.Pipe()
	played := make(chan error, 1)
	go func() { played <- devspec.Replay(there, turns) }()
	err = t.talk(ctx, here, args)
	if differs := <-played; differs != nil { // this is the cause of the other, if there is one
		return fmt.Errorf("%s: %w", recording, differs)
	}
	return err
}

// load reads the specification.
func (t *trial) load(ctx context.Context, file string) error {
	config, err := devspec.ParseConfig(file, openSpec)
	if err != nil {
		t.checkSpec(file)
		return exit(ExitTrouble)
	}
	switch {
	case t.specName != "":
		if t.spec = config.Spec(t.specName); t.spec == nil {
			return usagef("%s has no specification %q", file, t.specName)
		}
	case len(config.Specs) == 1:
		t.spec = config.Specs[0]
	default:
		return usagef("%s has %d specifications; say which one with --spec", file, len(config.Specs))
	}
	names := t.spec.Plugs
	if t.plugList != "" {
		if names, err = hostlist.Expand(t.plugList); err != nil {
			return usagef("--plugs: %w", err)
		}
	}
	if len(names) == 0 {
		return usagef("specification %q lists no plugs; say which there are with --plugs", t.spec.Name)
	}
	plugs := make([]devspec.Plug, len(names))
	for i, n := range names {
		plugs[i] = devspec.Plug{Name: n, Node: n}
	}
	t.plugs = devspec.NewPlugTable(plugs)
	return t.resolve(ctx)
}

// resolve fetches what %{user} and %{password} stand for.
func (t *trial) resolve(ctx context.Context) error {
	ref, err := secret.Parse(t.password)
	if err != nil {
		return usagef("--password: %w", err)
	}
	t.secrets = map[string]string{"user": t.user}
	if t.password == "" {
		return nil
	}
	who, err := secret.Credential{Values: map[string]secret.Ref{secret.Password: ref}}.Resolve(ctx, secret.Places{Dir: "."})
	if err != nil {
		return err
	}
	t.secrets["password"] = who.Get(secret.Password).Reveal()
	return nil
}

// trialOps are the operations by the names of the command line.
var trialOps = map[string]devspec.Op{
	"status": devspec.OpStatus, "status-soft": devspec.OpStatusSoft, "temp": devspec.OpTemp, "beacon": devspec.OpBeacon,
	"on": devspec.OpOn, "off": devspec.OpOff, "cycle": devspec.OpCycle, "reset": devspec.OpReset,
	"beacon-on": devspec.OpBeaconOn, "beacon-off": devspec.OpBeaconOff,
}

// talk logs in, does what is asked, and logs out. It closes conn.
func (t *trial) talk(ctx context.Context, conn io.ReadWriteCloser, args []string) error {
	s := devspec.NewSession(t.spec, conn, devspec.Options{Secrets: t.secrets, NoDelays: t.noDelays})
	defer s.Close()
	actions, targets, err := t.actions(args)
	if err != nil {
		return err
	}
	run := func(a devspec.Action, targets []int) error {
		call := devspec.NewCall(t.plugs, targets, t)
		call.Trace = true
		return s.Run(ctx, a, call)
	}
	if login := t.spec.Script(devspec.ScriptLogin); login != nil {
		if err := run(devspec.Action{Script: login}, nil); err != nil {
			return err
		}
	}
	for _, a := range actions {
		if err := run(a, targets); err != nil {
			return err
		}
	}
	if logout := t.spec.Script(devspec.ScriptLogout); logout != nil {
		// Many devices hang up instead of answering.
		if err := run(devspec.Action{Script: logout}, nil); err != nil && !errors.Is(err, devspec.ErrClosed) {
			return err
		}
	}
	return nil
}

// actions says what an operation and its plugs come to.
func (t *trial) actions(args []string) ([]devspec.Action, []int, error) {
	if len(args) == 0 {
		return nil, nil, nil
	}
	op, known := trialOps[args[0]]
	if !known {
		return nil, nil, usagef("there is no operation %q%s", args[0], hintFor(args[0]))
	}
	var targets []int
	for _, list := range args[1:] {
		names, err := hostlist.Expand(list)
		if err != nil {
			return nil, nil, usagef("%s: %w", list, err)
		}
		for _, n := range names {
			i, found := t.plugs.Find(n)
			if !found {
				return nil, nil, usagef("there is no plug %q", n)
			}
			targets = append(targets, i)
		}
	}
	if targets == nil {
		for i := range t.plugs.Len() {
			targets = append(targets, i)
		}
	}
	actions, err := t.spec.Choose(op, targets, t.plugs.Whole(len(targets)))
	return actions, targets, err
}

func hintFor(op string) string {
	var known []string
	for name := range trialOps {
		known = append(known, name)
	}
	if near := room.Nearest(op, known); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return ""
}

// PlugState implements [devspec.Sink].
func (t *trial) PlugState(plug int, state devspec.State, raw string) {
	t.printf("plug %s: %s (%s)\n", t.plugs.Name(plug), state, clean(raw))
}

// PlugResult implements [devspec.Sink].
func (t *trial) PlugResult(plug int, ok bool, text string) {
	word := "ok"
	if !ok {
		word = "refused"
	}
	t.printf("plug %s: %s (%s)\n", t.plugs.Name(plug), word, clean(text))
}

// Trace implements [devspec.Sink].
func (t *trial) Trace(tr devspec.Trace) {
	_, _ = fmt.Fprintln(t.stderr, t.err.faint(tr.Format("device")))
}

var _ devspec.Sink = (*trial)(nil)
