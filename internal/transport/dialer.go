package transport

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"time"

	"millwright.dev/millwright/telnet"
)

// Conn is a connection to a device. One goroutine may read while another
// writes; Close makes both return.
type Conn interface {
	io.ReadWriteCloser

	// SetReadDeadline and SetWriteDeadline bound Read and Write as in net.Conn.
	// Over SSH they return os.ErrNoDeadline: use Close there.
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// Defaults of a [Dialer].
const (
	DefaultTimeout = 30 * time.Second
	DefaultGrace   = 2 * time.Second
)

// Dialer connects to devices. Its zero value is ready; do not change or copy it
// after the first Dial (see [Dialer.WithLog]). It is safe for many goroutines,
// and one should serve the whole daemon: what coprocesses share hangs on it.
type Dialer struct {
	// DialContext makes network connections; nil means a net.Dialer, which
	// resolves the name at every call and tries all of its addresses.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// LookPath finds the program of a coprocess; nil means exec.LookPath.
	LookPath func(file string) (string, error)

	// Env gives the environment of a coprocess that is about to start, as in
	// os/exec; nil means ours.
	Env func() []string

	// KnownHosts is the known_hosts file for SSH addresses that name no policy
	// of their own. If it is empty too, such addresses are refused.
	KnownHosts string

	// Timeout bounds one Dial, handshakes included; 0 means DefaultTimeout. A
	// nearer deadline of the context wins.
	Timeout time.Duration

	// Grace is how long a coprocess may take to end after SIGTERM, before it is
	// killed; 0 means DefaultGrace.
	Grace time.Duration

	// Log gets what devices say beside their data: stderr lines, ignored telnet
	// options. nil discards it.
	Log *slog.Logger

	root *Dialer // set by WithLog: the Dialer whose nursery is used
	kids nursery
}

// WithLog returns a Dialer that logs to log and is else the same one, so that
// the lines of each device can bear its name. It costs no more than the struct.
func (d *Dialer) WithLog(log *slog.Logger) *Dialer {
	return &Dialer{
		DialContext: d.DialContext, LookPath: d.LookPath, Env: d.Env, KnownHosts: d.KnownHosts,
		Timeout: d.Timeout, Grace: d.Grace, Log: log, root: d.rootDialer(),
	}
}

func (d *Dialer) rootDialer() *Dialer {
	if d.root != nil {
		return d.root
	}
	return d
}

// Dial connects to a. ctx and Timeout bound the connecting only, not the Conn.
// cred is used by SSH alone. Errors name the address; the caller adds the device.
func (d *Dialer) Dial(ctx context.Context, a Address, cred Credentials) (Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.timeout(),
		fmt.Errorf("no connection within %v", d.timeout()))
	defer cancel()
	c, err := d.dial(ctx, a, cred)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		return nil, fmt.Errorf("connect to %s: %w", a, err)
	}
	return c, nil
}

func (d *Dialer) dial(ctx context.Context, a Address, cred Credentials) (Conn, error) {
	switch a.Scheme {
	case TCP:
		return d.dialTCP(ctx, a)
	case Telnet:
		c, err := d.dialTCP(ctx, a)
		if err != nil {
			return nil, err
		}
		return d.telnet(c, a), nil
	case TLS:
		return d.dialTLS(ctx, a)
	case SSH:
		return d.dialSSH(ctx, a, cred)
	case Unix:
		return d.Network(ctx, "unix", a.Path)
	case Serial:
		return openSerial(a.Serial)
	case Exec:
		return d.startCoprocess(ctx, a.Argv)
	}
	return nil, fmt.Errorf("unknown scheme %q", a.Scheme)
}

// dialTCP connects and sets what a prompt-and-answer talk over years wants: no
// delay of small writes, and probes that find a peer that lost its power.
func (d *Dialer) dialTCP(ctx context.Context, a Address) (net.Conn, error) {
	c, err := d.Network(ctx, "tcp", a.HostPort())
	if err != nil {
		return nil, err
	}
	if tc, ok := c.(*net.TCPConn); ok {
		// Best effort: a connection without probes is still a connection.
		_ = tc.SetNoDelay(true)
		_ = tc.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 4,
		})
	}
	return c, nil
}

// Network makes a plain network connection, as net.Dialer.DialContext does: for
// what is no line (UDP), and for libraries that bring their own protocol (HTTP).
func (d *Dialer) Network(ctx context.Context, network, address string) (net.Conn, error) {
	if d.DialContext != nil {
		return d.DialContext(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// telnet puts the telnet filter on c.
func (d *Dialer) telnet(c net.Conn, a Address) Conn {
	var o telnet.Options
	if a.PowerMan {
		o = telnet.PowerMan(nil)
	}
	if log := d.Log; log != nil && !a.Quiet {
		o.Ignored = func(cmd telnet.Command, opt telnet.Option) {
			log.Info("telnet option ignored", "address", a.String(), "request", cmd.String()+" "+opt.String())
		}
	}
	return telnet.NewConn(c, o)
}

func (d *Dialer) timeout() time.Duration {
	if d.Timeout > 0 {
		return d.Timeout
	}
	return DefaultTimeout
}

func (d *Dialer) grace() time.Duration {
	if d.Grace > 0 {
		return d.Grace
	}
	return DefaultGrace
}

func (d *Dialer) log() *slog.Logger {
	if d.Log != nil {
		return d.Log
	}
	return slog.New(slog.DiscardHandler)
}

func (d *Dialer) lookPath(file string) (string, error) {
	if d.LookPath != nil {
		return d.LookPath(file)
	}
	return exec.LookPath(file)
}
