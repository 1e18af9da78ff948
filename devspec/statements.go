package devspec

import "strconv"

// isStatement reports whether a word starts a statement.
func isStatement(word string) bool {
	switch word {
	case "send", "expect", "delay", "setplugstate", "setresult", "foreachplug", "foreachnode", "ifon", "ifoff":
		return true
	}
	return false
}

// block reads statements in braces; there must be at least one.
func (p *parser) block() ([]Stmt, bool) {
	if p.tok.kind != tokOpen {
		p.unexpected("'{'")
		return nil, false
	}
	at := p.tok.pos
	if p.depth++; p.depth > maxBlockDepth {
		p.depth--
		p.fail(at, "parse error", "blocks are nested more than %d deep", maxBlockDepth)
		return nil, false
	}
	defer func() { p.depth-- }()
	p.advance()
	if p.tok.kind == tokClose {
		p.fail(p.tok.pos, "parse error", "this block is empty; it needs at least one statement")
		p.advance()
		return nil, true
	}
	var body []Stmt
	for p.tok.kind != tokClose {
		if p.tok.kind == tokEOF || p.tok.kind == tokWord && (isItem(p.tok.text) || isSpecItem(p.tok.text)) {
			p.unexpected("'}' at the end of the block that starts at " + at.String())
			return body, true
		}
		st, ok := p.statement()
		if st != nil {
			body = append(body, st)
		}
		if !ok {
			p.skipStatement()
		}
	}
	p.advance()
	return body, true
}

// skipStatement moves to the next statement, the end of the block, or further out.
func (p *parser) skipStatement() {
	for depth := 0; p.tok.kind != tokEOF; p.advance() {
		switch p.tok.kind {
		case tokOpen:
			depth++
		case tokClose:
			if depth == 0 {
				return
			}
			depth--
		case tokWord:
			if isItem(p.tok.text) || isSpecItem(p.tok.text) || depth == 0 && isStatement(p.tok.text) {
				return
			}
		}
	}
}

func (p *parser) statement() (Stmt, bool) {
	at, word := p.tok.pos, p.tok.text
	if p.tok.kind != tokWord || !isStatement(word) {
		p.unexpected("a statement (send, expect, delay, setplugstate, setresult, foreachplug, foreachnode, ifon, ifoff)")
		if p.tok.kind != tokOpen { // skipStatement counts braces
			p.advance()
		}
		return nil, false
	}
	p.advance()
	switch word {
	case "send":
		s, _, ok := p.str("the text to send")
		if !ok {
			return nil, false
		}
		parts, _ := parseSend(s)
		return &Send{Pos: at, Format: s, parts: parts}, true
	case "expect":
		re, ok := p.regexString("a regular expression")
		if re == nil {
			return nil, ok
		}
		return &Expect{Pos: at, Re: re}, true
	case "delay":
		d, ok := p.seconds("a number of seconds")
		if !ok {
			return nil, false
		}
		return &Delay{Pos: at, Time: d}, true
	case "setplugstate":
		return p.setPlugState(at)
	case "setresult":
		return p.setResult(at)
	}
	body, ok := p.block()
	switch word {
	case "foreachplug", "foreachnode":
		return &ForEach{Pos: at, Nodes: word == "foreachnode", Body: body}, ok
	}
	return &If{Pos: at, On: word == "ifon", Body: body}, ok
}

// regexString reads a string and compiles it. A wrong expression is reported and
// gives nil, true: the grammar is in order.
func (p *parser) regexString(what string) (*Regex, bool) {
	src, at, ok := p.str(what)
	if !ok {
		return nil, false
	}
	if re := p.regex[src]; re != nil {
		return re, true
	}
	re, err := CompileRegex(src)
	if err != nil {
		p.fail(at, err.Error(), "%s", err)
		p.errs[len(p.errs)-1].place = false
		return nil, true
	}
	p.regex[src] = re
	return re, true
}

// group reads $N.
func (p *parser) group(what string) (int, bool) {
	if p.tok.kind != tokGroup {
		p.unexpected(what)
		return 0, false
	}
	n, err := strconv.Atoi(p.tok.text)
	if err != nil || n > MaxRegexGroups {
		p.fail(p.tok.pos, "parse error", "$%s does not exist; groups go from $0 to $%d", p.tok.text, MaxRegexGroups)
		n = 0
	}
	p.advance()
	return n, true
}

// setPlugState reads: setplugstate [ STRING | $N ] $N { (on|off) = STRING }.
func (p *parser) setPlugState(at Pos) (Stmt, bool) {
	st := &SetPlugState{Pos: at, Group: -1}
	var ok bool
	if p.tok.kind == tokString {
		st.Plug, _, _ = p.str("")
		st.HasPlug = true
	}
	if st.Value, ok = p.group("a group $N"); !ok {
		return nil, false
	}
	if !st.HasPlug && p.tok.kind == tokGroup {
		st.Group = st.Value
		st.Value, _ = p.group("")
	}
	for p.tok.kind == tokWord && (p.tok.text == "on" || p.tok.text == "off") {
		state := Off
		if p.tok.text == "on" {
			state = On
		}
		p.advance()
		re, ok := p.assigned()
		if !ok {
			return st, false
		}
		if re != nil {
			st.Interps = append(st.Interps, Interp{state, re})
		}
	}
	return st, true
}

// assigned reads = STRING.
func (p *parser) assigned() (*Regex, bool) {
	if p.tok.kind != tokEquals {
		p.unexpected("'='")
		return nil, false
	}
	p.advance()
	return p.regexString("a regular expression")
}

// setResult reads: setresult $N $N success = STRING { success = STRING }.
func (p *parser) setResult(at Pos) (Stmt, bool) {
	st := &SetResult{Pos: at}
	var ok bool
	if st.Group, ok = p.group("the group $N with the plug's name"); !ok {
		return nil, false
	}
	if st.Value, ok = p.group("the group $N with the result"); !ok {
		return nil, false
	}
	if p.tok.kind != tokWord || p.tok.text != "success" {
		p.unexpected(`success="..."`)
		return st, false
	}
	for p.tok.kind == tokWord && p.tok.text == "success" {
		p.advance()
		re, ok := p.assigned()
		if !ok {
			return st, false
		}
		if re != nil {
			st.Success = append(st.Success, re)
		}
	}
	return st, true
}
