package event_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/store"
)

// crashDir makes this program, run anew, append to the log in that folder and
// say what was acknowledged until it is killed.
const crashDir = "MILLWRIGHT_TEST_CRASH_DIR"

func appendUntilKilled(dir string) {
	s, err := store.Open(context.Background(), dir, store.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l := event.New(s, nil)
	var mu sync.Mutex
	for w := range 16 {
		go func() {
			for i := 0; ; i++ {
				request := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				for _, kind := range []event.Kind{event.Intent, event.Result} {
					e := &event.Event{Kind: kind, Request: request}
					if err := l.Append(context.Background(), e); err != nil {
						os.Exit(2)
					}
					mu.Lock()
					fmt.Printf("%d %s %s\n", e.Seq, e.Kind, e.Request)
					mu.Unlock()
				}
			}
		}()
	}
	select {}
}

// TestKilledDaemonLosesNothingAcknowledged kills a writing process at random
// moments, again and again on the same folder.
func TestKilledDaemonLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]bool{} // "seq kind request"
	for round, end := 0, time.Now().Add(4*time.Second); round < 40 && (round < 8 || time.Now().Before(end)); round++ {
		for _, line := range runAndKill(t, dir, 1+rand.IntN(400)) {
			acked[line] = true
		}
		checkAfterCrash(t, dir, acked)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d events were acknowledged", len(acked))
}

// runAndKill kills the child after it has acknowledged so many events, and
// returns all that it acknowledged before it was dead.
func runAndKill(t *testing.T, dir string, after int) (lines []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			break
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
		if len(lines) == after {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return lines
}

func checkAfterCrash(t *testing.T, dir string, acked map[string]bool) {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.WasClean() {
		t.Error("the crash was not seen")
	}
	l := event.New(s, nil)
	found, seq := 0, int64(0)
	open := map[string]bool{}
	last, _ := s.Tail()
	for e, err := range l.Follow(t.Context(), event.Filter{Limit: int(last)}) {
		if seq++; err != nil || e.Seq != seq {
			t.Fatalf("event %d instead of %d, %v", e.Seq, seq, err)
		}
		if acked[fmt.Sprintf("%d %s %s", e.Seq, e.Kind, e.Request)] {
			found++
		}
		if e.Kind == event.Intent {
			open[e.Request] = true
		} else {
			delete(open, e.Request)
		}
	}
	if found != len(acked) {
		t.Errorf("%d of %d acknowledged events are there", found, len(acked))
	}
	intents, err := l.OpenIntents(t.Context())
	if err != nil || len(intents) != len(open) {
		t.Errorf("%d open intents instead of %d, %v", len(intents), len(open), err)
	}
	for _, e := range intents {
		if !open[e.Request] {
			t.Errorf("request %s is not open", e.Request)
		}
	}
}
