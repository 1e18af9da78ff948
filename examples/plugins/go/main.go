// Command go is an example of a Millwright plugin in Go, with nothing but the standard
// library: a check of a file's age. docs/plugins.md explains the protocol.
//
//	go build -o file-age . && echo '{"jsonrpc":"2.0","id":1,"method":"hello","params":{}}' | ./file-age
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// message is a line of the conversation, either way.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  any             `json:"result,omitempty"`
	Error   *failure        `json:"error,omitempty"`
}

// failure is an error as the protocol has it.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type object = map[string]any

// greeting says what there is, and what may be set.
var greeting = object{
	"protocol": 1, "name": "file-age", "version": "1.0",
	"provides": []object{{
		"kind": "check", "name": "file-age", "summary": "whether a file is young enough",
		"settings": object{
			"type": "object", "required": []string{"path"}, "additionalProperties": false,
			"properties": object{
				"path":    object{"type": "string", "description": "the file; {node} is replaced"},
				"minutes": object{"type": "integer", "minimum": 1, "maximum": 10080, "default": 60, "description": "how old it may be"},
			},
		},
	}},
}

func main() {
	out := json.NewEncoder(os.Stdout)
	var writing sync.Mutex
	answer := func(m message) {
		writing.Lock()
		defer writing.Unlock()
		m.Version = "2.0"
		if err := out.Encode(m); err != nil {
			os.Exit(1) // the daemon has gone
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var ask message
		if err := json.Unmarshal(lines.Bytes(), &ask); err != nil {
			fmt.Fprintln(os.Stderr, "not understood:", err)
			continue
		}
		switch {
		case len(ask.ID) == 0: // a notification, such as cancel: our checks are too quick for it
		case ask.Method == "shutdown":
			answer(message{ID: ask.ID, Result: object{}})
			return
		default: // side by side, so that a slow disk holds up nobody else
			go func() { answer(respond(ask)) }()
		}
	}
}

// respond makes the answer to a request.
func respond(ask message) message {
	switch ask.Method {
	case "hello":
		return message{ID: ask.ID, Result: greeting}
	case "ping", "configure":
		return message{ID: ask.ID, Result: object{}}
	case "check.run":
		result, err := look(ask.Params)
		if err != nil {
			return message{ID: ask.ID, Error: &failure{-32602, err.Error()}}
		}
		return message{ID: ask.ID, Result: result}
	}
	return message{ID: ask.ID, Error: &failure{-32601, "there is no method " + ask.Method}}
}

// look is the check.
func look(params json.RawMessage) (object, error) {
	var p struct {
		Node     string
		Settings struct {
			Path    string
			Minutes int
		}
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, err
	}
	path := strings.ReplaceAll(p.Settings.Path, "{node}", p.Node)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return object{"verdict": "bad", "said": path + " is not there"}, nil
	case err != nil: // it may be there: nobody can tell
		return object{"verdict": "unknown", "said": err.Error()}, nil
	}
	age := time.Since(info.ModTime())
	verdict := "ok"
	if age > time.Duration(p.Settings.Minutes)*time.Minute {
		verdict = "bad"
	}
	return object{
		"verdict": verdict, "said": fmt.Sprintf("%s is %v old", path, age.Round(time.Second)),
		"values": []object{{"part": "age", "quantity": "seconds", "value": age.Seconds()}},
	}, nil
}
