package redfishpower

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/applet/getopt"
)

// maxSeconds bounds times that a user may set: a day.
const maxSeconds = 24 * 60 * 60

// maxPlugs bounds hosts, and plugs.
const maxPlugs = 65536

// options are what the command line says.
type options struct {
	hosts        []string
	header, auth string
	requests     requests
	message      time.Duration // for one request and its answer
	messageSet   bool
	resolve      bool
	verifyTLS    bool
	caFile       string
	verbose      int
	test         bool
	fail         []string // hosts that fail in test mode
}

var table = []getopt.Option{
	{Short: 'h', Long: "hostname", Arg: true},
	{Short: 'f', Long: "hostsfile", Arg: true},
	{Short: 'H', Long: "header", Arg: true},
	{Short: 'A', Long: "auth", Arg: true},
	{Short: 'S', Long: "statpath", Arg: true},
	{Short: 'O', Long: "onpath", Arg: true},
	{Short: 'F', Long: "offpath", Arg: true},
	{Short: 'C', Long: "cyclepath", Arg: true},
	{Short: 'P', Long: "onpostdata", Arg: true},
	{Short: 'G', Long: "offpostdata", Arg: true},
	{Short: 'D', Long: "cyclepostdata", Arg: true},
	{Short: 'm', Long: "message-timeout", Arg: true},
	{Long: "resolve-hosts"},
	{Long: "verify-tls"},         // ours
	{Long: "ca-file", Arg: true}, // ours
	{Short: 'v', Long: "verbose"},
	{Short: 'T', Long: "test-mode"},
	{Long: "test-fail-power-cmd-hosts", Arg: true},
}

func parse(args []string) (options, error) {
	o := options{message: 10 * time.Second}
	words, err := getopt.Parse(args, table, o.set)
	switch {
	case err != nil:
		return o, err
	case len(words) > 0:
		return o, fmt.Errorf("unexpected argument '%s'", words[0])
	case len(o.hosts) == 0:
		return o, errors.New("no hosts: -h is needed")
	case len(o.hosts) > maxPlugs:
		return o, fmt.Errorf("%d hosts are too many, %d can be", len(o.hosts), maxPlugs)
	}
	return o, nil
}

func (o *options) set(opt getopt.Option, value string) (err error) {
	switch opt.Long {
	case "hostname":
		err = appendHosts(&o.hosts, value)
	case "hostsfile":
		err = o.readHosts(value)
	case "header":
		o.header = value
	case "auth":
		o.auth = strings.Clone(value)
		getopt.Wipe(value)
	case "statpath":
		o.requests[stat].path = value
	case "onpath":
		o.requests[on].path = value
	case "offpath":
		o.requests[off].path = value
	case "cyclepath":
		o.requests[cycle].path = value
	case "onpostdata":
		o.requests[on].data = value
	case "offpostdata":
		o.requests[off].data = value
	case "cyclepostdata":
		o.requests[cycle].data = value
	case "message-timeout":
		o.message, err = seconds(value)
		o.messageSet = true
	case "resolve-hosts":
		o.resolve = true
	case "verify-tls":
		o.verifyTLS = true
	case "ca-file":
		o.caFile, o.verifyTLS = value, true
	case "verbose":
		o.verbose++
	case "test-mode":
		o.test = true
	case "test-fail-power-cmd-hosts":
		err = appendHosts(&o.fail, value)
	}
	return err
}

func appendHosts(to *[]string, text string) error {
	names, err := hostlist.Expand(text)
	if err != nil {
		return fmt.Errorf("hosts '%s': %w", text, err)
	}
	*to = append(*to, names...)
	return nil
}

func (o *options) readHosts(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 8<<20))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := appendHosts(&o.hosts, lines.Text()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func seconds(text string) (time.Duration, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxSeconds {
		return 0, fmt.Errorf("'%s' is no number of seconds from 1 to %d", text, maxSeconds)
	}
	return time.Duration(n) * time.Second, nil
}

// echo says on stderr what options were given: tests of device files look at it.
func (o *options) echo(w io.Writer) {
	if o.header != "" {
		fmt.Fprintf(w, "command line option: header = %s\n", o.header)
	}
	if o.auth != "" {
		fmt.Fprintf(w, "command line option: auth = %s\n", o.auth)
	}
	if o.messageSet {
		fmt.Fprintf(w, "command line option: message timeout = %d\n", int(o.message.Seconds()))
	}
	if o.resolve {
		fmt.Fprintf(w, "command line option: resolve-hosts set\n")
	}
}
