// Package powermancli is the program powerman, also called pm: the command
// line client of a power daemon, be it ours or PowerMan's own.
//
// It exists because scripts, fence agents and fingers know that program. So
// its options, its texts and the stream each goes to, and its exit status are
// those of powerman(1) of PowerMan 2.4; the protocol is left to package
// powerman, and reading genders files to the folder genders. Start with [Run].
//
// It does more than the original in that the options of PowerMan 2.3 for
// queries (-Q, -B, -P, -D, --query-all and the like) still work, -h takes IPv6 addresses
// ("[::1]:10101"), all addresses of a name are tried, and each request is one
// write (the original sends its line end apart, which costs 40 ms).
package powermancli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/applet/powermancli/genders"
	"millwright.dev/millwright/powerman"
)

// retryPause is how long -R waits before it tries to connect again.
const retryPause = 100 * time.Millisecond

// Run is the whole program. args come without the program's name. It returns
// the exit status: 0 if the server answered with a 1xx code, the code itself
// if that was 2xx, and 1 for an error on this side.
func Run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	status, err := run(ctx, args, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "powerman:", err)
		return 1
	}
	return status
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int, err error) {
	o, err := parseOptions(args)
	if err != nil {
		return 0, err
	}
	if text, ok := o.shown(); ok {
		_, err := io.WriteString(stdout, text)
		return 0, err
	}
	req, err := o.request()
	if err != nil {
		return 0, err
	}
	client, err := connect(ctx, o.server, o.retries)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	if client.Version != powerman.DefaultVersion {
		fmt.Fprintf(stderr, "powerman: warning: server version (%s) != client (%s)\n", client.Version, powerman.DefaultVersion)
	}
	return talk(ctx, client, o, req, stdout, stderr)
}

func (o options) shown() (string, bool) {
	switch o.show {
	case 'V':
		return powerman.DefaultVersion + "\n", true
	case 'L':
		return license, true
	case 'H':
		return usage(), true
	}
	return "", false
}

// request makes the one request of the command line.
func (o options) request() (powerman.Request, error) {
	if o.action == powerman.CmdNone {
		return powerman.Request{}, errors.New("No action was specified.") //nolint:staticcheck // the reference's words
	}
	targets, err := o.targetList()
	if err != nil {
		return powerman.Request{}, err
	}
	req := powerman.Request{Command: o.action, Targets: targets.String()}
	switch {
	case o.action.Power() && targets.Len() == 0:
		return req, errors.New("Command requires targets") //nolint:staticcheck // the reference's words
	case o.action == powerman.CmdNodes && len(o.targets) > 0:
		return req, errors.New("Command does not accept targets") //nolint:staticcheck // the reference's words
	}
	if _, err := req.Line(); err != nil || len(req.Targets) > powerman.MaxLine {
		return req, errHostlist
	}
	return req, nil
}

var errHostlist = errors.New("hostlist error")

// targetList joins all free arguments into one host list, in their order.
func (o options) targetList() (hostlist.List, error) {
	if o.genders {
		return gendersTargets(genders.DefaultFile, o.targets)
	}
	var all hostlist.List
	for _, arg := range o.targets {
		list, err := hostlist.Parse(arg)
		if err != nil {
			return all, errHostlist
		}
		all.Extend(list)
	}
	return all, nil
}

// gendersTargets joins what each query matches.
func gendersTargets(file string, queries []string) (hostlist.List, error) {
	var all hostlist.List
	if len(queries) == 0 {
		return all, nil
	}
	db, err := genders.Load(file)
	if err != nil {
		return all, fmt.Errorf("genders_load_data: %w", err)
	}
	for _, query := range queries {
		nodes, err := db.Query(query)
		if err != nil {
			return all, fmt.Errorf("genders_query: %w", err)
		}
		for _, node := range nodes {
			all.Append(node)
		}
	}
	if all.Len() == 0 {
		return all, errors.New("genders expression did not match any nodes")
	}
	return all, nil
}

// connect reaches the server and reads its banner. A name that does not
// resolve is not tried again.
func connect(ctx context.Context, server string, retries int) (*powerman.Client, error) {
	host, port := powerman.SplitAddress(server)
	addr := net.JoinHostPort(host, port)
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			client, err := powerman.NewClient(ctx, conn)
			return client, short(err)
		}
		var noName *net.DNSError
		switch {
		case errors.As(err, &noName):
			return nil, fmt.Errorf("getaddrinfo %s: %s", addr, reason(noName))
		case retries == 0:
			return nil, fmt.Errorf("could not connect to address %s", addr)
		}
		retries--
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reason says why a name did not resolve, in the words of getaddrinfo(3).
func reason(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "Name or service not known"
	case err.Temporary():
		return "Temporary failure in name resolution"
	}
	return err.Err
}

// short turns an error of the client into the original's words.
func short(err error) error {
	for _, known := range []error{context.Canceled, powerman.ErrEOF, powerman.ErrUnexpected} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

// talk sends telemetry, exprange, the request and quit, and shows the answers.
func talk(ctx context.Context, client *powerman.Client, o options, req powerman.Request, stdout, stderr io.Writer) (int, error) {
	requests := []powerman.Request{req}
	if o.exprange {
		requests = append([]powerman.Request{{Command: powerman.CmdExprange}}, requests...)
	}
	if o.telemetry {
		requests = append([]powerman.Request{{Command: powerman.CmdTelemetry}}, requests...)
	}
	out := &printer{stdout: bufio.NewWriter(stdout), stderr: stderr}
	status := 0
	for _, req := range requests {
		last, err := client.Do(ctx, req, out.line)
		if err != nil {
			return 0, errors.Join(short(err), out.stdout.Flush())
		}
		out.line(last)
		if !last.Code.Success() {
			status = int(last.Code)
		}
	}
	// What the server was asked for is done; a failed goodbye changes nothing.
	_, _ = client.Do(ctx, powerman.Request{Command: powerman.CmdQuit}, nil)
	return status, out.stdout.Flush()
}

// printer shows the lines of replies.
type printer struct {
	stdout *bufio.Writer
	stderr io.Writer
}

func (p *printer) line(l powerman.Line) {
	switch l.Code {
	case powerman.CodeQueryDone, powerman.CodeTelemetry, powerman.CodeExprange:
		return
	case powerman.CodeDiagnostic:
		_ = p.stdout.Flush() // keeps the order on a terminal; run reports its error
		fmt.Fprintln(p.stderr, l.Text)
		return
	}
	_, _ = p.stdout.WriteString(l.Text)
	_ = p.stdout.WriteByte('\n')
	switch l.Code {
	case powerman.CodeTelemetryIn, powerman.CodeDeviceError:
		_ = p.stdout.Flush() // these come while the command runs
	}
}
