package httpdriver

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/antchfx/xpath"
	"golang.org/x/net/html"
)

// Pages are taken as UTF-8, or as any encoding that has ASCII in it as ASCII: what
// states and numbers are found by. So no tables of encodings are in the program.

// maxDepth is how deep elements may lie in one another.
const maxDepth = 512

// parseHTML makes a tree of a page as browsers do.
func parseHTML(body []byte) (*html.Node, error) {
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("it is no HTML: %w", err)
	}
	return doc, nil
}

// parseXML makes a tree of the same kind of an XML document.
func parseXML(body []byte) (*html.Node, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	doc := &html.Node{Type: html.DocumentNode}
	at, depth := doc, 0
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && doc.FirstChild != nil:
			return doc, nil
		case err != nil:
			return nil, fmt.Errorf("it is no XML: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return nil, errors.New("it is no XML: its elements lie too deep in one another")
			}
			n := &html.Node{Type: html.ElementNode, Data: t.Name.Local}
			for _, a := range t.Attr {
				n.Attr = append(n.Attr, html.Attribute{Key: a.Name.Local, Val: a.Value})
			}
			at.AppendChild(n)
			at = n
		case xml.EndElement:
			at, depth = at.Parent, depth-1
		case xml.CharData:
			if at != doc {
				at.AppendChild(&html.Node{Type: html.TextNode, Data: string(t)})
			}
		}
	}
}

// query gives the texts of the nodes that an XPath means.
func query(doc *html.Node, expr string) ([]string, error) {
	e, err := xpath.Compile(expr)
	if err != nil {
		return nil, err
	}
	var texts []string
	for found := e.Select(&cursor{at: doc, root: doc, attr: none}); found.MoveNext(); {
		texts = append(texts, found.Current().Value())
	}
	return texts, nil
}

// none says that a cursor is at a node and not at one of its attributes.
const none = -1

// cursor walks a tree for package xpath.
type cursor struct {
	root, at *html.Node
	attr     int
}

// NodeType implements [xpath.NodeNavigator].
func (c *cursor) NodeType() xpath.NodeType {
	switch {
	case c.attr != none:
		return xpath.AttributeNode
	case c.at.Type == html.ElementNode:
		return xpath.ElementNode
	case c.at.Type == html.TextNode:
		return xpath.TextNode
	case c.at.Type == html.DocumentNode:
		return xpath.RootNode
	}
	return xpath.CommentNode
}

// LocalName implements [xpath.NodeNavigator].
func (c *cursor) LocalName() string {
	switch {
	case c.attr != none:
		return c.at.Attr[c.attr].Key
	case c.at.Type == html.ElementNode:
		return c.at.Data
	}
	return ""
}

// Prefix implements [xpath.NodeNavigator].
func (*cursor) Prefix() string { return "" }

// Value implements [xpath.NodeNavigator]: the text in a node and all below it.
func (c *cursor) Value() string {
	switch {
	case c.attr != none:
		return c.at.Attr[c.attr].Val
	case c.at.Type == html.TextNode, c.at.Type == html.CommentNode:
		return c.at.Data
	}
	var text strings.Builder
	for n := range c.at.Descendants() {
		if n.Type == html.TextNode {
			text.WriteString(n.Data)
		}
	}
	return text.String()
}

// Copy implements [xpath.NodeNavigator].
func (c *cursor) Copy() xpath.NodeNavigator {
	other := *c
	return &other
}

// MoveToRoot implements [xpath.NodeNavigator].
func (c *cursor) MoveToRoot() { c.at, c.attr = c.root, none }

// MoveToParent implements [xpath.NodeNavigator].
func (c *cursor) MoveToParent() bool {
	if c.attr != none {
		c.attr = none
		return true
	}
	return c.move(c.at.Parent)
}

// MoveToNextAttribute implements [xpath.NodeNavigator].
func (c *cursor) MoveToNextAttribute() bool {
	if c.attr+1 >= len(c.at.Attr) {
		return false
	}
	c.attr++
	return true
}

// MoveToChild implements [xpath.NodeNavigator].
func (c *cursor) MoveToChild() bool { return c.attr == none && c.move(c.at.FirstChild) }

// MoveToFirst implements [xpath.NodeNavigator].
func (c *cursor) MoveToFirst() bool {
	if c.attr != none || c.at.Parent == nil || c.at.PrevSibling == nil {
		return false
	}
	c.at = c.at.Parent.FirstChild
	return true
}

// MoveToNext implements [xpath.NodeNavigator].
func (c *cursor) MoveToNext() bool { return c.attr == none && c.move(c.at.NextSibling) }

// MoveToPrevious implements [xpath.NodeNavigator].
func (c *cursor) MoveToPrevious() bool { return c.attr == none && c.move(c.at.PrevSibling) }

// MoveTo implements [xpath.NodeNavigator].
func (c *cursor) MoveTo(to xpath.NodeNavigator) bool {
	other, ok := to.(*cursor)
	if !ok || other.root != c.root {
		return false
	}
	*c = *other
	return true
}

func (c *cursor) move(to *html.Node) bool {
	if to == nil {
		return false
	}
	c.at = to
	return true
}
