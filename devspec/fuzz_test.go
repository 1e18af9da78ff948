package devspec

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzParse: no text crashes or wedges the parser, every error has a place and
// renders, and what parses can be resolved and linted.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		benchSpec, recordSpec,
		"listen \"a:1\" tcpwrappers yes device \"d\" \"b\" \"h:1\" node \"n[1-3]\" \"d\" alias \"x\" \"n1\"",
		"include \"t.conf\"", "specification \"s\" { script on { setresult $1 $2 success=\"\\\\[\" ifon { ifoff { delay .5 } } } }",
		"specification \"s\" { plug name { \"1\" } } device \"d\" \"s\" \"/dev/x\" \"9600,8n1\" node \"a\" \"d\" \"[1-9]\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseText(text)
		if err == nil {
			_, err = c.Resolve()
		} else {
			c.Resolve()
		}
		Check(c)
		var list ErrorList
		if err != nil && !errors.As(err, &list) {
			t.Fatalf("%T", err)
		}
		for _, e := range list {
			if e.Msg == "" || e.Powermand() == "" || e.Caret() == "" {
				t.Fatalf("%#v", e)
			}
		}
	})
}

// FuzzRegex: the shortcuts agree with the general matcher.
func FuzzRegex(f *testing.F) {
	f.Add("plug ([0-9]+): (ON|OFF)\n", "plug 1: ON\n")
	f.Add("a|b$|[]x-]\\n", "x\xff\x00b")
	f.Add("(O(n|ff)){2}|^a*?", "aOnOff")
	f.Fuzz(func(t *testing.T, src, text string) {
		re, err := CompileRegex(src)
		if err != nil || len(text) > 1000 {
			return
		}
		plain := &Regex{src: re.src, re: re.re, groups: re.groups}
		if got, want := re.Match([]byte(text)), plain.re.Match(appendWide(nil, []byte(text))); got != want {
			t.Errorf("Match(%q, %q) is %t", src, text, got)
		}
		var a, b input
		a.add([]byte(text))
		b.add([]byte(text))
		got, want := a.find(re, nil), b.find(plain, nil)
		if len(got) != len(want) {
			t.Fatalf("find(%q, %q) is %v, want %v", src, text, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("find(%q, %q) is %v, want %v", src, text, got, want)
			}
		}
	})
}

// FuzzRun: whatever a device says, every script comes to an end.
func FuzzRun(f *testing.F) {
	f.Add("plug 1: ON\nplug 2: OFF\n", "expect \"plug (.): (.*)\n\" setplugstate $1 $2 on=\"ON\" ifon { send \"%s\" }", 3)
	f.Add("\x00\xff\xff", "foreachplug { expect \"(.)\" setresult $1 $1 success=\"\" }", 1)
	f.Add("", "delay 1 foreachnode { foreachplug { ifoff { delay 1 } } }", 0)
	f.Fuzz(func(t *testing.T, said, script string, piece int) {
		c, err := parseText(`specification "s" { timeout 3 script on_ranged {` + script + `} }`)
		if err != nil || len(c.Specs) != 1 || c.Specs[0].Script(ScriptOnRanged) == nil || len(said) > 10_000 {
			return
		}
		spec := c.Specs[0]
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			go io.Copy(io.Discard, there)
			go func() {
				for rest := said; rest != ""; {
					n := min(len(rest), 1+max(piece, 0)%len(said))
					if _, err := io.WriteString(there, rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
				}
			}()
			s := NewSession(spec, here, Options{})
			table := NewPlugTable([]Plug{{"1", "a"}, {"2", ""}, {"3", "c"}})
			call := NewCall(table, []int{0, 2}, &log{})
			call.Trace = true
			start := time.Now()
			err := s.Run(context.Background(), Action{spec.Script(ScriptOnRanged), []int{0, 2}}, call)
			if time.Since(start) > spec.Limit() {
				t.Errorf("took %s: %v", time.Since(start), err)
			}
			s.Close()
			there.Close()
		})
	})
}
