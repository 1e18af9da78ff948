package devspec

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStrings(t *testing.T) {
	for written, want := range map[string]string{
		`plain`:            "plain",
		`\a\b\e\f\n\r\t\v`: "\a\b\x1b\f\n\r\t\v",
		`\033[\1018`:       "\x1b[A8",
		`\"\\\q#`:          "\"\\q#",
		`\12`:              "12",
		`\189`:             "\x01",
		`\377`:             "\xff",
		"a\\\nb":           "a\nb",
	} {
		c, err := parseText(`listen "` + written + `"`)
		if err != nil {
			t.Errorf("%q: %v", written, err)
		} else if got := c.Listens[0].Address; got != want {
			t.Errorf("%q is %q, want %q", written, got, want)
		}
	}
}

func TestLongStrings(t *testing.T) { // powermand overruns a buffer at 8192
	for n, ok := range map[int]bool{8191: true, 8192: true, maxStringBytes: true, maxStringBytes + 1: false} {
		if _, err := parseText(`listen "` + strings.Repeat("x", n) + `"`); (err == nil) != ok {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for written, want := range map[string]time.Duration{
		"5": 5 * time.Second, "5.": 5 * time.Second, "5.25": 5250 * time.Millisecond, ".5": 500 * time.Millisecond,
	} {
		if s := mustSpec(t, `specification "s" { timeout `+written+` }`); s.Timeout != want {
			t.Errorf("%s is %s", written, s.Timeout)
		}
	}
}

func TestDirectives(t *testing.T) {
	c, err := ParseConfig("a", openText(map[string]string{
		"a": "listen \"h:1\" listen \"h:2\"\ntcpwrappers yes plug_log_level \"warning\"\n" +
			"include \"b\"\ndevice \"d\" \"s\" \"h:23\" \"quiet\" node\t\"n\" \"d\" \"1\" node \"m\" \"d\" alias \"x\" \"n\" # end",
		"b": "specification \"s\" { timeout 1 include \"c\" pingperiod 2.5 }",
		"c": "plug name { \"1\" \"2\" }\n  script on_range { ifon { delay 1 } }",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Listens) != 2 || !c.TCPWrappers.On || c.PlugLogLevel.Level != 4 || len(c.Devices) != 1 || len(c.Nodes) != 2 || len(c.Aliases) != 1 {
		t.Errorf("got %+v", c)
	}
	s := c.Spec("s")
	if d := cmp.Diff([]string{"1", "2"}, s.Plugs); d != "" || s.PingPeriod != 2500*time.Millisecond {
		t.Error(d, s.PingPeriod)
	}
	if got := s.Script(ScriptOnRanged).Body[0].(*If).Body[0].Place(); got != (Pos{"c", 2, 28}) {
		t.Errorf("the delay stands at %s", got)
	}
}

// TestErrors holds what is reported where, and powermand's words for it.
func TestErrors(t *testing.T) {
	const spec = "specification \"s\" { plug name { \"1\" \"2\" } timeout 1 }\nspecification \"free\" { timeout 1 }\n" +
		"device \"d\" \"s\" \"h:1\" device \"f\" \"free\" \"h:1\"\n"
	for name, c := range map[string]struct {
		text string
		want []string // line:col and a piece of the message
		pm   string   // of the first
	}{
		"unknown word":        {"foo \"x\"", []string{"1:1 a directive"}, "parse error: t.conf::1"},
		"port":                {"port \"1\"", []string{"1:1 no port directive"}, "parse error: t.conf::1"},
		"open string":         {"listen \"a\nlisten 5", []string{"1:8 not closed", "2:8 found number 5"}, "parse error: t.conf::1"},
		"several":             {"device \"a\"\nnode\nalias \"x\" 5\nlisten \"ok\" \"no\"", []string{"2:1 expected the name of a spec", "3:1 expected node names", "3:11 expected node names", "4:13 expected a directive"}, ""},
		"empty block":         {"specification \"s\" { script on { } script foo { } script off { send } }", []string{"1:33 empty", "1:42 no script foo", "1:68 text to send"}, "parse error: t.conf::1"},
		"bad script name":     {"specification \"s\" { script status_rangd { send \"x\" } }", []string{"1:28 there are status, status_all"}, ""},
		"missing brace":       {"specification \"s\" { script on { send \"x\" }\nlisten \"a\"", []string{"2:1 '}' at the end"}, "parse error: t.conf::2"},
		"duplicate script":    {"specification \"s\" { script on { delay 1 } script on_ranged { delay 1 } script on_range { delay 1 } }", []string{"1:72 second script on_ranged"}, "duplicate script: t.conf::1"},
		"duplicate plug list": {"specification \"s\" { plug name { \"1\" } plug name { \"1\" } }", []string{"1:39 second plug list"}, "duplicate plug list: t.conf::1"},
		"bad regex":           {"specification \"s\" { script on { expect \"a[\" expect \"(\" } }", []string{"1:40 Unmatched [", "1:52 Unmatched ("}, "regcomp failed: Unmatched [, [^, [:, [., or [="},
		"long regex":          {"specification \"s\" { script on { expect \"" + strings.Repeat("a", 257) + "\" } }", []string{"1:40 refusing"}, "refusing to compile regex > 256 bytes"},
		"bad group":           {"specification \"s\" { script on { setplugstate $21 } }", []string{"1:46 $21 does not exist"}, ""},
		"bad level":           {"plug_log_level \"loud\"", []string{"1:16 unknown log level"}, "unable to recognize plug_log_level config value"},
		"missing include":     {"include \"nowhere\"\nfoo", []string{"1:9 cannot include nowhere", "2:1 a directive"}, "nowhere: No such file or directory"},
		"endless include":     {"include \"t.conf\"", []string{"1:1 more than 10 deep"}, "Includes nested too deeply"},
		"no nodes":            {spec, []string{"0:0 no nodes"}, "no nodes are defined"},
		"duplicate node":      {spec + "node \"a\" \"d\"\nnode \"a\" \"d\"", []string{"5:6 already defined at t.conf:4:1"}, "duplicate node name: t.conf::5"},
		"unknown plug":        {spec + "node \"a\" \"d\" \"9\"", []string{"4:14 no plug \"9\""}, "unknown plug name: t.conf::4"},
		"plug taken":          {spec + "node \"a\" \"d\" \"1\" node \"b\" \"d\" \"1\"", []string{"4:31 already has node \"a\""}, "plug already assigned: t.conf::4"},
		"free plug taken":     {spec + "node \"a\" \"f\" \"1\" node \"b\" \"f\" \"1\"", []string{"4:31 already has node"}, "plug already assigned: t.conf::4"},
		"more nodes":          {spec + "node \"a[1-3]\" \"d\"", []string{"4:6 no plug left"}, "more nodes than plugs: t.conf::4"},
		"more nodes, named":   {spec + "node \"a[1-3]\" \"d\" \"[1-2]\"", []string{"4:6 3 nodes for 2 plugs"}, "more nodes than plugs: t.conf::4"},
		"more plugs":          {spec + "node \"a\" \"d\" \"[1-2]\"", []string{"4:14 2 plugs for 1"}, "more plugs than nodes: t.conf::4"},
		"unknown device":      {spec + "node \"a\" \"x\"", []string{"4:10 no device \"x\""}, "unknown device: t.conf::4"},
		"device too late":     {"node \"a\" \"d\"\n" + spec, []string{"1:10 only further down"}, "unknown device: t.conf::1"},
		"unknown spec":        {"device \"d\" \"s\" \"h:1\" node \"a\" \"d\"", []string{"1:12 no specification \"s\""}, "device specification not found: t.conf::1"},
		"no port":             {spec + "device \"e\" \"s\" \"h\" node \"a\" \"d\"", []string{"4:16 needs a port"}, "hostname is missing :port: t.conf::4"},
		"port range":          {spec + "device \"e\" \"s\" \"h:70000\" node \"a\" \"d\"", []string{"4:16 not a number from"}, "port number out of range: t.conf::4"},
		"bad option":          {spec + "device \"e\" \"s\" \"h:1\" \"loud\" node \"a\" \"d\"", []string{"4:22 unknown option"}, "bad device option: loud"},
		"bad alias":           {spec + "node \"a\" \"d\" alias \"x\" \"a\" alias \"x\" \"a\" alias \"y\" \"b\"", []string{"4:28 already defined", "4:52 no node \"b\""}, "bad alias: t.conf::4"},
		"bad range":           {spec + "node \"a[2-1]\" \"d\"\nnode \"b\" \"d\" \"[x]\"", []string{"4:6 node names:", "5:14 plug names:"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			conf, err := parseText(c.text)
			if err == nil {
				_, err = conf.Resolve()
			}
			var list ErrorList
			if !errors.As(err, &list) {
				t.Fatalf("got %v", err)
			}
			var got []string
			for i, e := range list {
				place := fmt.Sprintf("%d:%d ", e.Pos.Line, e.Pos.Col)
				got = append(got, place+e.Msg)
				if i < len(c.want) {
					at, piece, _ := strings.Cut(c.want[i], " ")
					if place != at+" " || !strings.Contains(e.Msg, piece) {
						t.Errorf("got  %s%s\nwant %s", place, e.Msg, c.want[i])
					}
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("got %d errors, want %d:\n%s", len(got), len(c.want), strings.Join(got, "\n"))
			}
			if pm := "powermand: " + c.pm; c.pm != "" && list[0].Powermand() != pm {
				t.Errorf("got  %s\nwant %s", list[0].Powermand(), pm)
			}
		})
	}
}

func TestCaret(t *testing.T) {
	_, err := parseText("listen \"a\"\n\tdevice 5\n")
	const want = "t.conf:2:9: expected the device's name in double quotes, found number 5\n\t\tdevice 5\n\t\t       ^"
	var list ErrorList
	if !errors.As(err, &list) || list.Caret() != want {
		t.Errorf("got\n%s\nwant\n%s", list.Caret(), want)
	}
}

// TestSameWordsAsPowermand runs the packaged powermand on broken files and compares
// its message with ours.
func TestSameWordsAsPowermand(t *testing.T) {
	const head = "specification \"s\" { plug name { \"1\" \"2\" } timeout 1 script login { delay 0 } }\ndevice \"d\" \"s\" \"/bin/cat |&\"\n"
	for _, text := range []string{
		"foo\n",
		"listen \"a\nb\"\n",
		"specification \"s\" { }\n",
		"specification \"s\" { script on { } }\n",
		"specification \"s\" { script on { delay 1 } script on { delay 1 } }\n",
		"specification \"s\" { plug name { \"1\" } plug name { \"1\" } }\n",
		"plug_log_level \"loud\"\n",
		"include \"nowhere\"\n",
		"device \"d\" \"s\" \"h:1\" \"quiet\"\n",
		head,
		head + "node \"a\" \"d\" \"1\"\nnode \"a\" \"d\" \"2\"\n",
		head + "node \"a\" \"d\" \"9\"\n",
		head + "node \"a\" \"d\" \"1\"\nnode \"b\" \"d\" \"1\"\n",
		head + "node \"a\" \"d\" \"[1-2]\"\n",
		head + "node \"a\" \"x\" \"1\"\n",
		head + "node \"a\" \"d\" \"1\" alias \"x\" \"a\" alias \"x\" \"a\"\n",
		head + "device \"e\" \"s\" \"h\" \"quiet\"\n",
		head + "device \"e\" \"s\" \"h:70000\" \"quiet\"\n",
		head + "device \"e\" \"s\" \"127.0.0.1:70\" \"loud\"\nnode \"a\" \"d\" \"1\"\n",
	} {
		file := filepath.Join(t.TempDir(), "p.conf")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(powermandPath, "-f", "-s", "-c", file).CombinedOutput()
		theirs, _, _ := strings.Cut(string(out), "\n")
		c, err := ParseConfig(file, OSOpen)
		if err == nil {
			_, err = c.Resolve()
		}
		var list ErrorList
		if !errors.As(err, &list) {
			t.Errorf("no error for %q; powermand: %s", text, theirs)
		} else if ours := list[0].Powermand(); ours != theirs {
			t.Errorf("%q:\nours   %s\ntheirs %s", text, ours, theirs)
		}
	}
}

func TestIncludeDepth(t *testing.T) {
	for depth, ok := range map[int]bool{10: true, 11: false} {
		files := map[string]string{}
		for i := range depth {
			files[fmt.Sprint("f", i)] = fmt.Sprintf("include \"f%d\"\n", i+1)
		}
		files[fmt.Sprint("f", depth)] = "listen \"x\"\n"
		if _, err := ParseConfig("f0", openText(files)); (err == nil) != ok {
			t.Errorf("%d deep: %v", depth, err)
		}
	}
	wide := map[string]string{"a": strings.Repeat("include \"b\"\n", 200)}
	for _, n := range []string{"b", "c", "d", "e"} {
		wide[n] = strings.Repeat("include \""+string(n[0]+1)+"\"\n", 200)
	}
	wide["f"] = "\n"
	if _, err := ParseConfig("a", openText(wide)); err == nil {
		t.Error("200^5 includes were followed")
	}
}

func TestLayoutOrder(t *testing.T) {
	c, err := parseText(`specification "fix" { timeout 1 plug name { "1" "2" "3" } } specification "free" { timeout 1 }
		device "d" "fix" "h:1" device "f" "free" "h:1"
		node "b" "d" "2" node "a,c" "d"
		node "x[1-3]" "f" node "y[1-2]" "f" "p[8-9]"
		alias "all" "a,x[1-3]"`)
	if err != nil {
		t.Fatal(err)
	}
	l, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Plug{{"1", "a"}, {"2", "b"}, {"3", "c"}}, l.Devices[0].Plugs); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Plug{{"p9", "y2"}, {"p8", "y1"}, {"x3", "x3"}, {"x2", "x2"}, {"x1", "x1"}}, l.Devices[1].Plugs); d != "" {
		t.Error(d)
	}
	var order []string
	for _, n := range l.Nodes {
		order = append(order, n.Name)
		if l.Devices[n.Device].Plugs[n.Plug].Node != n.Name {
			t.Errorf("%+v points at %+v", n, l.Devices[n.Device].Plugs[n.Plug])
		}
	}
	if got := strings.Join(order, " "); got != "b a c x1 x2 x3 y1 y2" {
		t.Error(got)
	}
	if d := cmp.Diff([]LayoutAlias{{"all", []string{"a", "x1", "x2", "x3"}}}, l.Aliases); d != "" {
		t.Error(d)
	}
}

func TestSerialFlags(t *testing.T) {
	for text, want := range map[string]SerialFlags{
		"": {9600, 8, 'n', 1}, "115200": {115200, 8, 'n', 1}, "1200,7E2": {1200, 7, 'e', 2}, "300,7": {300, 7, 'n', 1},
	} {
		if got, err := ParseSerialFlags(text); err != nil || got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "9601", "9600,9n1", "9600,8x1", "9600,8n3", "9600,8n11"} {
		if _, err := ParseSerialFlags(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// BenchmarkParse100000Nodes reads and lays out 100,000 nodes written one by one.
func BenchmarkParse100000Nodes(b *testing.B) {
	var text strings.Builder
	text.WriteString("specification \"s\" { timeout 1 }\n")
	for d := range 6250 {
		fmt.Fprintf(&text, "device \"d%d\" \"s\" \"h%d:23\"\n", d, d)
		for i := range 16 {
			fmt.Fprintf(&text, "node \"n%d\" \"d%d\" \"%d\"\n", d*16+i, d, i)
		}
	}
	for b.Loop() {
		c, err := parseText(text.String())
		if err != nil {
			b.Fatal(err)
		}
		if l, err := c.Resolve(); err != nil || len(l.Nodes) != 100_000 {
			b.Fatal(err)
		}
	}
}
