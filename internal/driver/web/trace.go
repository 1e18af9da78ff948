package web

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/secret"
)

// maxShown bounds what a trace shows of one request or answer, and maxLine what is
// looked at of a text for a line of words, in bytes.
const (
	maxShown = 4 << 10
	maxLine  = 800
)

// hide makes the masker anew; response is a digest that is about to be sent, or
// empty if none was since.
func (c *Client) hide(response string) {
	if response != "" {
		c.last = response
	}
	values := slices.Clone(c.session)
	if c.last != "" {
		values = append(values, secret.NewValue(c.last))
	}
	for _, v := range c.Env.Credential.Secrets() {
		for _, text := range disguises(c.cred.user, v.Reveal()) {
			values = append(values, secret.NewValue(text))
		}
	}
	c.Mask = secret.NewMasker(values...)
}

// disguises are the forms in which a secret goes over a wire.
func disguises(user, text string) []string {
	if text == "" {
		return nil
	}
	quoted, _ := json.Marshal(text) // of a string, it cannot fail
	var plain strings.Builder
	unescaped := json.NewEncoder(&plain)
	unescaped.SetEscapeHTML(false)
	_ = unescaped.Encode(text)
	query := url.QueryEscape(text)
	return []string{
		text, query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(text), lowerHex(query), lowerHex(url.PathEscape(text)),
		string(quoted[1 : len(quoted)-1]), plain.String()[1 : plain.Len()-2], html.EscapeString(text),
		base64.StdEncoding.EncodeToString([]byte(user + ":" + text)),
		base64.StdEncoding.EncodeToString([]byte(text)),
	}
}

// lowerHex writes %2F as %2f, as some devices do.
func lowerHex(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// told shows what is sent or was heard.
func (t *Talk) told(kind devspec.TraceKind, text []byte) {
	if !t.Traced() {
		return
	}
	head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	var b strings.Builder
	for line := range strings.SplitSeq(string(head), "\r\n") {
		b.WriteString(t.Client.Mask.String(maskHeader(line)) + "\n")
	}
	if len(body) > 0 {
		// Masked before it is cut: half a secret is not found.
		shown := t.Client.Mask.String(string(body))
		if len(shown) > maxShown {
			shown = fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(shown[:maxShown], ""), len(body))
		}
		b.WriteString("\n" + shown + "\n")
	}
	t.Trace(kind, b.String())
}

// heard shows an answer.
func (t *Talk) heard(a *Answer) {
	if !t.Traced() {
		return
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP %d\r\n", a.Status)
	_ = a.Header.Write(&b)
	b.WriteString("\r\n")
	b.Write(a.Body)
	t.told(devspec.TraceRecv, b.Bytes())
}

// maskHeader hides what is a secret in a line of a head, whatever it is.
func maskHeader(line string) string {
	name, value, ok := strings.Cut(line, ": ")
	if !ok {
		return line
	}
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization":
		scheme, _, _ := strings.Cut(value, " ")
		return name + ": " + scheme + " " + secret.Mask
	case "cookie", "set-cookie":
		key, rest, _ := strings.Cut(value, "=")
		_, attributes, more := strings.Cut(rest, ";")
		if more && strings.EqualFold(name, "set-cookie") {
			return name + ": " + key + "=" + secret.Mask + ";" + attributes
		}
		return name + ": " + key + "=" + secret.Mask
	}
	return line
}
