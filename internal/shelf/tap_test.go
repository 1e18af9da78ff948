package shelf_test

import (
	"io"
	"net"
	"sync"
)

// tap sits on the lines to a simulated device, and says to the driver what the
// simulator would not.
type tap struct {
	mu    sync.Mutex
	lines []net.Conn // to the drivers
	echo  bool
}

// join puts the tap between the device at the far end and the conn that it returns.
func (t *tap) join(far net.Conn) net.Conn {
	ours, near := net.Pipe()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, near)
	go func() {
		defer near.Close()
		_, _ = io.Copy(near, far)
	}()
	go func() {
		defer far.Close()
		_, _ = io.Copy(io.MultiWriter(echoing{t, near}, far), near)
	}()
	return ours
}

// chatter says a line to all, which is none that a script waits for: one that is,
// nothing in the language could tell from the answer.
func (t *tap) chatter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.lines {
		_, _ = io.WriteString(c, "fan 2 is slow\r\n") // some are closed
	}
}

func (t *tap) startEcho() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.echo = true
}

// echoing says again what is said to the device, but no telnet commands.
type echoing struct {
	*tap
	near net.Conn
}

func (e echoing) Write(p []byte) (int, error) {
	e.mu.Lock()
	echo := e.echo
	e.mu.Unlock()
	const command = 0xff
	if !echo || p[0] == command {
		return len(p), nil
	}
	if _, err := io.WriteString(e.near, string(p)+password+" "); err != nil {
		return 0, err
	}
	return len(p), nil
}
