package plugin_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/secret"
)

const oneCheck = `[{"kind": "check", "name": "c", "settings": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 3, "default": 2}}}}]`

var use = plugin.Use{Plugin: "p", Provides: "c"}

func TestItRunsAndEndsInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var states []plugin.State
		p := &peer{provides: oneCheck}
		h := host(t, p, func(_ *plugin.Spec, o *plugin.Options) {
			o.Changed = func(s plugin.Status) { states = append(states, s.State) }
		})
		synctest.Wait()
		s := is(t, h)
		if s.State != plugin.Running || s.Title != "peer" || s.Version != "9" || s.Pid != 7 || len(s.Provides) != 1 {
			t.Errorf("it is %+v", s)
		}
		if err := h.Apply(nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(h.Status()) != 0 || len(states) != 3 || states[1] != plugin.Stopping || states[2] != plugin.Stopped {
			t.Errorf("its states were %v", states)
		}
	})
}

func TestWhatIsSaidOfACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard string
		p := &peer{provides: oneCheck}
		p.handle = func(c *conn, m ask) {
			heard = m.Method + " " + string(m.Params)
			c.answer(m, `{"verdict": "bad", "said": "too\u001b[2J far", "took_ms": 12, "values": [{"quantity": "power", "value": 3}]}`)
		}
		h := host(t, p, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		who := secret.Resolved{User: "u", Values: map[string]secret.Value{"password": secret.NewValue("long-and-odd")}}
		r, err := h.Check(ctx, use, plugin.Node{Name: "n1", Address: "a", Credential: who})
		if err != nil || r.Verdict != "bad" || r.Said != "too [2J far" || r.Took != 12 || len(r.Values) != 1 {
			t.Errorf("it says %+v, %v", r, err)
		}
		if want := `check.run {"thing":"c","node":"n1","address":"a","settings":{"n":2},"credential":{"user":"u","values":{"password":"long-and-odd"}},"timeout_ms":60000}`; heard != want {
			t.Errorf("it was asked %s\nwant         %s", heard, want)
		}
	})
}

func TestSettingsAreLookedAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{provides: oneCheck}
		p.handle = func(*conn, ask) { t.Error("it was asked") }
		h := host(t, p, nil)
		synctest.Wait()
		wrong := use
		wrong.Settings = plugin.Values{"n": 9, "m": "x"}
		_, err := h.Check(t.Context(), wrong, plugin.Node{Name: "n1"})
		for _, want := range []string{"n: it is a whole number from 1 to 3", "m: there is no such setting"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		if err := h.CheckSettings(wrong, plugin.Check); err == nil {
			t.Error("wrong settings are well")
		}
		wrong.Provides = "d"
		if _, err := h.Check(t.Context(), wrong, plugin.Node{}); err == nil || !strings.Contains(err.Error(), `provides no check "d"`) {
			t.Errorf("a thing that it lacks: %v", err)
		}
	})
}

func TestOneThatDiesIsStartedAgainAndGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{provides: oneCheck}
		p.handle = func(c *conn, _ ask) {
			_, _ = io.WriteString(c.stderr, "out of cheese\n")
			_ = c.Close()
		}
		h := host(t, p, nil)
		for i := range 5 {
			_, err := h.Check(t.Context(), use, plugin.Node{Name: "n1"}) // it waits until the plugin is back
			if !errors.Is(err, plugin.ErrGone) {
				t.Fatalf("check %d of a plugin that dies: %v", i, err)
			}
			synctest.Wait()
			if s := is(t, h); i < 4 && (s.State != plugin.Waiting || s.Reason != "it ended: exit status 3; its last words: out of cheese" || s.Restarts != i) {
				t.Fatalf("after end %d it is %+v", i, s)
			}
		}
		if s := is(t, h); s.State != plugin.GivenUp || p.count() != 5 {
			t.Errorf("after %d starts it is %+v", p.count(), s)
		}
		if _, err := h.Check(t.Context(), use, plugin.Node{Name: "n1"}); err == nil || !strings.Contains(err.Error(), "it is given up: it ended") {
			t.Errorf("a check of one that was given up: %v", err)
		}
		time.Sleep(time.Hour)
		if p.count() != 5 {
			t.Error("it was started again, though it was given up")
		}
		if err := h.Restart("p"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := is(t, h); s.State != plugin.Running || p.count() != 6 {
			t.Errorf("started again by hand it is %+v", s)
		}
	})
}

func TestOneThatRanForLongIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{provides: oneCheck}
		p.handle = func(c *conn, m ask) {
			if m.Method == "ping" {
				c.answer(m, `{}`)
				return
			}
			_ = c.Close()
		}
		h := host(t, p, nil)
		for range 20 {
			time.Sleep(2 * time.Minute)
			_, _ = h.Check(t.Context(), use, plugin.Node{Name: "n1"})
			synctest.Wait()
			if s := is(t, h); s.State != plugin.Waiting || time.Until(s.Next) > time.Second {
				t.Fatalf("it is %+v", s)
			}
		}
	})
}

func TestOneThatHangsIsFoundOut(t *testing.T) {
	for name, handle := range map[string]func(*conn, ask){
		"it answers no ping":    func(*conn, ask) {},
		"it reads nothing more": func(*conn, ask) { <-time.After(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := host(t, &peer{provides: oneCheck, handle: handle}, nil)
				time.Sleep(30*time.Second + time.Millisecond)
				synctest.Wait()
				if s := is(t, h); s.State != plugin.Waiting || s.Reason != "it does not answer a ping within 15s" {
					t.Errorf("after half a minute it is %+v", s)
				}
				if err := h.Apply(nil); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Hour) // what hangs in it ends
			})
		})
	}
}

func TestBadGreetings(t *testing.T) {
	for hello, want := range map[string]string{
		`{"protocol": 2, "name": "x"}`: "it speaks version 2 of the protocol",
		`{"protocol": 1}`:              "it has no name",
		`{"protocol": 1, "name": "x", "provides": [{"kind": "spell", "name": "y"}]}`:                                                      `there is no kind "spell"`,
		`{"protocol": 1, "name": "x", "provides": [{"kind": "check", "name": "y"}, {"kind": "check", "name": "y"}]}`:                      "no name of its own",
		`{"protocol": 1, "name": "x", "provides": [{"kind": "check", "name": "y", "settings": {"properties": {"a": {"type": "null"}}}}]}`: "the schema is one of an object",
		`{"protocol": 1, "name": "x", "settings": {"type": "object", "properties": {"a": {"type": "number"}}}}`:                           "none of the six types",
		`{"protocol": 1, "name": "x", "settings": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}`:        "its settings: a: it is missing",
		`[]`: "not what it should be",
	} {
		synctest.Test(t, func(t *testing.T) {
			h := host(t, &peer{}, func(_ *plugin.Spec, o *plugin.Options) {
				o.Start = (&greeter{hello: hello}).start
			})
			synctest.Wait()
			if s := is(t, h); s.State != plugin.Waiting || !strings.Contains(s.Reason, want) {
				t.Errorf("%s: it is %+v, want %q", hello, s, want)
			}
		})
	}
}

func TestThatCannotBeStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := host(t, &peer{}, func(_ *plugin.Spec, o *plugin.Options) {
			o.Start = func(context.Context, plugin.Spec, io.Writer) (plugin.Process, error) {
				return nil, errors.New("no such file")
			}
		})
		synctest.Wait()
		if s := is(t, h); s.State != plugin.Waiting || s.Reason != "it cannot be started: no such file" {
			t.Errorf("it is %+v", s)
		}
	})
}

func TestDisabledAndEnabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{provides: oneCheck}
		var spec plugin.Spec
		h := host(t, p, func(s *plugin.Spec, _ *plugin.Options) { s.Enabled = false; spec = *s })
		synctest.Wait()
		if s := is(t, h); s.State != plugin.Disabled || p.count() != 0 {
			t.Errorf("it is %+v", s)
		}
		if _, err := h.Check(t.Context(), use, plugin.Node{}); err == nil || err.Error() != "plugin p: it is disabled" {
			t.Errorf("a check of one that is disabled: %v", err)
		}
		if err := h.Restart("p"); err == nil {
			t.Error("one that is disabled is started")
		}
		spec.Enabled = true
		for range 2 { // the second time nothing changes
			if err := h.Apply([]plugin.Spec{spec}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if s := is(t, h); s.State != plugin.Running || p.count() != 1 {
				t.Errorf("after %d starts it is %+v", p.count(), s)
			}
		}
		if err := h.Apply([]plugin.Spec{spec, spec}); err == nil {
			t.Error("one name is there twice")
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		p := &peer{provides: oneCheck, handle: func(_ *conn, m ask) { heard = append(heard, m.Method+string(m.ID)+string(m.Params)) }}
		h := host(t, p, nil)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.Check(ctx, use, plugin.Node{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a check that is not answered: %v", err)
		}
		synctest.Wait()
		if len(heard) != 2 || !strings.HasPrefix(heard[0], "check.run2") || heard[1] != `cancel{"id":2}` {
			t.Errorf("it heard %q", heard)
		}
	})
}

func TestTooManyQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := host(t, &peer{provides: oneCheck, handle: func(*conn, ask) {}}, nil)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1000)
		for range 300 {
			go func() {
				_, err := h.Check(ctx, use, plugin.Node{})
				ended <- err
			}()
		}
		synctest.Wait()
		cancel()
		busy := 0
		for range 300 {
			if errors.Is(<-ended, plugin.ErrBusy) {
				busy++
			}
		}
		if busy != 300-256 {
			t.Errorf("%d of 300 were too many", busy)
		}
	})
}

func TestSecretsAreHiddenInItsLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{provides: oneCheck}
		p.handle = func(c *conn, m ask) {
			_, _ = io.WriteString(c.stderr, "logging in with long-and-odd\n"+strings.Repeat("x", 5000)+"\n\n")
			for range 1000 {
				_, _ = io.WriteString(c.stderr, "again\n")
			}
			c.answer(m, `{"verdict": "ok"}`)
		}
		h := host(t, p, nil)
		who := secret.Resolved{Values: map[string]secret.Value{"password": secret.NewValue("long-and-odd")}}
		for want := range 2 {
			if want == 1 {
				p.handle = func(c *conn, m ask) { c.answer(m, `{"verdict": "ok"}`) }
			}
			if _, err := h.Check(t.Context(), use, plugin.Node{Credential: who}); err != nil {
				t.Fatal(err)
			}
		}
		lines, err := h.Log("p")
		if err != nil || len(lines) != 200 || lines[199].Text != "again" {
			t.Errorf("%d lines are kept (%v)", len(lines), err)
		}
		for _, l := range lines {
			if strings.Contains(l.Text, "odd") || len(l.Text) > 2000 {
				t.Errorf("its log has %.100q", l.Text)
			}
		}
	})
}

func TestOneThatCannotBeStartedIsGivenUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{provides: oneCheck}
		h := host(t, p, func(s *plugin.Spec, _ *plugin.Options) { s.Broken = "its variable TOKEN: there is no such secret" })
		synctest.Wait()
		if s := is(t, h); s.State != plugin.GivenUp || s.Reason != "its variable TOKEN: there is no such secret" || p.count() != 0 {
			t.Errorf("after %d starts it is %+v", p.count(), s)
		}
		if err := h.Apply([]plugin.Spec{{Name: "p", Argv: []string{"peer"}, Enabled: true}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := is(t, h); s.State != plugin.Running {
			t.Errorf("when it can be started it is %+v", s)
		}
	})
}
