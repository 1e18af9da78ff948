package devspec

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// log is a sink that keeps everything as lines.
type log struct{ lines []string }

func (l *log) PlugState(plug int, s State, raw string) {
	l.lines = append(l.lines, fmt.Sprintf("%d=%s %q", plug, s, raw))
}

func (l *log) PlugResult(plug int, ok bool, text string) {
	l.lines = append(l.lines, fmt.Sprintf("%d ok=%t %q", plug, ok, text))
}
func (l *log) Trace(t Trace) { l.lines = append(l.lines, t.Format("d")) }

// rig is a session whose device is a function.
type rig struct {
	*Session
	spec  *Spec
	table *PlugTable
	all   []int
}

// newRig starts a session of a specification with the given statements in its
// status_all script (or whole scripts, if text has the word script).
func newRig(t *testing.T, text string, opts Options, device func(net.Conn)) *rig {
	t.Helper()
	if !strings.Contains(text, "script") {
		text = "timeout 5 script status_all {" + text + "}"
	}
	spec := mustSpec(t, `specification "s" {`+text+`}`)
	var plugs []Plug
	var all []int
	for i, name := range []string{"1", "2", "3"} {
		plugs = append(plugs, Plug{name, "n" + name})
		all = append(all, i)
	}
	here, there := net.Pipe()
	gone := make(chan struct{})
	go func() { defer close(gone); defer there.Close(); device(there) }()
	r := &rig{NewSession(spec, here, opts), spec, NewPlugTable(plugs), all}
	t.Cleanup(func() { r.Close(); <-gone })
	return r
}

// says is a device that says texts, and listens to the end.
func says(texts ...string) func(net.Conn) {
	return func(c net.Conn) {
		go func() {
			for _, s := range texts {
				io.WriteString(c, s)
			}
		}()
		io.Copy(io.Discard, c)
	}
}

// do runs one script and gives what came out.
func (r *rig) do(t *testing.T, name ScriptName, targets, arg []int) ([]string, error) {
	t.Helper()
	out := &log{}
	c := NewCall(r.table, targets, out)
	c.Trace = true
	err := r.Run(t.Context(), Action{r.spec.Script(name), arg}, c)
	return out.lines, err
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExpectSemantics(t *testing.T) {
	for name, c := range map[string]struct{ regex, input, consumed string }{
		"consumes from the start of the buffer": {`b`, "aab", `aab`},
		"is leftmost-longest":                   {`a|ab|abc`, "xabcd", `xabc`},
		"dot matches a line end":                {`a.b`, "a\nb", `a\nb`},
		"a negated class matches a line end":    {`a[^x]b`, "a\nb", `a\nb`},
		"^ is the start of the buffer":          {`^a`, "ab", `a`},
		"an unmatched ) is text":                {`([0-9]+)).*x`, "12)3x", `12)3x`},
		"a bracket holds a backslash":           {`[\\d]+z`, "dd\\z", `dd\z`},
		"NUL is 0xff":                           {`a\377b`, "a\x00b", `a\377b`},
		"bytes are characters":                  {`a..b`, "a\xc3\xa9b", `a\303\251b`},
		"high bytes in a class":                 {`[\340-\360]+b`, "\xe1\xefb", `\341\357b`},
		"written line ends count":               {`a\\r\\n`, "a\r\n", `a\r\n`},
		"an empty regex needs one byte":         {``, "x", ``},
		"intervals":                             {`[1-5][0-9]{2}:`, "9:123:", `9:123:`},
		"star of a star":                        {`(a*)+*b`, "aab", `aab`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, fmt.Sprintf(`expect "%s"`, c.regex), Options{}, says(c.input))
				got, err := r.do(t, ScriptStatusAll, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				want(t, got, "recv(d): '"+c.consumed+"'")
			})
		})
	}
}

func TestExpectNeverMatches(t *testing.T) {
	for _, c := range []struct{ regex, input string }{
		{`a$`, "a"}, {`^b`, "ab"}, {`A`, "a"}, {`a`, ""}, {``, ""}, {`(^|\\n)b`, "ab"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, fmt.Sprintf(`expect "%s"`, c.regex), Options{}, says(c.input))
			got, err := r.do(t, ScriptStatusAll, nil, nil)
			if !errors.Is(err, ErrTimeout) {
				t.Errorf("%q on %q: %v, %q", c.regex, c.input, err, got)
			}
		})
	}
}

func TestPlugArguments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `timeout 5
			script on { send "%s 100%%\n" expect "ok" }
			script on_ranged { send "%s\n" expect "ok" foreachplug { send "%s.\n" expect "ok" } }
			script on_all { send "%s\n" expect "ok" foreachnode { send "%s.\n" expect "ok" } }`,
			Options{}, func(c net.Conn) {
				for in := bufio.NewScanner(c); in.Scan(); {
					io.WriteString(c, "ok")
				}
			})
		for _, c := range []struct {
			script ScriptName
			plugs  []int
			sent   string
		}{
			{ScriptOn, []int{1}, `2 100%\n`},
			{ScriptOnRanged, []int{2, 0, 1}, `[1-3]\n 3.\n 1.\n 2.\n`},
			{ScriptOnRanged, []int{2}, `3\n 3.\n`},
			{ScriptOnAll, nil, `(null)\n 1.\n 2.\n 3.\n`},
		} {
			got, err := r.do(t, c.script, r.all, c.plugs)
			if err != nil {
				t.Fatal(err)
			}
			var sent []string
			for _, l := range got {
				if text, ok := strings.CutPrefix(l, "send(d): '"); ok {
					sent = append(sent, strings.TrimSuffix(text, "'"))
				}
			}
			if s := strings.Join(sent, " "); s != c.sent {
				t.Errorf("%s %v sent %s, want %s", c.script, c.plugs, s, c.sent)
			}
		}
	})
}

func TestSetPlugState(t *testing.T) {
	for name, c := range map[string]struct {
		script, input string
		targets       []int
		want          []string
	}{
		"the captured name decides, unasked plugs are dropped": {
			`foreachplug { expect "([0-9]): (ON|OFF|BAD)\n" setplugstate $1 $2 on="ON" off="OFF" }`,
			"3: ON\n2: OFF\n1: BAD\n",
			[]int{2, 0},
			[]string{`2=on "ON"`, `0=unknown "BAD"`},
		},
		"a group that took no part leaves the argument": {
			`foreachplug { expect "(x)?(ON|OFF);" setplugstate $1 $2 on="ON" off="OFF" }`,
			"ON;OFF;ON;",
			[]int{0, 1, 2},
			[]string{`0=on "ON"`, `1=off "OFF"`, `2=on "ON"`},
		},
		"first interpretation wins": {
			`expect "v=(.*);" setplugstate "2" $1 off="O" on="ON"`, "v=ON;", []int{1}, []string{`1=off "O` + `N"`},
		},
		"an empty group does not crash": {
			`expect "v=(.*);" setplugstate "2" $1 off="O"`, "v=;", []int{1}, []string{`1=unknown ""`},
		},
		"an empty name, an unknown plug and a missing value do nothing": {
			`expect "(x*)v=(.)(y)?;" setplugstate $1 $2 setplugstate "9" $2 setplugstate "1" $3 setplugstate "1" $9`, "v=1;", []int{0, 1}, nil,
		},
		"without targets nothing is recorded": {
			`expect "(.)=(.)" setplugstate $1 $2 setresult $1 $2 success="x"`, "1=2", nil, nil,
		},
		"results": {
			`foreachplug { expect "([0-9]): ([a-z ]*)\n" setresult $1 $2 success="^ok" }`,
			"1: ok\n9: gone\n2: not found\n",
			[]int{0, 1},
			[]string{`0 ok=true "ok"`, `1 ok=false "not found"`},
		},
		"a result's text ends with its line": {
			`expect "([0-9]): (.*);" setresult $1 $2 success="^ok"`, "1: bad\r\nmore;", []int{0}, []string{`0 ok=false "bad"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, c.script, Options{}, says(c.input))
				out := &log{}
				if err := r.Run(t.Context(), Action{r.spec.Script(ScriptStatusAll), nil}, NewCall(r.table, c.targets, out)); err != nil {
					t.Fatal(err)
				}
				want(t, out.lines, c.want...)
			})
		})
	}
}

func TestIfOn(t *testing.T) {
	const script = `foreachplug { expect "([0-9])=(.);" setplugstate $1 $2 on="1" off="0" }
		foreachplug { ifon { send "on %s" } ifoff { send "off %s" } }`
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, script, Options{}, says("1=1;2=0;3=1;"))
		got, err := r.do(t, ScriptStatusAll, r.all, nil)
		if err != nil {
			t.Fatal(err)
		}
		var sent []string
		for _, l := range got {
			if strings.HasPrefix(l, "send") {
				sent = append(sent, l)
			}
		}
		want(t, sent, "send(d): 'on 1'", "send(d): 'off 2'", "send(d): 'on 3'")
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, script, Options{}, says("1=?;2=0;3=1;"))
		if _, err := r.do(t, ScriptStatusAll, r.all, nil); !errors.Is(err, ErrUnknownState) {
			t.Errorf("an unknown state gave %v", err)
		}
	})
}

// TestStateLastsOverActions: ifon sees what an earlier action of the request found.
func TestStateLastsOverActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `timeout 5 script status { expect "(.)" setplugstate $1 on="1" } script on { ifon { send "x" } }`, Options{}, says("1"))
		c := NewCall(r.table, r.all, nil)
		for _, name := range []ScriptName{ScriptStatus, ScriptOn} {
			if err := r.Run(t.Context(), Action{r.spec.Script(name), []int{1}}, c); err != nil {
				t.Fatal(err)
			}
		}
		if c.State(1) != On || c.State(0) != Unknown {
			t.Errorf("states %s, %s", c.State(1), c.State(0))
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `send "a\n" expect "never" `, Options{}, says("half\r\n"))
		start := time.Now()
		got, err := r.do(t, ScriptStatusAll, r.all, nil)
		var se *ScriptError
		if !errors.As(err, &se) || !errors.Is(err, ErrTimeout) || se.Waiting != "never" || se.Unread != "half\r\n" {
			t.Errorf("got %#v", err)
		}
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("took %s", d)
		}
		want(t, got, `send(d): 'a\n'`, `recv(d): 'half\r\n'`)
	})
}

// TestClockOfTheCaller: the time before the connection counts.
func TestClockOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `expect "never"`, Options{}, says())
		for _, c := range []struct{ before, takes time.Duration }{{4 * time.Second, time.Second}, {6 * time.Second, 0}} {
			start := time.Now()
			call := NewCall(r.table, nil, nil)
			call.Start = start.Add(-c.before)
			if err := r.Run(t.Context(), Action{Script: r.spec.Script(ScriptStatusAll)}, call); !errors.Is(err, ErrTimeout) {
				t.Error(err)
			}
			if d := time.Since(start); d != c.takes {
				t.Errorf("started %s ago it took %s, want %s", c.before, d, c.takes)
			}
		}
	})
}

// TestNoTimeoutGiven: powermand fails such a script at once.
func TestNoTimeoutGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `script status_all { delay 9 expect "x" }`, Options{}, says("x"))
		if _, err := r.do(t, ScriptStatusAll, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestDelay(t *testing.T) {
	for _, c := range []struct {
		seconds string
		opts    Options
		takes   time.Duration
		fails   bool
	}{
		{"1.5", Options{}, 1500 * time.Millisecond, false},
		{"1.5", Options{NoDelays: true}, 0, false},
		{"7", Options{}, 5 * time.Second, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "delay "+c.seconds, c.opts, says())
			start := time.Now()
			got, err := r.do(t, ScriptStatusAll, nil, nil)
			if (err != nil) != c.fails || time.Since(start) != c.takes {
				t.Errorf("delay %s: %v after %s", c.seconds, err, time.Since(start))
			}
			if got[0] != "delay(d): "+map[string]string{"1.5": "1.500000", "7": "7.000000"}[c.seconds] {
				t.Error(got)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	for _, script := range []string{`expect "never"`, `delay 3`, `send "to nobody"`} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, script, Options{}, func(c net.Conn) { time.Sleep(time.Hour) })
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			err := r.Run(ctx, Action{Script: r.spec.Script(ScriptStatusAll)}, NewCall(r.table, nil, nil))
			if !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
				t.Errorf("%s: %v after %s", script, err, time.Since(start))
			}
		})
	}
}

func TestHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `expect "b" expect "c"`, Options{}, func(c net.Conn) {
			time.Sleep(time.Second)
			io.WriteString(c, "ab")
		})
		// What was said before the hang-up still counts.
		got, err := r.do(t, ScriptStatusAll, nil, nil)
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		want(t, got, "recv(d): 'ab'")
		if _, err := r.do(t, ScriptStatusAll, nil, nil); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // seen while idle
		r := newRig(t, `expect "b"`, Options{}, func(c net.Conn) { time.Sleep(time.Second) })
		if r.Err() != nil {
			t.Error(r.Err())
		}
		<-r.Done()
		if !errors.Is(r.Err(), ErrClosed) {
			t.Error(r.Err())
		}
	})
	synctest.Test(t, func(t *testing.T) { // Close ends a script
		r := newRig(t, `expect "b"`, Options{}, says())
		time.AfterFunc(time.Second, func() { r.Close() })
		if _, err := r.do(t, ScriptStatusAll, nil, nil); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

// TestIdleInput: stray text stays for the next script, the newest 65,536 bytes.
func TestIdleInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := 0
		long := strings.Repeat("x", InputLimit)
		r := newRig(t, `expect "[^!]*!"`, Options{Lost: func(n int) { lost += n }}, says("abc", long, "!"))
		synctest.Wait()
		got, err := r.do(t, ScriptStatusAll, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Close(); lost != 4 || len(got[0]) != len("recv(d): ''")+InputLimit || !strings.HasPrefix(got[0], "recv(d): 'xx") {
			t.Errorf("lost %d, consumed %d bytes", lost, len(got[0]))
		}
	})
}

// TestEndlessTalkIsReadSlowly: what nobody waits for is read at a walking pace,
// which a script and the end of the session break off at once.
func TestEndlessTalkIsReadSlowly(t *testing.T) {
	const extra = 100
	synctest.Test(t, func(t *testing.T) {
		lost := 0
		said := make(chan struct{})
		r := newRig(t, `expect "!"`, Options{Lost: func(n int) { lost += n }}, func(c net.Conn) {
			chunk := strings.Repeat("x", readChunk)
			for range InputLimit/readChunk + extra {
				io.WriteString(c, chunk)
			}
			close(said)
			io.WriteString(c, "!")
			io.Copy(io.Discard, c)
		})
		began := time.Now()
		<-said
		if took := time.Since(began); took < (extra-1)*restFor || took > 2*extra*restFor {
			t.Errorf("%d chunks too many were read in %s", extra, took)
		}
		synctest.Wait() // it rests after the last one
		began = time.Now()
		if _, err := r.do(t, ScriptStatusAll, nil, nil); err != nil || time.Since(began) > 0 {
			t.Errorf("the script waited %s: %v", time.Since(began), err)
		}
		if r.Close(); lost != extra*readChunk+1 {
			t.Errorf("%d bytes were lost", lost)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `expect "!"`, Options{}, says(strings.Repeat("x", InputLimit+1)))
		synctest.Wait()
		began := time.Now()
		if err := r.Close(); err != nil || time.Since(began) > 0 {
			t.Errorf("Close took %s: %v", time.Since(began), err)
		}
	})
}

// TestLongAnswerStaysWhole: an answer far over the limit is taken line by line.
func TestLongAnswerStaysWhole(t *testing.T) {
	for _, high := range []string{"", "\xe9"} {
		synctest.Test(t, func(t *testing.T) {
			spec := mustSpec(t, benchSpec)
			table, all, answer := benchPlugs(10_000)
			here, there := net.Pipe()
			go benchDevice(there, []byte(high+string(answer)+high))
			lost := 0
			s := NewSession(spec, here, Options{Lost: func(n int) { lost += n }})
			defer s.Close()
			sink := &discard{}
			err := s.Run(t.Context(), Action{Script: spec.Script(ScriptStatusAll)}, NewCall(table, all, sink))
			if err != nil || sink.n != 10_000 || lost != 0 {
				t.Errorf("%d states, %d bytes lost: %v", sink.n, lost, err)
			}
		})
	}
}

func TestSecretsAreMasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan string, 1)
		r := newRig(t, `send "login %{user} %{password}\n" expect "(.*)> " setplugstate "1" $1`,
			Options{Secrets: map[string]string{"user": "root", "password": "root99"}},
			func(c net.Conn) {
				line, _ := bufio.NewReader(c).ReadString('\n')
				heard <- line
				io.WriteString(c, "root99 is right> ")
			})
		got, err := r.do(t, ScriptStatusAll, r.all, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s := <-heard; s != "login root root99\n" {
			t.Errorf("the device heard %q", s)
		}
		want(t, got, `send(d): 'login root ****\n'`, `recv(d): '**** is right> '`, `0=unknown "**** is right"`)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `send "%{password}"`, Options{}, says())
		if _, err := r.do(t, ScriptStatusAll, nil, nil); err == nil || !strings.Contains(err.Error(), `no secret "password"`) {
			t.Error(err)
		}
	})
}

// TestSendBadFormat: powermand hands %d to printf.
func TestSendBadFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `send "%d%n %"`, Options{}, says())
		got, _ := r.do(t, ScriptStatusAll, nil, nil)
		want(t, got, `send(d): '%d%n %'`)
	})
}

// TestBothSidesWrite: a device that does not read until its own output is read
// must not wedge the session.
func TestBothSidesWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `send "a\n" expect "end"`, Options{}, func(c net.Conn) {
			io.WriteString(c, strings.Repeat("y", 3*InputLimit))
			bufio.NewReader(c).ReadString('\n')
			io.WriteString(c, "end")
		})
		if _, err := r.do(t, ScriptStatusAll, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestTraceFormat(t *testing.T) {
	for _, c := range []struct {
		trace Trace
		want  string
	}{
		{Trace{Kind: TraceSend, Text: "on 3\r\n\t\x1b\xff\x00'\\"}, `send(d): 'on 3\r\n\t\033\377\000'\'`},
		{Trace{Kind: TraceDelay, Delay: 2*time.Second + 250*time.Millisecond}, `delay(d): 2.250000`},
		{Trace{Kind: TraceConnectTimeout}, `connect(d): timeout`},
	} {
		if got := c.trace.Format("d"); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestLoopsInLoops: a script that would count for ever ends.
func TestLoopsInLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, strings.Repeat("foreachplug {", 40)+"delay 0"+strings.Repeat("}", 40), Options{}, says())
		if err := r.Run(t.Context(), Action{Script: r.spec.Script(ScriptStatusAll)}, NewCall(r.table, nil, nil)); !errors.Is(err, ErrEndless) {
			t.Error(err)
		}
	})
}

// TestNoLogin: powermand stops when a specification has no login script.
func TestNoLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `delay 0`, Options{}, says())
		if got, err := r.do(t, ScriptLogin, nil, nil); err != nil || got != nil {
			t.Error(got, err)
		}
	})
}
