package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/service"
)

// defaultConfig is where a machine's room is described.
const defaultConfig = "/etc/millwright"

type serveFlags struct {
	config    string
	state     string
	powerman  []string
	noDelays  bool
	logLevel  string
	logFormat string
}

func serveCommand(p *program) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use: "serve", GroupID: groupDaemon, Short: "Run the daemon", Args: cobra.NoArgs,
		Long: `Runs the daemon: it owns the devices of a room and answers this command line (on
a unix socket) and PowerMan's clients.

The room is a room file, a folder of them, or a powerman.conf, which is used as it
is. If the files are broken at the start, the room that was accepted last runs, and
the log says so; the first time, all that is wrong is shown and nothing runs.

SIGHUP reloads the room: all of it, or nothing. SIGTERM and SIGINT stop the daemon;
what is being switched is brought to a safe end and written down.

What must outlive the daemon (the log of all requests, accepted configurations,
interrupted operations) is kept in the state folder. It is $STATE_DIRECTORY,
otherwise /var/lib/millwright for root and ~/.local/state/millwright for others.`,
		Example: `  millwright serve --config room.yaml
  millwright serve --config /etc/powerman/powerman.conf --state /var/lib/millwright
  millwright serve --config room.yaml --powerman none --log-format json`,
		RunE: func(c *cobra.Command, _ []string) error { return p.serve(c.Context(), f) },
	}
	c.Flags().StringVarP(&f.config, "config", "c", configPath(), "room file, folder of room files, or powerman.conf (`PATH`)")
	c.Flags().StringVar(&f.state, "state", "", "`FOLDER` for what must outlive the daemon")
	c.Flags().StringArrayVar(&f.powerman, "powerman", nil, "`ADDR` for PowerMan's clients, host:port; may be repeated; none for nowhere")
	c.Flags().BoolVar(&f.noDelays, "no-delays", false, "delays in device scripts take no time (for trials)")
	c.Flags().StringVar(&f.logLevel, "log-level", "info", "least `LEVEL` to log: debug, info, warn, error")
	c.Flags().StringVar(&f.logFormat, "log-format", "text", "text or json (`FORMAT`)")
	return c
}

// configPath is where the room is described unless somebody says otherwise.
func configPath() string {
	if path := os.Getenv("MILLWRIGHT_CONFIG"); path != "" {
		return path
	}
	return defaultConfig
}

func stateFolder(said string) (string, error) {
	switch {
	case said != "":
		return said, nil
	case os.Getenv("STATE_DIRECTORY") != "":
		return os.Getenv("STATE_DIRECTORY"), nil
	case os.Geteuid() == 0:
		return "/var/lib/millwright", nil
	case os.Getenv("XDG_STATE_HOME") != "":
		return filepath.Join(os.Getenv("XDG_STATE_HOME"), "millwright"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", usagef("say where to keep the state: --state FOLDER (%v)", err)
	}
	return filepath.Join(home, ".local", "state", "millwright"), nil
}

func (p *program) serve(ctx context.Context, f serveFlags) error {
	log, err := p.logger(f)
	if err != nil {
		return err
	}
	if err := noDump(); err != nil {
		log.Warn("the daemon's memory can be dumped", "why", err)
	}
	opts := app.Options{
		Config: f.config, NoDelays: f.noDelays, Version: Version, Log: log,
		Drivers: standard.Drivers(script.Options{NoDelays: f.noDelays}),
		Doors:   app.Doors{Socket: p.serveSocket()},
	}
	if opts.State, err = stateFolder(f.state); err != nil {
		return err
	}
	if len(f.powerman) > 0 {
		opts.Doors.PowerMan = []string{}
		for _, at := range f.powerman {
			if at != "none" {
				opts.Doors.PowerMan = append(opts.Doors.PowerMan, at)
			}
		}
	}
	manager, err := service.Attach()
	if err != nil {
		return err
	}
	defer manager.Close()
	attend(ctx, manager, &opts)
	opts.Ready = func(at app.Addresses) {
		tell(log, manager.Ready("running"))
		log.Info("ready", "version", Version, "config", f.config, "socket", at.Socket, "powerman", strings.Join(at.PowerMan, " "), "http", strings.Join(at.HTTP, " "), "redfish", strings.Join(at.Redfish, " "), "ockle", strings.Join(at.Ockle, " "), "bmcs", len(at.IPMI))
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	ctx, stop := context.WithCancel(ctx)
	defer thrift(ctx)()
	defer stop()
	opts.Reload = app.Wishes(ctx, announced(ctx, manager, hangups, log))
	if err := app.Run(ctx, opts); err != nil {
		return p.unready(err)
	}
	log.Info("stopped")
	if ctx.Err() != nil {
		return exit(ExitOK) // asked to stop, and did
	}
	return nil
}

// unready says why the daemon did not start; all problems of a room at once.
func (p *program) unready(err error) error {
	var problems roomfile.Problems
	if !errors.As(err, &problems) {
		return err
	}
	_ = problems.Render(p.stderr, p.err.colour)
	p.errorf("%s in the configuration; nothing runs", counted(len(problems), "problem"))
	return exit(ExitTrouble)
}

// logger makes the daemon's log, on stderr.
func (p *program) logger(f serveFlags) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, usagef("--log-level is debug, info, warn or error, not %q", f.logLevel)
	}
	opts := &slog.HandlerOptions{Level: level}
	switch f.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(p.stderr, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(p.stderr, opts)), nil
	}
	return nil, usagef("--log-format is text or json, not %q", f.logFormat)
}

func versionCommand(p *program) *cobra.Command {
	var daemon bool
	c := &cobra.Command{
		Use: "version", GroupID: groupDaemon, Short: "Show the version", Args: cobra.NoArgs,
		Long:    "Shows the version of this program and, with --daemon, which daemon answers.",
		Example: "  millwright version --daemon",
		RunE: func(c *cobra.Command, _ []string) error {
			p.printf("millwright %s\n", Version)
			if !daemon {
				return nil
			}
			cl := p.client()
			defer cl.Close()
			v, err := cl.Version(c.Context())
			if err != nil {
				return err
			}
			p.printf("daemon %s, pid %d, since %s\n", v.Version, v.PID, v.Started.Local().Format(timeForm))
			p.printf("room %q of %s: %s, %s\n", v.Room, v.Config, counted(v.Nodes, "node"), counted(v.Devices, "device"))
			p.tellBroken(v)
			return nil
		},
	}
	c.Flags().BoolVar(&daemon, "daemon", false, "ask the daemon too")
	return c
}
