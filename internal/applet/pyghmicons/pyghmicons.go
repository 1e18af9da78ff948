// Package pyghmicons is the program of that name, as pyghmi has it: the serial console of
// one machine, taken from whoever has it. Unlike there, "~." at the beginning of a line ends it.
//
// Start at [Run].
package pyghmicons

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/sol"
)

const usage = `Usage: pyghmicons [--port PORT] BMC USER [PASSWORDFILE]
Without a file, the password is in the variable IPMIPASSWORD. At the beginning of a line:
  ~.  end    ~B  send a break    ~~  a ~
`

type options struct {
	port string
	ipmi ipmi.Options
	bmc  string
}

var errHelp = errors.New("help")

func parse(args []string, password string) (*options, error) {
	o := &options{port: "623"}
	words, err := getopt.Parse(args, []getopt.Option{{Long: "port", Arg: true}, {Short: 'h', Long: "help"}}, func(opt getopt.Option, value string) error {
		if opt.Long == "help" {
			return errHelp
		}
		_, err := strconv.ParseUint(value, 10, 16)
		o.port = value
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(words) < 2 || len(words) > 3:
		return nil, errors.New("a BMC and a user are needed, and perhaps a file")
	case len(words) == 3:
		text, err := os.ReadFile(words[2])
		if err != nil {
			return nil, err
		}
		line, _, _ := strings.Cut(string(text), "\n")
		password = strings.TrimSuffix(line, "\r")
	case password == "":
		return nil, errors.New("the variable IPMIPASSWORD is not set")
	}
	o.bmc, o.ipmi.User, o.ipmi.Password = words[0], words[1], password
	return o, nil
}

// Run is the whole program; args come without its name. It returns the exit code.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	password := os.Getenv("IPMIPASSWORD")
	_ = os.Unsetenv("IPMIPASSWORD")
	o, err := parse(args, password)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "pyghmicons: %v\n%s", err, usage)
		return 1
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	if err := o.talk(ctx, stdin, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "pyghmicons: %v\n", err)
		return 2
	}
	return 0
}

// talk joins the terminal and the console until one of them ends.
func (o *options) talk(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	address := o.bmc
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), o.port)
	}
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	session, err := client.Open(ctx, address, o.ipmi)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close(context.WithoutCancel(ctx)) }()
	line, err := sol.Open(ctx, session, sol.Options{Force: true, Tell: func(n sol.Notice) { fmt.Fprintf(stderr, "\r\n[%s]\r\n", n) }})
	if err != nil {
		return err
	}
	defer line.Close()
	if f, is := stdin.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		before, err := term.MakeRaw(int(f.Fd()))
		if err != nil {
			return err
		}
		defer func() { _ = term.Restore(int(f.Fd()), before) }()
	}
	heard, typed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := io.Copy(stdout, line)
		heard <- err
	}()
	go func() { typed <- (&keys{line: line, fresh: true}).from(stdin) }()
	select {
	case err = <-heard:
	case err = <-typed:
		if err == nil { // no terminal: let the machine answer
			select {
			case err = <-heard:
			case <-time.After(time.Second):
			}
		}
	case <-ctx.Done():
	}
	if errors.Is(err, errEnd) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

var errEnd = errors.New("the person has ended it")

// console is what keys go to.
type console interface {
	io.Writer
	Break() error
}

// keys takes escapes out of what is typed.
type keys struct {
	line    console
	fresh   bool // nothing was typed on this line yet
	escaped bool // a ~ was
}

func (k *keys) from(r io.Reader) error {
	buf := make([]byte, 1024)
	for {
		n, err := r.Read(buf)
		if err := k.press(buf[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// press types what is no escape.
func (k *keys) press(p []byte) error {
	var out []byte
	for _, c := range p {
		switch {
		case k.escaped && c == '.':
			return errEnd
		case k.escaped && c == 'B':
			k.escaped = false
			if err := k.line.Break(); err != nil {
				return err
			}
			continue
		case k.escaped && c != '~':
			out = append(out, '~')
		case !k.escaped && k.fresh && c == '~':
			k.escaped = true
			continue
		}
		k.escaped = false
		out = append(out, c)
		k.fresh = c == '\r' || c == '\n'
	}
	if len(out) == 0 {
		return nil
	}
	_, err := k.line.Write(out)
	return err
}
