package cli

import (
	"fmt"
	"sync"
	"time"
)

// patience shows, on a terminal, that something is waited for and for how long;
// not before that has taken a moment. The returned function takes it away again,
// and may be called more than once.
func (p *program) patience(what string) (done func()) {
	const moment = 700 * time.Millisecond
	if !p.err.terminal || !p.out.terminal {
		return func() {}
	}
	began := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		wait := time.NewTimer(moment)
		defer wait.Stop()
		for shown := false; ; shown = true {
			select {
			case <-stop:
				if shown {
					_, _ = fmt.Fprint(p.stderr, "\r\x1b[K")
				}
				return
			case <-wait.C:
			}
			line := clip(what+" "+elapsed(time.Since(began)), p.err.width-1)
			_, _ = fmt.Fprint(p.stderr, "\r\x1b[K"+p.err.faint(line))
			wait.Reset(redraw)
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-stopped
	})
}
