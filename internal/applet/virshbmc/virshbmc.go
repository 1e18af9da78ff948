// Package virshbmc is the program of that name: a BMC for one guest of libvirt, as long as
// it runs, as pyghmi has it. Its rules are strict: what is on cannot be switched on. It
// can more: cycle, diagnostic interrupt, boot device, event log, inventory, and a
// console that outlives power cycles; and it listens at the loopback unless another
// address is named. What a BMC does is in package internal/vbmc.
//
// Start at [Run].
package virshbmc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/internal/vbmc"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/libvirt"
)

const usage = `Usage: virshbmc --domain NAME [OPTION...]
  --domain NAME          the guest
  --connect URI          where it is; qemu:///system
  --port PORT            of UDP; 623
  --address ADDRESS      where to listen; 127.0.0.1
  --user NAME            who may log in; admin
  --password-file FILE   the password, on its first line; without it, "password"
`

// options are what the command line says.
type options struct {
	domain, connect, address, user, password string
	port                                     int
	known                                    bool // the password is the one that everybody knows
}

var errHelp = errors.New("help")

func parse(args []string) (options, error) {
	o := options{connect: "qemu:///system", address: "127.0.0.1", user: "admin", password: "password", port: 623, known: true}
	words, err := getopt.Parse(args, []getopt.Option{
		{Long: "domain", Arg: true},
		{Long: "connect", Arg: true},
		{Long: "port", Arg: true},
		{Long: "address", Arg: true},
		{Long: "user", Arg: true},
		{Long: "password-file", Arg: true},
		{Short: 'h', Long: "help"},
	}, o.set)
	switch {
	case err != nil:
	case len(words) > 0:
		err = fmt.Errorf("unexpected argument %q", words[0])
	case o.domain == "":
		err = errors.New("--domain is needed")
	case o.user == "" || len(o.user) > 16 || o.password == "" || len(o.password) > 20:
		err = errors.New("a user's name has 1 to 16 bytes, and a password 1 to 20")
	}
	return o, err
}

func (o *options) set(opt getopt.Option, value string) (err error) {
	switch opt.Long {
	case "domain":
		o.domain = value
	case "connect":
		o.connect = value
	case "port":
		o.port, err = strconv.Atoi(value)
	case "address":
		_, err = netip.ParseAddr(value)
		o.address = value
	case "user":
		o.user = value
	case "password-file":
		o.known = false
		o.password, err = firstLine(value)
	case "help":
		err = errHelp
	}
	return err
}

// maxFile bounds a password's file, in bytes.
const maxFile = 64 << 10

func firstLine(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// Run is the whole program; args come without its name. It ends with ctx, or by SIGTERM
// or SIGINT, and returns the exit code.
func Run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "virshbmc: %v\n%s", err, usage)
		return 1
	}
	if o.known {
		fmt.Fprintln(stderr, `virshbmc: the password is "password", which everybody knows; --password-file names another`)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := o.serve(ctx, slog.New(slog.NewTextHandler(stderr, nil))); err != nil && ctx.Err() == nil {
		fmt.Fprintf(stderr, "virshbmc: %v\n", err)
		return 1
	}
	return 0
}

// serve answers until ctx ends.
func (o *options) serve(ctx context.Context, log *slog.Logger) error {
	h, err := vbmc.NewHypervisor(o.connect, libvirt.Dialing{}, log)
	if err != nil {
		return err
	}
	socket, err := new(net.ListenConfig).ListenPacket(ctx, "udp", net.JoinHostPort(o.address, strconv.Itoa(o.port)))
	if err != nil {
		return err
	}
	log.Info("the BMC answers", "domain", o.domain, "address", socket.LocalAddr().String())
	ctx, cancel := context.WithCancel(ctx)
	var run sync.WaitGroup
	run.Go(func() { h.Run(ctx) })
	defer run.Wait()
	defer cancel()
	return h.Guest(o.domain, vbmc.Options{Strict: true, Users: []bmc.Account{{}, {Name: o.user, Password: o.password, Privilege: bmc.Administrator}}}).Serve(ctx, socket)
}
