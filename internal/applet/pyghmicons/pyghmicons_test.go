package pyghmicons

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi/bmc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line remembers what was typed.
type line struct {
	bytes.Buffer
	breaks int
}

func (l *line) Break() error { l.breaks++; return nil }

func TestKeys(t *testing.T) {
	for typed, want := range map[string]string{
		"plain": "plain", "~.": "", "a~.": "a~.", "a\r~.b": "a\r", "~~x": "~x", "~x": "~x", "\n~Bx": "\nx", "~~.": "~.",
	} {
		l := &line{}
		err := (&keys{line: l, fresh: true}).press([]byte(typed))
		if strings.HasSuffix(typed, "\r~.b") {
			want = "" // what came with the end is not typed any more
		}
		if l.String() != want || errors.Is(err, errEnd) != (typed == "~." || typed == "a\r~.b") || (l.breaks == 1) != strings.Contains(typed, "~B") {
			t.Errorf("%q: typed %q, %d breaks, %v; want %q", typed, l.String(), l.breaks, err, want)
		}
	}
}

// echoing is a machine whose console says again what it hears.
type echoing struct{ *bmc.Memory }

func (echoing) Console(context.Context, bmc.Caller) (io.ReadWriteCloser, error) {
	a, b := net.Pipe()
	go func() {
		_, _ = io.Copy(b, b)
		b.Close()
	}()
	return a, nil
}

// heard is what comes, and ends the typing when a word has come.
type heard struct {
	mu   sync.Mutex
	b    bytes.Buffer
	word string
	once sync.Once
	done chan struct{}
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.b.Write(p)
	if strings.Contains(h.b.String(), h.word) {
		h.once.Do(func() { close(h.done) })
	}
	return len(p), nil
}

func TestConsole(t *testing.T) {
	m, err := bmc.New(bmc.Config{Users: []bmc.Account{{Name: "admin", Password: "password", Privilege: bmc.Administrator}}}, echoing{bmc.NewMemory(true)})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- bmc.Serve(ctx, conn, m) }()
	defer func() {
		stop()
		<-over
		m.Close()
	}()
	t.Setenv("IPMIPASSWORD", "password")
	in, typing := io.Pipe()
	out, errs := &heard{word: "hello", done: make(chan struct{})}, &bytes.Buffer{}
	ended := make(chan int, 1)
	go func() { ended <- Run(t.Context(), []string{conn.LocalAddr().String(), "admin"}, in, out, errs) }()
	_, _ = typing.Write([]byte("hello\r"))
	select {
	case <-out.done:
	case <-time.After(time.Minute):
		t.Fatalf("the console says nothing: %s", errs)
	}
	_, _ = typing.Write([]byte("~."))
	if code := <-ended; code != 0 {
		t.Errorf("it ended with %d: %s", code, errs)
	}
	typing.Close()
}
