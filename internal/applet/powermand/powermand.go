// Package powermand is Millwright under the name of PowerMan's daemon: same
// options, same configuration, same door; what it does better stands in
// docs/compatibility.md. Start at [Run].
package powermand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/powerman"
)

const defaultConfig = "/etc/powerman/powerman.conf"

var table = []getopt.Option{
	{Short: 'c', Long: "conf", Arg: true},
	{Short: 's', Long: "stdio"},
	{Short: 'Y', Long: "short-circuit-delay"},
	{Short: 'd', Long: "debug", Arg: true},
	{Short: 'f', Long: "foreground"}, // of 2.3; the daemon is always in the foreground now
	{Short: 'V', Long: "version"},
	{Short: 'h', Long: "help"},
	{Long: "state", Arg: true}, // ours
}

const usage = `Usage: powermand [OPTIONS]
  -c, --conf PATH             configuration [` + defaultConfig + `]
  -s, --stdio                 serve one client on stdin and stdout
  -Y, --short-circuit-delay   delays in scripts take no time
  -d, --debug MASK            say more on stderr
      --state DIR             keep the log of requests in DIR [$STATE_DIRECTORY]
  -V, --version               show the version
  -h, --help                  show this
`

type options struct {
	config  string
	stdio   bool
	noDelay bool
	debug   uint64
	state   string
	show    byte
}

// Run is the program; it gives its exit status.
func Run(ctx context.Context, args []string, stdin io.ReadCloser, stdout io.WriteCloser, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case err != nil || o.show == 'h': // as powermand does: help, and no failure
		_, _ = io.WriteString(stdout, usage)
		return 0
	case o.show == 'V':
		_, _ = fmt.Fprintln(stdout, powerman.DefaultVersion)
		return 0
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	if err := app.Run(ctx, o.app(stdin, stdout, stderr, app.Wishes(ctx, hangups))); err != nil {
		complain(stderr, err)
		return 1
	}
	return 0
}

func parse(args []string) (options, error) {
	o := options{state: os.Getenv("STATE_DIRECTORY")}
	_, err := getopt.Parse(args, table, func(opt getopt.Option, value string) (err error) {
		switch opt.Long {
		case "conf":
			if o.config == "" { // the first one counts
				o.config = value
			}
		case "stdio":
			o.stdio = true
		case "short-circuit-delay":
			o.noDelay = true
		case "debug":
			o.debug, err = strconv.ParseUint(value, 0, 32)
		case "state":
			o.state = value
		case "version", "help":
			o.show = opt.Short
		}
		return err
	})
	if o.config == "" {
		o.config = defaultConfig
	}
	return o, err
}

func (o options) app(stdin io.ReadCloser, stdout io.WriteCloser, stderr io.Writer, reload <-chan struct{}) app.Options {
	level := slog.LevelWarn
	if o.debug != 0 {
		level = slog.LevelDebug
	}
	opts := app.Options{
		Config: o.config, State: o.state, NoDelays: o.noDelay, Reload: reload,
		Drivers: standard.Drivers(script.Options{NoDelays: o.noDelay}),
		Log:     slog.New(newLines(stderr, level)),
		Doors:   app.Doors{Actions: stderr},
	}
	if o.stdio {
		opts.Doors.Stdio = stream{stdin, stdout}
	}
	return opts
}

// stream is stdin and stdout as one thing.
type stream struct {
	io.ReadCloser
	out io.WriteCloser
}

func (s stream) Write(b []byte) (int, error) { return s.out.Write(b) }

func (s stream) Close() error { return errors.Join(s.ReadCloser.Close(), s.out.Close()) }

// complain says in powermand's form why it could not start; all that is wrong
// with a configuration at once.
func complain(stderr io.Writer, err error) {
	var problems roomfile.Problems
	if !errors.As(err, &problems) {
		_, _ = fmt.Fprintf(stderr, "powermand: %v\n", err)
		return
	}
	for _, p := range problems {
		_, _ = fmt.Fprintln(stderr, p.Powermand())
	}
}
