package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

const watchHelp = `
With --watch the states are shown as they change, until q or Ctrl-C: folded, with the
latest changes below. Without a terminal each change is a line. The daemon tells what
it sees: by its polling, and by what is done.`

// comeBack is how long to wait before a daemon that has gone is asked again.
const comeBack = time.Second

// watch follows the states of nodes until somebody has seen enough. With read, the
// devices are asked once at the beginning.
func (p *program) watch(ctx context.Context, targets string, read bool) error {
	cl := p.client()
	defer cl.Close()
	in, ok := p.stdin.(*os.File)
	if !p.out.terminal || !ok || !term.IsTerminal(int(in.Fd())) {
		return p.watchPlain(ctx, cl, targets, read)
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	news := follow(ctx, cl, targets)
	first := <-news
	if first.err != nil { // before the screen is taken
		return first.err
	}
	if read {
		go p.readOnce(ctx, cl, targets)
	}
	v := &screenView{p: p, model: newWatched(), targets: targets}
	v.model.take(first)
	restore, err := v.begin(in)
	if err != nil {
		return err
	}
	defer restore()
	quit := keys(in)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	v.draw(time.Now())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-quit:
			return nil
		case n := <-news:
			v.model.take(n)
			v.dirty = true
		case <-resized:
			v.p.dress()
			v.draw(time.Now())
		case now := <-tick.C:
			if v.dirty || now.Second() != v.drawn.Second() {
				v.draw(now)
			}
		}
	}
}

// readOnce has the devices read, so that what is shown is fresh. What comes of it
// comes by the stream too.
func (p *program) readOnce(ctx context.Context, cl *client.Client, targets string) {
	for _, err := range cl.Do(ctx, wire.Do{Op: room.Status.String(), Targets: targets, Fold: true}) {
		if err != nil {
			return // the view shows what is believed, which is all that it promises
		}
	}
}

// news is what comes from the stream: something watched, or that it broke off.
type news struct {
	client.Watched
	err error
}

// follow gives what comes, and comes back to a daemon that has gone, until ctx ends.
func follow(ctx context.Context, cl *client.Client, targets string) <-chan news {
	to := make(chan news)
	tell := func(n news) bool {
		select {
		case to <- n:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		for {
			for w, err := range cl.States(ctx, targets) {
				if !tell(news{w, err}) {
					return
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(comeBack):
			}
		}
	}()
	return to
}

// keys tells when somebody wants to leave. The terminal sends no signals meanwhile.
func keys(in *os.File) <-chan struct{} {
	quit := make(chan struct{})
	go func() { // ends with the program at the latest: a read of a terminal cannot be broken off
		defer close(quit)
		b := make([]byte, 1)
		for {
			if n, err := in.Read(b); err != nil || n == 1 && strings.IndexByte("qQ\x03\x04", b[0]) >= 0 {
				return
			}
		}
	}()
	return quit
}

// watchPlain writes a line for each change.
func (p *program) watchPlain(ctx context.Context, cl *client.Client, targets string, read bool) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	model := newWatched()
	began, gone := false, false
	for n := range until(ctx, follow(ctx, cl, targets)) {
		var refused *room.Error
		switch {
		case n.err != nil && (!began || errors.As(n.err, &refused) && refused.Code == room.CodeRefused):
			return n.err
		case n.err != nil:
			if !gone {
				p.hint("the daemon has gone; waiting for it")
			}
			gone = true
			continue
		}
		changes := model.take(n)
		if !began || gone {
			for _, row := range model.rows() {
				p.printf("%s  %-8s %s\n", time.Now().Format(time.TimeOnly), row.word, row.nodes)
			}
			if !began && read {
				go p.readOnce(ctx, cl, targets)
			}
			began, gone = true, false
			continue
		}
		for _, c := range changes {
			p.printf("%s  %s  %s %s %s\n", c.at.Local().Format(time.TimeOnly), clean(c.node), c.from, p.out.to(), c.to)
		}
		if p.deaf() {
			return nil
		}
	}
	return exit(ExitStopped)
}

// until gives what comes on a channel until ctx ends.
func until(ctx context.Context, from <-chan news) func(func(news) bool) {
	return func(yield func(news) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case n := <-from:
				if ctx.Err() != nil || !yield(n) {
					return
				}
			}
		}
	}
}

// to is what stands between the old and the new.
func (s style) to() string {
	if s.utf8 {
		return "→"
	}
	return "->"
}

// screenView is the picture on a terminal.
type screenView struct {
	p       *program
	model   *watched
	targets string
	dirty   bool
	drawn   time.Time
}

// begin takes the terminal; restore gives it back as it was.
func (v *screenView) begin(in *os.File) (restore func(), err error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("take the terminal: %w", err)
	}
	v.p.printf("\x1b[?1049h\x1b[?25l") // the other screen, no cursor
	return func() {
		v.p.printf("\x1b[?25h\x1b[?1049l")
		_ = term.Restore(int(in.Fd()), before)
	}, nil
}

// draw draws the whole picture. Lines are overwritten and not wiped, so that nothing
// flickers.
func (v *screenView) draw(now time.Time) {
	width, height := 80, 24
	if o, ok := v.p.stdout.(*output); ok {
		if f, ok := o.to.(*os.File); ok {
			if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
				width, height = w, h
			}
		}
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, line := range v.model.picture(v.p.out, v.targets, now, width, height) {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(line + "\x1b[K")
	}
	b.WriteString("\x1b[J")
	v.p.printf("%s", b.String())
	v.dirty, v.drawn = false, now
}
