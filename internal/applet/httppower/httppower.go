// Package httppower is the program of that name: powermand's helper for power
// controllers with a web page or a REST interface. Device files talk to it at
// its prompt, "httppower> ".
//
// It exists because device files for such controllers name it as their
// coprocess. Start with [Run].
//
// Source: httppower(8) of PowerMan 2.3.27, and what Debian's program answers;
// the tests give both the same input and list the differences.
package httppower

import (
	"context"
	"fmt"
	"io"

	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/internal/applet/prompt"
)

// maxLine is how many bytes of a line are read at once; a longer line counts as
// several.
const maxLine = 127

const usage = "Usage: httppower [--url URL] [--header string] [--cookies] [--verbose] [--verify-tls] [--ca-file FILE]\n"

const help = `Commands:
  auth USER:PASS            send this name and password (basic)
  seturl URL                what get, post and put begin with
  setheader [NAME:VALUE]    one header more, or none
  cookies <enable|disable>  keep the cookies that come, or do not
  get [PATH]
  post [PATH] DATA
  put [PATH] DATA
  quit
`

// Run is the whole program; args come without the program's name. It returns
// the exit code: 0 at the end of the input and after "quit", 1 for wrong options
// or a broken output. The end of ctx breaks off a request that is under way, but
// not a read from stdin.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "httppower: %v\n%s", err, usage)
		return 1
	}
	c, err := newClient(o, stdout, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "httppower: %v\n", err)
		return 1
	}
	defer c.close()
	loop := prompt.Loop{Prompt: "httppower> ", MaxLine: maxLine, Out: stdout, Run: c.command}
	if err := loop.Serve(ctx, stdin); err != nil {
		fmt.Fprintf(stderr, "httppower: %v\n", err)
		return 1
	}
	return 0
}

// options are what the command line says.
type options struct {
	url, header, caFile         string
	cookies, verbose, verifyTLS bool
}

var table = []getopt.Option{
	{Short: 'u', Long: "url", Arg: true},
	{Short: 'H', Long: "header", Arg: true},
	{Short: 'c', Long: "cookies"},
	{Short: 'v', Long: "verbose"},
	{Long: "verify-tls"},         // ours
	{Long: "ca-file", Arg: true}, // ours
}

func parse(args []string) (o options, err error) {
	words, err := getopt.Parse(args, table, func(opt getopt.Option, value string) error {
		switch opt.Long {
		case "url":
			o.url = value
		case "header":
			o.header = value
		case "cookies":
			o.cookies = true
		case "verbose":
			o.verbose = true
		case "verify-tls":
			o.verifyTLS = true
		case "ca-file":
			o.caFile, o.verifyTLS = value, true
		}
		return nil
	})
	if err == nil && len(words) > 0 {
		err = fmt.Errorf("unexpected argument '%s'", words[0])
	}
	return o, err
}

// command carries out one line.
func (c *client) command(ctx context.Context, words []string) (more bool) {
	args := words[1:]
	switch words[0] {
	case "help":
		c.say(help)
	case "quit":
		return false
	case "auth":
		c.setAuth(args)
	case "seturl":
		if len(args) == 0 {
			c.say("Usage: seturl http://...\n")
		} else {
			c.url = args[0]
		}
	case "setheader":
		if c.header = ""; len(args) > 0 {
			c.header = args[0]
		}
	case "cookies":
		c.setCookies(args)
	case "get":
		c.get(ctx, args)
	case "post", "put":
		c.send(ctx, words[0], args)
	default:
		c.say(prompt.Unknown)
	}
	return true
}
