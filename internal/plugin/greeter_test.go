package plugin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"

	"millwright.dev/millwright/internal/plugin"
)

// greeter is a plugin that says hello in its own way, and answers everything else.
type greeter struct{ hello string }

func (g *greeter) start(_ context.Context, _ plugin.Spec, stderr io.Writer) (plugin.Process, error) {
	ours, theirs := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer theirs.Close()
		c := &conn{Conn: theirs, stderr: stderr}
		for lines := bufio.NewScanner(theirs); lines.Scan(); {
			var m ask
			_ = json.Unmarshal(lines.Bytes(), &m)
			if m.Method == "hello" {
				c.answer(m, g.hello)
			} else if m.ID != nil {
				c.answer(m, `{}`)
			}
		}
	}()
	return &process{Conn: ours, ended: ended}, nil
}
