package genders

import (
	"errors"
	"strings"
)

// ErrQuery: the query does not read.
var ErrQuery = errors.New("query syntax error")

// maxDepth bounds how deep parentheses and complements nest.
const maxDepth = 1000

// Query returns the nodes that match, sorted. An empty query matches all.
func (db *DB) Query(query string) ([]string, error) {
	q := &parser{tokens: tokens(query)}
	match := func(*DB, string) bool { return true }
	if len(q.tokens) > 0 {
		match = q.expression()
		if q.bad || len(q.tokens) > 0 {
			return nil, ErrQuery
		}
	}
	var nodes []string
	for _, node := range db.nodes {
		if match(db, node) {
			nodes = append(nodes, node)
		}
	}
	return nodes, nil
}

// tokens splits a query into words, operators and parentheses. A single |, &
// or - is part of a word.
func tokens(query string) []string {
	var list []string
	word := 0 // where the current word began
	end := func(i int) {
		if i > word {
			list = append(list, query[word:i])
		}
	}
	for i := 0; i < len(query); {
		width := 0
		switch rest := query[i:]; {
		case strings.HasPrefix(rest, "||"), strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "--"):
			width = 2
		case strings.ContainsRune(" \t()~,", rune(rest[0])):
			width = 1
		default:
			i++
			continue
		}
		end(i)
		if op := query[i : i+width]; strings.TrimSpace(op) != "" {
			list = append(list, op)
		}
		i += width
		word = i
	}
	end(len(query))
	return list
}

type matcher func(db *DB, node string) bool

type parser struct {
	tokens []string
	depth  int
	bad    bool
}

func (p *parser) take() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// expression reads terms joined by operators of equal rank, from the left.
func (p *parser) expression() matcher {
	terms, ops := []matcher{p.term()}, []string{}
	for len(p.tokens) > 0 && !p.bad && (p.tokens[0] == "||" || p.tokens[0] == "&&" || p.tokens[0] == "--") {
		ops = append(ops, p.take())
		terms = append(terms, p.term())
	}
	return func(db *DB, node string) bool {
		is := terms[0](db, node)
		for i, op := range ops {
			switch op {
			case "||":
				is = is || terms[i+1](db, node)
			case "&&":
				is = is && terms[i+1](db, node)
			default:
				is = is && !terms[i+1](db, node)
			}
		}
		return is
	}
}

func (p *parser) term() matcher {
	if p.depth++; p.depth > maxDepth {
		p.bad = true
		return nil
	}
	defer func() { p.depth-- }()
	switch word := p.take(); word {
	case "~":
		inner := p.term()
		return func(db *DB, node string) bool { return !inner(db, node) }
	case "(":
		inner := p.expression()
		p.bad = p.bad || p.take() != ")"
		return inner
	case "", ")", ",", "||", "&&", "--":
		p.bad = true
		return nil
	default:
		return func(db *DB, node string) bool { return db.has(node, word) }
	}
}
