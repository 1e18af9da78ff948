package service

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// digest is what is kept of a token. Tokens have 256 random bits, so that looking for
// their digests in a table tells nothing to who measures how long it takes.
type digest [sha256.Size]byte

// session is somebody who is logged in.
type session struct {
	id      string
	user    User
	from    string // address, without its port
	context string // that the client gave it
	began   time.Time

	used time.Time // guarded by sessions
}

// sessions are all who are logged in.
type sessions struct {
	mu       sync.Mutex
	byDigest map[digest]*session
}

// find gives the session of a token, and notes that it is used.
func (s *sessions) find(token string, now time.Time, idle time.Duration) *session {
	if len(token) > 256 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := digest(sha256.Sum256([]byte(token)))
	found := s.byDigest[key]
	if found == nil {
		return nil
	}
	if now.Sub(found.used) > idle {
		delete(s.byDigest, key)
		return nil
	}
	found.used = now
	return found
}

// add makes a session and its token. Of a user who has as many as they may, the one
// that was idle longest ends. It is false if all users together have too many.
func (s *sessions) add(one *session, o *Options) (token string, ok bool) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // it never fails
	token = base64.RawURLEncoding.EncodeToString(raw[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	var own int
	var oldest digest
	var at time.Time
	for key, other := range s.byDigest {
		if one.began.Sub(other.used) > o.Idle {
			delete(s.byDigest, key)
			continue
		}
		if other.user.Name == one.user.Name {
			if own++; own == 1 || other.used.Before(at) {
				oldest, at = key, other.used
			}
		}
	}
	if own > 0 && (own >= o.UserSessions || len(s.byDigest) >= o.Sessions) {
		delete(s.byDigest, oldest)
	}
	if len(s.byDigest) >= o.Sessions {
		return "", false
	}
	s.byDigest[sha256.Sum256([]byte(token))] = one
	return token, true
}

// end ends a session.
func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, one := range s.byDigest {
		if one.id == id {
			delete(s.byDigest, key)
		}
	}
}

// all lists the sessions that are open, the oldest first.
func (s *sessions) all(now time.Time, idle time.Duration) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*session, 0, len(s.byDigest))
	for _, one := range s.byDigest {
		if now.Sub(one.used) <= idle {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b *session) int { return cmp.Or(a.began.Compare(b.began), cmp.Compare(a.id, b.id)) })
	return list
}

func (s *Service) sessionRoutes(at func(string, *resource)) {
	at("/SessionService", &resource{get: (*call).sessionService})
	list := &resource{get: (*call).sessionList, post: (*call).logIn, openPost: true, collection: true}
	at("/SessionService/Sessions", list)
	// DSP0266, section "POST (create)": a POST to Members is one to the collection.
	at("/SessionService/Sessions/Members", &resource{post: (*call).logIn, openPost: true})
	at("/SessionService/Sessions/{}", &resource{get: (*call).oneSession, del: (*call).logOut})
}

func (c *call) sessionService() (object, error) {
	return object{
		"@odata.id": c.path, "@odata.type": "#SessionService.v1_2_0.SessionService", "Id": "SessionService", "Name": "Sessions",
		"Description": "Who is logged in.", "ServiceEnabled": true, "Status": enabled(),
		"SessionTimeout": int(c.opts.Idle.Seconds()), "Sessions": link(root + "/SessionService/Sessions"),
	}, nil
}

// mySessions are those that the user may see: their own, or everybody's.
func (c *call) mySessions() []*session {
	list := c.sessions.all(time.Now(), c.opts.Idle)
	if may(c.user.Role, configureUsers) {
		return list
	}
	return slices.DeleteFunc(list, func(one *session) bool { return one.user.Name != c.user.Name })
}

func (c *call) sessionList() (object, error) {
	list := c.mySessions()
	return c.list("SessionCollection", "Sessions", len(list), func(i int) object {
		return link(join(root+"/SessionService/Sessions", list[i].id))
	}), nil
}

func (c *call) findSession() (*session, error) {
	for _, one := range c.mySessions() {
		if one.id == c.ids[0] {
			return one, nil
		}
	}
	return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
}

func (c *call) oneSession() (object, error) {
	one, err := c.findSession()
	if err != nil {
		return nil, err
	}
	return one.object(), nil
}

func (one *session) object() object {
	o := object{
		"@odata.id": join(root+"/SessionService/Sessions", one.id), "@odata.type": "#Session.v1_8_0.Session",
		"Id": one.id, "Name": "Session " + one.id, "Description": "Somebody who is logged in.",
		"UserName": one.user.Name, "Password": nil, "SessionType": "Redfish", "Roles": []string{string(one.user.Role)},
		"CreatedTime": clock(one.began), "ClientOriginIPAddress": one.from,
	}
	if one.context != "" {
		o["Context"] = one.context
	}
	return o
}

// logIn makes a session (DSP0266, section "Session login").
func (c *call) logIn() error {
	body, err := c.body(maxLogin)
	if err != nil {
		return err
	}
	f := fieldsOf(body, "")
	name, _ := f.text("UserName", true)
	password, _ := f.text("Password", true)
	about, _ := f.text("Context", false)
	f.rest(object{"Id": nil, "Name": nil, "Roles": nil})
	if err := f.err(); err != nil {
		return err
	}
	user, err := c.letIn(Credentials{Name: name, Password: password, Remote: c.r.RemoteAddr})
	if err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(c.r.RemoteAddr)
	now := time.Now()
	one := &session{id: randomID(), user: user, from: host, context: shorten(about), began: now, used: now}
	token, ok := c.sessions.add(one, &c.opts)
	if !ok {
		return &fault{status: http.StatusServiceUnavailable, after: 60, messages: []message{say("SessionLimitExceeded")}}
	}
	c.w.Header().Set("X-Auth-Token", token)
	c.created(join(root+"/SessionService/Sessions", one.id), one.object())
	return nil
}

func (c *call) logOut() error {
	one, err := c.findSession()
	if err == nil {
		c.sessions.end(one.id)
	}
	return err
}

// clock writes a moment as Redfish does.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func enabled() object { return object{"State": "Enabled", "Health": "OK"} }

// touch notes that a session is used by what goes on, and says whether it still is one.
func (s *sessions) touch(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.byDigest {
		if other == one {
			one.used = time.Now()
			return true
		}
	}
	return false
}
