// Package fakebmc is the program of that name: BMCs that exist in memory, for people's own
// tests. It takes what pyghmi's fakebmc takes, and can more: thousands of machines in one
// process, data from files, sensors that follow curves, faults by name or by a
// script, IPMI 1.5, a console that is a program. It listens at the loopback unless
// another address is named. What a BMC does is in package ipmi/bmc.
//
// Start at [Run].
package fakebmc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/rmcp"
)

const usage = `Usage: fakebmc [OPTION...]
Pretends to be a BMC, or many. Each is off until it is switched on.
  --port PORT            of UDP; 623. With --count, the first of so many
  --address ADDRESS      where to listen; 127.0.0.1
  --count N              so many BMCs, at ports one after the other
  --addresses            they are at addresses one after the other, at one port, instead
  --user NAME            who may log in, as administrator; admin
  --password-file FILE   the password, on its first line; without it, "password"
  --data DIR             what they are: bmc.json, sdr.bin, fru0.bin, sel.bin, sensors.json
  --preset MAKER         identity and quirks of a maker: ` + presetNames + `
  --fault NAME[=VALUE]   what they do wrong; may be repeated. --fault help lists them
  --script FILE          what happens when: lines such as "10s silent", "20s answer", "30s off"
  --console PROGRAM      what the console is connected to, run by the shell; without it, it
                         repeats what is typed while the power is on
  --on                   they are on at the start
  --ipmi15               IPMI 1.5 is let in too
  --suites LIST          cipher suites that are taken; 17,3
`

type options struct {
	address    netip.Addr
	user, pass string
	data       string
	script     []step
	console    string
	port       int
	count      int
	spread, on bool
	faults     bmc.Faults
	preset     string
	v15        bool
	suites     []rmcp.Suite
}

var errHelp = errors.New("help")

func parse(args []string) (*options, error) {
	o := &options{address: netip.AddrFrom4([4]byte{127, 0, 0, 1}), user: "admin", pass: "password", port: 623, count: 1}
	list := []getopt.Option{{Short: 'h', Long: "help"}, {Long: "addresses"}, {Long: "on"}, {Long: "ipmi15"}}
	for _, name := range []string{"port", "address", "count", "user", "password-file", "data", "preset", "fault", "script", "console", "suites"} {
		list = append(list, getopt.Option{Long: name, Arg: true})
	}
	words, err := getopt.Parse(args, list, o.set)
	last := o.port + o.count - 1
	if o.spread {
		last = o.port
	}
	switch {
	case err != nil:
	case len(words) > 0:
		err = fmt.Errorf("unexpected argument %q", words[0])
	case o.count < 1 || o.count > 1<<16 || o.port < 0 || last > 65535:
		err = errors.New("ports are from 0 to 65535, and there is at least one BMC")
	case o.spread && (!o.address.Is4() || o.port == 0):
		err = errors.New("--addresses needs an IPv4 address to begin with, and a port")
	case o.user == "" || len(o.user) > 16 || o.pass == "" || len(o.pass) > 20:
		err = errors.New("a user's name has 1 to 16 bytes, and a password 1 to 20")
	}
	return o, err
}

func (o *options) set(opt getopt.Option, value string) (err error) {
	switch opt.Long {
	case "port":
		o.port, err = strconv.Atoi(value)
	case "address":
		o.address, err = netip.ParseAddr(value)
	case "count":
		o.count, err = strconv.Atoi(value)
	case "user":
		o.user = value
	case "password-file":
		o.pass, err = firstLine(value)
	case "data":
		o.data = value
	case "preset":
		o.preset = value
	case "fault":
		err = setFault(&o.faults, value)
	case "script":
		o.script, err = readScript(value)
	case "console":
		o.console = value
	case "suites":
		for _, word := range strings.Split(value, ",") {
			n, failed := strconv.ParseUint(strings.TrimSpace(word), 10, 8)
			if failed != nil {
				return fmt.Errorf("--suites: %q is no cipher suite", word)
			}
			o.suites = append(o.suites, rmcp.Suite(n))
		}
	case "addresses":
		o.spread = true
	case "on":
		o.on = true
	case "ipmi15":
		o.v15 = true
	case "help":
		err = errHelp
	}
	return err
}

// maxFile bounds files that are read whole, in bytes.
const maxFile = 1 << 20

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(b), err
}

func firstLine(path string) (string, error) {
	text, err := readFile(path)
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// Run is the whole program; args come without its name. It ends with ctx, or by SIGTERM
// or SIGINT, and returns the exit code.
func Run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case errors.Is(err, errFaults):
		fmt.Fprint(stdout, faultHelp)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "fakebmc: %v\n%s", err, usage)
		return 2
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := o.serve(ctx, stdout, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))); err != nil {
		fmt.Fprintf(stderr, "fakebmc: %v\n", err)
		return 1
	}
	return 0
}

// config is what all machines have in common.
func (o *options) config(log *slog.Logger) (c bmc.Config, curves []curve, err error) {
	if o.data == "" {
		c, curves = plain()
	} else {
		root := os.DirFS(o.data)
		if c, err = bmc.ReadConfig(root); err != nil {
			return c, nil, err
		}
		if curves, err = readCurves(root); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c, nil, err
		}
	}
	if err := applyPreset(o.preset, &c, &o.faults); err != nil {
		return c, nil, err
	}
	if len(c.Users) == 0 {
		c.Users = []bmc.Account{{}, {Name: o.user, Password: o.pass, Privilege: bmc.Administrator}}
	}
	if len(o.suites) > 0 {
		c.Suites = o.suites
	}
	for i := range curves {
		c.SDR = append(c.SDR, curves[i].record(len(c.SDR)+1).Append(nil))
	}
	c.V15 = c.V15 || o.v15
	c.Log, c.Faults = log, &o.faults
	return c, curves, nil
}

// fleet is the machines that are served.
type fleet struct {
	o        *options
	machines []*bmc.Machine
	hosts    []*host
	wg       sync.WaitGroup
	silent   gate
}

// serve answers until ctx ends.
func (o *options) serve(ctx context.Context, stdout io.Writer, log *slog.Logger) error {
	c, curves, err := o.config(log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fleet{o: o}
	defer func() {
		cancel()
		f.wg.Wait()
		for _, m := range f.machines {
			m.Close()
		}
	}()
	name := c.Name
	for i := range o.count {
		c.Name = name
		if o.count > 1 {
			c.Name += strconv.Itoa(i + 1)
			c.GUID[14], c.GUID[15] = byte(i>>8), byte(i)
		}
		h := newHost(o, curves)
		m, err := bmc.New(c, h)
		if err != nil {
			return err
		}
		f.machines, f.hosts = append(f.machines, m), append(f.hosts, h)
	}
	at, err := f.listen(ctx)
	if err != nil {
		return err
	}
	o.tell(stdout, at)
	f.wg.Go(func() { f.play(ctx, o.script) })
	<-ctx.Done()
	return nil
}

// listen opens the sockets, and gives where the first is.
func (f *fleet) listen(ctx context.Context) (netip.AddrPort, error) {
	if f.o.spread {
		return f.listenSpread(ctx)
	}
	var first netip.AddrPort
	for i, m := range f.machines {
		port := f.o.port
		if port != 0 {
			port += i
		}
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(f.o.address, uint16(port))))
		if err != nil {
			return first, err
		}
		if i == 0 {
			first = conn.LocalAddr().(*net.UDPAddr).AddrPort() //nolint:forcetypeassert // it is one of UDP
		}
		var socket net.PacketConn = conn
		if len(f.o.script) > 0 {
			socket = f.silent.wrap(conn)
		}
		f.wg.Go(func() { _ = bmc.Serve(ctx, socket, m) })
	}
	return first, nil
}

func (f *fleet) listenSpread(ctx context.Context) (netip.AddrPort, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{Port: f.o.port})
	if err != nil {
		return netip.AddrPort{}, err
	}
	find := make(map[netip.Addr]*bmc.Machine, len(f.machines))
	at := f.o.address
	for _, m := range f.machines {
		find[at] = m
		at = at.Next()
	}
	f.wg.Go(func() {
		_ = bmc.ServeMany(ctx, conn, 1, func(a netip.Addr) *bmc.Machine {
			if f.silent.shut.Load() {
				return nil
			}
			return find[a]
		})
	})
	return netip.AddrPortFrom(f.o.address, uint16(f.o.port)), nil
}

// tell says where they are, and what to type.
func (o *options) tell(w io.Writer, at netip.AddrPort) {
	switch {
	case o.count == 1:
		fmt.Fprintf(w, "A BMC answers at %s.\n", at)
	case o.spread:
		fmt.Fprintf(w, "%d BMCs answer at port %d, the first at %s.\n", o.count, at.Port(), at.Addr())
	default:
		fmt.Fprintf(w, "%d BMCs answer at %s, at ports one after the other from %d on.\n", o.count, at.Addr(), at.Port())
	}
	password := "PASSWORD"
	if o.pass == "password" {
		password = o.pass
	}
	fmt.Fprintf(w, "Try:  ipmitool -I lanplus -H %s -p %d -U %s -P %s chassis power status\n", at.Addr(), at.Port(), o.user, password)
}
