package devspec

import (
	"strconv"
	"strings"
	"time"
)

// parser reads the grammar of powerman.conf(5) and powerman.dev(5) by recursive
// descent. After an error it goes on at the next word that can start something, so
// that one run shows all mistakes.
type parser struct {
	files  *files
	lex    *lexer
	tok    token
	errs   ErrorList
	config *Config
	regex  map[string]*Regex // equal sources are compiled once
	seq    int               // order of directives over all files
	depth  int               // of nested blocks
}

// maxBlockDepth bounds nested blocks, and so the stack of parser and interpreter.
const maxBlockDepth = 64

func newParser(name string, open OpenFunc) *parser {
	f := &files{open: open, byName: make(map[string]*source)}
	p := &parser{files: f, config: &Config{name: name, files: f}, regex: make(map[string]*Regex)}
	p.lex = &lexer{files: f, errs: &p.errs}
	return p
}

// advance reads the next token. A token that cannot be read was reported by the
// lexer and is skipped by whoever recovers.
func (p *parser) advance() {
	if len(p.errs) >= maxErrors {
		if p.tok.kind != tokEOF {
			p.errs = append(p.errs, p.files.errorAt(p.tok.pos, "parse error", "too many errors; the rest was not read"))
		}
		p.tok = token{kind: tokEOF, pos: p.tok.pos}
		return
	}
	p.tok = p.lex.next()
}

func (p *parser) fail(at Pos, powermand, format string, args ...any) {
	p.lex.fail(at, powermand, format, args...)
}

// unexpected reports that the present token is not what the grammar wants.
func (p *parser) unexpected(want string) {
	if p.tok.kind != tokBad {
		p.fail(p.tok.pos, "parse error", "expected %s, found %s", want, p.tok.describe())
	}
}

// isItem reports whether a word starts a directive of the configuration.
func isItem(word string) bool {
	switch word {
	case "listen", "tcpwrappers", "plug_log_level", "device", "node", "alias", "specification":
		return true
	}
	return false
}

// parse reads everything.
func (p *parser) parse() {
	p.advance()
	for p.tok.kind != tokEOF {
		p.seq++
		if p.tok.kind == tokWord && isItem(p.tok.text) {
			if !p.item() {
				p.skipTo(func(w string) bool { return isItem(w) })
			}
			continue
		}
		p.notAnItem()
		p.advance()
		p.skipTo(func(w string) bool { return isItem(w) })
	}
}

// notAnItem explains a word that starts no directive.
func (p *parser) notAnItem() {
	if p.tok.kind == tokWord && p.tok.text == "port" {
		p.fail(p.tok.pos, "parse error", `there is no port directive any more: write listen "HOST:PORT"`)
		return
	}
	p.unexpected("a directive (listen, tcpwrappers, plug_log_level, device, node, alias, specification)")
}

// skipTo moves to a word that starts something again, over whole blocks.
func (p *parser) skipTo(stop func(string) bool) {
	for p.tok.kind != tokEOF {
		if p.tok.kind == tokWord && stop(p.tok.text) {
			return
		}
		p.advance()
	}
}

// item reads one directive; false means that it was not understood to its end.
func (p *parser) item() bool {
	at, word := p.tok.pos, p.tok.text
	p.advance()
	switch word {
	case "listen":
		return p.listen(at)
	case "tcpwrappers":
		return p.tcpwrappers(at)
	case "plug_log_level":
		return p.plugLogLevel(at)
	case "device":
		return p.device(at)
	case "node":
		return p.node(at)
	case "alias":
		return p.alias(at)
	}
	return p.specification(at)
}

// str reads a string; what says what it is for.
func (p *parser) str(what string) (string, Pos, bool) {
	if p.tok.kind != tokString {
		p.unexpected(what + " in double quotes")
		return "", Pos{}, false
	}
	s, at := p.tok.text, p.tok.pos
	p.advance()
	return s, at, true
}

func (p *parser) listen(at Pos) bool {
	s, _, ok := p.str("an address HOST:PORT")
	if ok {
		p.config.Listens = append(p.config.Listens, &Listen{at, s})
	}
	return ok
}

func (p *parser) tcpwrappers(at Pos) bool {
	sw := &Switch{Pos: at, On: true, Bare: true}
	if p.tok.kind == tokWord && (p.tok.text == "yes" || p.tok.text == "no") {
		sw.On, sw.Bare = p.tok.text == "yes", false
		p.advance()
	}
	p.config.TCPWrappers = sw
	return true
}

func (p *parser) plugLogLevel(at Pos) bool {
	s, pos, ok := p.str("a log level")
	if !ok {
		return false
	}
	for _, l := range logLevels {
		if l.name == s {
			p.config.PlugLogLevel = &LogLevel{at, s, l.level}
			return true
		}
	}
	e := p.files.errorAt(pos, "unable to recognize plug_log_level config value",
		"unknown log level %q (use emerg, alert, crit, err, warning, notice, info or debug)", s)
	e.place = false
	p.errs = append(p.errs, e)
	return true
}

func (p *parser) device(at Pos) bool {
	d := &Device{Pos: at, seq: p.seq}
	var ok bool
	if d.Name, _, ok = p.str("the device's name"); !ok {
		return false
	}
	if d.Spec, d.specPos, ok = p.str("the name of a specification"); !ok {
		return false
	}
	if d.Where, d.wherePos, ok = p.str("where the device is"); !ok {
		return false
	}
	if p.tok.kind == tokString {
		d.Flags, d.flagsPos, _ = p.str("")
		d.HasFlags = true
	}
	p.config.Devices = append(p.config.Devices, d)
	return true
}

func (p *parser) node(at Pos) bool {
	n := &Node{Pos: at, seq: p.seq}
	var ok bool
	if n.Hosts, n.hostsPos, ok = p.str("node names"); !ok {
		return false
	}
	if n.Device, n.devicePos, ok = p.str("the name of a device"); !ok {
		return false
	}
	if p.tok.kind == tokString {
		n.Plugs, n.plugsPos, _ = p.str("")
		n.HasPlugs = true
	}
	p.config.Nodes = append(p.config.Nodes, n)
	return true
}

func (p *parser) alias(at Pos) bool {
	a := &Alias{Pos: at}
	var ok bool
	if a.Name, _, ok = p.str("the alias's name"); !ok {
		return false
	}
	if a.Hosts, a.hostsPos, ok = p.str("node names"); !ok {
		return false
	}
	p.config.Aliases = append(p.config.Aliases, a)
	return true
}

// isSpecItem reports whether a word starts something inside a specification.
func isSpecItem(word string) bool {
	switch word {
	case "timeout", "pingperiod", "plug name", "script":
		return true
	}
	return false
}

func (p *parser) specification(at Pos) bool {
	name, _, ok := p.str("the specification's name")
	if !ok {
		return false
	}
	s := &Spec{Name: name, Pos: at, seq: p.seq}
	if p.tok.kind != tokOpen {
		p.unexpected("'{'")
		return false
	}
	p.advance()
	if p.tok.kind == tokClose {
		p.fail(p.tok.pos, "parse error", "specification %q is empty", name)
		p.advance()
		return true
	}
	// What could be read is kept even if something in it is wrong: so its devices do
	// not complain of a missing specification as well.
	p.config.Specs = append(p.config.Specs, s)
	for p.tok.kind != tokClose {
		if p.tok.kind == tokEOF || p.tok.kind == tokWord && isItem(p.tok.text) {
			p.unexpected("'}' at the end of specification \"" + name + "\"")
			return true
		}
		if !p.specItem(s) {
			p.skipInSpec()
		}
	}
	p.advance()
	return true
}

// skipInSpec moves to the next thing of a specification, or to the brace that ends
// it, over the blocks between.
func (p *parser) skipInSpec() {
	depth := 0
	for ; p.tok.kind != tokEOF; p.advance() {
		switch p.tok.kind {
		case tokOpen:
			depth++
		case tokClose:
			if depth == 0 {
				return
			}
			depth--
		case tokWord:
			if isItem(p.tok.text) || isSpecItem(p.tok.text) {
				return
			}
		}
	}
}

func (p *parser) specItem(s *Spec) bool {
	at := p.tok.pos
	if p.tok.kind != tokWord || !isSpecItem(p.tok.text) {
		p.unexpected("timeout, pingperiod, plug name or script")
		if p.tok.kind != tokClose && p.tok.kind != tokOpen { // skipInSpec counts braces
			p.advance()
		}
		return false
	}
	word := p.tok.text
	p.advance()
	switch word {
	case "timeout":
		d, ok := p.seconds("a number of seconds")
		s.Timeout = d
		return ok
	case "pingperiod":
		d, ok := p.seconds("a number of seconds")
		s.PingPeriod = d
		return ok
	case "plug name":
		return p.plugNames(s, at)
	}
	return p.script(s, at)
}

// seconds reads a number as a time. More than a year is taken as a year.
func (p *parser) seconds(what string) (time.Duration, bool) {
	if p.tok.kind != tokNumber {
		p.unexpected(what)
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(p.tok.text, "."), 64)
	if const365 := float64(365 * 24 * 3600); err != nil || v > const365 {
		v = const365
	}
	p.advance()
	return time.Duration(v*1e6+0.5) * time.Microsecond, true
}

func (p *parser) plugNames(s *Spec, at Pos) bool {
	if s.Plugs != nil {
		p.fail(at, "duplicate plug list", "specification %q has a second plug list (the first is at %s)", s.Name, s.plugsPos)
	}
	if p.tok.kind != tokOpen {
		p.unexpected("'{'")
		return false
	}
	p.advance()
	var names []string
	seen := make(map[string]bool)
	for p.tok.kind == tokString {
		if seen[p.tok.text] {
			p.fail(p.tok.pos, "parse error", "plug %q is listed twice", p.tok.text)
		}
		seen[p.tok.text] = true
		names = append(names, p.tok.text)
		p.advance()
	}
	if p.tok.kind != tokClose || names == nil {
		p.unexpected("a plug name in double quotes")
		return false
	}
	p.advance()
	if s.Plugs == nil {
		s.Plugs, s.plugsPos = names, at
	}
	return true
}

func (p *parser) script(s *Spec, at Pos) bool {
	if p.tok.kind != tokWord {
		p.unexpected("the name of a script")
		return false
	}
	name, alias, ok := lookupScript(p.tok.text)
	if !ok {
		p.fail(p.tok.pos, "parse error", "there is no script %s%s", p.tok.text, hintScript(p.tok.text))
		p.advance()
		return false
	}
	if old := s.scripts[name]; old != nil {
		p.fail(at, "duplicate script", "specification %q has a second script %s (the first is at %s)", s.Name, name, old.Pos)
	}
	p.advance()
	body, ok := p.block()
	if s.scripts[name] == nil {
		s.scripts[name] = &Script{Name: name, Pos: at, Body: body, oldName: alias}
	}
	return ok
}

// hintScript offers the script names that start alike.
func hintScript(word string) string {
	stem, _, _ := strings.Cut(word, "_")
	var near []string
	for _, n := range scriptNames {
		if len(stem) >= 2 && strings.HasPrefix(n, stem) {
			near = append(near, n)
		}
	}
	if near == nil {
		return ""
	}
	return " (there are " + strings.Join(near, ", ") + ")"
}
