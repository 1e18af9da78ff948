package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// guarded starts a site with all doors: web1 to web4 and db1, @rack being web1 and
// web2.
func guarded(t *testing.T) *site {
	s := newSite(t)
	s.socket = filepath.Join(t.TempDir(), "s")
	s.write("room.yaml", s.room("web[1-4]")+"groups: {rack: \"web[1-2]\"}\nhttp: {listen: \"127.0.0.1:0\"}\n")
	s.start()
	if s.addr == "" {
		t.Fatal("it did not start:", s.stop())
	}
	return s
}

// local asks by the socket, where we are who runs the daemon.
func (s *site) local() *client.Client { return s.open(client.Options{Server: s.socket}) }

// remote asks over TLS, by a token.
func (s *site) remote(token string) *client.Client {
	return s.open(client.Options{Server: "https://" + s.https, Token: secret.NewValue(token), CA: filepath.Join(s.state, "tls", "ca.pem")})
}

func (s *site) open(o client.Options) *client.Client {
	s.t.Helper()
	c, err := client.Open(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// token makes a user with a role on nodes, and a token of theirs.
func (s *site) token(user, role, nodes string) string {
	s.t.Helper()
	c, ctx := s.local(), s.t.Context()
	err := c.AddUser(ctx, wire.NewUser{Name: user})
	if err == nil && role != "none" {
		err = c.AddGrant(ctx, wire.Grant{Principal: "user:" + user, Role: role, Nodes: nodes})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	made, err := c.CreateToken(ctx, wire.NewToken{Owner: user, Role: "admin"})
	if err != nil {
		s.t.Fatal(err)
	}
	return made.Text
}

// run carries out one operation and gives the error of it.
func run(ctx context.Context, c *client.Client, op, targets string) error {
	for line, err := range c.Do(ctx, wire.Do{Op: op, Targets: targets}) {
		if err != nil {
			return err
		}
		_ = line
	}
	return nil
}

// verbs are what somebody may want, each with the least role that it takes and
// whether that must be on the whole room.
var verbs = map[string]struct {
	role auth.Role
	all  bool
	do   func(context.Context, *client.Client) error
}{
	"status": {auth.View, false, func(ctx context.Context, c *client.Client) error { return run(ctx, c, "status", "web1") }},
	"status of a node outside": {auth.View, true, func(ctx context.Context, c *client.Client) error {
		return run(ctx, c, "status", "web[1-3]")
	}},
	"nodes": {auth.View, false, func(ctx context.Context, c *client.Client) error {
		_, err := c.Nodes(ctx, "web1")
		return err
	}},
	"revisions": {auth.View, true, func(ctx context.Context, c *client.Client) error {
		_, err := c.Revisions(ctx, 1)
		return err
	}},
	"on":  {auth.Operate, false, func(ctx context.Context, c *client.Client) error { return run(ctx, c, "on", "web1") }},
	"off": {auth.Operate, false, func(ctx context.Context, c *client.Client) error { return run(ctx, c, "off", "@rack") }},
	"off outside": {auth.Operate, true, func(ctx context.Context, c *client.Client) error {
		return run(ctx, c, "off", "web[2-3]")
	}},
	"plan": {auth.Operate, false, func(ctx context.Context, c *client.Client) error {
		_, err := c.Plan(ctx, wire.Order{Goal: "up", Targets: "web1"})
		return err
	}},
	"clear": {auth.Operate, false, func(ctx context.Context, c *client.Client) error {
		_, err := c.Clear(ctx, "web1")
		return err
	}},
	"reload": {auth.Configure, true, func(ctx context.Context, c *client.Client) error {
		_, err := c.Reload(ctx)
		return err
	}},
	"list users": {auth.Admin, true, func(ctx context.Context, c *client.Client) error {
		_, err := c.Users(ctx)
		return err
	}},
	"grant": {auth.Admin, true, func(ctx context.Context, c *client.Client) error {
		return c.AddGrant(ctx, wire.Grant{Principal: "user:x", Role: "view", Nodes: "@all"})
	}},
	"certificate": {auth.Admin, true, func(ctx context.Context, c *client.Client) error {
		if _, err := c.IssueCertificate(ctx, "nobody else", 1); room.CodeOf(err) != room.CodeNotFound {
			return err
		}
		return nil
	}},
}

// The matrix: door × role × verb, with grants on all nodes and on some.
func TestMatrix(t *testing.T) {
	s := guarded(t)
	type who struct {
		role auth.Role
		all  bool
	}
	people := map[string]who{"nobody": {}}
	tokens := map[string]string{"nobody": s.token("nobody", "none", "")}
	for role := auth.View; role <= auth.Admin; role++ {
		name := role.String() + "-all"
		people[name], tokens[name] = who{role, true}, s.token(name, role.String(), "@all")
		if !role.RoomWide() {
			name = role.String() + "-rack"
			people[name], tokens[name] = who{role, false}, s.token(name, role.String(), "@rack")
		}
	}
	doors := map[string]func(token string) *client.Client{
		"tls": s.remote,
		"socket": func(token string) *client.Client {
			return s.open(client.Options{Server: s.socket, Token: secret.NewValue(token)})
		},
	}
	for door, open := range doors {
		for name, has := range people {
			c := open(tokens[name])
			for verb, v := range verbs {
				err := v.do(t.Context(), c)
				if want := has.role >= v.role && (has.all || !v.all); want != (err == nil) {
					t.Errorf("%s: %s: %s: allowed is %v, and the answer %v", door, name, verb, want, err)
				} else if err != nil && (room.CodeOf(err) != room.CodeRefused || !strings.Contains(err.Error(), "takes the role "+v.role.String())) {
					t.Errorf("%s: %s: %s: the refusal does not say what is missing: %v", door, name, verb, err)
				}
			}
		}
	}
	for verb, v := range verbs { // whoever runs the daemon
		if err := v.do(t.Context(), s.local()); err != nil {
			t.Errorf("socket: its owner: %s: %v", verb, err)
		}
	}
	for _, c := range []*client.Client{s.remote(""), s.remote("mw_aaaaaaaa_" + strings.Repeat("a", 52))} { // and nobody
		for verb, v := range verbs {
			if err := v.do(t.Context(), c); room.CodeOf(err) != room.CodeRefused {
				t.Errorf("tls: without a log-in: %s: %v", verb, err)
			}
		}
	}
}

// PowerMan's clients are whoever comes through that door.
func TestMatrixOfPowerMan(t *testing.T) {
	s := guarded(t)
	type answers struct{ nodes, status, outside, on, onOutside string }
	ask := func() (a answers) {
		c := s.client()
		tell := func(err error) string {
			if err == nil {
				return "yes"
			}
			return err.Error()
		}
		list, err := c.Nodes(t.Context())
		a.nodes = strings.Join(list, " ")
		if err != nil {
			a.nodes = err.Error()
		}
		_, err = c.Status(t.Context(), "web1")
		a.status = tell(err)
		_, err = c.Status(t.Context(), "web3")
		a.outside = tell(err)
		_, err = c.On(t.Context(), "web1")
		a.on = tell(err)
		_, err = c.On(t.Context(), "web3")
		a.onOutside = tell(err)
		return a
	}
	if got, want := ask(), (answers{all, "yes", "yes", "yes", "yes"}); got != want {
		t.Errorf("by default: %+v", got)
	}
	for grant, want := range map[string]answers{
		"view @all":     {all, "yes", "yes", "operate on the whole room", "operate on the whole room"},
		"operate @all":  {all, "yes", "yes", "yes", "yes"},
		"operate @rack": {"web1 web2", "yes", "view on web3", "yes", "operate on web3"},
		"view web1":     {"web1", "yes", "view on web3", "operate on the whole room", "operate on the whole room"},
	} {
		role, nodes, _ := strings.Cut(grant, " ")
		if _, err := s.local().RemoveGrant(t.Context(), "door:powerman", ""); err != nil && room.CodeOf(err) != room.CodeNotFound {
			t.Fatal(err)
		}
		if err := s.local().AddGrant(t.Context(), wire.Grant{Principal: "door:powerman", Role: role, Nodes: nodes}); err != nil {
			t.Fatal(err)
		}
		got := ask()
		for _, pair := range [][2]string{{got.nodes, want.nodes}, {got.status, want.status}, {got.outside, want.outside}, {got.on, want.on}, {got.onOutside, want.onOutside}} {
			if !strings.Contains(pair[0], pair[1]) {
				t.Errorf("with %s: %q, want %q", grant, pair[0], pair[1])
			}
		}
		if list, err := s.client().Devices(t.Context(), "web3"); err != nil || len(list) > 0 != (nodes == auth.All) {
			t.Errorf("with %s: what web3 hangs on: %v, %v", grant, list, err)
		}
	}
	if _, err := s.local().RemoveGrant(t.Context(), "door:powerman", ""); err != nil { // written behind all refusals
		t.Fatal(err)
	}
	var refusals int
	for _, err := range s.local().Events(t.Context(), event.Filter{Kinds: []event.Kind{event.Refusal}}, false) {
		if err != nil {
			t.Fatal(err)
		}
		refusals++
	}
	if refusals != 7 {
		t.Errorf("%d refusals are events, want 7", refusals)
	}
}

// A daemon is known by the fingerprint of its authority, which outlives certificates.
func TestFingerprint(t *testing.T) {
	s := guarded(t)
	token := s.token("ann", "view", "@all")
	made, err := s.local().IssueCertificate(t.Context(), "ann", 1)
	if err != nil {
		t.Fatal(err)
	}
	for pin, good := range map[string]bool{made.Fingerprint: true, strings.Repeat("00", 32): false} {
		c := s.open(client.Options{Server: "https://" + s.https, Token: secret.NewValue(token), CA: "sha256:" + pin})
		if _, err := c.WhoAmI(t.Context()); (err == nil) != good {
			t.Errorf("%s: %v", pin, err)
		}
	}
}

// The other ways to prove who one is, over real TLS.
func TestPasswordsAndCertificates(t *testing.T) {
	s := guarded(t)
	ctx, c := t.Context(), s.local()
	if err := c.AddUser(ctx, wire.NewUser{Name: "ann", Password: "correct horse"}); err != nil {
		t.Fatal(err)
	}
	if err := c.AddGrant(ctx, wire.Grant{Principal: "user:ann", Role: "view", Nodes: "@rack"}); err != nil {
		t.Fatal(err)
	}
	made, err := c.IssueCertificate(ctx, "ann", 1)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(made.Authority))
	pair, err := tls.X509KeyPair([]byte(made.Certificate), []byte(made.Key))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(password string, certificates ...tls.Certificate) int {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certificates}}
		defer tr.CloseIdleConnections()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+s.https+"/v1/nodes", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			req.SetBasicAuth("ann", password)
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for what, got := range map[string][2]int{
		"password": {ask("correct horse"), 200}, "wrong password": {ask("wrong"), 401}, "nothing": {ask(""), 401}, "certificate": {ask("", pair), 200},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: status %d, want %d", what, got[0], got[1])
		}
	}
	disabled := true
	if err := c.ChangeUser(ctx, "ann", wire.UserChange{Disabled: &disabled}); err != nil {
		t.Fatal(err)
	}
	if got := ask("", pair); got != 401 {
		t.Errorf("who is shut out and has a certificate: status %d", got)
	}
}

// Users, grants and the authority are there after a restart, and a reload takes
// new names into the certificate without one.
func TestAccessIsKept(t *testing.T) {
	s := guarded(t)
	token := s.token("ann", "operate", "@rack")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.start()
	if err := run(t.Context(), s.remote(token), "on", "web1"); err != nil {
		t.Error(err)
	}
	s.write("room.yaml", s.room("web[1-4]")+"groups: {rack: \"web[3-4]\"}\nhttp: {listen: \"127.0.0.1:0\", names: power.example.org}\n")
	if err := s.reloaded(); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), s.remote(token), "on", "web1"); room.CodeOf(err) != room.CodeRefused {
		t.Errorf("web1 is not in the rack any more: %v", err)
	}
	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: s.authority(), ServerName: "power.example.org"}}).DialContext(t.Context(), "tcp", s.https)
	if err != nil {
		t.Fatalf("the new name is not in the certificate: %v", err)
	}
	conn.Close()
	s.write("room.yaml", s.room("web[1-4]")+"http: {listen: \"127.0.0.1:0\", tls-cert: none.pem, tls-key: none.pem}\n")
	if err := s.reloaded(); err == nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a room whose certificate is not there is taken: %v", err)
	}
	if err := run(t.Context(), s.remote(token), "on", "web3"); err != nil {
		t.Errorf("the old room does not go on: %v", err)
	}
}

func (s *site) authority() *x509.CertPool {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.state, "tls", "ca.pem"))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		s.t.Fatal(err)
	}
	return pool
}

// Whoever has lost what they could see does not go on seeing it.
func TestStreamsEndWithTheToken(t *testing.T) {
	s := guarded(t)
	token := s.token("ann", "view", "@all")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	began := make(chan struct{}, 1)
	go func() {
		for e, err := range s.remote(token).Events(ctx, event.Filter{}, true) {
			if err != nil {
				ended <- err
				return
			}
			if e.Op == "started" {
				began <- struct{}{}
			}
		}
		ended <- nil
	}()
	<-began
	if err := s.local().RevokeToken(ctx, strings.Split(token, "_")[1]); err != nil {
		t.Fatal(err)
	}
	if err := run(ctx, s.local(), "on", "web1"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; ctx.Err() != nil {
		t.Errorf("the stream went on: %v", err)
	}
	if fmt.Sprint(run(ctx, s.remote(token), "status", "web1")) == "<nil>" {
		t.Error("the token still works")
	}
}

// To look at a change of the network door changes nothing for its clients.
func TestADryRunLeavesTheCertificate(t *testing.T) {
	s := guarded(t)
	c, named := s.local(), tls.Config{RootCAs: s.authority(), ServerName: "power.example.org"}
	greeted := func() error {
		conn, err := (&tls.Dialer{Config: &named}).DialContext(t.Context(), "tcp", s.https)
		if err == nil {
			conn.Close()
		}
		return err
	}
	change := wire.ChangeConfiguration{Base: 1, DryRun: true, Edits: []wire.Edit{{Path: []string{"http", "names"}, Value: "power.example.org"}}}
	if done, err := c.ChangeConfiguration(t.Context(), change); err != nil || done.Diff == "" {
		t.Fatalf("%+v, %v", done, err)
	}
	if greeted() == nil {
		t.Error("the certificate has a name that was only tried")
	}
	change.DryRun = false
	if _, err := c.ChangeConfiguration(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if err := greeted(); err != nil {
		t.Errorf("the certificate has not the name that was set: %v", err)
	}
}
