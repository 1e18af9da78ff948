package plugindriver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/plugin"
)

// fake is a plugin in memory, which can misbehave in all the ways there are. Its device
// has a plug for each name.
type fake struct {
	mu       sync.Mutex
	on       map[string]bool
	moves    map[string]int
	rejects  map[string]bool
	stuck    map[string]bool
	password string

	refuses, hangs, cuts, garbles, pieces, echoes bool

	line net.Conn // of the process that runs
	log  io.Writer
}

func newFake(plugs []string) *fake {
	f := &fake{
		on: make(map[string]bool), moves: make(map[string]int), rejects: make(map[string]bool),
		stuck: make(map[string]bool), password: password,
	}
	for _, p := range plugs {
		f.on[p] = false
	}
	return f
}

func (f *fake) with(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// process is the host's end of a fake.
type process struct {
	net.Conn
	ended chan struct{}
}

func (*process) Pid() int                { return 1 }
func (*process) Exited() <-chan struct{} { return nil }
func (p *process) State() string         { <-p.ended; return "exit status 1" }

func (f *fake) start(_ context.Context, _ plugin.Spec, stderr io.Writer) (plugin.Process, error) {
	ours, theirs := net.Pipe()
	f.with(func() { f.line, f.log = theirs, stderr })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer theirs.Close()
		for in := bufio.NewReader(theirs); ; {
			line, err := in.ReadBytes('\n')
			if err != nil || !f.hear(theirs, line) {
				return
			}
		}
	}()
	return &process{Conn: ours, ended: ended}, nil
}

type question struct {
	ID     int
	Method string
	Params struct {
		Op         string
		Plugs      []string
		Credential struct{ Values map[string]string }
	}
}

// hear answers one line, and says whether the process goes on.
func (f *fake) hear(line net.Conn, text []byte) bool {
	var q question
	if err := json.Unmarshal(text, &q); err != nil {
		panic(err)
	}
	if q.ID == 0 {
		return true
	}
	f.mu.Lock()
	answer, device := f.answer(&q), strings.HasPrefix(q.Method, "driver.")
	hangs, cuts, garbles, pieces := f.hangs && device, f.cuts && q.Method == "driver.do", f.garbles && q.Method == "driver.do", f.pieces
	f.mu.Unlock()
	out := fmt.Sprintf(`{"jsonrpc": "2.0", "id": %d, %s}`+"\n", q.ID, answer)
	switch {
	case hangs:
		return true
	case garbles:
		out = fmt.Sprintf("~~~\x00\n"+`{"jsonrpc": "2.0", "id": %d, "result": {"plugs": [1, 2]}}`+"\n", q.ID)
	case cuts:
		f.with(func() { f.cuts = false })
		_, _ = io.WriteString(line, out[:len(out)/2])
		return false
	case pieces:
		for i := range len(out) {
			_, _ = io.WriteString(line, out[i:i+1])
			time.Sleep(time.Millisecond) // in the bubble
		}
		return true
	}
	_, _ = io.WriteString(line, out)
	return q.Method != "shutdown"
}

// answer does what is asked and words it; the mutex is held.
func (f *fake) answer(q *question) string {
	said := ""
	if f.echoes {
		said = "you said " + password
		_, _ = io.WriteString(f.log, said+"\n")
	}
	switch q.Method {
	case "hello":
		return `"result": {"protocol": 1, "name": "fake", "provides": [{"kind": "driver", "name": "file", "can": ["on", "off", "status", "cycle"], ` +
			`"settings": {"type": "object", "properties": {"path": {"type": "string"}}}}]}`
	case "driver.open":
		switch {
		case f.refuses:
			return `"error": {"code": 2, "message": "nobody is there ` + said + `"}`
		case q.Params.Credential.Values["password"] != f.password || f.echoes:
			return `"error": {"code": 3, "message": "wrong ` + said + `"}`
		}
	case "driver.do":
		results := make(map[string]plugin.PlugResult)
		for _, p := range q.Params.Plugs {
			results[p] = f.do(q.Params.Op, p, said)
		}
		text, _ := json.Marshal(results)
		return `"result": {"plugs": ` + string(text) + `}`
	}
	return `"result": {}`
}

func (f *fake) do(op, plug, said string) plugin.PlugResult {
	switch {
	case op == "status":
		return plugin.PlugResult{State: map[bool]string{true: "on", false: "off"}[f.on[plug]], Raw: said}
	case f.rejects[plug]:
		return plugin.PlugResult{Failed: "it is locked " + said}
	case f.stuck[plug]:
	case op == "cycle":
		if f.on[plug] {
			f.moves[plug]++
		}
		f.on[plug] = true
		f.moves[plug]++
	case f.on[plug] != (op == "on"):
		f.on[plug] = op == "on"
		f.moves[plug]++
	}
	return plugin.PlugResult{Done: true}
}

func (f *fake) rig(t *testing.T, plugs []string) drivertest.Rig {
	h := plugin.New(plugin.Options{Start: f.start})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := h.Apply([]plugin.Spec{{Name: "example", Argv: []string{"fake"}, Enabled: true}}); err != nil {
		t.Fatal(err)
	}
	set := func(flag *bool) func() { return func() { f.with(func() { *flag = true }) } }
	return drivertest.Rig{
		Settings: settings(h, "/f"), Plugs: plugs, Credential: credential(),
		Truth: drivertest.Truth{
			On:    func(plug string) (on bool) { f.with(func() { on = f.on[plug] }); return on },
			Set:   func(plug string, on bool) { f.with(func() { f.on[plug] = on }) },
			Moves: func(plug string) (n int) { f.with(func() { n = f.moves[plug] }); return n },
		},
		Faults: drivertest.Faults{
			Refuse: set(&f.refuses), Hang: set(&f.hangs), Cut: set(&f.cuts), Garbage: set(&f.garbles), Pieces: set(&f.pieces), Echo: set(&f.echoes),
			BadPassword: func() { f.with(func() { f.password = "another" }) },
			HangUp:      func() { f.with(func() { f.line.Close() }) },
			Chatter: func() {
				_, _ = io.WriteString(f.line, `{"jsonrpc": "2.0", "id": 3, "result": {"plugs": {"1": {"done": true}, "2": {"state": "on"}}}}`+"\n")
			},
			Reject: func(plug string) { f.with(func() { f.rejects[plug] = true }) },
			Stick:  func(plug string) { f.with(func() { f.stuck[plug] = true }) },
		},
	}
}

// A plugin that misbehaves in all the ways there are.
func TestMisbehaviour(t *testing.T) {
	make := func(n int) func(t *testing.T) drivertest.Rig {
		return func(t *testing.T) drivertest.Rig {
			var plugs []string
			for i := range n {
				plugs = append(plugs, strconv.Itoa(i+1))
			}
			return newFake(plugs).rig(t, plugs)
		}
	}
	drivertest.Run(t, drivertest.Subject{InMemory: true, New: make(4), Many: make(1000)})
}
