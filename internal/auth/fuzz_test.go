package auth

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/store"
)

func FuzzToken(f *testing.F) {
	key := strings.Repeat("a", secretText)
	good := TokenPrefix + "abcdefgh_" + key
	for _, s := range []string{good, "", "mw_", "mw_abcdefgh_", good + "a", strings.ToUpper(good), "mw_abcdefgh" + key + "_", strings.Replace(good, "_a", "_é", 1)} {
		f.Add(s)
	}
	l := &ledger{
		users:  map[string]store.User{"ann": {Name: "ann"}},
		tokens: map[string]*token{"abcdefgh": {Token: store.Token{ID: "abcdefgh", Owner: "ann", Digest: digest(key)}}},
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, k, ok := parseToken(text)
		if ok && TokenPrefix+id+"_"+k != text {
			t.Errorf("%q is read as %q and %q", text, id, k)
		}
		if _, let := l.present(text, time.Now()); let != (text == good) {
			t.Errorf("%q: %v", text, let)
		}
	})
}

func FuzzPrincipal(f *testing.F) {
	for _, s := range []string{"user:alice", "group:ops", "token:k4mz7qpa", "door:powerman", "user:", ":", "user:uri://a/b", "user:a\u202eb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePrincipal(text)
		if err != nil {
			return
		}
		if p.String() != text {
			t.Errorf("%q is read as %q", text, p)
		}
		if strings.ContainsAny(text, " \n\t\x00\u202e\"'") || len(text) > 140 {
			t.Errorf("%q is taken", text)
		}
	})
}

// FuzzGrant holds that whatever stands in a grant gives no more than what it names
// at the moment it is made.
func FuzzGrant(f *testing.F) {
	for _, s := range []string{"@all", "web[1-3]", "@rack1,-web1", "-web1", "web9", "@all,-web9", "web[1-", "all", ",", "@all @rack1"} {
		f.Add(s)
	}
	r := testRoom(f)
	f.Fuzz(func(t *testing.T, nodes string) {
		g := Grant{To: Principal{KindUser, "ann"}, Role: Operate, Nodes: nodes}
		has := &Rights{room: r}
		has.allow(g)
		if err := g.check(r); err != nil {
			return // what was right once may be wrong now; see TestGrantsInAnotherRoom
		}
		found, err := r.Resolve(nodes)
		if nodes != All && err != nil {
			t.Fatalf("%q is taken: %v", nodes, err)
		}
		if got, want := r.Fold(has.Only(Operate, r.All())), r.Fold(found.Nodes); got != want {
			t.Errorf("%q gives %s, want %s", nodes, got, want)
		}
	})
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U")
	f.Add("$argon2id$v=19$m=4294967295,t=3,p=4$x$y")
	f.Add("$argon2id$v=19$m=8,t=1,p=0$$")
	f.Fuzz(func(t *testing.T, text string) {
		c, _, key, err := parseHash(text)
		if err == nil && (c.memory > 1<<20 || c.time > 16 || c.threads == 0 || len(key) != sha256.Size) {
			t.Errorf("%q is taken: %+v", text, c)
		}
	})
}
