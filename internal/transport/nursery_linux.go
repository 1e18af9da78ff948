package transport

import (
	"context"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// nursery starts child processes that die with this program, even if it is
// killed with SIGKILL and cannot say goodbye.
//
// The kernel does this by Pdeathsig (PR_SET_PDEATHSIG, prctl(2)), with a trap for
// Go: the signal comes when the *thread* that forked the child ends, not the
// process, and Go's threads do end: each time a goroutine that locked one to
// itself returns. So all children are forked by one thread that is locked to one
// goroutine, which lives from the first child to the last and does nothing else.
//
// What it cannot do: the signal reaches the child alone, not the child's own
// children, and a set-user-ID program loses it. Those see an end of file on their
// stdin, since our end of the socket pair is closed with us; and systemd's
// control group gets the rest.
type nursery struct {
	mu       sync.Mutex
	children int
	births   chan func()   // to the goroutine that forks
	done     chan struct{} // closed when it has ended
}

// start forks and executes a program as the leader of a process group of its
// own. Each start that succeeds must be answered by one release.
func (n *nursery) start(ctx context.Context, path string, argv []string, attr *os.ProcAttr) (p *os.Process, err error) {
	attr.Sys = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	births := n.enter()
	born := make(chan struct{})
	select {
	case births <- func() {
		p, err = os.StartProcess(path, argv, attr)
		close(born)
	}:
		<-born
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		n.release()
	}
	return p, err
}

// enter counts one more child and has the forking thread running.
func (n *nursery) enter() chan<- func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.children++; n.children == 1 {
		n.births, n.done = make(chan func()), make(chan struct{})
		go forkingThread(n.births, n.done)
	}
	return n.births
}

// release counts one child less, after its death, and ends the forking thread
// with the last.
func (n *nursery) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.children--; n.children == 0 {
		close(n.births)
		<-n.done
	}
}

func forkingThread(births <-chan func(), done chan<- struct{}) {
	defer close(done)
	runtime.LockOSThread()
	// Unlocked at the end, the thread goes back to the runtime's pool: no child
	// is left that its end could hurt.
	defer runtime.UnlockOSThread()
	for birth := range births {
		birth()
	}
}
