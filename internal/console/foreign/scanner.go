package foreign

import (
	"fmt"
	"strings"
)

// token is a word ('w'), a file to include ('i'), one of { } ; , or the end (0).
type token struct {
	kind byte
	text string
	line int
}

// scanner cuts a conserver.cf into tokens.
type scanner struct {
	text string
	at   int
	line int
}

func (s *scanner) next() (token, error) {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '\n':
			s.line++
			s.at++
		case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			s.at++
		case c == '#':
			if name, is := s.comment(); is {
				return token{'i', name, s.line}, nil
			}
		case strings.IndexByte("{};,", c) >= 0:
			s.at++
			return token{kind: c, line: s.line}, nil
		default:
			return s.word()
		}
	}
	return token{line: s.line}, nil
}

// comment skips one; it may be "#include FILE".
func (s *scanner) comment() (name string, include bool) {
	end := strings.IndexByte(s.text[s.at:], '\n')
	if end < 0 {
		end = len(s.text) - s.at
	}
	line := s.text[s.at : s.at+end]
	begins := s.at == 0 || s.text[s.at-1] == '\n'
	s.at += end
	if rest, is := strings.CutPrefix(line, "#include"); is && begins && strings.TrimLeft(rest, " \t") != rest {
		return strings.Trim(rest, " \t\r\""), true
	}
	return "", false
}

// word reads a word: quotes hold blanks together, a backslash keeps what follows it.
func (s *scanner) word() (token, error) {
	t := token{kind: 'w', line: s.line}
	var b strings.Builder
	quoted := false
	for ; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		switch {
		case c == '\\' && s.at+1 < len(s.text):
			s.at++
			if s.text[s.at] == '\n' {
				s.line++
			}
			b.WriteByte(s.text[s.at])
		case c == '"':
			quoted = !quoted
		case c == '\n' && quoted:
			return t, fmt.Errorf("line %d: a quote is not closed", s.line)
		case !quoted && strings.IndexByte(" \t\r\f\v\n{};,#", c) >= 0:
			t.text = b.String()
			return t, nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return t, fmt.Errorf("line %d: a quote is not closed", s.line)
	}
	t.text = b.String()
	return t, nil
}

// block reads a block that begins with a token.
func (s *scanner) block(first token) (*block, error) {
	if first.kind != 'w' {
		return nil, fmt.Errorf("line %d: %q stands where a block would begin", first.line, first.kind)
	}
	b := &block{line: first.line, kind: first.text}
	name, err := s.next()
	if err != nil {
		return nil, err
	}
	open := name
	if name.kind == 'w' {
		b.name = name.text
		if open, err = s.next(); err != nil {
			return nil, err
		}
	}
	if open.kind != '{' {
		return nil, fmt.Errorf("line %d: a { is missing behind %s %s", open.line, shortened(b.kind), shortened(b.name))
	}
	var it item
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case 'w':
			if it.key == "" {
				it = item{line: t.line, key: strings.ToLower(t.text)}
			} else {
				it.values = append(it.values, t.text)
			}
		case ',', 'i':
		case ';', '}':
			if it.key != "" {
				b.items = append(b.items, joined(it))
			}
			it = item{}
			if t.kind == '}' {
				return b, nil
			}
		default:
			return nil, fmt.Errorf("line %d: the block %s %s has no end", b.line, shortened(b.kind), shortened(b.name))
		}
	}
}

// joined makes one text again of what is one: options, a message.
func joined(it item) item {
	switch it.key {
	case "options", "motd", "initcmd":
		it.values = []string{strings.Join(it.values, " ")}
	}
	return it
}
