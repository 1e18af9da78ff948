package httpdriver

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/theory/jsonpath"
	"golang.org/x/net/html"

	"millwright.dev/millwright/internal/driver/web"
)

// errAbsent is of a text that is not in the answer.
var errAbsent = errors.New("not in the answer")

// maxFound bounds a text that was found, in bytes.
const maxFound = 4 << 10

// maxPattern bounds a pattern of a definition, in bytes.
const maxPattern = 2 << 10

// page is an answer that is looked through. What it is parsed to is kept, for the
// other plugs.
type page struct {
	*web.Answer
	json  any
	jsonE error
	// markup is what HTML or XML is parsed to.
	markup  *html.Node
	markupE error
}

func newPage(a *web.Answer) *page { return &page{Answer: a} }

// find gives the text that f finds, blanks around it cut.
func (p *page) find(f Find, fill func(text string, esc escape) (string, error)) (string, error) {
	var found string
	pattern, esc := f.pattern()
	filled, err := fill(pattern, esc)
	if err != nil {
		return "", err
	}
	switch {
	case f.JSON != "":
		found, err = p.findJSON(filled)
	case f.Regex != "":
		found, err = p.findRegex(filled)
	case f.XPath != "":
		found, err = p.findXPath(filled)
	case f.Header != "":
		if found = p.Header.Get(filled); found == "" {
			err = fmt.Errorf("the header %s is %w", filled, errAbsent)
		}
	case f.Cookie != "":
		err = fmt.Errorf("the cookie %s is %w", filled, errAbsent)
		for _, c := range (&http.Response{Header: p.Header}).Cookies() {
			if c.Name == filled {
				found, err = c.Value, nil
			}
		}
	default:
		found = string(p.Body)
	}
	found = strings.TrimSpace(found)
	if err == nil && len(found) > maxFound {
		err = fmt.Errorf("what is found is longer than %d bytes", maxFound)
	}
	return found, err
}

// pattern gives what says where it is, and how values are escaped in it.
func (f Find) pattern() (string, escape) {
	switch {
	case f.JSON != "":
		return f.JSON, inJSONPath
	case f.Regex != "":
		return f.Regex, inRegex
	case f.XPath != "":
		return f.XPath, inXPath
	}
	return f.Header + f.Cookie, asIs
}

func (p *page) findJSON(path string) (string, error) {
	if p.json == nil && p.jsonE == nil {
		p.json, p.jsonE = web.ReadJSON(p.Body)
	}
	if p.jsonE != nil {
		return "", p.jsonE
	}
	parsed, err := jsonpath.Parse(path)
	if err != nil {
		return "", err
	}
	if err := web.CheckPath(path); err != nil { // what was filled in may be the device's
		return "", err
	}
	nodes := parsed.Select(p.json)
	switch len(nodes) {
	case 0:
		return "", fmt.Errorf("%s is %w", path, errAbsent)
	case 1:
	default:
		return "", fmt.Errorf("%s is there %d times", path, len(nodes))
	}
	if text, plain := web.PlainJSON(nodes[0]); plain && nodes[0] != nil {
		return text, nil
	}
	return "", fmt.Errorf("%s is neither a text nor a number nor a boolean", path)
}

func (p *page) findRegex(pattern string) (string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", err
	}
	m := re.FindSubmatch(p.Body)
	switch {
	case m == nil:
		return "", fmt.Errorf("%s is %w", pattern, errAbsent)
	case len(m) > 1:
		return string(m[1]), nil
	}
	return string(m[0]), nil
}

func (p *page) findXPath(expr string) (string, error) {
	if p.markup == nil && p.markupE == nil {
		p.parseMarkup()
	}
	if p.markupE != nil {
		return "", p.markupE
	}
	texts, err := query(p.markup, expr)
	switch {
	case err != nil:
		return "", err
	case len(texts) == 0:
		return "", fmt.Errorf("%s is %w", expr, errAbsent)
	case len(texts) > 1:
		return "", fmt.Errorf("%s is there %d times", expr, len(texts))
	}
	return texts[0], nil
}

// parseMarkup parses the body as XML if it says that it is, and as HTML if not.
func (p *page) parseMarkup() {
	kind := p.Header.Get("Content-Type")
	parse := parseHTML
	if strings.Contains(kind, "xml") && !strings.Contains(kind, "html") || bytes.HasPrefix(bytes.TrimSpace(p.Body), []byte("<?xml")) {
		parse = parseXML
	}
	p.markup, p.markupE = parse(p.Body)
}

// holds says whether a page shows what is claimed. The error says what is not so.
func (p *page) holds(c Claim, fill func(text string, esc escape) (string, error)) error {
	found, err := p.find(c.Find, fill)
	if err != nil {
		return err
	}
	where, _ := c.pattern()
	if c.Is != "" {
		want, err := fill(c.Is, asIs)
		if err != nil {
			return err
		}
		if !strings.EqualFold(found, want) {
			return fmt.Errorf("%s is %.60q and not %q", where, found, want)
		}
	}
	if c.Like == "" {
		return nil
	}
	pattern, err := fill(c.Like, inRegex)
	if err != nil {
		return err
	}
	re, err := regexp.Compile(pattern)
	if err == nil && !re.MatchString(found) {
		err = fmt.Errorf("%s is %.60q, which is not like %s", where, found, pattern)
	}
	return err
}
