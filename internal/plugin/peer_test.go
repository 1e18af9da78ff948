package plugin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/plugin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask is a message as a peer sees and sends it.
type ask struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *plugin.Error   `json:"error,omitempty"`
}

// peer is a plugin in memory: what it does with a message is handle's affair, which
// runs in the goroutine that reads. It says hello by itself.
type peer struct {
	provides string // JSON of what it provides
	settings string // JSON of its settings' schema
	handle   func(c *conn, m ask)

	mu     sync.Mutex
	starts int
}

// conn is a peer's end of one process.
type conn struct {
	net.Conn
	writing sync.Mutex
	stderr  io.Writer
}

func (c *conn) send(m ask) {
	m.Version = "2.0"
	line, _ := json.Marshal(m)
	c.raw(string(line) + "\n")
}

// raw writes bytes as they are.
func (c *conn) raw(text string) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = io.WriteString(c.Conn, text)
}

func (c *conn) answer(m ask, result string) { c.send(ask{ID: m.ID, Result: json.RawMessage(result)}) }

// process is the host's end.
type process struct {
	net.Conn
	ended chan struct{}
}

func (p *process) Pid() int                { return 7 }
func (p *process) Exited() <-chan struct{} { return nil }
func (p *process) State() string           { <-p.ended; return "exit status 3" }

func (p *peer) start(_ context.Context, _ plugin.Spec, stderr io.Writer) (plugin.Process, error) {
	p.mu.Lock()
	p.starts++
	p.mu.Unlock()
	ours, theirs := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer theirs.Close()
		p.talk(&conn{Conn: theirs, stderr: stderr})
	}()
	return &process{Conn: ours, ended: ended}, nil
}

// talk is the life of a process.
func (p *peer) talk(c *conn) {
	for in := bufio.NewReader(c); ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var m ask
		if err := json.Unmarshal(line, &m); err != nil {
			panic(fmt.Sprintf("the host wrote %q: %v", line, err))
		}
		switch m.Method {
		case "hello":
			provides, settings := p.provides, p.settings
			if provides == "" {
				provides = `[]`
			}
			if settings == "" {
				settings = `{}`
			}
			c.answer(m, `{"protocol": 1, "name": "peer", "version": "9", "settings": `+settings+`, "provides": `+provides+`}`)
			continue
		case "shutdown":
			c.answer(m, `{}`)
			return
		}
		if p.handle == nil {
			c.answer(m, `{}`)
			continue
		}
		if p.handle(c, m); errors.Is(c.SetDeadline(time.Time{}), io.ErrClosedPipe) {
			return // it has hung up
		}
	}
}

// starts is how often it was started.
func (p *peer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}

// host makes a host whose only plugin, "p", is a peer. Its end has to be called before
// that of the test.
func host(t *testing.T, p *peer, change func(*plugin.Spec, *plugin.Options)) *plugin.Host {
	t.Helper()
	o := plugin.Options{Start: p.start, Version: "1"}
	s := plugin.Spec{Name: "p", Argv: []string{"peer"}, Enabled: true}
	if change != nil {
		change(&s, &o)
	}
	h := plugin.New(o)
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if err := h.Apply([]plugin.Spec{s}); err != nil {
		t.Fatal(err)
	}
	return h
}

// is gives the status of the plugin "p".
func is(t *testing.T, h *plugin.Host) plugin.Status {
	t.Helper()
	list := h.Status()
	if len(list) != 1 {
		t.Fatalf("there are %d plugins", len(list))
	}
	return list[0]
}
