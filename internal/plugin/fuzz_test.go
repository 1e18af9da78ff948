package plugin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzLines: whatever a plugin writes is cut into lines in bounds; and what is a message
// stays the same when it is written and read again.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": {}}\n\n  \r\n{\"jsonrpc\": \"2.0\", \"method\": \"x\"}\n"))
	f.Add([]byte("{\"jsonrpc\": \"2.0\", \"id\": \"a\", \"error\": {\"code\": 1, \"message\": \"no\"}}\n"))
	f.Add([]byte("{\"jsonrpc\": \"2.0\", \"id\": null, \"method\": \"x\", \"params\": []}\nrest"))
	f.Fuzz(func(t *testing.T, said []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(said), 16)
		for {
			line, err := readLine(in)
			if errors.Is(err, io.EOF) || errors.Is(err, errLong) {
				return
			}
			if err != nil || len(line) == 0 || len(line) > maxLine || bytes.IndexByte(line, '\n') >= 0 {
				t.Fatalf("a line of %d bytes, %v", len(line), err)
			}
			m, err := parse(line)
			if err != nil {
				continue
			}
			again, err := format(m)
			if err != nil {
				continue // it grew by escapes
			}
			back, err := parse(bytes.TrimSpace(again))
			if err != nil || back.Method != m.Method || (back.Error == nil) != (m.Error == nil) || (back.Result == nil) != (m.Result == nil) {
				t.Fatalf("%q is written as %q, which is %+v, %v", line, again, back, err)
			}
		}
	})
}

// FuzzSchema: what is read as a schema is the same when it is written and read again,
// and settings that it lets pass are let pass again, as they are.
func FuzzSchema(f *testing.F) {
	f.Add([]byte(sixTypes), []byte(`{"number": 3, "list": ["b", "a"]}`))
	f.Add([]byte(`{"type": "object", "properties": {"a": {"type": "integer", "minimum": -1, "maximum": 9223372036854775807}}}`), []byte(`{"a": 1e3}`))
	f.Fuzz(func(t *testing.T, schema, given []byte) {
		var s, again Schema
		if json.Unmarshal(schema, &s) != nil {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s is written as %s: %v", schema, text, err)
		}
		if diff := cmp.Diff(s, again); diff != "" && !bytes.ContainsRune(schema, '\\') {
			t.Fatalf("%s is written as %s:\n%s", schema, text, diff)
		}
		var v Values
		if json.Unmarshal(given, &v) != nil {
			return
		}
		checked, err := s.Check(v)
		if err != nil {
			return
		}
		if _, err := s.Check(checked); err != nil {
			t.Fatalf("%v is well by %s, and %v is not: %v", v, text, checked, err)
		}
	})
}

const sixTypes = `{
	"type": "object",
	"properties": {
		"text":   {"type": "string", "default": "t", "description": "a text"},
		"number": {"type": "integer", "minimum": 0},
		"truth":  {"type": "boolean", "default": true},
		"range":  {"type": "integer", "minimum": 1, "maximum": 8, "default": 2},
		"choice": {"type": "string", "enum": ["a", "b"], "default": "a"},
		"list":   {"type": "array", "items": {"type": "string", "enum": ["a", "b", "c"]}, "uniqueItems": true, "x-ordered": true, "x-link": "/outlets/{item}"}
	},
	"required": ["number"],
	"additionalProperties": false
}`

func TestSixTypes(t *testing.T) {
	var s Schema
	if err := json.Unmarshal([]byte(sixTypes), &s); err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, f := range s.Fields {
		types = append(types, f.Name+":"+string(f.Type))
	}
	if got, want := strings.Join(types, " "), "choice:select list:multilist number:int range:intrange text:string truth:bool"; got != want {
		t.Errorf("the types are %s, want %s", got, want)
	}
	for _, tt := range []struct{ given, want, fault string }{
		{`{"number": 1}`, `{"choice":"a","number":1,"range":2,"text":"t","truth":true}`, ""},
		{`{"number": 1e2, "text": 5}`, ``, "number: it is a whole number"},
		{`{"number": 0, "text": 5, "truth": false, "list": ["c", "a"]}`, `{"choice":"a","list":["c","a"],"number":0,"range":2,"text":"5","truth":false}`, ""},
		{`{}`, "", "number: it is missing"},
		{`{"number": -1}`, "", "not below zero"},
		{`{"number": 1.5}`, "", "whole number"},
		{`{"number": 1, "range": 9}`, "", "range: it is a whole number from 1 to 8"},
		{`{"number": 1, "choice": "c"}`, "", "choice: it is one of a, b"},
		{`{"number": 1, "list": ["a", "a"]}`, "", `list: "a" is in it twice`},
		{`{"number": 1, "list": ["d"]}`, "", "list: an item of it: it is one of a, b, c"},
		{`{"number": 1, "list": "a"}`, "", "list: it is a list"},
		{`{"number": 1, "truth": "false"}`, "", "truth: it is true or false"},
		{`{"number": 1, "text": {}}`, "", "text: it is a text"},
		{`{"number": 1, "more": 1}`, "", "more: there is no such setting"},
	} {
		var v Values
		if err := json.Unmarshal([]byte(tt.given), &v); err != nil {
			t.Fatal(err)
		}
		got, err := s.Check(v)
		if tt.fault != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("%s: %v, want %q", tt.given, err, tt.fault)
			}
			continue
		}
		if text, _ := json.Marshal(got); err != nil || string(text) != tt.want {
			t.Errorf("%s is %s, %v, want %s", tt.given, text, err, tt.want)
		}
	}
}
