package libvirt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// Dialing says how lines to daemons are made.
type Dialing struct {
	// DialContext makes connections to sockets ("unix") and hosts ("tcp"). Nil is
	// that of a net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS says whom to trust and who we are, for tls. Nil: the system's roots, or
	// the files in the URI's pkipath.
	TLS *tls.Config
	// SSH runs a command at the far end, whose standard input and output become the
	// line. Nil: ssh is refused. It has to check the host's key.
	SSH func(ctx context.Context, to URI, command string) (io.ReadWriteCloser, error)
	// Reached is called when somebody answers at the address, before logging in. It may be nil.
	Reached func()
}

// Dial reaches the daemon of a URI such as qemu:///system, test:///default,
// qemu+tls://host/system or qemu+ssh://user@host/system, and logs in.
func Dial(ctx context.Context, uri string, o Options) (*Conn, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return nil, err
	}
	line, err := u.dial(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("reach %s: %w", u.Name, err)
	}
	if o.Reached != nil {
		o.Reached()
	}
	return New(ctx, line, u.Name, o)
}

// dial makes the line.
func (u URI) dial(ctx context.Context, o Options) (io.ReadWriteCloser, error) {
	dial := o.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	switch u.Transport {
	case "tcp":
		return dial(ctx, "tcp", u.Address())
	case "tls":
		line, err := dial(ctx, "tcp", u.Address())
		if err != nil {
			return nil, err
		}
		return u.secure(ctx, line, o.TLS)
	case "ssh":
		if o.SSH == nil {
			return nil, errors.New("nobody here can do SSH")
		}
		return o.SSH(ctx, u, u.Command())
	}
	files, err := u.sockets(o.ReadOnly)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		var line net.Conn
		if line, err = dial(ctx, "unix", file); err == nil {
			return line, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break // it is there, and something else is wrong
		}
	}
	return nil, err
}

// secure makes a line secret, and waits for the daemon's word that it has taken our
// certificate: one byte that is 1.
func (u URI) secure(ctx context.Context, line net.Conn, config *tls.Config) (io.ReadWriteCloser, error) {
	config, err := u.trust(config)
	if err != nil {
		_ = line.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = line.Close() })
	defer stop()
	c := tls.Client(line, config)
	var word [1]byte
	if err = c.HandshakeContext(ctx); err == nil {
		_, err = io.ReadFull(c, word[:])
	}
	if err == nil && word[0] != 1 {
		err = errors.New("the daemon does not take our certificate")
	}
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, io.EOF):
		err = errors.New("the daemon hung up; mostly that is because it does not take our certificate, or wants one")
	}
	if err != nil {
		_ = line.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return c, nil
}

// trust fills in what a URI says of TLS.
func (u URI) trust(config *tls.Config) (*tls.Config, error) {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = u.Host
	}
	if u.NoVerify {
		config.InsecureSkipVerify = true
	}
	if u.PKIPath == "" {
		return config, nil
	}
	roots, err := os.ReadFile(filepath.Join(u.PKIPath, "cacert.pem"))
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(roots) {
		return nil, fmt.Errorf("%s/cacert.pem holds no certificate", u.PKIPath)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(u.PKIPath, "clientcert.pem"), filepath.Join(u.PKIPath, "clientkey.pem"))
	switch {
	case err == nil:
		config.Certificates = []tls.Certificate{pair}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return config, nil
}
