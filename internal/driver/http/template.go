package httpdriver

import (
	"crypto/md5" //nolint:gosec // devices ask for it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// template is a text with places in braces: {plug}, or {md5 challenge password},
// which stands for the digest of the two written one after the other.
type template struct {
	text   string
	pieces []piece
}

// piece is a literal text, or a place.
type piece struct {
	literal string
	hash    string   // "", md5, sha256 or base64
	names   []string // empty: a literal
}

// The names that are always there, if the device has listed its plugs.
const (
	placePlug     = "plug"
	placeIndex    = "index"  // of the plug in the list, from 0
	placeNumber   = "number" // from 1
	placeUser     = "user"
	placePassword = "password"
	placeDevice   = "device"
)

// maxPlace is how long a place may be, in bytes.
const maxPlace = 256

var hashes = []string{"md5", "sha256", "base64"}

// parseTemplate reads a template. What is in braces and no word in lower case is
// left as it is, so that JSON and regular expressions need no escapes.
func parseTemplate(text string) (template, error) {
	t := template{text: text}
	rest := text
	for rest != "" {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			break
		}
		end := strings.IndexByte(rest[open:min(len(rest), open+maxPlace)], '}')
		if end < 0 {
			t.literal(rest[:open+1])
			rest = rest[open+1:]
			continue
		}
		words := strings.Split(rest[open+1:open+end], " ")
		if !allNames(words) {
			t.literal(rest[:open+1])
			rest = rest[open+1:]
			continue
		}
		t.literal(rest[:open])
		p := piece{names: words}
		for _, h := range hashes {
			if words[0] == h && len(words) > 1 {
				p.hash, p.names = h, words[1:]
			}
		}
		if p.hash == "" && len(words) > 1 {
			return template{}, fmt.Errorf("{%s} is no place: only md5, sha256 and base64 take several names", strings.Join(words, " "))
		}
		t.pieces = append(t.pieces, p)
		rest = rest[open+end+1:]
	}
	t.literal(rest)
	return t, nil
}

func (t *template) literal(text string) {
	if text != "" {
		t.pieces = append(t.pieces, piece{literal: text})
	}
}

func allNames(words []string) bool {
	for _, w := range words {
		if !isName(w) {
			return false
		}
	}
	return len(words) > 0
}

// isName says whether a word is a name: lower case letters, digits and dashes,
// beginning with a letter.
func isName(w string) bool {
	for i, c := range []byte(w) {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return w != "" && len(w) <= 64
}

// uses calls use for each name.
func (t template) uses(use func(name string)) {
	for _, p := range t.pieces {
		for _, n := range p.names {
			use(n)
		}
	}
}

// escape makes a value fit for where it stands.
type escape func(value string) (string, error)

// fill puts values into the places. What is made of a secret is told to secret.
func (t template) fill(values func(string) (string, bool), esc escape, secret func(string)) (string, error) {
	var b strings.Builder
	for _, p := range t.pieces {
		if len(p.names) == 0 {
			b.WriteString(p.literal)
			continue
		}
		var joined strings.Builder
		for _, n := range p.names {
			v, ok := values(n)
			if !ok {
				return "", fmt.Errorf("nothing is known for {%s}", n)
			}
			joined.WriteString(v)
		}
		v := joined.String()
		if p.hash != "" {
			v = hashed(p.hash, v)
			secret(v)
		}
		escaped, err := esc(v)
		if err != nil {
			return "", fmt.Errorf("{%s}: %w", strings.Join(p.names, " "), err)
		}
		b.WriteString(escaped)
	}
	return b.String(), nil
}

func hashed(how, text string) string {
	switch how {
	case "md5":
		sum := md5.Sum([]byte(text)) //nolint:gosec // as above
		return hex.EncodeToString(sum[:])
	case "sha256":
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

// fillPath is fill for a path with its query, which are escaped differently.
func (t template) fillPath(values func(string) (string, bool), secret func(string)) (string, error) {
	inQuery := false
	var b strings.Builder
	for _, p := range t.pieces {
		esc := escape(func(v string) (string, error) {
			if v == "." || v == ".." || v == "" && !inQuery {
				return "", errors.New("it would change the path")
			}
			return url.PathEscape(v), nil
		})
		if inQuery {
			esc = inQueryText
		}
		part, err := template{pieces: []piece{p}}.fill(values, esc, secret)
		if err != nil {
			return "", err
		}
		b.WriteString(part)
		inQuery = inQuery || len(p.names) == 0 && strings.Contains(p.literal, "?")
	}
	return b.String(), nil
}

// The escapes. A blank in a query is %20, because + separates for some devices.
func inQueryText(v string) (string, error) {
	return strings.ReplaceAll(url.QueryEscape(v), "+", "%20"), nil
}

func inHeader(v string) (string, error) {
	if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "", errors.New("a header cannot have a line end or a control character")
	}
	return v, nil
}

// inJSON leaves &, < and > as they are: not every box knows \u0026.
func inJSON(v string) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return b.String()[1 : b.Len()-2], nil
}

func inXML(v string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(v))
	return b.String(), err
}

func inRegex(v string) (string, error) { return regexp.QuoteMeta(v), nil }

func inJSONPath(v string) (string, error) {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(v), nil
}

func inXPath(v string) (string, error) {
	if strings.ContainsAny(v, `'"`) {
		return "", errors.New("a quote cannot stand in an XPath")
	}
	return v, nil
}

func asIs(v string) (string, error) { return v, nil }
