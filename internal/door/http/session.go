package httpdoor

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

const (
	sessionFor  = 12 * time.Hour // at most
	sessionIdle = time.Hour      // without a request
	// maxSessions is how many there are at once; one user has at most maxOwnSessions, so
	// that nobody ends those of others by logging in again and again.
	maxSessions, maxOwnSessions = 1024, 32
)

// sessions are the log-ins of browsers. They live in memory: after a restart
// people log in again. Only hashes of the cookies are kept.
type sessions struct {
	mu   sync.Mutex
	open map[string]*session
}

type session struct {
	who     auth.Identity
	expires time.Time
	used    time.Time
}

func (s *session) over(now time.Time) bool {
	return now.After(s.expires) || now.Sub(s.used) > sessionIdle
}

func hashed(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return string(sum[:])
}

// begin opens a session and gives its cookie. When the user has too many, or there
// are too many in all, that one of them goes which was not used for longest.
func (s *sessions) begin(who auth.Identity) (cookie string, age int) {
	now := time.Now()
	cookie = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest, oldestOwn string
	own := 0
	older := func(key, than string) bool { return than == "" || s.open[key].used.Before(s.open[than].used) }
	for key, one := range s.open {
		if one.over(now) {
			delete(s.open, key)
			continue
		}
		if older(key, oldest) {
			oldest = key
		}
		if one.who.User == who.User {
			if own++; older(key, oldestOwn) {
				oldestOwn = key
			}
		}
	}
	switch {
	case own >= maxOwnSessions:
		delete(s.open, oldestOwn)
	case len(s.open) >= maxSessions:
		delete(s.open, oldest)
	}
	one := &session{who: who, expires: now.Add(sessionFor), used: now}
	s.open[hashed(cookie)] = one
	return cookie, int(sessionFor.Seconds())
}

// find gives who a cookie belongs to.
func (s *sessions) find(cookie string) (auth.Identity, bool) {
	if cookie == "" {
		return auth.Identity{}, false
	}
	now, key := time.Now(), hashed(cookie)
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.open[key]
	if one == nil {
		return auth.Identity{}, false
	}
	if one.over(now) {
		delete(s.open, key)
		return auth.Identity{}, false
	}
	one.used = now
	return one.who, true
}

// end closes a session.
func (s *sessions) end(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, hashed(cookie))
}

func cookieOf(r *http.Request) string {
	c, err := r.Cookie(wire.SessionCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sets the session's cookie. It is for TLS only, be it ours or that of a
// proxy before the socket.
func setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: wire.SessionCookie, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	})
}

type loginInput struct {
	Body wire.Login
}

type whoOutput struct{ Body wire.Who }

func (d *Door) registerSession() {
	register(d, route{
		method: http.MethodPost, path: "/v1/session", id: "log-in", tag: tagSession, public: true,
		summary: "Log a browser in",
		doc:     "Takes a name and password and sets a cookie that only this host gets back, that scripts cannot read, and that pages of other sites cannot use. It ends after twelve hours, after one without a request, or with the daemon. Programs use a token instead.",
		answers: map[int]map[string]any{200: {wire.JSON: wire.Who{}}}, errors: []int{401, 429},
	}, func(_ context.Context, in *loginInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.logIn(w, r, in.Body) }), nil
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/session", id: "who-am-i", tag: tagSession,
		summary: "Show who one is taken for", doc: "Gives the name under which requests like this one go into the log.",
	}, func(ctx context.Context, _ *struct{}) (*whoOutput, error) {
		return &whoOutput{whoOf(actorOf(ctx))}, nil
	})
	register(d, route{
		method: http.MethodDelete, path: "/v1/session", id: "log-out", tag: tagSession, status: http.StatusNoContent, public: true,
		summary: "Log a browser out", doc: "Ends the session of the cookie that comes with the request.",
		answers: map[int]map[string]any{204: nil},
	}, func(context.Context, *struct{}) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) {
			d.sessions.end(cookieOf(r))
			setCookie(w, "", -1)
			w.WriteHeader(http.StatusNoContent)
		}), nil
	})
}

func (d *Door) logIn(w http.ResponseWriter, r *http.Request, in wire.Login) {
	if d.opts.Auth == nil {
		refuse(w, &room.Error{Code: room.CodeRefused, Op: "log in", Said: "this daemon has no users"})
		return
	}
	who, err := d.opts.Auth.Password(r.Context(), in.User, secret.NewValue(in.Password), r.RemoteAddr)
	if err != nil {
		challenge(w, err)
		return
	}
	d.sessions.end(cookieOf(r)) // a session of before is not carried on
	cookie, age := d.sessions.begin(who)
	setCookie(w, cookie, age)
	answer(w, http.StatusOK, whoOf(desk.ActorOf(who, Remote, r.RemoteAddr)))
}

func whoOf(a desk.Actor) wire.Who {
	return wire.Who{User: a.Name, Groups: a.Groups, Door: a.Door, Token: a.Token}
}

// count gives how many sessions are open, as far as somebody has looked.
func (s *sessions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}
