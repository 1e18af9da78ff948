package rehearse_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/cli"
	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/rehearse"
)

// output is what a command has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// millwright runs a command to its end.
func millwright(ctx context.Context, args ...string) (status int, said string) {
	var out output
	status = cli.Run(ctx, args, strings.NewReader(""), &out, &out)
	return status, out.String()
}

func TestSimPlaysARoomUntilItIsStopped(t *testing.T) {
	dir := t.TempDir()
	socket, copied := filepath.Join(dir, "ctl"), filepath.Join(dir, "copy")
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var out output
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, []string{"sim", "../../examples/small", "--boot", "1ms", "--write", copied, "--control", socket}, strings.NewReader(""), &out, &out)
	}()
	for rehearse.Ask(ctx, socket, "help", io.Discard) != nil {
		select {
		case status := <-ended:
			t.Fatalf("it ended with %d: %s", status, out.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	if status, said := millwright(ctx, "sim", "ctl", socket, "turn", "pdu1/1", "on"); status != 0 {
		t.Errorf("%d: %s", status, said)
	}
	if status, said := millwright(ctx, "sim", "ctl", "--control", socket, "show", "pdu1"); status != 0 || !strings.Contains(said, "outlet 1: on\n") {
		t.Errorf("%d: %s", status, said)
	}
	if status, said := millwright(ctx, "sim", "ctl", socket, "turn", "pdu9/1", "on"); status != 1 || !strings.Contains(said, "pdu9") {
		t.Errorf("%d: %s", status, said)
	}
	if status, said := millwright(ctx, "sim", "examples", "--control", socket, "../../examples/small"); status != 1 {
		t.Errorf("two arguments are one too many: %s", said)
	}
	if status, said := millwright(ctx, "sim", "../../examples/small", "--control", socket); status != 1 || !strings.Contains(said, "somebody answers") {
		t.Errorf("%d: %s", status, said)
	}
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("it was stopped, and ended with %d", status)
	}
	for _, want := range []string{"room small, simulated: 1 device, 6 machines", "pdu1    board ", " pdu1 outlet 1 on\n", " nas1 booting\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket is left")
	}
	if status, said := millwright(t.Context(), "validate", copied); status != 0 {
		t.Errorf("the copy: %d: %s", status, said)
	}
	if status, said := millwright(t.Context(), "sim", "ctl", socket, "show"); status != 1 {
		t.Errorf("%d: %s", status, said)
	}
}

func TestSimSaysWhatItCannotPlay(t *testing.T) {
	conf := `include "/etc/powerman/icebox3.dev"` + "\n" + `device "ice" "icebox3" "10.0.0.1:23"` + "\n" + `node "n[1-4]" "ice" "[1-4]"` + "\n"
	path := filepath.Join(folder(t, map[string]string{"powerman.conf": conf}), "powerman.conf")
	status, said := millwright(t.Context(), "sim", path)
	for _, want := range []string{`1 of 1 devices cannot be simulated`, `ice (specification "icebox3")`, `--style 'ice=vpc'`} {
		if status != 1 || !strings.Contains(said, want) {
			t.Errorf("%d: %q is not in:\n%s", status, want, said)
		}
	}
	if status, said := millwright(t.Context(), "sim", path, "--style", "ice=apc"); status != 1 || !strings.Contains(said, "there is no style") {
		t.Errorf("%d: %s", status, said)
	}
}

func TestPortsFollowTheBase(t *testing.T) {
	o := options()
	port, err := freeport.Reserve("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Release()
	o.PortBase = port.Number
	r, _, _ := play(t, "../../examples/small", o)
	if got, want := r.Devices()[0].Address, port.Addr("127.0.0.1"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	o.PortBase = 65535
	if r, err = rehearse.Read(t.Context(), "../../examples/powerman/powerman.conf", o); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Start(t.Context()); err == nil {
		t.Error("two devices fit behind port 65535")
	}
}
