package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/auth/oidc"
	"millwright.dev/millwright/internal/auth/pki"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

// access is who may do what, and by which proofs people are let in.
type access struct {
	book *auth.Book
	who  *auth.Authenticator
	gate atomic.Pointer[gate]
	next *gate // that was made ready; the configuration's goroutine has it
}

// gate is what the room says of the network door, ready for use.
type gate struct {
	of      room.HTTP
	ca      *pki.Authority
	source  pki.Source
	clients *x509.CertPool // nil: no certificates of clients
	issuer  *oidc.Provider // nil: none
}

// tlsFolder is where the state folder has our own authority.
const tlsFolder = "tls"

// openAccess reads who may do what.
func (a *App) openAccess(ctx context.Context) error {
	book, err := auth.OpenBook(ctx, a.store, a.events)
	if err != nil {
		return fmt.Errorf("open the book of users: %w", err)
	}
	a.access.book = book
	a.access.who = auth.NewAuthenticator(book, func(e event.Event) { a.desk.NotLetIn(e) })
	a.access.next = &gate{}
	a.access.gate.Store(a.access.next)
	a.onClose(func() { a.access.gate.Load().close() })
	return nil
}

func (g *gate) close() {
	if g.issuer != nil {
		g.issuer.Close()
	}
}

// prepareGate makes ready what a room says of the network door, before anything of
// the room counts: one whose certificates cannot be read is not taken. Clients notice
// nothing of it before [App.openGate], since the room may be looked at only.
func (a *App) prepareGate(r *room.Room) error {
	want, last := r.Settings.HTTP, a.access.next
	// A listener that was passed is there whatever the room says, and stays.
	network := len(want.Listen)+len(r.Settings.Redfish.Listen) > 0 || len(a.opts.Doors.Passed[PassedHTTP]) > 0 || last.source != nil
	if reflect.DeepEqual(last.of, want) && (last.source != nil || !network) {
		return nil
	}
	g := &gate{of: want, ca: last.ca}
	if network {
		if err := a.prepareTLS(g); err != nil {
			return fmt.Errorf("prepare the network door: %w", err)
		}
	}
	if want.OIDC.Issuer != "" {
		issuer, err := a.newIssuer(want.OIDC)
		if err != nil {
			return fmt.Errorf("prepare the issuer of identities: %w", err)
		}
		g.issuer = issuer
	}
	if last != a.access.gate.Load() { // made ready for a room that was not taken
		last.close()
	}
	a.access.next = g
	return nil
}

func (a *App) prepareTLS(g *gate) (err error) {
	if g.ca == nil {
		if g.ca, err = a.openAuthority(); err != nil {
			return err
		}
	}
	g.clients = g.ca.Pool()
	if g.of.ClientCA != "" {
		if err := pki.ReadPool(a.inRoom(g.of.ClientCA), g.clients); err != nil {
			return err
		}
	}
	if g.of.Cert != "" {
		g.source, err = pki.ReadFiles(a.inRoom(g.of.Cert), a.inRoom(g.of.Key), a.log)
		return err
	}
	g.source = g.ca
	return nil
}

func (a *App) openAuthority() (*pki.Authority, error) {
	dir := ""
	if a.opts.State != "" {
		dir = filepath.Join(a.opts.State, tlsFolder)
	}
	return pki.Open(dir)
}

// inRoom gives the path of a file that the room names.
func (a *App) inRoom(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(roomfile.Folder(a.opts.Config), path)
}

func (a *App) newIssuer(o room.OIDC) (*oidc.Provider, error) {
	opts := oidc.Options{
		Issuer: o.Issuer, ClientID: o.ClientID, Audiences: o.Audiences,
		NameClaim: o.NameClaim, GroupsClaim: o.GroupsClaim, Groups: o.Groups,
	}
	if o.CA != "" {
		opts.Roots = x509.NewCertPool()
		if err := pki.ReadPool(a.inRoom(o.CA), opts.Roots); err != nil {
			return nil, err
		}
	}
	if o.ClientSecret != "" {
		opts.Secret = func(ctx context.Context) (string, error) {
			v, err := a.secret(ctx, o.ClientSecret)
			return v.Reveal(), err
		}
	}
	return oidc.New(opts), nil
}

// openGate makes what is ready count.
func (a *App) openGate() {
	g := a.access.next
	old := a.access.gate.Swap(g)
	if old == g {
		return
	}
	if g.source != nil && g.of.Cert == "" {
		if err := g.ca.Serve(g.of.Names); err != nil { // the next handshake tries again
			a.log.Error("the certificate of the network door", "why", err)
		}
	}
	rules := auth.Rules{Certificate: auth.NameIn(g.of.ClientName)}
	if g.issuer != nil {
		rules.Issuer = g.issuer
	}
	a.access.who.Apply(rules)
	old.close()
}

// serverTLS is the configuration of the network door. It follows the room.
func (a *App) serverTLS() *tls.Config {
	return pki.Config(
		func() pki.Source { return a.access.gate.Load().source },
		func() *x509.CertPool { return a.access.gate.Load().clients },
	)
}

// listenHTTP binds every address that the room names for the network door. Listeners
// that are given already come first.
func (a *App) listenHTTP(ctx context.Context, given []net.Listener) ([]net.Listener, error) {
	listeners, err := a.listenBesides(ctx, given, a.fleet.Room().Settings.HTTP.Listen, "for the public API")
	if len(listeners) > 0 {
		a.log.Info("the public API is open", "authority", a.access.gate.Load().ca.Fingerprint())
	}
	return listeners, err
}

// certify makes a certificate with which a user can log in.
func (a *App) certify(user string, lasts time.Duration) (desk.Certificate, error) {
	ca := a.access.gate.Load().ca
	if ca == nil {
		return desk.Certificate{}, &room.Error{
			Code: room.CodeRefused, Op: "issue certificate", Subject: user,
			Said: "the public API does not listen anywhere, so nobody would take a certificate; see http: listen in the room file",
		}
	}
	cert, key, err := ca.Client(user, lasts)
	if err != nil {
		return desk.Certificate{}, &room.Error{Code: room.CodeInvalid, Op: "issue certificate", Subject: user, Said: err.Error(), Err: err}
	}
	return desk.Certificate{Cert: cert, Key: key, Authority: ca.PEM(), Fingerprint: ca.Fingerprint()}, nil
}
