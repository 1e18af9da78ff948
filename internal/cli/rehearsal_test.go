package cli_test

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// rehearsal ARGS: start millwright sim and wait until its room is there. What it has
// said by then is stdout.
func cmdRehearsal(ts *testscript.TestScript, _ bool, args []string) {
	path, err := exec.LookPath("millwright")
	ts.Check(err)
	sim := exec.Command(path, append([]string{"sim"}, args...)...)
	sim.Dir = ts.Getenv("WORK")
	out, err := sim.StdoutPipe()
	ts.Check(err)
	sim.Stderr = ts.Stderr()
	ts.Check(sim.Start())
	said, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		var b strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if b.WriteString(lines.Text() + "\n"); strings.HasPrefix(lines.Text(), "To command it:") {
				said <- b.String()
			}
		}
	}()
	ts.Defer(func() {
		_ = sim.Process.Signal(syscall.SIGINT)
		<-ended
		_ = sim.Wait() // how it ends is told by other tests
	})
	select {
	case text := <-said:
		_, err = ts.Stdout().Write([]byte(text))
		ts.Check(err)
	case <-ended:
		ts.Fatalf("it ended")
	case <-time.After(30 * time.Second):
		ts.Fatalf("there is no room after 30 s")
	}
}
