package bmccli

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/redfish"
)

// peer is one host of a call. It logs in when it is first needed, and stays so until the
// call ends.
type peer struct {
	run  *run
	name string // as it was typed
	set  settings
	opts ipmi.Options
	who  *credential

	session *ipmi.Session
	host    *host.Host
	web     *redfish.Client
	system  *redfish.System
}

// address is where the host is.
func (p *peer) address() string {
	return strings.ReplaceAll(cmp.Or(p.set.Address, p.name), "{}", p.name)
}

// speaksRedfish says by which protocol the host is talked to.
func (p *peer) speaksRedfish() bool {
	switch p.set.Protocol {
	case "redfish":
		return true
	case "ipmi":
		return false
	}
	at := p.address()
	return strings.HasPrefix(at, "https://") || strings.HasPrefix(at, "http://")
}

// login gives the session with the BMC.
func (p *peer) login(ctx context.Context) (*ipmi.Session, error) {
	if p.session != nil {
		return p.session, nil
	}
	o := p.opts
	o.User, o.Password, o.Kg = p.who.user, p.who.password.Reveal(), p.who.kg.Reveal()
	s, err := p.run.client.Open(ctx, p.address(), o)
	if err != nil {
		return nil, err
	}
	p.session = s
	return s, nil
}

// doer gives the way to the controller that is meant: the BMC, or one behind it.
func (p *peer) doer(ctx context.Context) (ipmi.Doer, error) {
	s, err := p.login(ctx)
	if err != nil || len(p.run.hops) == 0 {
		return s, err
	}
	return bridged{s, p.run.hops}, nil
}

// bridged sends requests on to a controller behind the BMC.
type bridged struct {
	*ipmi.Session
	hops []ipmi.Hop
}

// Do implements [ipmi.Doer].
func (b bridged) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	r.Bridge = append(append([]ipmi.Hop(nil), b.hops...), r.Bridge...)
	return b.Session.Do(ctx, r)
}

// machine gives the whole machine.
func (p *peer) machine(ctx context.Context) (*host.Host, error) {
	if p.host != nil {
		return p.host, nil
	}
	d, err := p.doer(ctx)
	if err != nil {
		return nil, err
	}
	o := host.Options{Name: p.name, Parallel: p.set.Pipeline, Seen: &p.run.seen}
	if len(p.run.hops) == 0 {
		o.Cache = p.run.cache()
	}
	p.host = host.New(d, o)
	return p.host, nil
}

// records reads the sensor data records, or has them from the cache.
func (p *peer) records(ctx context.Context) (*sdr.Set, ipmi.Doer, error) {
	d, err := p.doer(ctx)
	if err != nil {
		return nil, nil, err
	}
	o := sdr.Options{Parallel: p.set.Pipeline, Host: p.name}
	if len(p.run.hops) == 0 {
		o.Cache = p.run.cache()
	}
	set, err := sdr.Read(ctx, d, o)
	return set, d, err
}

// cache is where sensor records are kept; nil for nowhere.
func (r *run) cache() *sdr.Cache {
	dir, err := os.UserCacheDir()
	if err != nil || r.flags.noCache {
		return nil
	}
	return sdr.NewCache(filepath.Join(dir, "millwright", "sdr"))
}

// redfish gives the machine by Redfish.
func (p *peer) redfish(ctx context.Context) (*redfish.Client, *redfish.System, error) {
	if p.system != nil {
		return p.web, p.system, nil
	}
	f := p.run.flags
	o := redfish.Options{
		Address: p.address(), User: p.who.user, Password: p.who.password.Reveal(), Timeout: f.timeout, Workers: p.set.Pipeline,
		PlainHTTP: f.plainHTTP, CacheTTL: -1, Trust: redfish.Trust{Insecure: f.insecureTLS},
	}
	if p.set.Pin != "" {
		o.Trust.Pins = []string{p.set.Pin}
	}
	if p.set.CA != "" {
		text, err := os.ReadFile(p.set.CA)
		if err != nil {
			return nil, nil, usagef("read the authorities: %w", err)
		}
		o.Trust.CA = x509.NewCertPool()
		if !o.Trust.CA.AppendCertsFromPEM(text) {
			return nil, nil, usagef("%s holds no certificates", p.set.CA)
		}
	}
	if p.web == nil {
		var err error
		if p.web, err = redfish.Dial(ctx, o); err != nil {
			return nil, nil, err
		}
	}
	var err error
	p.system, err = p.web.System(ctx, p.set.System)
	return p.web, p.system, err
}

// close logs out.
func (p *peer) close() {
	const patience = 2 * time.Second
	if p.session != nil {
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		_ = p.session.Close(ctx)
	}
	if p.web != nil {
		_ = p.web.Close()
	}
}

// tell writes lines that come one by one, with the host's name if there are several.
func (p *peer) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(p.run.peers) > 1 {
		text = p.name + ": " + text
	}
	p.run.say(text)
}
