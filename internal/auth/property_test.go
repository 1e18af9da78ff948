package auth

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// A token never allows anything that its owner may not do, nor anything outside of
// what it was made for; and all that both allow, it allows.
func TestTokensStayWithinTheirOwners(t *testing.T) {
	r := testRoom(t)
	grants := func(to Principal) *rapid.Generator[[]Grant] {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Grant {
			g := Grant{To: to, Role: Role(rapid.IntRange(int(View), int(Admin)).Draw(t, "role"))}
			g.Nodes = rapid.SampledFrom([]string{"@all", "@rack1", "@rack2", "web[1-3]", "db1", "@all,-db1", "web9", "@all,-web9"}).Draw(t, "nodes")
			if g.Role.RoomWide() {
				g.Nodes = All
			}
			return g
		}), 0, 4)
	}
	rapid.Check(t, func(t *rapid.T) {
		user, group, tok := Principal{KindUser, "ann"}, Principal{KindGroup, "ops"}, Principal{KindToken, "abcdefgh"}
		b := &Book{}
		l := &ledger{
			users:  map[string]store.User{"ann": {Name: "ann"}},
			tokens: map[string]*token{"abcdefgh": {Token: store.Token{ID: "abcdefgh", Owner: "ann", Expires: time.Now().Add(time.Hour)}}},
			grants: map[Principal][]Grant{
				user: grants(user).Draw(t, "user"), group: grants(group).Draw(t, "group"), tok: grants(tok).Draw(t, "token"),
			},
		}
		b.now.Store(l)
		ann := Subject{Standing: Known, User: "ann", Groups: []string{"ops"}}
		with := ann
		with.Token = "abcdefgh"
		owner, bound := b.Rights(r, ann), b.Rights(r, with)
		cap := &Rights{room: r}
		for _, g := range l.grants[tok] {
			cap.allow(g)
		}
		if bound.Everywhere() != min(owner.Everywhere(), cap.Everywhere()) {
			t.Fatalf("the token has %v everywhere, its owner %v, its grants %v", bound.Everywhere(), owner.Everywhere(), cap.Everywhere())
		}
		for id := range r.Nodes {
			for role := View; role <= Admin; role++ {
				n := room.NodeID(id)
				if got, want := bound.May(role, n), owner.May(role, n) && cap.May(role, n); got != want {
					t.Fatalf("%v on %s: %v, want %v", role, r.Nodes[id].Name, got, want)
				}
			}
		}
	})
}
