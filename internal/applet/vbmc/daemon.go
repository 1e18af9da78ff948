package vbmc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	"millwright.dev/millwright/internal/vbmc"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/libvirt"
)

const daemonUsage = `Usage: vbmcd [--config-dir DIR] [--foreground]
Serves the BMCs that vbmc has added, in the foreground; started ones at once.
`

// daemon is vbmcd.
type daemon struct {
	dir string
	log *slog.Logger
	ctx context.Context // of all that it serves
	all sync.WaitGroup

	mu          sync.Mutex
	hypervisors map[string]*vbmc.Hypervisor // by URI; they stay once they are needed
	running     map[string]*running         // by domain
	failed      map[string]string           // why a BMC that is to run does not
}

// running is one BMC that answers.
type running struct {
	address string
	cancel  context.CancelFunc
	ended   chan struct{}
}

// RunDaemon is the program vbmcd; args come without its name. It ends with ctx, or by
// SIGTERM or SIGINT, and returns the exit code.
func RunDaemon(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	for _, a := range args {
		if a == "-h" || a == "--help" {
			fmt.Fprint(stdout, daemonUsage)
			return 0
		}
	}
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--foreground" })
	o, words, err := parse(args)
	if err == nil && len(words) > 0 {
		err = fmt.Errorf("unexpected argument %q", words[0])
	}
	if err != nil {
		fmt.Fprintf(stderr, "vbmcd: %v\n%s", err, daemonUsage)
		return 1
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	d := &daemon{
		dir: o.dir, log: slog.New(slog.NewTextHandler(stderr, nil)),
		hypervisors: make(map[string]*vbmc.Hypervisor), running: make(map[string]*running), failed: make(map[string]string),
	}
	if err := d.serve(ctx); err != nil {
		fmt.Fprintf(stderr, "vbmcd: %v\n", err)
		return 1
	}
	return 0
}

// serve listens for requests, and serves all BMCs that are started.
func (d *daemon) serve(ctx context.Context) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return err
	}
	requests, err := d.listen(ctx)
	if err != nil {
		return err
	}
	var cancel context.CancelFunc
	d.ctx, cancel = context.WithCancel(ctx)
	defer d.all.Wait()
	defer cancel()
	context.AfterFunc(d.ctx, func() { requests.Close() })
	for _, name := range d.domains() {
		c, err := readConfig(d.dir, name)
		switch {
		case err != nil:
			d.log.Error("a guest's file cannot be used", "domain", name, "err", err)
		case c.Active:
			if err := d.start(&c); err != nil {
				d.log.Error("a BMC cannot be started", "domain", name, "err", err)
			}
		}
	}
	d.log.Info("vbmcd is ready", "folder", d.dir)
	turns := make(chan struct{}, 16)
	for {
		conn, err := requests.Accept()
		if err != nil {
			if d.ctx.Err() != nil {
				return nil
			}
			return err
		}
		turns <- struct{}{}
		d.all.Go(func() {
			defer func() { <-turns }()
			d.answer(conn)
		})
	}
}

// listen takes the socket. One that is left over from a daemon that died is removed.
func (d *daemon) listen(ctx context.Context) (net.Listener, error) {
	path := socketOf(d.dir)
	if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("another vbmcd runs for %s", d.dir)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// answer answers one request.
func (d *daemon) answer(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(askLimit))
	defer context.AfterFunc(d.ctx, func() { conn.Close() })()
	var q request
	if err := json.NewDecoder(io.LimitReader(conn, maxRequest)).Decode(&q); err != nil {
		return
	}
	_ = json.NewEncoder(conn).Encode(d.do(q))
}

// do does what was asked.
func (d *daemon) do(q request) (a answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	each := func(do func(*config) error) {
		for _, name := range q.Domains {
			c, err := d.known(name)
			if err == nil {
				err = do(&c)
			}
			if err != nil {
				a.Errors = append(a.Errors, name+": "+err.Error())
			}
		}
	}
	switch q.Command {
	case "add":
		if err := d.add(&q.Config); err != nil {
			a.Errors = append(a.Errors, err.Error())
		} else if where, err := netip.ParseAddr(q.Config.Address); err == nil && !where.IsLoopback() && q.Config.Password == "password" {
			a.Warnings = append(a.Warnings, "others can reach "+q.Config.Address+", and the password is the one that everybody knows")
		}
	case "delete":
		each(func(c *config) error {
			d.stop(c.Domain)
			return os.RemoveAll(filepath.Join(d.dir, c.Domain))
		})
	case "start":
		each(func(c *config) error {
			c.Active = true
			return errors.Join(c.write(d.dir), d.startLocked(c))
		})
	case "stop":
		each(func(c *config) error {
			d.stop(c.Domain)
			c.Active = false
			return c.write(d.dir)
		})
	case "list":
		a = d.list()
	case "show":
		each(func(c *config) error {
			a.Head, a.Rows = []string{"Property", "Value"}, d.properties(c)
			return nil
		})
	default:
		a.Errors = []string{"there is no command " + strconv.Quote(q.Command)}
	}
	return a
}

// known reads the file of a guest that was added.
func (d *daemon) known(name string) (config, error) {
	if err := (&config{Domain: name, Username: "x", Password: "x", Address: "::", URI: "test:///default"}).check(); err != nil {
		return config{}, err
	}
	c, err := readConfig(d.dir, name)
	if errors.Is(err, os.ErrNotExist) {
		err = errors.New("it has no BMC")
	}
	return c, err
}

func (d *daemon) add(c *config) error {
	if err := c.check(); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(d.dir, c.Domain)); err == nil {
		return fmt.Errorf("%s has a BMC already", c.Domain)
	}
	c.Active = false
	return c.write(d.dir)
}

// domains lists the guests that were added.
func (d *daemon) domains() []string {
	entries, _ := os.ReadDir(d.dir)
	var names []string
	for _, e := range entries {
		if _, err := os.Lstat(filepath.Join(d.dir, e.Name(), "config")); err == nil && e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

func (d *daemon) start(c *config) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.startLocked(c)
}

// startLocked lets a guest's BMC answer.
func (d *daemon) startLocked(c *config) error {
	if r := d.running[c.Domain]; r != nil {
		select {
		case <-r.ended:
		default:
			return errors.New("its BMC runs already")
		}
	}
	socket, err := new(net.ListenConfig).ListenPacket(d.ctx, "udp", net.JoinHostPort(c.Address, strconv.Itoa(c.Port)))
	if err != nil {
		d.failed[c.Domain] = err.Error()
		return err
	}
	h := d.hypervisors[c.URI]
	if h == nil {
		if h, err = vbmc.NewHypervisor(c.URI, libvirt.Dialing{}, d.log); err != nil {
			socket.Close()
			return err
		}
		d.hypervisors[c.URI] = h
		d.all.Go(func() { h.Run(d.ctx) })
	}
	for _, kv := range c.more {
		if kv[0] == "libvirt_sasl_username" && kv[1] != "" && kv[1] != "None" {
			d.log.Warn("SASL is not spoken: the user's name for libvirt is not used", "domain", c.Domain)
		}
	}
	ctx, cancel := context.WithCancel(d.ctx)
	r := &running{address: socket.LocalAddr().String(), cancel: cancel, ended: make(chan struct{})}
	d.running[c.Domain] = r
	delete(d.failed, c.Domain)
	g := h.Guest(c.Domain, vbmc.Options{Users: []bmc.Account{{}, {Name: c.Username, Password: c.Password, Privilege: bmc.Administrator}}})
	d.log.Info("a BMC answers", "domain", c.Domain, "address", r.address)
	d.all.Go(func() {
		defer close(r.ended)
		defer cancel()
		if err := g.Serve(ctx, socket); err != nil && ctx.Err() == nil {
			d.log.Error("a BMC has ended", "domain", c.Domain, "err", err)
		}
	})
	return nil
}

// stop ends a guest's BMC, if it runs.
func (d *daemon) stop(name string) {
	if r := d.running[name]; r != nil {
		r.cancel()
		<-r.ended
	}
	delete(d.running, name)
	delete(d.failed, name)
}

// status is "running", "down" or "error", and where it answers.
func (d *daemon) status(c *config) (status, address string) {
	address = net.JoinHostPort(c.Address, strconv.Itoa(c.Port))
	r := d.running[c.Domain]
	switch {
	case r == nil && d.failed[c.Domain] != "":
		return "error", address
	case r == nil:
		return "down", address
	}
	select {
	case <-r.ended:
		return "error", r.address
	default:
		return "running", r.address
	}
}

func (d *daemon) list() answer {
	a := answer{Head: []string{"Domain name", "Status", "Address", "Port"}, Rows: [][]string{}}
	for _, name := range d.domains() {
		c, err := readConfig(d.dir, name)
		if err != nil {
			a.Warnings = append(a.Warnings, err.Error())
			a.Rows = append(a.Rows, []string{name, "error", "", ""})
			continue
		}
		status, at := d.status(&c)
		_, port, _ := net.SplitHostPort(at)
		a.Rows = append(a.Rows, []string{name, status, c.Address, port})
	}
	return a
}

// properties are what there is to know of a BMC, but for its password.
func (d *daemon) properties(c *config) [][]string {
	status, at := d.status(c)
	_, port, _ := net.SplitHostPort(at)
	rows := [][]string{
		{"active", map[bool]string{true: "True", false: "False"}[c.Active]},
		{"address", c.Address},
		{"domain_name", c.Domain},
		{"libvirt_uri", c.URI},
		{"password", "***"},
		{"port", port},
		{"status", status},
		{"username", c.Username},
	}
	if why := d.failed[c.Domain]; why != "" {
		rows = append(rows, []string{"error", why})
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i][0] < rows[j][0] })
	return rows
}
