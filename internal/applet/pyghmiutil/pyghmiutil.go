// Package pyghmiutil is the program of that name, as pyghmi has it: one command for one
// BMC or several. The words are the same; what is said is JSON, a line for each thing. It
// can more: ranges of BMCs, all at once; a port, a cipher suite, a privilege; and it
// ends when it is done, with an exit code that says how it went.
//
// Start at [Run].
package pyghmiutil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/rmcp"
)

const usage = `Usage: IPMIPASSWORD=PASSWORD pyghmiutil [OPTION...] BMC[,BMC...] USER COMMAND [ARGUMENT...]
BMCs may be ranges: bmc[1-40]. Commands:
  power [on|off|reset|cycle|diag|softoff|shutdown|boot]
  bootdev [network|hd|safe|optical|setup|floppy|default]
  sensors   health   inventory   leds   graphical   net
  raw NETFN COMMAND [DATA...]     numbers are decimal, data hexadecimal
Options:
  --port PORT        623
  --suite N          this cipher suite and no other
  --privilege NAME   user, operator or administrator
  --kg-file FILE     the key Kg, on its first line
  --timeout TIME     for a login or a command; 15s
Exit: 0 done, 1 usage, 2 a BMC could not be reached or logged in to, 3 a command failed.
`

// Exit codes.
const (
	exitDone = iota
	exitUsage
	exitLogin
	exitFailed
)

// maxAtOnce is how many BMCs are asked at a time.
const maxAtOnce = 256

type options struct {
	port string
	ipmi ipmi.Options
	bmcs hostlist.List
	run  command
}

var errHelp = errors.New("help")

func parse(args []string) (*options, error) {
	o := &options{port: "623"}
	words, err := getopt.Parse(args, []getopt.Option{
		{Long: "port", Arg: true},
		{Long: "suite", Arg: true},
		{Long: "privilege", Arg: true},
		{Long: "kg-file", Arg: true},
		{Long: "timeout", Arg: true},
		{Short: 'h', Long: "help"},
	}, o.set)
	if err != nil {
		return nil, err
	}
	if len(words) < 3 {
		return nil, errors.New("a BMC, a user and a command are needed")
	}
	const most = 100_000
	if o.bmcs, err = (hostlist.Limits{Range: most, Items: most, Names: most}).Parse(words[0]); err != nil {
		return nil, err
	}
	o.ipmi.User = words[1]
	o.run, err = commandOf(words[2], words[3:])
	return o, err
}

func (o *options) set(opt getopt.Option, value string) (err error) {
	switch opt.Long {
	case "port":
		_, err = strconv.ParseUint(value, 10, 16)
		o.port = value
	case "suite":
		var n uint64
		n, err = strconv.ParseUint(value, 10, 8)
		if n == 0 {
			err = errors.New("--suite: it is a number from 1 on; suite 0 protects nothing")
		}
		o.ipmi.Suites = []rmcp.Suite{rmcp.Suite(n)}
	case "privilege":
		o.ipmi.Privilege, err = ipmi.ParsePrivilege(value)
	case "kg-file":
		var text []byte
		text, err = os.ReadFile(value)
		line, _, _ := strings.Cut(string(text), "\n")
		o.ipmi.Kg = strings.TrimSuffix(line, "\r")
	case "timeout":
		o.ipmi.Timeout, err = time.ParseDuration(value)
	case "help":
		err = errHelp
	}
	return err
}

// Run is the whole program; args come without its name. It returns the exit code.
func Run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	password, has := os.LookupEnv("IPMIPASSWORD")
	_ = os.Unsetenv("IPMIPASSWORD")
	o, err := parse(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(stdout, usage)
		return exitDone
	case err == nil && !has:
		err = errors.New("the variable IPMIPASSWORD is not set")
		fallthrough
	case err != nil:
		fmt.Fprintf(stderr, "pyghmiutil: %v\n%s", err, usage)
		return exitUsage
	}
	o.ipmi.Password = password
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	return o.all(ctx, stdout, stderr)
}

// told is what became of one BMC.
type told struct {
	out  bytes.Buffer
	err  error
	code int
	done chan struct{}
}

// all does the command with all BMCs at once, and tells in their order.
func (o *options) all(ctx context.Context, stdout, stderr io.Writer) int {
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	names := o.bmcs.Names()
	list := make([]told, len(names))
	room := make(chan struct{}, maxAtOnce)
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range list {
		list[i].done = make(chan struct{})
	}
	wg.Go(func() {
		for i, name := range names {
			room <- struct{}{}
			wg.Go(func() {
				o.one(ctx, client, name, &list[i])
				close(list[i].done)
				<-room
			})
		}
	})
	worst := exitDone
	for i := range list {
		<-list[i].done
		_, _ = list[i].out.WriteTo(stdout)
		if list[i].err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", names[i], list[i].err)
		}
		worst = max(worst, list[i].code)
	}
	return worst
}

func (o *options) one(ctx context.Context, client *ipmi.Client, name string, t *told) {
	address := name
	if _, _, err := net.SplitHostPort(name); err != nil {
		address = net.JoinHostPort(strings.Trim(name, "[]"), o.port)
	}
	session, err := client.Open(ctx, address, o.ipmi)
	if err != nil {
		t.err, t.code = err, exitLogin
		return
	}
	defer func() { _ = session.Close(context.WithoutCancel(ctx)) }()
	fmt.Fprintf(&t.out, "Logged into %s\n", name)
	say := &teller{out: &t.out, name: name, many: o.bmcs.Len() > 1}
	if t.err = o.run(ctx, host.New(session, host.Options{}), say); t.err != nil {
		t.code = exitFailed
	}
}
