package plugin_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/secret"
)

// A plugin that says what it likes harms nobody but who asked it.
func TestAnswersThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct{ said, want, reason string }{
		"nonsense, and then an answer":    {"hello\n\n{}\n[1]\nnull\n{\"jsonrpc\": \"2.0\", \"id\": ID, \"result\": {\"verdict\": \"ok\"}}\n", "", ""},
		"answers nobody waits for":        {"{\"jsonrpc\": \"2.0\", \"id\": 99, \"result\": 1}\n{\"jsonrpc\": \"2.0\", \"id\": \"x\", \"result\": 1}\n{\"jsonrpc\": \"2.0\", \"id\": ID, \"result\": {}}\n", "", ""},
		"an answer of the wrong shape":    {"{\"jsonrpc\": \"2.0\", \"id\": ID, \"result\": [1]}\n", "not what it should be", ""},
		"nothing but null":                {"{\"jsonrpc\": \"2.0\", \"id\": ID, \"result\": null}\n", "", ""},
		"an error without words":          {"{\"jsonrpc\": \"2.0\", \"id\": ID, \"error\": {}}\n", "it says error 0, and not why", ""},
		"a line without end":              {strings.Repeat("x", 2<<20), "the plugin has ended", "it sent a line of more than 1048576 bytes"},
		"nothing but nonsense":            {strings.Repeat("x\n", 200), "the plugin has ended", "it talks nonsense"},
		"notifications that nobody hears": {strings.Repeat("{\"jsonrpc\": \"2.0\", \"method\": \"x\"}\n", 500) + "{\"jsonrpc\": \"2.0\", \"id\": ID, \"result\": {}}\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &peer{provides: oneCheck, handle: func(c *conn, m ask) {
					if m.Method == "check.run" {
						c.raw(strings.ReplaceAll(tt.said, "ID", string(m.ID)))
					}
				}}
				h := host(t, p, nil)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := h.Check(ctx, use, plugin.Node{Name: "n1"})
				if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("the check says %v, want %q", err, tt.want)
				}
				synctest.Wait()
				if s := is(t, h); !strings.Contains(s.Reason, tt.reason) || (tt.reason != "") != (s.State == plugin.Waiting) {
					t.Errorf("it is %+v, want %q", s, tt.reason)
				}
			})
		})
	}
}

// One that never stops talking is read at a pace, and what it says is kept in bounds.
func TestAFloodOfLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, ended := make(chan struct{}), make(chan int)
		p := &peer{provides: oneCheck, handle: func(c *conn, m ask) {
			if m.Method != "check.run" {
				return
			}
			go func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						ended <- n
						return
					default:
						c.raw("{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": 1}\n")
					}
				}
			}()
		}}
		h := host(t, p, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := h.Check(ctx, use, plugin.Node{}); err == nil {
			t.Error("it was answered")
		}
		close(stop)
		if n := <-ended; n > 4000+11*2000 {
			t.Errorf("%d lines were read in 10 s", n)
		}
		if lines, _ := h.Log("p"); len(lines) != 1 || !strings.Contains(lines[0].Text, "slowed down") {
			t.Errorf("its log is %v", lines)
		}
	})
}

func TestDriverSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		p := &peer{provides: `[{"kind": "driver", "name": "d", "can": ["on"], "measures": true}]`}
		p.handle = func(c *conn, m ask) {
			heard = append(heard, m.Method)
			switch m.Method {
			case "driver.do":
				c.answer(m, `{"plugs": {"1": {"done": true}}}`)
			case "driver.measure":
				c.answer(m, `{"readings": [{"plug": "1", "quantity": "power", "value": 2}]}`)
			case "driver.open", "driver.close":
				c.answer(m, `{}`)
			}
		}
		h := host(t, p, nil)
		s, err := h.Open(t.Context(), plugin.Use{Plugin: "p", Provides: "d"}, "pdu", []string{"1"}, secret.Resolved{})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := s.Do(t.Context(), "on", []string{"1"}); err != nil || !r["1"].Done {
			t.Errorf("do: %v, %v", r, err)
		}
		if r, err := s.Measure(t.Context()); err != nil || len(r) != 1 || r[0].Value != 2 {
			t.Errorf("measure: %v, %v", r, err)
		}
		_, _ = s.Close(), s.Close()
		if got := strings.Join(heard, " "); got != "driver.open driver.do driver.measure driver.close" {
			t.Errorf("it heard %s", got)
		}
	})
}
