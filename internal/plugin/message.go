package plugin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of the protocol, in bytes.
const (
	maxLine = 1 << 20 // of one message
	maxID   = 64      // of an id that a plugin chose
	maxSaid = 500     // of words that are handed on
)

// Codes of errors, beside those of JSON-RPC 2.0 (section 5.1).
const (
	Refused     = 1 // it was surely not done
	Unreachable = 2 // the device or the machine does not answer; nothing was done
	Denied      = 3 // it does not let us in
	NoAnswer    = 4 // whether it was done is unknown
	Lost        = 5 // the session with the device is gone

	codeParse    = -32700
	codeRequest  = -32600
	codeMethod   = -32601
	codeParams   = -32602
	codeInternal = -32603
	codeBusy     = -32000
)

// Error is what one end answers to a request that it did not fulfil.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("it says error %d, and not why", e.Code)
	}
	return e.Message
}

// message is any line: a request, a notification, which has no id, or an answer.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *Error          `json:"error,omitempty"`
}

// parse reads a line.
func parse(line []byte) (m message, err error) {
	if err := json.Unmarshal(line, &m); err != nil {
		return message{}, fmt.Errorf("no JSON: %w", err)
	}
	if string(m.ID) == "null" {
		m.ID = nil
	}
	asks, answers := m.Method != "", m.Result != nil || m.Error != nil
	switch {
	case m.Version != "2.0":
		return message{}, errors.New(`it lacks "jsonrpc": "2.0"`)
	case asks == answers:
		return message{}, errors.New("it is neither a request nor an answer")
	case m.Result != nil && m.Error != nil:
		return message{}, errors.New("it has both a result and an error")
	case len(m.ID) > maxID || len(m.ID) > 0 && m.ID[0] != '"' && m.ID[0] != '-' && (m.ID[0] < '0' || m.ID[0] > '9'):
		return message{}, fmt.Errorf("an id is a number or a text of at most %d bytes", maxID)
	}
	if m.Error != nil {
		m.Error.Message = clean(m.Error.Message, maxValue) // who shows it masks it, and cuts it then
	}
	return m, nil
}

// format makes a line, with its end.
func format(m message) ([]byte, error) {
	m.Version = "2.0"
	line, err := json.Marshal(m)
	switch {
	case err != nil:
		return nil, err
	case len(line) >= maxLine:
		return nil, fmt.Errorf("a message of %d bytes is too long", len(line))
	}
	return append(line, '\n'), nil
}

// errLong is of a line that does not end.
var errLong = fmt.Errorf("it sent a line of more than %d bytes", maxLine)

// readLine reads a line that is not blank.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, errLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
		line = nil
	}
}

// clean makes one line, of at most limit bytes and a bit, of a text from elsewhere.
func clean(text string, limit int) string {
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?")))
}
