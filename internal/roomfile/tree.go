package roomfile

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// shape is what a value is, as far as this package cares.
type shape uint8

const (
	nothing shape = iota // null, or a key without a value
	scalar
	list
	mapping
)

// place is where something stands. The file is an index into loader.files.
type place struct {
	file, line, col int32
}

// value is a piece of a YAML document, with the places that goccy's syntax tree
// knows but in a form that can be cut, merged and kept: scalars as they were
// typed, so that 007 and 1.50 stay names where a name is wanted.
type value struct {
	at     place
	shape  shape
	text   string   // of a scalar
	quoted bool     // the scalar can only be a string
	wide   bool     // belongs to a key that is a range of names
	items  []*value // of a list
	fields []field  // of a mapping
}

// field is a key with its value.
type field struct {
	key   string
	at    place // of the key
	value *value
}

// get finds a field by key; nil if it is not there. Of two, the first.
func (v *value) get(key string) *value {
	if v != nil {
		for i := range v.fields {
			if v.fields[i].key == key {
				return v.fields[i].value
			}
		}
	}
	return nil
}

// item gives the place of the i-th item of a list, or of the value itself
// where it is no list.
func (v *value) item(i int) place {
	if v == nil {
		return place{}
	}
	if v.shape == list && i >= 0 && i < len(v.items) {
		return v.items[i].at
	}
	return v.at
}

// planter makes values of goccy's nodes.
type planter struct {
	file int32
	line int32 // lines before the piece
	fail func(at place, format string, args ...any)
}

func (p *planter) place(t *token.Token) place {
	return place{p.file, p.line + int32(t.Position.Line), int32(t.Position.Column)}
}

func (p *planter) value(n ast.Node) *value {
	v := &value{at: p.place(n.GetToken())}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		v.shape = mapping
		v.fields = make([]field, 0, len(n.Values))
		for _, pair := range n.Values {
			p.field(v, pair)
		}
		if !n.IsFlowStyle && len(v.fields) > 0 {
			v.at = v.fields[0].at // goccy gives the place of the colon
		}
	case *ast.MappingValueNode:
		v.shape = mapping
		p.field(v, n)
		if len(v.fields) > 0 {
			v.at = v.fields[0].at
		}
	case *ast.SequenceNode:
		v.shape = list
		v.items = make([]*value, 0, len(n.Values))
		for _, item := range n.Values {
			v.items = append(v.items, p.value(item))
		}
	case *ast.StringNode:
		v.shape, v.text = scalar, n.Value
		v.quoted = n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		v.shape, v.quoted = scalar, true
		if n.Value != nil {
			v.text = n.Value.Value
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		v.shape, v.text = scalar, n.GetToken().Value
	default:
		p.fail(v.at, "YAML's %s is not used in room files", n.Type())
	}
	return v
}

func (p *planter) field(v *value, pair *ast.MappingValueNode) {
	at := p.place(pair.Key.GetToken())
	var key string
	switch k := pair.Key.(type) {
	case *ast.StringNode:
		key = k.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		key = k.GetToken().Value
	default:
		p.fail(at, "a key is a plain name")
		return
	}
	v.fields = append(v.fields, field{key: key, at: at, value: p.value(pair.Value)})
}
