// Package line is what drivers of devices that talk in lines have in common: a
// goroutine that reads all the time, answers waited for by the clock of an action,
// traces and errors without secrets, and what is to be told when an action fails.
//
// It exists because that is most of such a driver, and easily got wrong: the answer
// to the question before is no answer, and a plug whose line was never sent was
// surely not switched, so that nobody has to look at it.
//
// A session embeds a [Line] that [Open] has given it, and does its batches by
// [Line.Each], plug by plug, and [Line.Once], all plugs in one action. What it says
// and hears in them goes through a [Talk]. docs/drivers.md has a whole one.
package line

import (
	"bufio"
	"context"
	"errors"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// Config says how a device talks.
type Config struct {
	// Patience is how long one action may take, and logging in: the driver's
	// Traits.Timeout. Zero is driver.DefaultTimeout.
	Patience time.Duration
	// End ends each line that is sent. Empty is "\r\n".
	End string
	// Longest is the longest line that is taken in, in bytes; a device that says
	// more is none of this kind, and is left. Zero is 1024.
	Longest int
}

// backlog is how many lines a device may be ahead of who listens.
const backlog = 64

// Line is an open conversation with one device. The goroutine that owns the
// session owns it; Done may be watched from anywhere.
type Line struct {
	action.Device

	config Config
	conn   transport.Conn
	heard  chan string
	done   chan struct{} // closed when the line is dead and read has ended
	why    error         // why it is dead; set before done is closed
}

// Open reaches a device and has login talk to it, which should hear something even
// if there is nothing to log in with: what takes the connection and then says
// nothing would otherwise look healthy. Any error of login's means that the device
// did not let us in; [Refused] and [Odd] are good ones.
func Open(ctx context.Context, env driver.Env, to transport.Address, config Config, login func(*Talk) error) (*Line, error) {
	if config.End == "" {
		config.End = "\r\n"
	}
	if config.Longest <= 0 {
		config.Longest = 1024
	}
	conn, err := env.Reach(ctx, to)
	if err != nil {
		return nil, err
	}
	l := &Line{config: config, conn: conn, heard: make(chan string, backlog), done: make(chan struct{})}
	l.Device = action.Device{Env: env, Timeout: config.Patience, Mask: secret.NewMasker(env.Credential.Secrets()...), Gone: l.done}
	go l.read()
	if err := l.Login(ctx, l.talk(login)); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// Done implements [driver.Session].
func (l *Line) Done() <-chan struct{} { return l.done }

// Close implements [driver.Session].
func (l *Line) Close() error {
	err := l.conn.Close()
	<-l.done
	return err
}

var (
	errHungUp = errors.New("it hung up")
	errLong   = errors.New("it says lines that are too long")
	errChatty = errors.New("it says more than it is asked for")
)

// read hands on what the device says, and sees when it hangs up.
func (l *Line) read() {
	defer close(l.done)
	in := bufio.NewReaderSize(l.conn, l.config.Longest)
	for {
		text, err := in.ReadSlice('\n')
		if err != nil { // what came without its end is no answer
			if l.why = errHungUp; errors.Is(err, bufio.ErrBufferFull) {
				l.why = errLong
			}
			return
		}
		select {
		case l.heard <- string(text):
		default:
			l.why = errChatty
			return
		}
	}
}
