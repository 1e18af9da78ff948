package auth

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a book with a room: web1 to web4 and db1, of which web1 and web2 are
// @rack1, and web4 and db1 @rack2.
type office struct {
	*Book
	t      *testing.T
	who    *Authenticator
	room   *room.Room
	events *event.Log
	hashes int
	told   []event.Event
	mu     sync.Mutex
}

var boss = event.Event{Actor: "root", Door: "test"}

func testRoom(t testing.TB, nodes ...string) *room.Room {
	t.Helper()
	if len(nodes) == 0 {
		nodes = []string{"web1", "web2", "web3", "web4", "db1"}
	}
	groups := map[string][]string{"rack1": {"web1", "web2"}, "rack2": {"web4", "db1"}}
	d := room.Draft{Name: "lab"}
	there := make(map[string]bool)
	for _, n := range nodes {
		d.Nodes = append(d.Nodes, room.DraftNode{Name: n})
		there[n] = true
	}
	for name, members := range groups {
		g := room.DraftGroup{Name: name}
		for _, m := range members {
			if there[m] {
				g.Members = append(g.Members, m)
			}
		}
		if len(g.Members) > 0 {
			d.Groups = append(d.Groups, g)
		}
	}
	r, problems := room.New(d)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

// open makes an office in a folder, or in memory for none. Hashes of passwords
// cost nothing there and are counted.
func open(t *testing.T, dir string) *office {
	t.Helper()
	o := &office{t: t, room: testRoom(t)}
	var s *store.Store
	var err error
	if dir == "" {
		s, err = store.OpenMemory(t.Context(), store.Options{})
	} else {
		s, err = store.Open(t.Context(), dir, store.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	o.events = event.New(s, nil)
	if o.Book, err = OpenBook(t.Context(), s, o.events); err != nil {
		t.Fatal(err)
	}
	o.hasher.cost = cost{time: 1, memory: 8, threads: 1}
	derive := o.hasher.derive
	o.hasher.derive = func(password, salt []byte, c cost) []byte {
		o.mu.Lock()
		o.hashes++
		o.mu.Unlock()
		return derive(password, salt, c)
	}
	o.who = NewAuthenticator(o.Book, func(e event.Event) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.told = append(o.told, e)
	})
	return o
}

func (o *office) user(name, password string, groups ...string) {
	o.t.Helper()
	if err := o.AddUser(o.t.Context(), boss, name, groups, secret.NewValue(password)); err != nil {
		o.t.Fatal(err)
	}
}

// grant makes grants, each as "user:alice operate web1".
func (o *office) grant(list ...string) {
	o.t.Helper()
	for _, text := range list {
		if err := o.Book.AddGrant(o.t.Context(), boss, o.room, grantFrom(o.t, text)); err != nil {
			o.t.Fatalf("%s: %v", text, err)
		}
	}
}

func grantFrom(t *testing.T, text string) Grant {
	t.Helper()
	f := strings.Fields(text)
	to, err := ParsePrincipal(f[0])
	if err != nil {
		t.Fatal(err)
	}
	role, _ := ParseRole(f[1])
	return Grant{To: to, Role: role, Nodes: f[2]}
}

func (o *office) token(owner, role, nodes string, expires time.Time) (Token, string) {
	o.t.Helper()
	r, _ := ParseRole(role)
	made, text, err := o.AddToken(o.t.Context(), boss, o.room, NewToken{Owner: owner, Role: r, Nodes: nodes, Expires: expires})
	if err != nil {
		o.t.Fatal(err)
	}
	return made, text.Reveal()
}

// may gives what a subject may do: its role on everything, and the nodes that it
// may see and operate.
func (o *office) may(s Subject) string {
	return describe(o.Rights(o.room, s))
}

func describe(r *Rights) string {
	return fmt.Sprintf("%s; view %s; operate %s", r.Everywhere(), r.room.Fold(r.Only(View, r.room.All())), r.room.Fold(r.Only(Operate, r.room.All())))
}

const (
	nothing  = "none; view ; operate "
	seesAll  = "view; view db1,web[1-4]; operate "
	operates = "operate; view db1,web[1-4]; operate db1,web[1-4]"
	admin    = "admin; view db1,web[1-4]; operate db1,web[1-4]"
)

func TestRights(t *testing.T) {
	for name, tt := range map[string]struct {
		grants []string
		who    Subject
		want   string
	}{
		"root may do everything":                    {nil, Subject{Standing: Owner, User: "root"}, admin},
		"root may, whatever was granted":            {[]string{"user:root view @all"}, Subject{Standing: Owner, User: "root"}, admin},
		"the daemon may":                            {nil, Subject{Standing: Daemon}, admin},
		"the unix group may, at the socket":         {nil, Subject{Standing: Local, User: "ann", Groups: []string{"millwright"}}, admin},
		"not over the network":                      {nil, Subject{Standing: Known, User: "ann", Groups: []string{"millwright"}}, nothing},
		"a grant to one replaces that":              {[]string{"user:ann view @all"}, Subject{Standing: Local, User: "ann", Groups: []string{"millwright"}}, seesAll},
		"and not for another":                       {[]string{"user:ann view @all"}, Subject{Standing: Local, User: "bob", Groups: []string{"millwright"}}, admin},
		"a grant to the group replaces it for all":  {[]string{"group:millwright operate @all"}, Subject{Standing: Local, User: "bob", Groups: []string{"millwright"}}, operates},
		"other local users have nothing":            {nil, Subject{Standing: Local, User: "eve", Groups: []string{"users"}}, nothing},
		"PowerMan's clients operate":                {nil, Subject{Door: "powerman"}, operates},
		"unless something was granted to the door":  {[]string{"door:powerman view web[1-2]"}, Subject{Door: "powerman"}, "none; view web[1-2]; operate "},
		"nobody comes anonymously by another door":  {nil, Subject{Door: "http"}, nothing},
		"a name alone is not a standing":            {[]string{"user:ann admin @all"}, Subject{User: "ann", Door: "http"}, nothing},
		"known people have what was granted":        {[]string{"user:ann operate @rack1", "user:ann view web3"}, Subject{Standing: Known, User: "ann"}, "none; view web[1-3]; operate web[1-2]"},
		"and what their groups were":                {[]string{"group:ops operate @rack2,-db1"}, Subject{Standing: Known, User: "ann", Groups: []string{"ops"}}, "none; view web4; operate web4"},
		"grants add up":                             {[]string{"user:ann view @all", "group:ops operate web1"}, Subject{Standing: Known, User: "ann", Groups: []string{"ops"}}, "view; view db1,web[1-4]; operate web1"},
		"a door's grant is for its anonymous":       {[]string{"door:http view @all"}, Subject{Standing: Known, User: "ann", Door: "http"}, nothing},
		"a token that is not known is nobody's":     {[]string{"user:ann admin @all"}, Subject{Standing: Known, User: "ann", Token: "abcdefgh"}, nothing},
		"groups kept here count":                    {[]string{"group:night view web3"}, Subject{Standing: Known, User: "kept"}, "none; view web3; operate "},
		"who is disabled has nothing":               {[]string{"user:gone admin @all"}, Subject{Standing: Known, User: "gone"}, nothing},
		"nor at the socket":                         {nil, Subject{Standing: Local, User: "gone", Groups: []string{"millwright"}}, nothing},
		"configure is below admin, above the rest":  {[]string{"user:ann configure @all"}, Subject{Standing: Known, User: "ann"}, "configure; view db1,web[1-4]; operate db1,web[1-4]"},
		"a list of all nodes is not the whole room": {[]string{"user:ann operate web[1-4],db1"}, Subject{Standing: Known, User: "ann"}, "none; view db1,web[1-4]; operate db1,web[1-4]"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, "")
			o.user("kept", "", "night")
			o.user("gone", "")
			if err := o.Disable(t.Context(), boss, "gone", true); err != nil {
				t.Fatal(err)
			}
			o.grant(tt.grants...)
			for range 2 { // worked out, and remembered
				if got := o.may(tt.who); got != tt.want {
					t.Errorf("%s\nwant %s", got, tt.want)
				}
			}
		})
	}
}

func TestGrantsThatMakeNoSense(t *testing.T) {
	o := open(t, "")
	for text, want := range map[string]string{
		"user:ann admin web1":       "can only be given on @all",
		"user:ann configure @rack1": "can only be given on @all",
		"user:ann view web9":        "no such node: web9",
		"user:ann view @rack9":      "no such group",
		"user:ann view web[1-":      "read targets",
		"token:abcdefgh view @all":  "there is no such token",
		"user:ann none @all":        "there is no such role",
	} {
		err := o.Book.AddGrant(t.Context(), boss, o.room, grantFrom(t, text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{"", "ann", "user:", "user:a b", "user:-a", "users:ann", "user:a,b", "user:\x00", "user:" + strings.Repeat("x", 200)} {
		if p, err := ParsePrincipal(text); err == nil {
			t.Errorf("%q is taken for %v", text, p)
		}
	}
}

// A grant outlives the nodes that it names, but never grows by what is gone.
func TestGrantsInAnotherRoom(t *testing.T) {
	o := open(t, "")
	o.grant("user:ann operate web[1-3]", "user:bob operate @rack1", "user:eve operate @all,-@rack2")
	after := testRoom(t, "web2", "web3", "db9") // web1 and @rack2 are gone
	for who, want := range map[string]string{
		"ann": "none; view web[2-3]; operate web[2-3]",
		"bob": "none; view web2; operate web2",
		"eve": nothing, // it is not known any more what she must not touch
	} {
		if got := describe(o.Rights(after, Subject{Standing: Known, User: who})); got != want {
			t.Errorf("%s: %s, want %s", who, got, want)
		}
	}
}

// A refusal names what somebody lacks, but no node that they may not see, unless they
// have named it themselves.
func TestRefusalsSayWhatIsMissing(t *testing.T) {
	o := open(t, "")
	o.grant("user:ann operate web1", "user:vic operate web1", "user:vic view @all")
	grant := func(who, nodes string) string {
		return fmt.Sprintf(" (an admin can give it: millwright grant add user:%s operate '%s')", who, nodes)
	}
	for _, tt := range []struct{ who, typed, want string }{
		{"vic", "@all", "db1,web[2-4]" + grant("vic", "db1,web[2-4]")},
		{"ann", "db1,web[1-4]", "db1,web[2-4]" + grant("ann", "db1,web[2-4]")},
		{"ann", "@all", "the whole room" + grant("ann", "@all")},
		{"ann", "@all,-web1", "@all,-web1" + grant("ann", "@all,-web1")},
		{"ann", "db1,web[1-4", "db1,web[1-4" + grant("ann", "db1,web[1-4")},
		{"ann", "", "nodes that are not shown to you"},
	} {
		err := o.Rights(o.room, Subject{Standing: Known, User: tt.who}).Need(Operate, "off", tt.typed, o.room.All())
		want := "off: " + tt.who + " may not do that: it takes the role operate on " + tt.want
		if err == nil || err.Error() != want || room.CodeOf(err) != room.CodeRefused {
			t.Errorf("%s types %q: %v\nwant %s", tt.who, tt.typed, err, want)
		}
	}
	// What goes with the whole room only is not said to be had for less.
	err := o.Rights(o.room, Subject{Standing: Known, User: "vic"}).Need(Admin, "pass vetoes over", "web1", o.room.All()[:1])
	if err == nil || !strings.Contains(err.Error(), "grant add user:vic admin '@all'") {
		t.Error(err)
	}
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, "")
		o.user("ann", "")
		o.grant("user:ann operate web[1-2]")
		tok, text := o.token("ann", "operate", "web[2-3]", time.Now().Add(time.Hour))
		if len(text) != tokenLength || !strings.HasPrefix(text, "mw_"+tok.ID+"_") {
			t.Errorf("the token is %q", text)
		}
		who, err := o.who.Bearer(t.Context(), text, "192.0.2.1:99")
		if err != nil || who.User != "ann" || who.Token != tok.ID {
			t.Fatalf("%+v, %v", who, err)
		}
		s := Subject{Standing: Known, User: who.User, Token: who.Token}
		if got, want := o.may(s), "none; view web2; operate web2"; got != want {
			t.Errorf("it allows %s, want %s", got, want)
		}
		o.grant("user:ann view @all") // what the owner gets, the token has only as far as it goes
		if got, want := o.may(s), "none; view web[2-3]; operate web2"; got != want {
			t.Errorf("it allows %s, want %s", got, want)
		}
		o.grant("token:" + tok.ID + " view @all")
		if got, want := o.may(s), "view; view db1,web[1-4]; operate web2"; got != want {
			t.Errorf("it allows %s, want %s", got, want)
		}
		if _, err := o.RemoveGrant(t.Context(), boss, Principal{KindToken, tok.ID}, ""); err != nil {
			t.Fatal(err)
		}
		if got := o.may(s); got != nothing {
			t.Errorf("without grants it allows %s", got)
		}
		if used, _ := o.Token(tok.ID); used.Used.IsZero() {
			t.Error("it is not known that it was used")
		}
		o.grant("token:" + tok.ID + " view @all")
		time.Sleep(time.Hour)
		if got := o.may(s); got != nothing {
			t.Errorf("when it is over it allows %s", got)
		}
		if _, err := o.who.Bearer(t.Context(), text, "192.0.2.1:99"); err == nil {
			t.Error("it is taken when it is over")
		}
	})
}

func TestTokensEndWithTheirOwners(t *testing.T) {
	for name, end := range map[string]func(*office, string) error{
		"revoked":       func(o *office, id string) error { return o.RevokeToken(o.t.Context(), boss, id) },
		"user disabled": func(o *office, _ string) error { return o.Disable(o.t.Context(), boss, "ann", true) },
		"user removed":  func(o *office, _ string) error { return o.RemoveUser(o.t.Context(), boss, "ann") },
		"user made anew": func(o *office, _ string) error {
			defer o.user("ann", "")
			return o.RemoveUser(o.t.Context(), boss, "ann")
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, "")
			o.user("ann", "")
			o.grant("user:ann admin @all")
			tok, text := o.token("ann", "admin", "@all", time.Time{})
			who, err := o.who.Bearer(t.Context(), text, "")
			if err != nil || o.who.Valid(who) != nil {
				t.Fatal(err)
			}
			if err := end(o, tok.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := o.who.Bearer(t.Context(), text, ""); err == nil {
				t.Error("it is still taken")
			}
			if o.who.Valid(who) == nil {
				t.Error("who came with it is still let in")
			}
			if got := o.may(Subject{Standing: Known, User: "ann", Token: tok.ID}); got != nothing {
				t.Errorf("it still allows %s", got)
			}
		})
	}
}

// Only digests and hashes are kept, and all of it is there after a restart.
func TestBookIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	var text string
	t.Run("before", func(t *testing.T) {
		o := open(t, dir)
		o.user("ann", "correct horse", "ops", "night", "ops")
		o.grant("group:ops operate @rack1")
		_, text = o.token("ann", "operate", "@all", time.Time{})
		if all, err := o.store.Access(context.WithoutCancel(t.Context())); err != nil || strings.Contains(fmt.Sprint(all), text[13:]) || strings.Contains(fmt.Sprint(all), "correct horse") {
			t.Errorf("the store shows a secret, or %v", err)
		}
		list, err := o.events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.Access}})
		if err != nil || len(list) != 3 {
			t.Errorf("events: %v, %v", list, err)
		}
		if shown := fmt.Sprint(list); strings.Contains(shown, text[13:]) || strings.Contains(shown, "horse") {
			t.Errorf("an event shows a secret: %s", shown)
		}
	})
	o := open(t, dir)
	who, err := o.who.Bearer(t.Context(), text, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := o.may(Subject{Standing: Known, User: who.User, Token: who.Token}), "none; view web[1-2]; operate web[1-2]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if who, err := o.who.Password(t.Context(), "ann", secret.NewValue("correct horse"), ""); err != nil || who.User != "ann" {
		t.Errorf("%v, %v", who, err)
	}
}
