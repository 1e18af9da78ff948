package powermancli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/powerman"
)

// option is one row of the option table. It either stands for an action or sets
// something. Those without help are of PowerMan 2.3, which told queries of all
// nodes from queries of some; Debian still ships it, and scripts use them.
type option struct {
	getopt.Option
	action powerman.Command
	help   string
}

var optionTable = [...]option{
	{getopt.Option{Short: '1', Long: "on"}, powerman.CmdOn, "power on the targets"},
	{getopt.Option{Short: '0', Long: "off"}, powerman.CmdOff, "power off the targets"},
	{getopt.Option{Short: 'c', Long: "cycle"}, powerman.CmdCycle, "power the targets off, then on"},
	{getopt.Option{Short: 'r', Long: "reset"}, powerman.CmdReset, "hardware reset of the targets (if available)"},
	{getopt.Option{Short: 'f', Long: "flash"}, powerman.CmdFlash, "beacon on (if available)"},
	{getopt.Option{Short: 'u', Long: "unflash"}, powerman.CmdUnflash, "beacon off (if available)"},
	{getopt.Option{Short: 'q', Long: "query"}, powerman.CmdStatus, "show the power state of all or some nodes"},
	{getopt.Option{Short: 'b', Long: "beacon"}, powerman.CmdBeacon, "show the beacon state of all or some nodes"},
	{getopt.Option{Short: 't', Long: "temp"}, powerman.CmdTemp, "show the temperature of all or some nodes"},
	{getopt.Option{Short: 'd', Long: "device"}, powerman.CmdDevice, "show the power control devices"},
	{getopt.Option{Short: 'l', Long: "list"}, powerman.CmdNodes, "list all nodes"},
	{getopt.Option{Short: 'h', Long: "server-host", Arg: true}, 0, "ask the server at HOST[:PORT]"},
	{getopt.Option{Short: 'x', Long: "exprange"}, 0, "one line per node instead of ranges"},
	{getopt.Option{Short: 'T', Long: "telemetry"}, 0, "show the talk with the devices"},
	{getopt.Option{Short: 'g', Long: "genders"}, 0, "targets are genders queries"},
	{getopt.Option{Short: 'R', Long: "retry-connect", Arg: true}, 0, "try N times more to connect"},
	{getopt.Option{Short: 'V', Long: "version"}, 0, "show the version"},
	{getopt.Option{Short: 'L', Long: "license"}, 0, "show the licence"},
	{getopt.Option{Short: 'H', Long: "help"}, 0, "show this"},
	{getopt.Option{Short: 'Q'}, powerman.CmdStatus, ""},
	{getopt.Option{Short: 'B'}, powerman.CmdBeacon, ""},
	{getopt.Option{Short: 'P'}, powerman.CmdTemp, ""},
	{getopt.Option{Short: 'D'}, powerman.CmdDevice, ""},
}

// older are long options of PowerMan 2.3. They are no rows of the table, because
// "--quer" must stay unique.
var older = map[string]string{"--query-all": "--query", "--beacon-all": "--beacon", "--temp-all": "--temp"}

// options are what the command line asks for.
type options struct {
	action    powerman.Command
	server    string
	exprange  bool
	telemetry bool
	genders   bool
	retries   int
	show      byte // V, L or H: show that and do nothing else
	targets   []string
}

var errUnknownOption = errors.New("Unknown option.  Try '--help' for more information.") //nolint:staticcheck // the reference's words

// errShow ends the reading of options: something is to be shown at once,
// whatever else is wrong with the line.
var errShow = errors.New("show something")

// parseOptions reads the command line.
func parseOptions(args []string) (o options, err error) {
	table := make([]getopt.Option, len(optionTable))
	for i := range optionTable {
		table[i] = optionTable[i].Option
	}
	args = slices.Clone(args)
	for i, arg := range args {
		if now := older[arg]; now != "" {
			args[i] = now
		}
	}
	o.targets, err = getopt.Parse(args, table, o.set)
	switch {
	case errors.Is(err, errShow):
		return o, nil
	case errors.Is(err, getopt.ErrUnknown), errors.Is(err, getopt.ErrValue), errors.Is(err, getopt.ErrNoValue):
		return o, errUnknownOption
	}
	return o, err
}

func (o *options) set(opt getopt.Option, value string) error {
	if action := actionOf(opt); action != powerman.CmdNone {
		if o.action != powerman.CmdNone {
			return errors.New("Only one action may be specified") //nolint:staticcheck // the reference's words
		}
		o.action = action
		return nil
	}
	switch opt.Short {
	case 'h':
		o.server = value
	case 'x':
		o.exprange = true
	case 'T':
		o.telemetry = true
	case 'g':
		o.genders = true
	case 'R':
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return errors.New("invalid --retry-connect argument")
		}
		o.retries = n
	default:
		o.show = opt.Short
		return errShow
	}
	return nil
}

func actionOf(opt getopt.Option) powerman.Command {
	for _, o := range optionTable {
		if o.Option == opt {
			return o.action
		}
	}
	return powerman.CmdNone
}

func usage() string {
	var b strings.Builder
	b.WriteString("Usage: powerman [options] ACTION [targets]\n")
	for _, opt := range optionTable {
		long := opt.Long
		switch opt.Short {
		case 'h':
			long += " HOST[:PORT]"
		case 'R':
			long += " N"
		}
		if opt.help == "" {
			continue
		}
		fmt.Fprintf(&b, "  -%c,--%-24s %s\n", opt.Short, long, opt.help)
	}
	return b.String()
}

const license = `This powerman is part of Millwright, a program of its own that does the job of
PowerMan's. Licensed under the Apache License, Version 2.0; you may get a copy
at http://www.apache.org/licenses/LICENSE-2.0. It comes without warranties or
conditions of any kind.
`
