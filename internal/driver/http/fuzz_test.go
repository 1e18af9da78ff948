package httpdriver

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"millwright.dev/millwright/internal/driver/web"
)

// FuzzTemplate: what stands in a place stays there. A plug's name, a password or what
// a device has said can neither end the text that it is in nor become more than one.
func FuzzTemplate(f *testing.F) {
	for _, v := range []string{"1", "", "a/../b", "..", "x\r\nHost: y", `"}`, "</a><b>", "{plug}", "%2f+&=?#", "\x00", "é", "' or '1'='1"} {
		f.Add(v, "/on/{plug}/x?y={plug}&z={md5 plug user}")
	}
	f.Add("1", "{plug")
	f.Add("1", "{}{{plug}}{md5}{md5 }{PLUG}")
	f.Fuzz(func(t *testing.T, value, text string) {
		values := func(string) (string, bool) { return value, true }
		fill := func(text string, esc escape) (string, error) {
			parsed, err := parseTemplate(text)
			if err != nil {
				return "", err
			}
			return parsed.fill(values, esc, func(string) {})
		}
		if parsed, err := parseTemplate(text); err == nil { // of anybody's text: no panic, and what is no place stays
			_, _ = parsed.fillPath(values, func(string) {})
			same, err := parsed.fill(func(string) (string, bool) { return "", true }, asIs, func(string) {})
			if err != nil || len(same) > len(text)+64*strings.Count(text, "{") {
				t.Errorf("%q becomes %q, %v", text, same, err)
			}
		}
		path, _ := parseTemplate("/on/{plug}/x?y={plug}&z=1")
		if filled, err := path.fillPath(values, func(string) {}); err == nil {
			u, err := url.Parse("http://box" + filled)
			if err != nil || u.Query().Get("y") != value || u.Query().Get("z") != "1" || len(u.Query()) != 2 || strings.Count(u.EscapedPath(), "/") != 3 || u.Fragment != "" {
				t.Errorf("%q makes the address %q (%v)", value, filled, err)
			}
		}
		if filled, err := fill("a {plug}", inHeader); err == nil && strings.ContainsAny(filled, "\r\n\x00") {
			t.Errorf("%q makes the header %q", value, filled)
		}
		if filled, err := fill(`(?s)^{plug}$`, inRegex); err == nil && utf8.ValidString(value) && !regexp.MustCompile(filled).MatchString(value) {
			t.Errorf("%q makes the pattern %q", value, filled)
		}
		if !utf8.ValidString(value) {
			return
		}
		var inText []string
		if filled, err := fill(`["{plug}","x"]`, inJSON); err != nil || json.Unmarshal([]byte(filled), &inText) != nil || len(inText) != 2 || inText[0] != value {
			t.Errorf("%q makes the JSON %q", value, filled)
		}
		var inElement struct {
			A string `xml:"a"`
			B string `xml:"b"`
		}
		if filled, err := fill(`<r><a>{plug}</a><b>x</b></r>`, inXML); err != nil || xml.Unmarshal([]byte(filled), &inElement) != nil || inElement.B != "x" {
			t.Errorf("%q makes the XML %q", value, filled)
		}
	})
}

// FuzzFind: whatever a device says, looking through it ends, and what is found is of
// a size.
func FuzzFind(f *testing.F) {
	for _, body := range []string{
		`{"relays":[{"ison":true},{"ison":false}]}`, `{"POWER1":"ON"}`, `[[[[`, `{"a":1e999}`, "<html><body><p>x</p>", `<?xml version="1.0"?><a><b>1</b></a>`,
		`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "<!-- state=81 lock=10 -->", "\xff\xfe", "", "<a><a><a><a>", `<input name="Challenge" value="x">`,
	} {
		f.Add([]byte(body), "text/html")
		f.Add([]byte(body), "text/xml")
	}
	finds := []Find{
		{JSON: "$.relays[0].ison"},
		{JSON: "$..power"},
		{JSON: "$.POWER{number}"},
		{JSON: "$.a[?@.b > 1].c"},
		{Regex: "<!-- state=([0-9A-Fa-f]{2})"},
		{Regex: `(?s)P6{number}.*=(.*)`},
		{XPath: `//input[@name="Challenge"]/@value`},
		{XPath: "//b"},
		{XPath: "//p[{number}]"},
		{Header: "Content-Type"},
		{Cookie: "sid"},
		{},
	}
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		if len(body) > 64<<10 {
			return
		}
		p := newPage(&web.Answer{Status: 200, Header: http.Header{"Content-Type": {kind}, "Set-Cookie": {kind}}, Body: body})
		fill := func(text string, esc escape) (string, error) {
			parsed, err := parseTemplate(text)
			if err != nil {
				return "", err
			}
			return parsed.fill(func(string) (string, bool) { return "1", true }, esc, func(string) {})
		}
		for _, find := range finds {
			found, err := p.find(find, fill)
			if err == nil && len(found) > maxFound {
				t.Errorf("%+v finds %d bytes", find, len(found))
			}
			again, err2 := p.find(find, fill)
			if again != found || (err == nil) != (err2 == nil) {
				t.Errorf("%+v finds %q, and then %q", find, found, again)
			}
			_ = p.holds(Claim{Find: find, Is: "on", Like: "o(n)"}, fill)
			_, _ = bit(found, 3)
		}
	})
}
