package httpdoor

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// identityKey is the place in a context of who somebody was found to be.
type identityKey struct{}

// identify finds out who asks, and gives the request with that in its context.
func (d *Door) identify(r *http.Request) (*http.Request, error) {
	scheme, credential, given := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case given && strings.EqualFold(scheme, "Bearer"):
		return d.admit(r, func(ctx context.Context, a *auth.Authenticator) (auth.Identity, error) {
			return a.Bearer(ctx, strings.TrimSpace(credential), r.RemoteAddr)
		})
	case given && strings.EqualFold(scheme, "Basic"):
		name, password, ok := r.BasicAuth()
		if !ok {
			return nil, notLetIn()
		}
		return d.admit(r, func(ctx context.Context, a *auth.Authenticator) (auth.Identity, error) {
			return a.Password(ctx, name, secret.NewValue(password), r.RemoteAddr)
		})
	case r.Header.Get("Authorization") != "":
		return nil, notLetIn()
	case byKernel(r.Context()):
		return r, nil
	}
	if who, found := d.sessions.find(cookieOf(r)); found {
		return d.admit(r, func(_ context.Context, a *auth.Authenticator) (auth.Identity, error) { return who, a.Valid(who) })
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return d.admit(r, func(_ context.Context, a *auth.Authenticator) (auth.Identity, error) {
			return a.Certificate(r.TLS.VerifiedChains[0], r.RemoteAddr)
		})
	}
	return nil, notLetIn()
}

// admit asks the authenticator and puts who it is into the request's context.
func (d *Door) admit(r *http.Request, ask func(context.Context, *auth.Authenticator) (auth.Identity, error)) (*http.Request, error) {
	if d.opts.Auth == nil {
		return nil, notLetIn()
	}
	who, err := ask(r.Context(), d.opts.Auth)
	if err != nil {
		return nil, err
	}
	ctx := context.WithValue(r.Context(), actorKey{}, desk.ActorOf(who, Remote, r.RemoteAddr))
	ctx = context.WithValue(ctx, identityKey{}, who)
	return r.WithContext(ctx), nil
}

func notLetIn() error {
	return &room.Error{Code: room.CodeRefused, Op: "log in", Said: "this takes a log-in: a token, or a name and password"}
}

// challenge answers somebody who was not let in.
func challenge(w http.ResponseWriter, err error) {
	var denied *auth.Denied
	if errors.As(err, &denied) && denied.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(denied.RetryAfter.Seconds())+1))
		refuse(w, withStatus(http.StatusTooManyRequests, err))
		return
	}
	if room.CodeOf(err) != room.CodeRefused { // it could not be found out
		refuse(w, err)
		return
	}
	// Basic is taken and not asked for: browsers shall use the session instead.
	w.Header().Set("WWW-Authenticate", `Bearer realm="millwright"`)
	refuse(w, withStatus(http.StatusUnauthorized, err))
}
