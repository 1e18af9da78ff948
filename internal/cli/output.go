package cli

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// output is stdout. It keeps the first error of a write, so that an answer that
// nobody got does not pass for one that was given. A closed pipe is not kept: who
// closed it has read enough, and mostly it ends us by a signal.
type output struct {
	to io.Writer

	mu  sync.Mutex
	err error
}

// Write implements [io.Writer]. After an error nothing more is written.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(b)
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		o.err = err
	}
	return n, err
}

// failed gives the first error.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// deaf says whether what is written goes nowhere, so that a command without an end
// need not go on.
func (p *program) deaf() bool {
	o, ok := p.stdout.(*output)
	return ok && o.failed() != nil
}

// unwritten adds to how a command ended that its answer could not be written. What
// became of the nodes counts for more in the exit status.
func (p *program) unwritten(ended, failed error) error {
	switch {
	case failed == nil, errors.Is(ended, failed):
		return ended
	case statusOf(ended) == ExitOK:
		return fmt.Errorf("the answer could not be written: %w", failed)
	}
	p.errorf("the answer could not be written: %v", failed)
	return ended
}
