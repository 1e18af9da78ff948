package auth

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// maxBearer bounds what is looked at as a bearer's token, in bytes: ID tokens with
// many groups are long.
const maxBearer = 16 << 10

// Verifier knows the tokens of an issuer of identities. It gives a name and
// groups, or an error; auth/oidc has one.
type Verifier interface {
	Verify(ctx context.Context, raw string) (user string, groups []string, err error)
}

// Browser logs people in by an issuer's page; see auth/oidc for what its methods do.
// What Finish gives is for [Authenticator.OIDC].
type Browser interface {
	Begin(ctx context.Context, redirect string) (state, address string, err error)
	Finish(ctx context.Context, cookie, state, code string) (raw string, err error)
}

// Browser gives the way to log in by an issuer's page, if there is one.
func (a *Authenticator) Browser() (Browser, bool) {
	b, ok := a.rules.Load().Issuer.(Browser)
	return b, ok
}

// Rules are the room's choices about who is let in. They may change with a reload.
type Rules struct {
	Issuer      Verifier // nil: no ID tokens
	Certificate NameIn   // where a client certificate has the user's name
}

// Authenticator finds out who somebody is. Its methods may be called from any
// goroutine. What they return as an error is a *room.Error: CodeRefused with a
// *[Denied] as its cause for those who are not let in, CodeBusy when too many
// try at once.
//
// remote is the client's address, with or without a port.
type Authenticator struct {
	book   *Book
	tell   func(event.Event)
	rules  atomic.Pointer[Rules]
	locked lockouts
}

// NewAuthenticator makes one. tell takes the events of refusals and must not
// block; nil drops them.
func NewAuthenticator(b *Book, tell func(event.Event)) *Authenticator {
	a := &Authenticator{book: b, tell: tell}
	a.rules.Store(&Rules{})
	return a
}

// Apply makes new rules count from now on.
func (a *Authenticator) Apply(r Rules) { a.rules.Store(&r) }

// Bearer takes what stands behind "Authorization: Bearer": an API token, or an ID
// token of the issuer. A valid one is taken from anywhere, also from an address
// at which others have failed.
func (a *Authenticator) Bearer(ctx context.Context, token, remote string) (Identity, error) {
	if !strings.HasPrefix(token, TokenPrefix) {
		return a.OIDC(ctx, token, remote)
	}
	now := time.Now()
	t, ok := a.book.now.Load().present(token, now)
	if !ok {
		who := "a token that is not known, or not any more"
		if id, _, formed := parseToken(token); formed {
			who = "token " + id
		}
		return Identity{}, a.fail(attempt{remote: remote, by: ByToken}, now, who)
	}
	a.book.use(t, now)
	return Identity{User: t.Owner, Token: t.ID, By: ByToken}, nil
}

// Password takes a user's name and password. Who has failed too often is refused
// without looking at it.
func (a *Authenticator) Password(ctx context.Context, user string, password secret.Value, remote string) (Identity, error) {
	try := attempt{user: user, remote: remote, by: ByPassword}
	if len(user) > maxName || len(password.Reveal()) > maxPassword {
		return Identity{}, a.fail(try, time.Now(), "a name or a password that is longer than any")
	}
	if err := a.admit(try); err != nil {
		return Identity{}, err
	}
	if err := a.book.hasher.enter(ctx); err != nil {
		return Identity{}, err
	}
	defer a.book.hasher.leave()
	if err := a.admit(try); err != nil { // others may have failed while this one waited
		return Identity{}, err
	}
	u := a.book.now.Load().users[user]
	right := a.book.hasher.check(u.Password, password.Reveal())
	switch {
	case !right:
		return Identity{}, a.fail(try, time.Now(), "a wrong name or password")
	case u.Disabled:
		return Identity{}, a.fail(try, time.Now(), "the user is disabled")
	}
	a.locked.forgive(try.keys()...)
	return Identity{User: user, By: ByPassword, hash: u.Password}, nil
}

// OIDC takes an ID token of the issuer that the room names.
func (a *Authenticator) OIDC(ctx context.Context, token, remote string) (Identity, error) {
	try := attempt{remote: remote, by: ByIssuer}
	issuer := a.rules.Load().Issuer
	if issuer == nil || token == "" || len(token) > maxBearer {
		return Identity{}, a.fail(try, time.Now(), "what is no token here")
	}
	user, groups, err := issuer.Verify(ctx, token)
	if err != nil {
		return Identity{}, a.fail(try, time.Now(), err.Error())
	}
	return a.known(try, user, groups)
}

// Certificate takes the certificates of a client whose chain the TLS server has
// verified against the authorities for clients; the first is the client's own.
func (a *Authenticator) Certificate(verified []*x509.Certificate, remote string) (Identity, error) {
	try := attempt{remote: remote, by: ByCertificate}
	if len(verified) == 0 {
		return Identity{}, a.fail(try, time.Now(), "no certificate")
	}
	user, err := a.rules.Load().Certificate.name(verified[0])
	if err != nil {
		return Identity{}, a.fail(try, time.Now(), err.Error())
	}
	return a.known(try, user, nil)
}

// Valid says whether somebody who was let in before still would be: for sessions
// and for streams that go on. A password that was changed ends what it began. It
// costs a look-up.
func (a *Authenticator) Valid(who Identity) error {
	l := a.book.now.Load()
	u, found := l.users[who.User]
	ok := !u.Disabled
	switch who.By {
	case ByPassword:
		ok = ok && found && u.Password == who.hash
	case ByToken:
		ok = l.valid(who.Token, who.User, time.Now())
	case ByIssuer, ByCertificate, ByKernel:
	}
	if !ok {
		return denied(&Denied{why: "no longer let in"})
	}
	return nil
}

// known checks what others vouch for against what is said here.
func (a *Authenticator) known(try attempt, user string, groups []string) (Identity, error) {
	try.user = user
	if why := badName(user); why != "" {
		return Identity{}, a.fail(attempt{remote: try.remote, by: try.by}, time.Now(), "the name cannot be one: "+why)
	}
	if u, found := a.book.User(user); found && u.Disabled {
		return Identity{}, a.fail(attempt{remote: try.remote, by: try.by}, time.Now(), user+" is disabled")
	}
	groups = slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return badName(g) != "" })
	return Identity{User: user, Groups: groups, By: try.by}, nil
}

// attempt is one try to be let in.
type attempt struct {
	user, remote string
	by           Method
}

// keys are what a failure counts against. Only passwords can be guessed: what goes
// wrong with other proofs is counted apart, for the events alone, so that a program
// with an old token does not lock out the people at its address.
func (t attempt) keys() []string {
	if t.by != ByPassword {
		return []string{proofKey + fromKey(t.remote)}
	}
	keys := []string{fromKey(t.remote)}
	if t.user != "" {
		keys = append(keys, nameKey+cut(t.user, maxName))
	}
	return keys
}

// admit refuses attempts of those who have to wait.
func (a *Authenticator) admit(try attempt) error {
	wait := a.locked.wait(time.Now(), try.keys()...)
	if wait <= 0 {
		return nil
	}
	if a.locked.first(try.keys()...) {
		a.event(try, "too many failed attempts; the next is looked at in "+wait.Round(time.Second).String())
	}
	return denied(&Denied{RetryAfter: wait, why: "locked"})
}

// fail counts a failure and gives what the client hears. Of what cannot be guessed,
// only what comes without haste is told of.
func (a *Authenticator) fail(try attempt, now time.Time, why string) error {
	keys := try.keys()
	told := try.by != ByPassword && a.locked.wait(now, keys...) > 0
	for _, key := range keys {
		a.locked.fail(now, key)
	}
	if !told {
		a.event(try, why)
	}
	return denied(&Denied{why: why})
}

func (a *Authenticator) event(try attempt, why string) {
	if a.tell == nil {
		return
	}
	a.tell(event.Event{
		Kind: event.Refusal, Actor: cut(try.user, maxName), Remote: try.remote, Op: "log in by " + string(try.by),
		Outcome: event.Refused, Detail: cut(why, 1000),
	})
}

func denied(why *Denied) error {
	return &room.Error{Code: room.CodeRefused, Op: "log in", Said: why.Error(), Err: why}
}
