package powermancli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"millwright.dev/millwright/powerman"
)

// option is one row of the option table. An option either stands for an
// action or sets something; only those with arg take an argument.
type option struct {
	short  byte
	long   string
	action powerman.Command
	arg    bool
	help   string
}

var optionTable = [...]option{
	{'1', "on", powerman.CmdOn, false, "power on the targets"},
	{'0', "off", powerman.CmdOff, false, "power off the targets"},
	{'c', "cycle", powerman.CmdCycle, false, "power the targets off, then on"},
	{'r', "reset", powerman.CmdReset, false, "hardware reset of the targets (if available)"},
	{'f', "flash", powerman.CmdFlash, false, "beacon on (if available)"},
	{'u', "unflash", powerman.CmdUnflash, false, "beacon off (if available)"},
	{'q', "query", powerman.CmdStatus, false, "show the power state of all or some nodes"},
	{'b', "beacon", powerman.CmdBeacon, false, "show the beacon state of all or some nodes"},
	{'t', "temp", powerman.CmdTemp, false, "show the temperature of all or some nodes"},
	{'d', "device", powerman.CmdDevice, false, "show the power control devices"},
	{'l', "list", powerman.CmdNodes, false, "list all nodes"},
	{'h', "server-host", 0, true, "ask the server at HOST[:PORT]"},
	{'x', "exprange", 0, false, "one line per node instead of ranges"},
	{'T', "telemetry", 0, false, "show the talk with the devices"},
	{'g', "genders", 0, false, "targets are genders queries"},
	{'R', "retry-connect", 0, true, "try N times more to connect"},
	{'V', "version", 0, false, "show the version"},
	{'L', "license", 0, false, "show the licence"},
	{'H', "help", 0, false, "show this"},
}

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

// parseOptions reads the command line as getopt_long of the GNU library does:
// short options may be joined, long ones shortened to what is unique, and
// options may stand behind targets until a "--". (No flag library of Go
// abbreviates.)
func parseOptions(args []string) (options, error) {
	var o options
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			o.targets = append(o.targets, args...)
			args = nil
		case strings.HasPrefix(arg, "--"):
			args, err = o.long(arg[2:], args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = o.shorts(arg[1:], args)
		default:
			o.targets = append(o.targets, arg)
		}
		if err != nil {
			return o, err
		}
		if o.show != 0 { // at once, whatever else is wrong with the line
			return o, nil
		}
	}
	return o, nil
}

func (o *options) long(arg string, rest []string) ([]string, error) {
	name, value, valued := strings.Cut(arg, "=")
	opt, ok := findLong(name)
	switch {
	case !ok, valued && !opt.arg:
		return nil, errUnknownOption
	case opt.arg && !valued:
		if len(rest) == 0 {
			return nil, errUnknownOption
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, o.set(opt, value)
}

// PowerMan 2.3 told queries of all nodes from queries of some by options of
// their own, and Debian still ships it. 2.4 refuses these; scripts use them.
func olderLong(name string) string {
	switch name {
	case "query-all", "beacon-all", "temp-all":
		return strings.TrimSuffix(name, "-all")
	}
	return name
}

func olderShort(letter byte) byte {
	switch letter {
	case 'Q', 'B', 'D':
		return letter + 'a' - 'A'
	case 'P':
		return 't'
	}
	return letter
}

func findLong(name string) (option, bool) {
	name = olderLong(name)
	var found option
	matches := 0
	for _, opt := range optionTable {
		if opt.long == name {
			return opt, true
		}
		if name != "" && strings.HasPrefix(opt.long, name) {
			found = opt
			matches++
		}
	}
	return found, matches == 1
}

func (o *options) shorts(letters string, rest []string) ([]string, error) {
	for i := range len(letters) {
		opt, ok := findShort(letters[i])
		if !ok {
			return nil, errUnknownOption
		}
		if !opt.arg {
			if err := o.set(opt, ""); err != nil {
				return nil, err
			}
			continue
		}
		value := letters[i+1:]
		if value == "" {
			if len(rest) == 0 {
				return nil, errUnknownOption
			}
			value, rest = rest[0], rest[1:]
		}
		return rest, o.set(opt, value)
	}
	return rest, nil
}

func findShort(letter byte) (option, bool) {
	letter = olderShort(letter)
	for _, opt := range optionTable {
		if opt.short == letter {
			return opt, true
		}
	}
	return option{}, false
}

func (o *options) set(opt option, value string) error {
	if opt.action != powerman.CmdNone {
		if o.action != powerman.CmdNone {
			return errors.New("Only one action may be specified") //nolint:staticcheck // the reference's words
		}
		o.action = opt.action
		return nil
	}
	switch opt.short {
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
		o.show = opt.short
	}
	return nil
}

func usage() string {
	var b strings.Builder
	b.WriteString("Usage: powerman [options] ACTION [targets]\n")
	for _, opt := range optionTable {
		long := opt.long
		switch opt.short {
		case 'h':
			long += " HOST[:PORT]"
		case 'R':
			long += " N"
		}
		fmt.Fprintf(&b, "  -%c,--%-24s %s\n", opt.short, long, opt.help)
	}
	return b.String()
}

const license = `This powerman is part of Millwright, a program of its own that does the job of
PowerMan's. Licensed under the Apache License, Version 2.0; you may get a copy
at http://www.apache.org/licenses/LICENSE-2.0. It comes without warranties or
conditions of any kind.
`
