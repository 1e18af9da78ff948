package desk

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/veto"
)

// panel answers for the hooks.
type panel func(context.Context, veto.Question) (veto.Verdict, error)

func (p panel) Ask(ctx context.Context, q veto.Question) (veto.Verdict, error) { return p(ctx, q) }

// hooked is a bureau whose room has a hook for web[1-4], and who answers for it.
func hooked(t *testing.T, p panel) *bureau {
	b := open(t, func(d *room.Draft) {
		d.Vetoes = []room.DraftVeto{{
			Veto:    room.Veto{Name: "jobs", Argv: []string{"x"}, Ops: []room.Op{room.Off, room.Cycle}},
			Members: []string{"web1", "web2", "web3", "web4"},
		}}
	})
	b.vetoes = p
	return b
}

func objection(reason string) []veto.Objection {
	return []veto.Objection{{Hook: "jobs", Reason: reason}}
}

func TestWhoIsAskedAboutWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		b := hooked(t, func(_ context.Context, q veto.Question) (veto.Verdict, error) {
			asked = append(asked, strings.TrimSpace(q.Request+" "+q.Actor+" "+q.Op.String()+" "+q.Order+" "+q.Room.Fold(q.Nodes)))
			return veto.Verdict{}, nil
		})
		for _, op := range []room.Op{room.On, room.Off, room.Status, room.Cycle} {
			if _, _, err := b.do(op, "web[1-2]"); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := b.do(room.Off, "db1"); err != nil { // no hook is there for it
			t.Fatal(err)
		}
		if _, _, err := b.do(room.Off, "web1", func(r *Request) { r.DryRun = true }); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.do(room.On, "@all"); err != nil {
			t.Fatal(err)
		}
		order := Order{Actor: me, Goal: plan.Down, Targets: "db1"} // drags web[1-4] along
		p, err := b.Plan(t.Context(), order)
		if err != nil {
			t.Fatal(err)
		}
		id, err := b.Submit(t.Context(), order, p)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"r2 ann off  web[1-2]", "r3 ann cycle  web[1-2]", id + " ann off down db1,web[1-4]"}
		if strings.Join(asked, "\n") != strings.Join(want, "\n") {
			t.Errorf("asked:\n%s\nwant:\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
		}
		for range b.runs.Follow(t.Context(), id, 0) { // to its end
		}
	})
}

func TestRefusedAndConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var verdict veto.Verdict
		b := hooked(t, func(context.Context, veto.Question) (veto.Verdict, error) { return verdict, nil })
		if _, _, err := b.do(room.On, "web1"); err != nil {
			t.Fatal(err)
		}
		confirm := func(r *Request) { r.Confirm, r.Reason = true, "new memory" }
		verdict.Refused = objection("job 42")
		_, _, err := b.do(room.Off, "web1", confirm)
		var e *room.Error
		var why *Vetoed
		if !errors.As(err, &e) || e.Code != room.CodeRefused || e.Confirm != "" || e.Subject != "web1" || e.Said != "veto jobs: job 42" || !errors.As(err, &why) {
			t.Errorf("refused: %+v", e)
		}
		verdict = veto.Verdict{Confirm: objection("sure?")}
		_, _, err = b.do(room.Off, "web1")
		if !errors.As(err, &e) || e.Code != room.CodeRefused || e.Confirm != "veto jobs: sure?" {
			t.Errorf("to be confirmed: %+v", e)
		}
		if n, _, _ := b.do(room.Status, "web1"); n.results["web1"].State != room.StateOn {
			t.Error("a refused request switched something")
		}
		if _, sum, err := b.do(room.Off, "web1", confirm); err != nil || !sum.Good() {
			t.Errorf("confirmed: %v", err)
		}
		want := "refusal r2 ann off web1 refused\nrefusal r3 ann off web1 refused\nintent r4 ann off web1"
		if got := b.said(event.Refusal, event.Intent); !strings.HasSuffix(got, want) {
			t.Errorf("events:\n%s\nwant:\n%s", got, want)
		}
		list, err := b.events.Read(t.Context(), event.Filter{Request: "r4", Kinds: []event.Kind{event.Intent}})
		if err != nil || len(list) != 1 || !strings.Contains(list[0].Detail, "reason: new memory; confirmed: veto jobs: sure?") {
			t.Errorf("the intent: %+v, %v", list, err)
		}
		if _, _, err := b.do(room.Off, "web1", func(r *Request) { r.Reason = strings.Repeat("x", 2000) }); room.CodeOf(err) != room.CodeInvalid {
			t.Errorf("a long reason: %v", err)
		}
	})
}

func TestOnlyAdminsPassVetoesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := hooked(t, func(context.Context, veto.Question) (veto.Verdict, error) {
			t.Error("a hook that is passed over was asked")
			return veto.Verdict{Refused: objection("no")}, nil
		})
		book, err := auth.OpenBook(t.Context(), b.store, b.events)
		if err != nil {
			t.Fatal(err)
		}
		for name, role := range map[string]auth.Role{"root": auth.Admin, "ann": auth.Configure} {
			if err := book.AddGrant(t.Context(), event.Event{}, b.Room(), auth.Grant{To: auth.Principal{Kind: auth.KindUser, Name: name}, Role: role, Nodes: auth.All}); err != nil {
				t.Fatal(err)
			}
		}
		b.access = book
		as := func(name string) func(*Request) {
			return func(r *Request) { r.Actor, r.Bypass = Actor{Name: name, Standing: auth.Known}, true }
		}
		if _, _, err := b.do(room.Off, "web1", as("ann")); room.CodeOf(err) != room.CodeRefused || !strings.Contains(err.Error(), "admin") {
			t.Errorf("configure: %v", err)
		}
		if _, _, err := b.do(room.Off, "web1", as("root")); err != nil {
			t.Errorf("admin: %v", err)
		}
		want := "refusal r1 ann off web1 refused\nveto r2 root bypass web1 ok\nintent r2 root off web1"
		if got := b.said(event.Refusal, event.Veto, event.Intent); got != want {
			t.Errorf("events:\n%s\nwant:\n%s", got, want)
		}
	})
}

// While hooks think, devices serve others, and the daemon can stop.
func TestHooksThinkOutsideOfAllLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := hooked(t, func(ctx context.Context, _ veto.Question) (veto.Verdict, error) {
			<-ctx.Done()
			return veto.Verdict{}, context.Cause(ctx)
		})
		ended := make(chan error)
		go func() {
			_, _, err := b.do(room.Off, "web1")
			ended <- err
		}()
		synctest.Wait()
		began := time.Now()
		if _, sum, err := b.do(room.On, "web1"); err != nil || !sum.Good() || time.Since(began) > 5*time.Second {
			t.Errorf("on, meanwhile: %v after %v", err, time.Since(began))
		}
		b.Stop()
		if err := <-ended; room.CodeOf(err) != room.CodeTimeout || !strings.Contains(err.Error(), "the daemon is stopping") {
			t.Errorf("stopped: %v", err)
		}
	})
}

// What an asker may do, and which room there is, can change while hooks think.
func TestWhatIsTrueAfterTheHooksCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *bureau
		meanwhile := func() {}
		b = hooked(t, func(context.Context, veto.Question) (veto.Verdict, error) {
			meanwhile()
			return veto.Verdict{}, nil
		})
		b.guard("user:ann operate web[1-4]")
		ann := by(known("ann"))
		if _, _, err := b.do(room.On, "web[1-4]", ann); err != nil {
			t.Fatal(err)
		}
		meanwhile = func() {
			if err := b.fleet.Apply(open(t, nil).Room()); err != nil {
				t.Error(err)
			}
		}
		before := b.Room()
		if _, _, err := b.do(room.Off, "web1", ann); room.CodeOf(err) != room.CodeBusy {
			t.Errorf("another room: %v", err)
		}
		if err := b.fleet.Apply(before); err != nil {
			t.Fatal(err)
		}
		meanwhile = func() {
			if _, err := b.RemoveGrant(t.Context(), root, auth.Principal{Kind: auth.KindUser, Name: "ann"}, ""); err != nil {
				t.Error(err)
			}
		}
		_, _, err := b.do(room.Off, "web[1-2]", ann)
		lacks(t, "off", err, auth.Operate, "")
		if got := b.said(event.Intent); strings.Contains(got, "off") {
			t.Errorf("begun all the same:\n%s", got)
		}
	})
}

func TestARoomWithVetoesAndNobodyToAskSwitchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := hooked(t, nil)
		b.vetoes = nil
		if _, _, err := b.do(room.Off, "web1"); room.CodeOf(err) != room.CodeInternal {
			t.Errorf("%v", err)
		}
	})
}
