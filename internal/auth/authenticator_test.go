package auth

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/secret"
)

func (o *office) password(user, password, remote string) error {
	_, err := o.who.Password(o.t.Context(), user, secret.NewValue(password), remote)
	return err
}

// What it costs to be refused must not tell whether there is such a user: it is
// one hash, always.
func TestUnknownUsersCostTheSame(t *testing.T) {
	o := open(t, "")
	o.user("ann", "correct horse")
	o.user("bot", "") // has no password
	o.user("gone", "correct horse")
	if err := o.Disable(t.Context(), boss, "gone", true); err != nil {
		t.Fatal(err)
	}
	var said []string
	for i, try := range [][2]string{{"ann", "wrong"}, {"nobody", "wrong"}, {"bot", ""}, {"gone", "correct horse"}} {
		before := o.hashes
		err := o.password(try[0], try[1], fmt.Sprintf("192.0.2.%d:1", i))
		if err == nil {
			t.Errorf("%s was let in", try[0])
			continue
		}
		said = append(said, err.Error())
		if got := o.hashes - before; got != 1 {
			t.Errorf("%s: %d hashes, want 1", try[0], got)
		}
	}
	for _, s := range said {
		if s != said[0] {
			t.Errorf("%q tells apart from %q", s, said[0])
		}
	}
	if err := o.password("ann", "correct horse", "192.0.2.9:1"); err != nil {
		t.Error(err)
	}
}

func TestWhoFailsTooOftenWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, "")
		o.user("ann", "correct horse")
		const from = "192.0.2.1"
		for range freeFailures {
			if _, denied := isDenied(o.password("ann", "wrong", from+":1")); !denied {
				t.Fatal("not denied")
			}
		}
		spent, told := o.hashes, len(o.told)
		for port := range 20 {
			d, denied := isDenied(o.password("ann", "correct horse", fmt.Sprintf("%s:%d", from, port)))
			if !denied || d.RetryAfter != time.Second {
				t.Fatalf("%+v", d)
			}
		}
		if o.hashes != spent {
			t.Error("passwords are hashed for somebody who has to wait")
		}
		if len(o.told) != told+1 {
			t.Errorf("%d events of the lock, want 1", len(o.told)-told)
		}
		// The user cannot come from elsewhere either, nor others from there.
		if o.password("ann", "correct horse", "192.0.2.2:1") == nil || o.password("bob", "x", from+":1") == nil || o.hashes != spent {
			t.Error("somebody got past the lock")
		}
		time.Sleep(time.Second)
		if err := o.password("ann", "correct horse", from+":1"); err != nil {
			t.Fatal(err)
		}
		if err := o.password("ann", "wrong", from+":1"); err == nil {
			t.Error("let in")
		}
		if err := o.password("ann", "correct horse", from+":1"); err != nil {
			t.Errorf("success did not reset the count: %v", err)
		}
	})
}

func TestLocksGrowAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lockouts
		fail := func(key string, n int) (last time.Duration) {
			for range n {
				last = l.fail(time.Now(), key)
			}
			return last
		}
		if got := fail(addressKey+"a", 4); got != 0 {
			t.Errorf("locked for %v after four", got)
		}
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32} {
			if got := fail(addressKey+"a", 1); got != want*time.Second {
				t.Errorf("locked for %v, want %v", got, want*time.Second)
			}
		}
		if got := fail(addressKey+"a", 100); got != longestAddress {
			t.Errorf("locked for %v", got)
		}
		if got := fail(nameKey+"a", 100); got != longestName {
			t.Errorf("a name is locked for %v", got)
		}
		time.Sleep(forgetAfter + time.Second)
		if got := fail(addressKey+"a", 4); got != 0 {
			t.Errorf("not forgotten: %v", got)
		}
		for i := range maxOffenders + 10 {
			l.fail(time.Now(), fmt.Sprint(i))
		}
		if len(l.by) != maxOffenders || l.order.Len() != maxOffenders {
			t.Errorf("%d are remembered", len(l.by))
		}
	})
}

func TestAddressesCountAsNetworks(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:443": "from 192.0.2.1", "192.0.2.1": "from 192.0.2.1", "[::ffff:192.0.2.1]:5": "from 192.0.2.1",
		"[2001:db8::1]:5": "from 2001:db8::/64", "2001:db8::ffff": "from 2001:db8::/64", "[fe80::1%eth0]:1": "from fe80::/64",
		"": "from ", "@": "from @",
	} {
		if got := fromKey(remote); got != want {
			t.Errorf("%q is %q, want %q", remote, got, want)
		}
	}
}

// However many come at once, only two passwords are hashed at a time, and a
// guesser gets no more tries by coming all at once.
func TestLogInsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, "")
		var mu sync.Mutex
		now, most := 0, 0
		o.hasher.derive = func([]byte, []byte, cost) []byte {
			mu.Lock()
			now++
			most = max(most, now)
			o.hashes++
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return make([]byte, argonKey)
		}
		var wg sync.WaitGroup
		busy := 0
		for range 200 {
			wg.Go(func() {
				err := o.password("ann", "guess", "192.0.2.1:1")
				mu.Lock()
				defer mu.Unlock()
				if _, denied := isDenied(err); !denied {
					busy++
				}
			})
		}
		wg.Wait()
		if most != hashesAtOnce || o.hashes > freeFailures+hashesAtOnce {
			t.Errorf("%d at once, %d in all", most, o.hashes)
		}
		if busy != 200-hashesAtOnce-hashesWaiting {
			t.Errorf("%d were told to come again", busy)
		}
	})
}

// A valid token is taken also from where others fail.
func TestTokensAreNotLockedOut(t *testing.T) {
	o := open(t, "")
	o.user("ann", "")
	_, text := o.token("ann", "view", "@all", time.Time{})
	at := len(TokenPrefix) + idLength + 1
	other := "b"
	if text[at] == 'b' {
		other = "c"
	}
	for range 50 {
		if _, err := o.who.Bearer(t.Context(), text[:at]+other+text[at+1:], "192.0.2.1:1"); err == nil {
			t.Fatal("a wrong token is taken")
		}
	}
	if _, err := o.who.Bearer(t.Context(), text, "192.0.2.1:1"); err != nil {
		t.Error(err)
	}
	if len(o.told) > freeFailures+1 {
		t.Errorf("%d events of one guesser", len(o.told))
	}
	o.user("bob", "correct horse")
	if err := o.password("bob", "correct horse", "192.0.2.1:1"); err != nil {
		t.Errorf("wrong tokens lock people out: %v", err)
	}
}

// issuerFunc is a [Verifier].
type issuerFunc func(string) (string, []string, error)

func (f issuerFunc) Verify(_ context.Context, raw string) (string, []string, error) { return f(raw) }

func TestIssuersAndCertificates(t *testing.T) {
	o := open(t, "")
	o.user("gone", "")
	if err := o.Disable(t.Context(), boss, "gone", true); err != nil {
		t.Fatal(err)
	}
	if _, err := o.who.Bearer(t.Context(), "a.b.c", "x"); err == nil {
		t.Error("an ID token is taken without an issuer")
	}
	o.who.Apply(Rules{Certificate: InEmail, Issuer: issuerFunc(func(raw string) (string, []string, error) {
		if raw == "bad" {
			return "", nil, errors.New("bad")
		}
		return raw, []string{"ops", "no good\n"}, nil
	})})
	who, err := o.who.Bearer(t.Context(), "ann", "x")
	if err != nil || who.User != "ann" || len(who.Groups) != 1 {
		t.Errorf("%+v, %v", who, err)
	}
	for _, raw := range []string{"bad", "gone", "", "a b", strings.Repeat("x", maxBearer+1)} {
		if _, denied := isDenied(func() error { _, err := o.who.Bearer(t.Context(), raw, "x"); return err }()); !denied {
			t.Errorf("%.20q is taken", raw)
		}
	}
	uri, _ := url.Parse("spiffe://lab/ann")
	cert := &x509.Certificate{Subject: pkix.Name{CommonName: "ann"}, EmailAddresses: []string{"ann@example.org"}, URIs: []*url.URL{uri}}
	for in, want := range map[NameIn]string{"": "ann", InCommonName: "ann", InEmail: "ann@example.org", InURI: "spiffe://lab/ann"} {
		o.who.Apply(Rules{Certificate: in})
		who, err := o.who.Certificate([]*x509.Certificate{cert}, "y")
		if err != nil || who.User != want {
			t.Errorf("%s: %+v, %v", in, who, err)
		}
		if _, err := o.who.Certificate([]*x509.Certificate{{}}, "y"); err == nil {
			t.Errorf("%s: a certificate without a name is taken", in)
		}
	}
	if _, err := o.who.Certificate(nil, "y"); err == nil {
		t.Error("no certificate is taken")
	}
}

// A session ends when the password that began it is another.
func TestSessionsEndWithThePassword(t *testing.T) {
	o := open(t, "")
	o.user("ann", "correct horse")
	who, err := o.who.Password(t.Context(), "ann", secret.NewValue("correct horse"), "x")
	if err != nil || o.who.Valid(who) != nil {
		t.Fatal(err)
	}
	if err := o.SetPassword(t.Context(), boss, "ann", secret.NewValue("battery staple")); err != nil {
		t.Fatal(err)
	}
	if o.who.Valid(who) == nil {
		t.Error("the session goes on")
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", maxPassword+1)} {
		if o.SetPassword(t.Context(), boss, "ann", secret.NewValue(bad)) == nil {
			t.Errorf("%.10q is taken for a password", bad)
		}
	}
}

// The real parameters, once.
func TestRealHash(t *testing.T) {
	h := newHasher()
	hash, err := h.make(t.Context(), secret.NewValue("correct horse"))
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Fatalf("%q, %v", hash, err)
	}
	if !h.check(hash, "correct horse") {
		t.Error("the right password is refused")
	}
}

// The kernel gives a number; what the system says of it decides the standing.
func TestAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Accounts
		root := a.Subject(0, "local")
		if root.User != "root" || root.Standing != Owner || len(root.Groups) == 0 {
			t.Errorf("root is %+v", root)
		}
		if me := a.Subject(uint32(os.Geteuid()), "local"); me.Standing != Owner {
			t.Errorf("the daemon's own account is %+v", me)
		}
		const nobody = 4_000_000_000
		if s := a.Subject(nobody, "local"); s.User != "uid 4000000000" || s.Standing != Local || len(s.Groups) != 0 {
			t.Errorf("an account without a name is %+v", s)
		}
		for uid := range uint32(2 * maxAccounts) {
			a.known[uid+1e6] = account{until: time.Now().Add(accountFor)}
			if len(a.known) > maxAccounts {
				a.Subject(nobody+1+uid, "local")
			}
		}
		if len(a.known) > maxAccounts {
			t.Errorf("%d accounts are remembered", len(a.known))
		}
		a.known[0] = account{name: "old", until: time.Now().Add(accountFor)}
		if s := a.Subject(0, "local"); s.User != "old" {
			t.Errorf("not remembered: %+v", s)
		}
		time.Sleep(accountFor)
		if s := a.Subject(0, "local"); s.User != "root" {
			t.Errorf("not looked up again: %+v", s)
		}
	})
}

// isDenied gives the refusal in an error's chain, if there is one.
func isDenied(err error) (*Denied, bool) {
	var d *Denied
	return d, errors.As(err, &d)
}
