package devspec

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Warning is something that loads but would fail, or mislead, when it runs.
type Warning struct {
	Pos  Pos
	Code string // short and stable, for filters: no-login, bad-format...
	Msg  string
	Text string // the line it stands on
}

// String gives file:line:col: message [code].
func (w Warning) String() string { return w.Pos.String() + ": " + w.Msg + " [" + w.Code + "]" }

// Caret gives the warning with its line and a caret under the place.
func (w Warning) Caret() string { return w.String() + caret(w.Pos, w.Text) }

// Check warns of what would fail or mislead at run time in an otherwise correct
// configuration or device file, in order of place.
func Check(c *Config) []Warning {
	k := checker{files: c.files}
	first := make(map[string]*Spec)
	for _, s := range c.Specs {
		if old := first[s.Name]; old != nil {
			k.warn(s.Pos, "duplicate-spec", "specification %q is already defined at %s, and that one is used", s.Name, old.Pos)
		} else {
			first[s.Name] = s
		}
		k.spec(s)
	}
	k.devices(c)
	sort.SliceStable(k.out, func(i, j int) bool {
		a, b := &k.out[i], &k.out[j]
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col)) < 0
	})
	return k.out
}

type checker struct {
	files *files
	out   []Warning
	spc   *Spec
}

func (k *checker) warn(at Pos, code, format string, args ...any) {
	k.out = append(k.out, Warning{at, code, fmt.Sprintf(format, args...), k.files.errorAt(at, "", "").Text})
}

func (k *checker) devices(c *Config) {
	if sw := c.TCPWrappers; sw != nil && sw.Bare {
		k.warn(sw.Pos, "bare-tcpwrappers", "tcpwrappers without yes or no means yes; write it")
	}
	first := make(map[string]*Device)
	for _, d := range c.Devices {
		if old := first[d.Name]; old != nil {
			k.warn(d.Pos, "duplicate-device", "device %q is already defined at %s; nodes can only be put on that one", d.Name, old.Pos)
		} else {
			first[d.Name] = d
		}
		if d.Transport() == TransportSerial && !d.HasFlags {
			k.warn(d.Pos, "serial-flags", `device %q has no flags; 9600,8n1 is taken (powermand crashes)`, d.Name)
		}
		if d.Transport() == TransportTCP && strings.HasPrefix(d.Where, "[") {
			k.warn(d.wherePos, "extension", "device %q: powermand cannot read IPv6 addresses", d.Name)
		}
		if d.Transport() == TransportCoprocess {
			if cmd := d.Command(); len(cmd) > 0 && !strings.HasPrefix(cmd[0], "/") {
				k.warn(d.wherePos, "command-path", "device %q: powermand does not search PATH; write the whole path of %s", d.Name, cmd[0])
			}
		}
	}
}

// spec checks what a specification lacks.
func (k *checker) spec(s *Spec) {
	k.spc = s
	if s.Script(ScriptLogin) == nil {
		k.warn(s.Pos, "no-login", "specification %q has no login script (powermand stops at start)", s.Name)
	}
	if s.Timeout == 0 {
		k.warn(s.Pos, "no-timeout", "specification %q has no timeout; %s is taken (powermand fails every action at once)", s.Name, DefaultTimeout)
	}
	if s.PingPeriod > 0 && s.Script(ScriptPing) == nil {
		k.warn(s.Pos, "no-ping", "specification %q has a pingperiod and no ping script", s.Name)
	}
	if s.Script(ScriptLogout) != nil && s.Script(ScriptLogin) == nil {
		k.warn(s.Script(ScriptLogout).Pos, "logout", "the logout script is never run")
	}
	k.families(s)
	for _, sc := range s.Scripts() {
		if sc.oldName {
			k.warn(sc.Pos, "old-name", "script %s is written by the name of older manuals, which powermand does not accept", sc.Name)
		}
		if sc.Name == ScriptStatusSoft || sc.Name == ScriptStatusSoftAll {
			k.warn(sc.Pos, "old-name", "powermand does not accept script %s", sc.Name)
		}
		f := flow{checker: k, script: sc, groups: -1, hasArg: sc.Name.takesPlug()}
		f.block(sc.Body)
		f.afterLast()
	}
}

// families warns of operations that are only possible for some choices of plugs.
func (k *checker) families(s *Spec) {
	for op := Op(0); op < numOps; op++ {
		f := families[op]
		if whole := s.Script(f.all); whole != nil && !f.query && s.Script(f.one) == nil && s.Script(f.ranged) == nil && len(s.Plugs) != 1 {
			k.warn(whole.Pos, "only-all", "%s is only possible for all plugs together: there is no script %s", op, f.one)
		}
	}
	for _, pair := range [][2]Op{{OpOn, OpOff}, {OpBeaconOn, OpBeaconOff}} {
		if s.Can(pair[0]) != s.Can(pair[1]) {
			has, hasNot := pair[0], pair[1]
			if s.Can(hasNot) {
				has, hasNot = hasNot, has
			}
			k.warn(s.Pos, "half-family", "specification %q can do %s but not %s", s.Name, has, hasNot)
		}
	}
	if s.Can(OpOn) && !s.Can(OpStatus) {
		k.warn(s.Pos, "no-status", "specification %q can switch but has no status script", s.Name)
	}
}

// flow follows the statements of one script.
type flow struct {
	*checker
	script  *Script
	groups  int   // of the last expect; -1 when there was none
	unheard *Send // sent last, and no expect since
	known   bool  // some statement has recorded a state
	hasArg  bool  // there is one plug as argument
}

func (f *flow) block(body []Stmt) {
	for _, st := range body {
		f.statement(st)
	}
}

func (f *flow) statement(st Stmt) {
	switch st := st.(type) {
	case *Send:
		f.send(st)
	case *Expect:
		f.unheard, f.groups = nil, st.Re.Groups()
		if st.Re.never {
			f.warn(st.Pos, "dollar", "$ in an expect never matches: the end of the input is not the end of a line")
		}
		if st.Re.re.MatchString("") {
			f.warn(st.Pos, "empty-match", "this expect matches any input, even none of it")
		}
	case *Delay:
		if st.Time >= f.spc.Limit() {
			f.warn(st.Pos, "long-delay", "this delay is as long as the timeout of the whole script (%s)", f.spc.Limit())
		}
	case *SetPlugState:
		f.setPlugState(st)
	case *SetResult:
		f.group(st.Pos, st.Group)
		f.group(st.Pos, st.Value)
	case *ForEach:
		arg := f.hasArg
		f.hasArg = true
		f.block(st.Body)
		f.hasArg = arg
	case *If:
		if !f.known {
			f.warn(st.Pos, "unknown-state", "no setplugstate stands before this, so the state is unknown and the script fails here")
		}
		if !f.hasArg {
			f.warn(st.Pos, "no-argument", "there is no plug here whose state could be asked for")
		}
		f.block(st.Body)
	}
}

func (f *flow) send(st *Send) {
	if f.unheard != nil {
		f.warn(f.unheard.Pos, "no-expect", "no expect follows before the next send, so nothing says that the device is ready")
	}
	f.unheard = st
	if _, bad := parseSend(st.Format); bad != "" {
		f.warn(st.Pos, "bad-format", "%q is not %%s or %%%%; powermand may crash on it (write %%%% for a percent sign)", bad)
	}
	if strings.Contains(st.Format, "\x00") {
		f.warn(st.Pos, "nul", "powermand ends the text at the NUL byte")
	}
	for _, p := range st.parts {
		switch {
		case p.kind == sendSecret:
			f.warn(st.Pos, "extension", "%%{%s} is an extension that powermand does not understand", p.text)
		case p.kind == sendPlug && !f.hasArg && !f.script.Name.takesRange():
			f.warn(st.Pos, "no-argument", "there is no plug here: %%s will be sent as %s", noArgument)
		}
	}
}

// afterLast warns of an answer that nobody reads.
func (f *flow) afterLast() {
	if f.unheard != nil && f.script.Name != ScriptLogout {
		f.warn(f.unheard.Pos, "no-expect", "no expect follows, so the answer is left for the next script")
	}
}

func (f *flow) setPlugState(st *SetPlugState) {
	f.known = true
	f.group(st.Pos, st.Value)
	if st.Group >= 0 {
		f.group(st.Pos, st.Group)
	}
	if !st.HasPlug && st.Group < 0 && !f.hasArg {
		f.warn(st.Pos, "no-argument", "there is no plug here; this does nothing")
	}
	if st.HasPlug && f.spc.Plugs != nil && !slices.Contains(f.spc.Plugs, st.Plug) {
		f.warn(st.Pos, "unknown-plug", "plug %q is not in the plug list; this does nothing", st.Plug)
	}
	if len(st.Interps) == 0 && (f.script.Name == ScriptStatus || f.script.Name == ScriptStatusAll) {
		f.warn(st.Pos, "no-state", "neither on= nor off= is given, so the state stays unknown")
	}
	for _, in := range st.Interps {
		if in.Re.never {
			f.warn(st.Pos, "dollar", "$ in %q never matches", in.Re.src)
		}
	}
}

// group warns of a $N that the last expect does not give.
func (f *flow) group(at Pos, n int) {
	switch {
	case f.groups < 0:
		f.warn(at, "no-group", "$%d is used before any expect", n)
	case n > f.groups:
		f.warn(at, "no-group", "$%d is used, but the last expect has only %d groups", n, f.groups)
	}
}
