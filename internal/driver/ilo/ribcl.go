package ilo

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/secret"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// talk is the part of a conversation that belongs to one action.
type talk struct {
	*session
	*action.Action
}

// element is one element of an answer that is not about success.
type element struct {
	name string
	attr map[string]string // names in capitals
}

// ask carries out one command, which stands in a block of SERVER_INFO or RIB_INFO,
// and gives what the answer holds. change says that something happens by it.
func (t *talk) ask(block, mode, command string, change bool) ([]element, error) {
	script, shown := t.script(block, mode, command)
	t.Trace(devspec.TraceSend, shown)
	conn, err := t.dial(t.Context())
	if err != nil {
		return nil, why(t.Context(), err)
	}
	defer conn.Close()
	defer context.AfterFunc(t.Context(), func() { conn.Close() })()
	t.Sent, t.Changed = true, t.Changed || change
	answer, err := t.carry(conn, script)
	t.Trace(devspec.TraceRecv, string(answer))
	var list []element
	if err == nil {
		list, err = read(answer)
	}
	var no *action.Refusal
	if err != nil && !errors.As(err, &no) && t.Context().Err() != nil {
		return nil, t.Over() // rather than the noise of our own hanging up
	}
	return list, err
}

// script makes the whole of a script, and how it may be shown.
func (t *talk) script(block, mode, command string) (script []byte, shown string) {
	body := func(user, password string) string {
		return fmt.Sprintf("<RIBCL VERSION=\"2.0\"><LOGIN USER_LOGIN=%s PASSWORD=%s><%s MODE=\"%s\">%s</%s></LOGIN></RIBCL>\r\n",
			quoted(user), quoted(password), block, mode, command, block)
	}
	who := t.Env.Credential
	text := body(who.User, who.Get(secret.Password).Reveal())
	if t.Carrier == "raw" {
		text = "<LOCFG version=\"2.21\"/>\r\n" + text
	}
	return []byte("<?xml version=\"1.0\"?>\r\n" + text), body(who.User, secret.Mask)
}

// quoted writes an attribute's value.
func quoted(text string) string { return `"` + escaped(text) + `"` }

func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes all
	return b.String()
}

// masker hides the secrets as they are, and as they stand in a script, which an iLO
// may repeat.
func masker(who secret.Resolved) *secret.Masker {
	values := who.Secrets()
	for _, v := range who.Secrets() {
		values = append(values, secret.NewValue(escaped(v.Reveal())))
	}
	return secret.NewMasker(values...)
}

// carry sends a script on a fresh connection and reads the answer to its end.
func (t *talk) carry(conn net.Conn, script []byte) ([]byte, error) {
	if t.Carrier == "raw" {
		if _, err := conn.Write(script); err != nil {
			return nil, t.Lost(err)
		}
		answer, err := t.bounded(conn)
		if err == nil && bytes.HasPrefix(answer, []byte("<?xml")) && !bytes.Contains(answer, []byte("</RIBCL>")) {
			err = t.Lost(io.ErrUnexpectedEOF)
		}
		return answer, err
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, t.at.String()+"/ribcl", bytes.NewReader(script))
	if err != nil {
		return nil, err
	}
	req.Close = true
	req.Header.Set("User-Agent", "millwright")
	if err := req.Write(conn); err != nil {
		return nil, t.Lost(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxAnswer)), req)
	if err != nil {
		return nil, t.Lost(err)
	}
	defer res.Body.Close()
	answer, err := t.bounded(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers HTTP %s; is it an iLO 3 or later? For iLO and iLO 2, set carrier: raw", res.Status)
	}
	return answer, err
}

var errLong = fmt.Errorf("it says more than %d KiB", maxAnswer>>10)

// bounded reads to the end, or to where it is too much.
func (t *talk) bounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	switch {
	case len(text) > maxAnswer:
		return nil, errLong
	case err != nil && len(text) == 0 || errors.Is(err, io.ErrUnexpectedEOF):
		return text, t.Lost(err)
	}
	return text, nil // some iLOs hang up without TLS's good-bye
}

func (n *session) dial(ctx context.Context) (net.Conn, error) {
	port := n.at.Port()
	if port == "" {
		port = "443"
	}
	conn, err := n.Env.DialContext(ctx, "tcp", net.JoinHostPort(n.at.Hostname(), port))
	if err != nil {
		return nil, err
	}
	safe := tls.Client(conn, n.trust)
	if err := safe.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return safe, nil
}

// errOdd is an answer that is none.
var errOdd = errors.New("it answers what is no RIBCL")

const maxElements = 10_000

// read reads a row of documents. Its error is a refusal when one of them says that
// something went wrong.
func read(answer []byte) ([]element, error) {
	in := xml.NewDecoder(bytes.NewReader(answer))
	in.Strict = false
	in.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var list []element
	verdicts := 0
	for range maxElements {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errOdd
		}
		start, is := token.(xml.StartElement)
		if !is {
			continue
		}
		e := element{name: strings.ToUpper(start.Name.Local), attr: make(map[string]string, len(start.Attr))}
		for _, a := range start.Attr {
			e.attr[strings.ToUpper(a.Name.Local)] = a.Value
		}
		if e.name != "RESPONSE" {
			list = append(list, e)
			continue
		}
		verdicts++
		status, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(e.attr["STATUS"]), "0x"), 16, 32)
		if err != nil {
			return nil, errOdd
		}
		if said := e.attr["MESSAGE"] + e.attr["MSG"]; status != 0 {
			return list, action.Refused(said)
		}
	}
	if verdicts == 0 {
		return nil, errOdd
	}
	return list, nil
}

// find gives an attribute of the first element of a name.
func find(list []element, name, attr string) (string, bool) {
	for _, e := range list {
		if e.name == name {
			v, has := e.attr[attr]
			return v, has
		}
	}
	return "", false
}
