package ockle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of what one message may hold; its size is limited by its frame.
const (
	maxDepth = 16   // of elements in elements
	maxKeys  = 1024 // in data
	maxAttrs = 16   // of one element
)

// Decode reads the XML of a message. It is lenient about what carries no meaning
// (declaration, comments, white space between elements, elements that it does not
// know) and about where data stands; of a key that comes twice it takes the
// first. It knows the five entities of XML and character references, and refuses
// document types, so that nothing can be expanded.
func Decode(payload []byte) (Message, error) {
	if !utf8.Valid(payload) {
		return Message{}, errors.New("the message is not UTF-8")
	}
	p := parser{rest: strings.TrimPrefix(string(payload), "\ufeff"), seen: make(map[string]bool)}
	if err := p.document(); err != nil {
		return Message{}, fmt.Errorf("the message is not XML as it should be: %w", err)
	}
	switch {
	case p.path[0] != "MessageType":
		return Message{}, errors.New("the message is not a MessageType")
	case !p.named:
		return Message{}, errors.New("the message has no MessageAttr")
	}
	return p.message, nil
}

// parser reads one message, element by element.
type parser struct {
	rest    string
	path    []string // of open elements, the root first; kept after its end
	open    int      // how many are open
	message Message
	named   bool            // there was a MessageAttr
	seen    map[string]bool // keys
	text    strings.Builder // of the key that is open
	taking  bool            // text is wanted
}

func (p *parser) document() error {
	for root := false; ; root = true {
		if err := p.between(); err != nil {
			return err
		}
		switch {
		case p.rest == "" && root:
			return nil
		case p.rest == "":
			return errors.New("there is no element")
		case root:
			return errors.New("something follows the end")
		}
		if err := p.element(); err != nil {
			return err
		}
		for p.open > 0 {
			if err := p.content(); err != nil {
				return err
			}
		}
	}
}

// between skips what may stand outside the root element.
func (p *parser) between() error {
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\r\n")
		if !strings.HasPrefix(p.rest, "<?") && !strings.HasPrefix(p.rest, "<!") {
			if p.rest != "" && p.rest[0] != '<' {
				return errors.New("there is text outside the elements")
			}
			return nil
		}
		if err := p.skip(); err != nil {
			return err
		}
	}
}

// skip skips a comment or a processing instruction, such as the declaration.
func (p *parser) skip() error {
	end := ""
	switch {
	case strings.HasPrefix(p.rest, "<!--"):
		p.rest, end = p.rest[4:], "-->"
	case strings.HasPrefix(p.rest, "<?"):
		p.rest, end = p.rest[2:], "?>"
	default:
		return errors.New("document types are refused")
	}
	before, after, found := strings.Cut(p.rest, end)
	if !found {
		return fmt.Errorf("%s is missing", end)
	}
	if end == "?>" && strings.HasPrefix(before, "xml ") {
		if err := encoding(before); err != nil {
			return err
		}
	}
	p.rest = after
	return nil
}

// encoding checks that a declaration names no other encoding than UTF-8.
func encoding(declaration string) error {
	_, name, found := strings.Cut(declaration, "encoding")
	if !found {
		return nil
	}
	name = strings.Trim(strings.TrimLeft(name, " \t\r\n="), "'\" \t\r\n")
	if i := strings.IndexAny(name, "'\" "); i >= 0 {
		name = name[:i]
	}
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return nil
	}
	return fmt.Errorf("the encoding is not UTF-8 but %q", short(name))
}

// content reads what comes next inside an element.
func (p *parser) content() error {
	switch {
	case p.rest == "":
		return fmt.Errorf("%s does not end", short(p.path[p.open-1]))
	case strings.HasPrefix(p.rest, "</"):
		return p.end()
	case strings.HasPrefix(p.rest, "<![CDATA["):
		before, after, found := strings.Cut(p.rest[len("<![CDATA["):], "]]>")
		if !found {
			return errors.New("]]> is missing")
		}
		p.rest = after
		if p.taking {
			p.text.WriteString(newlines(before))
		}
		return nil
	case strings.HasPrefix(p.rest, "<!"), strings.HasPrefix(p.rest, "<?"):
		return p.skip()
	case p.rest[0] == '<':
		return p.element()
	}
	n := strings.IndexByte(p.rest, '<')
	if n < 0 {
		n = len(p.rest)
	}
	text, err := unescape(newlines(p.rest[:n]))
	p.rest = p.rest[n:]
	if p.taking {
		p.text.WriteString(text)
	}
	return err
}

// element reads the beginning of an element.
func (p *parser) element() error {
	p.rest = p.rest[1:]
	name, err := p.name()
	if err != nil {
		return err
	}
	if p.taking {
		return fmt.Errorf("the value of %s holds an element", short(p.path[p.open-1]))
	}
	if p.open == maxDepth {
		return fmt.Errorf("more than %d elements are in each other", maxDepth)
	}
	p.path = append(p.path[:p.open], name)
	p.open++
	for n := 0; ; n++ {
		p.rest = strings.TrimLeft(p.rest, " \t\r\n")
		switch {
		case strings.HasPrefix(p.rest, "/>"):
			p.rest = p.rest[2:]
			if err := p.begin(); err != nil {
				return err
			}
			p.close()
			return nil
		case strings.HasPrefix(p.rest, ">"):
			p.rest = p.rest[1:]
			return p.begin()
		case n == maxAttrs:
			return fmt.Errorf("%s has more than %d attributes", short(name), maxAttrs)
		}
		key, value, err := p.attribute()
		if err != nil {
			return err
		}
		p.attr(key, value)
	}
}

// attribute reads one attribute.
func (p *parser) attribute() (key, value string, err error) {
	if key, err = p.name(); err != nil {
		return "", "", err
	}
	rest, found := strings.CutPrefix(strings.TrimLeft(p.rest, " \t\r\n"), "=")
	rest = strings.TrimLeft(rest, " \t\r\n")
	if !found || rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return "", "", fmt.Errorf("the attribute %s has no value in quotes", short(key))
	}
	value, rest, found = strings.Cut(rest[1:], rest[:1])
	if !found || strings.Contains(value, "<") {
		return "", "", fmt.Errorf("the value of the attribute %s does not end", short(key))
	}
	p.rest = rest
	value, err = unescape(value)
	return key, value, err
}

// name reads a name, which is bounded so that errors and keys are.
func (p *parser) name() (string, error) {
	const most = 256
	n := strings.IndexAny(p.rest, " \t\r\n/>=<&'\"")
	if n < 0 {
		n = len(p.rest)
	}
	name := p.rest[:n]
	if n == 0 || n > most || strings.IndexByte("-.0123456789!?", name[0]) >= 0 {
		return "", fmt.Errorf("a name is expected at %q", short(p.rest))
	}
	p.rest = p.rest[n:]
	return name, nil
}

// attr takes the attributes that mean something.
func (p *parser) attr(key, value string) {
	switch {
	case p.open == 1 && key == "name":
		p.message.Class = Class(value)
	case p.open == 2 && p.path[1] == "MessageAttr" && !p.named && key == p.message.Class.attribute():
		p.message.Name, p.named = value, true
	case p.open == 2 && p.path[1] == "MessageAttr" && !p.named && p.message.Name == "":
		p.message.Name = value // of a class that is not known
	}
}

// begin takes an element whose attributes are read.
func (p *parser) begin() error {
	switch {
	case p.open == 2 && p.path[1] == "MessageAttr":
		p.named = true
	case p.inData():
		if len(p.seen) == maxKeys {
			return fmt.Errorf("there are more than %d keys", maxKeys)
		}
		p.taking = true
	}
	return nil
}

// inData reports whether the element that is open is a key.
func (p *parser) inData() bool {
	return p.open == 4 && p.path[1] == "MessageAttr" && p.path[2] == "data" || p.open == 3 && p.path[1] == "data"
}

func (p *parser) end() error {
	p.rest = p.rest[2:]
	name, err := p.name()
	if err != nil {
		return err
	}
	rest, found := strings.CutPrefix(strings.TrimLeft(p.rest, " \t\r\n"), ">")
	if !found || name != p.path[p.open-1] {
		return fmt.Errorf("%s is ended by %s", short(p.path[p.open-1]), short(name))
	}
	p.rest = rest
	p.close()
	return nil
}

// close takes an element that has ended.
func (p *parser) close() {
	if p.taking {
		key := decodeKey(p.path[p.open-1])
		if !p.seen[key] {
			p.seen[key] = true
			p.message.Values = append(p.message.Values, Value{Key: key, Text: p.text.String()})
		}
		p.text.Reset()
		p.taking = false
	}
	p.open--
}

// newlines makes one line feed of each end of a line (XML 1.0, section 2.11).
func newlines(text string) string {
	if strings.IndexByte(text, '\r') < 0 {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// unescape replaces the five entities and character references.
func unescape(text string) (string, error) {
	if strings.IndexByte(text, '&') < 0 {
		return text, nil
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		const longest = 10
		n := strings.IndexByte(after[:min(len(after), longest)], ';')
		if n < 0 {
			return "", errors.New("there is an & that begins no entity")
		}
		r, err := entity(after[:n])
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
		text = after[n+1:]
	}
}

func entity(name string) (rune, error) {
	switch name {
	case "amp":
		return '&', nil
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	digits, numeric := strings.CutPrefix(name, "#")
	base := 10
	if hex, found := strings.CutPrefix(digits, "x"); found {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if !numeric || err != nil || n > utf8.MaxRune || !xmlChar(rune(n)) {
		return 0, fmt.Errorf("there is no entity &%s;", name)
	}
	return rune(n), nil
}

// short cuts what a peer sent to a length that an error can quote.
func short(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
