package desk

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// guard gives a bureau a book with grants, each as "user:ann operate web1".
func (b *bureau) guard(grants ...string) *auth.Book {
	b.t.Helper()
	book, err := auth.OpenBook(b.t.Context(), b.store, b.events)
	if err != nil {
		b.t.Fatal(err)
	}
	b.access = book
	for _, text := range grants {
		b.grant(text)
	}
	return book
}

var root = Actor{Name: "root", Door: "test", Standing: auth.Owner}

func (b *bureau) grant(text string) {
	b.t.Helper()
	f := strings.Fields(text)
	to, err := auth.ParsePrincipal(f[0])
	if err != nil {
		b.t.Fatal(err)
	}
	role, _ := auth.ParseRole(f[1])
	if err := b.AddGrant(b.t.Context(), root, auth.Grant{To: to, Role: role, Nodes: f[2]}); err != nil {
		b.t.Fatal(err)
	}
}

func known(name string) Actor { return Actor{Name: name, Door: "test", Standing: auth.Known} }

func by(a Actor) func(*Request) { return func(r *Request) { r.Actor = a } }

// lacks holds that an error says which role is missing on which nodes.
func lacks(t *testing.T, what string, err error, role auth.Role, nodes string) {
	t.Helper()
	var why *auth.Missing
	if !errors.As(err, &why) || why.Role != role || why.Nodes != nodes || room.CodeOf(err) != room.CodeRefused {
		t.Errorf("%s: %v, want %v to be lacking on %s", what, err, role, nodes)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		b.guard("user:ann operate web[1-2]", "user:ann view web3", "user:vic view @all")
		ann, vic, eve := known("ann"), known("vic"), known("eve")

		n, _, err := b.do(room.Status, "", by(ann))
		if err != nil || len(n.results) != 3 || len(n.began.Targets.Nodes) != 3 {
			t.Errorf("a read of everything gives %v, %v", n.results, err)
		}
		_, _, err = b.do(room.Status, "web[2-4]", by(ann))
		lacks(t, "status", err, auth.View, "web4")
		_, _, err = b.do(room.Status, "web1", by(ann), func(r *Request) { r.Trace = true })
		lacks(t, "trace", err, auth.View, "@all")
		_, _, err = b.do(room.On, "web[1-3]", by(ann))
		lacks(t, "on", err, auth.Operate, "web3")
		_, _, err = b.do(room.On, "web3", by(ann), func(r *Request) { r.DryRun = true })
		lacks(t, "a dry run", err, auth.Operate, "web3")
		if _, sum, err := b.do(room.On, "web[1-2]", by(ann)); err != nil || !sum.Good() {
			t.Errorf("%v, %+v", err, sum)
		}
		if n, _, err := b.do(room.Status, "", by(vic)); err != nil || len(n.results) != 5 {
			t.Errorf("%v, %v", n.results, err)
		}
		_, _, err = b.do(room.Off, "web1", by(vic))
		lacks(t, "off", err, auth.Operate, "@all") // she may switch nothing, so no names are told
		_, _, err = b.do(room.Status, "nosuch", by(eve))
		lacks(t, "who may nothing learns no names", err, auth.View, "@all")
		_, _, err = b.do(room.Status, "", by(eve))
		lacks(t, "nor gets an empty answer", err, auth.View, "@all")
		lacks(t, "reload", b.Reload(t.Context(), ann), auth.Configure, "@all")
		_, err = b.Clear(t.Context(), ann, "web[2-3]")
		lacks(t, "clear", err, auth.Operate, "web3")

		// Every one of these is an event; of what was done there are the usual two.
		if got := strings.Count(b.said(event.Refusal), "refusal"); got != 9 {
			t.Errorf("%d refusals:\n%s", got, b.said(event.Refusal))
		}
		if got, want := b.said(event.Intent, event.Result), "intent r1 ann on web[1-2]\nresult r1 ann on web[1-2] ok"; got != want {
			t.Errorf("%s", got)
		}
	})
}

func TestOrdersDragNobodysNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		b.guard("user:ann operate web[1-4]", "user:bob operate web1", "user:bob operate db1", "user:ann2 operate @all")
		const hers = "" // db1, which ann may not see and is not told of
		up := func(who, targets string) (Planned, error) {
			return b.Plan(t.Context(), Order{Actor: known(who), Goal: plan.Up, Targets: targets})
		}
		_, err := up("ann", "web1")
		lacks(t, "up drags db1", err, auth.Operate, hers)
		if !strings.Contains(err.Error(), "depend on each other") {
			t.Errorf("%v", err)
		}
		_, err = up("bob", "")
		lacks(t, "an order for all", err, auth.Operate, auth.All)
		if _, err = up("bob", "web1"); err != nil {
			t.Error(err)
		}
		p, err := up("ann2", "web1")
		if err != nil {
			t.Fatal(err)
		}
		// A plan that somebody else may carry out is no licence.
		_, err = b.Submit(t.Context(), Order{Actor: known("ann"), Goal: plan.Up}, p)
		lacks(t, "another's plan", err, auth.Operate, hers)
		id, err := b.Submit(t.Context(), Order{Actor: known("ann2"), Goal: plan.Up}, p)
		if err != nil {
			t.Fatal(err)
		}
		hidden := func(when string) {
			lacks(t, "to cancel another's run "+when, b.CancelRun(known("ann"), id), auth.Operate, hers)
			_, err := b.GetRun(known("ann"), id)
			lacks(t, "another's run "+when, err, auth.View, hers)
			_, _, _, err = b.RunSince(known("ann"), id, 0)
			lacks(t, "to follow another's run "+when, err, auth.View, hers)
			if list, err := b.ListRuns(known("ann")); err != nil || len(list) != 0 {
				t.Errorf("%s: %v, %v", when, list, err)
			}
		}
		hidden("under way")
		if list, err := b.ListRuns(known("bob")); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
		if _, _, _, err := b.RunSince(known("bob"), id, 0); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		hidden("that has ended")
		if _, err := b.RemoveGrant(t.Context(), root, auth.Principal{Kind: auth.KindUser, Name: "bob"}, "db1"); err != nil {
			t.Fatal(err)
		}
		_, _, _, err = b.RunSince(known("bob"), id, 0)
		lacks(t, "to go on following when nodes are no longer hers", err, auth.View, hers)
		// With db1 on, the same order drags nobody along.
		if _, err = up("ann", "web2"); err != nil {
			t.Error(err)
		}
	})
}

func TestCancelTakesWhatTheChangeTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		b.guard("user:ann operate @all", "user:bob operate web1")
		n, _, err := b.do(room.Cycle, "web[1-2]", by(known("ann")), func(r *Request) { r.NoWait = true })
		if err != nil {
			t.Fatal(err)
		}
		lacks(t, "cancel", b.Cancel(known("bob"), n.began.ID), auth.Operate, "")
		if err := b.Cancel(known("ann"), n.began.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestViewsAreNarrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		b.guard("user:ann view web[1-2]", "user:vic view @all")
		if _, _, err := b.do(room.On, "web[1-4]", by(root)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.do(room.On, "db1", by(root)); err != nil {
			t.Fatal(err)
		}
		v := b.View(known("ann"))
		ids, err := v.Nodes("")
		if got := v.Room.Fold(ids); err != nil || got != "web[1-2]" {
			t.Errorf("%s, %v", got, err)
		}
		_, err = v.Nodes("web[1-3]")
		lacks(t, "nodes", err, auth.View, "web3")
		web3, _ := v.Room.Node("web3")
		pdu1, _ := v.Room.Device("pdu1")
		pdu2, _ := v.Room.Device("pdu2")
		if b := v.Belief(web3); !b.Seen.IsZero() {
			t.Errorf("the state of web3 is told: %+v", b)
		}
		if got := v.Room.Fold(v.NodesOf(pdu1)); got != "web[1-2]" {
			t.Errorf("on pdu1: %s", got)
		}
		if _, ok := v.Device(pdu1); !ok {
			t.Error("pdu1 is hidden")
		}
		if _, ok := v.Device(pdu2); ok {
			t.Error("pdu2 is shown, and only db1 is on it")
		}
		seen := func(who string) string {
			list, err := b.events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.Intent, event.Result, event.Access}})
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, e := range list {
				e, shown := b.View(known(who)).Event(e)
				if !shown {
					continue
				}
				lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %d %s %s", e.Kind, e.Targets, e.Count, e.Detail, e.Data)))
			}
			return strings.Join(lines, "\n")
		}
		synctest.Wait()
		const want = "intent web[1-2] 2 " + hidden + "\nresult web[1-2] 2 " + hidden
		if got := seen("ann"); got != want {
			t.Errorf("events:\n%s\nwant:\n%s", got, want)
		}
		for data, kept := range map[string]bool{
			`{"ok":"web[1-2]","n":3}`: true, `{"ok":"web1,db1"}`: false, `{"ok":"web[1-3]"}`: false,
			`{"why":[{"said":"\u0064b1\nhas failed"}]}`: false, `{"web3":1}`: false, ``: true,
		} {
			e, shown := b.View(known("ann")).Event(event.Event{Targets: "web[1-2]", Count: 2, Detail: "behind db1", Data: []byte(data)})
			if !shown || strings.Contains(e.Detail, "db1") || string(e.Data) != data && kept || len(e.Data) > 0 && !kept {
				t.Errorf("%s is shown as %s %s", data, e.Detail, e.Data)
			}
		}
		if got := seen("vic"); !strings.Contains(got, "access") || !strings.Contains(got, "result db1") {
			t.Errorf("events:\n%s", got)
		}
		if got := seen("eve"); got != "" {
			t.Errorf("who may nothing sees events:\n%s", got)
		}
		if was := b.View(known("ann")); !was.Same(b.View(known("ann"))) {
			t.Error("a view is not like itself")
		} else if b.grant("user:ann view web3"); was.Same(b.View(known("ann"))) {
			t.Error("a wider view is the same")
		}
	})
}

func TestUsersAndTokensOfOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		book := b.guard("user:ann operate web1")
		ctx := t.Context()
		for _, name := range []string{"ann", "bob"} {
			if err := b.AddUser(ctx, root, name, nil, secret.Value{}); err != nil {
				t.Fatal(err)
			}
		}
		ann, bob := known("ann"), known("bob")
		made, _, err := b.CreateToken(ctx, ann, auth.NewToken{Owner: "ann", Role: auth.Admin, Nodes: "@all"})
		if err != nil {
			t.Fatal(err)
		}
		byToken := ann
		byToken.Token = made.ID
		if got := b.WhoAmI(byToken); got.Role != auth.None || got.Room.Fold(got.Nodes[auth.Operate]) != "web1" {
			t.Errorf("a token of ann's allows %v, %v", got.Role, got.Nodes)
		}
		_, _, err = b.CreateToken(ctx, byToken, auth.NewToken{Owner: "ann", Role: auth.View, Nodes: "@all"})
		lacks(t, "a token that makes tokens", err, auth.Admin, "@all")
		lacks(t, "a token that sets passwords", b.SetPassword(ctx, byToken, "ann", secret.NewValue("correct horse")), auth.Admin, "@all")
		_, _, err = b.CreateToken(ctx, bob, auth.NewToken{Owner: "ann", Role: auth.View, Nodes: "@all"})
		lacks(t, "a token for another", err, auth.Admin, "@all")
		lacks(t, "another's token", b.RevokeToken(ctx, bob, made.ID), auth.Admin, "@all")
		_, err = b.Tokens(bob, "ann")
		lacks(t, "another's tokens", err, auth.Admin, "@all")
		if list, err := b.Tokens(bob, ""); err != nil || len(list) != 0 {
			t.Errorf("bob is shown %v, %v", list, err)
		}
		if list, err := b.Tokens(root, ""); err != nil || len(list) != 1 {
			t.Errorf("root is shown %v, %v", list, err)
		}
		_, err = b.Tokens(byToken, "")
		lacks(t, "all tokens, by a token", err, auth.Admin, "@all")
		_, err = b.Tokens(Actor{Door: "powerman"}, "")
		lacks(t, "all tokens, by nobody", err, auth.Admin, "@all")
		lacks(t, "another's password", b.SetPassword(ctx, bob, "ann", secret.NewValue("correct horse")), auth.Admin, "@all")
		lacks(t, "anonymous", b.SetPassword(ctx, Actor{Name: "ann", Door: "powerman"}, "ann", secret.NewValue("correct horse")), auth.Admin, "@all")
		for what, err := range map[string]error{
			"add user": b.AddUser(ctx, ann, "x", nil, secret.Value{}), "remove user": b.RemoveUser(ctx, ann, "bob"),
			"groups": b.SetGroups(ctx, ann, "ann", []string{"ops"}), "disable": b.DisableUser(ctx, ann, "bob", true),
			"grant":      b.AddGrant(ctx, ann, auth.Grant{To: auth.Principal{Kind: auth.KindUser, Name: "ann"}, Role: auth.Admin, Nodes: "@all"}),
			"list users": func() error { _, err := b.Users(ann); return err }(), "list grants": func() error { _, err := b.Grants(ann); return err }(),
			"certificate": func() error { _, err := b.IssueCertificate(ctx, ann, "bob", 1); return err }(),
			"remove grant": func() error {
				_, err := b.RemoveGrant(ctx, ann, auth.Principal{Kind: auth.KindUser, Name: "ann"}, "")
				return err
			}(),
		} {
			lacks(t, what, err, auth.Admin, "@all")
		}
		if list, err := b.Tokens(ann, "ann"); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
		if err := b.SetPassword(ctx, ann, "ann", secret.NewValue("correct horse")); err != nil {
			t.Error(err)
		}
		if err := b.RevokeToken(ctx, byToken, made.ID); err != nil {
			t.Errorf("a token cannot give itself up: %v", err)
		}
		if len(book.Tokens("")) != 0 {
			t.Error("the token is still there")
		}
	})
}

// Who sees a part of the room is told no other names: by no refusal of what a group
// holds, and by no guess at what they meant.
func TestNamesAreNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		b.guard("user:ann operate web1")
		ann := known("ann")
		ways := map[string]func(targets string) error{
			"list": func(targets string) error { _, err := b.View(ann).Nodes(targets); return err },
			"off":  func(targets string) error { _, _, err := b.do(room.Off, targets, by(ann)); return err },
			"plan": func(targets string) error {
				_, err := b.Plan(t.Context(), Order{Actor: ann, Goal: plan.Down, Targets: targets})
				return err
			},
			"clear": func(targets string) error { _, err := b.Clear(t.Context(), ann, targets); return err },
		}
		for name, do := range ways {
			for _, targets := range []string{"@all", "@all,-web1", "web22", "db", "@al"} {
				err := do(targets)
				if err == nil || strings.Contains(err.Error(), "db1") || strings.Contains(err.Error(), "web2 ") || strings.Contains(err.Error(), "web[") || strings.Contains(err.Error(), "mean") {
					t.Errorf("%s %s: %v", name, targets, err)
				}
			}
		}
	})
}
