package plugin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of one conversation.
const (
	maxPending = 256              // requests of ours that are not answered yet
	maxQueued  = 64               // lines that wait to be written
	writeTime  = 15 * time.Second // a plugin that reads nothing for so long is stuck

	linesPerSecond, linesAtOnce = 2000, 4000 // that are read; more have to wait
	asksPerSecond, asksAtOnce   = 2, 20      // requests of the plugin; more are turned away
	maxAsks                     = 4          // of them at the same time
	maxNoise                    = 100        // lines in a row that are no messages
)

// Errors of a conversation.
var (
	// ErrGone is of a plugin whose process ended, or was ended, while it was asked.
	ErrGone = errors.New("the plugin has ended")
	errDeaf = errors.New("it reads nothing of what it is told")
	// ErrBusy is of a plugin that has too much to answer already.
	ErrBusy = fmt.Errorf("the plugin has left %d requests unanswered", maxPending)
)

// link is a conversation with one process. Any goroutine may call.
type link struct {
	conn io.ReadWriteCloser
	// serve answers a request of the plugin's; each has a goroutine.
	serve func(ctx context.Context, method string, params json.RawMessage) (any, error)
	// noise hears of lines that are no messages, and of requests turned away.
	noise func(text string)

	out    chan []byte
	ctx    context.Context // of requests of the plugin's; ends with the conversation
	cancel context.CancelCauseFunc
	work   sync.WaitGroup // all goroutines of the conversation

	mu      sync.Mutex
	last    uint64
	pending map[uint64]chan message
	serving map[string]context.CancelFunc // requests of the plugin's, by id
	refused int                           // of them, turned away
}

// deadliner is what a line can be on which a write can be given up.
type deadliner interface{ SetWriteDeadline(t time.Time) error }

func newLink(conn io.ReadWriteCloser, exited <-chan struct{}, serve func(context.Context, string, json.RawMessage) (any, error), noise func(string)) *link {
	l := &link{
		conn: conn, serve: serve, noise: noise, out: make(chan []byte, maxQueued),
		pending: make(map[uint64]chan message), serving: make(map[string]context.CancelFunc),
	}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	l.work.Go(func() { l.end(l.read()) })
	l.work.Go(func() { l.end(l.write()) })
	l.work.Go(func() { l.watch(exited) })
	return l
}

// drainTime is how long what a process said last is waited for, when it has ended and
// something that it left running holds its stdout open.
const drainTime = 100 * time.Millisecond

// watch ends the conversation with the process.
func (l *link) watch(exited <-chan struct{}) {
	select {
	case <-exited:
	case <-l.done():
		return
	}
	drain := time.NewTimer(drainTime)
	defer drain.Stop()
	select {
	case <-drain.C:
	case <-l.done():
	}
	l.end(ErrGone)
}

// end ends the conversation, because of why. The first reason stays.
func (l *link) end(why error) {
	l.cancel(why)
	_ = l.conn.Close()
}

// close ends the conversation and waits for all that belongs to it.
func (l *link) close() {
	l.end(ErrGone)
	l.work.Wait()
}

// done is closed when the conversation is over; why says how it ended.
func (l *link) done() <-chan struct{} { return l.ctx.Done() }
func (l *link) why() error            { return context.Cause(l.ctx) }
func (l *link) over() bool            { return l == nil || l.ctx.Err() != nil }

// call asks, and puts the result into result, which may be nil. Its error is an *Error
// if the plugin has answered one; ErrGone, ErrBusy, or ctx's cause.
func (l *link) call(ctx context.Context, method string, params, result any) error {
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	l.mu.Lock()
	if len(l.pending) >= maxPending {
		l.mu.Unlock()
		return ErrBusy
	}
	l.last++
	id, answer := l.last, make(chan message, 1)
	l.pending[id] = answer
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.pending, id)
		l.mu.Unlock()
	}()
	if err := l.send(ctx, message{ID: strconv.AppendUint(nil, id, 10), Method: method, Params: text}); err != nil {
		return err
	}
	select {
	case m := <-answer:
		return m.take(result)
	case <-l.done():
		return ErrGone
	case <-ctx.Done():
		l.tell("cancel", map[string]uint64{"id": id})
		return context.Cause(ctx)
	}
}

// take gives an answer's result.
func (m message) take(result any) error {
	if m.Error != nil {
		return m.Error
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(m.Result, result); err != nil {
		return &Error{Code: NoAnswer, Message: "the plugin's answer is not what it should be: " + clean(err.Error(), maxSaid)}
	}
	return nil
}

// send queues a message for writing.
func (l *link) send(ctx context.Context, m message) error {
	line, err := format(m)
	if err != nil {
		return err
	}
	select {
	case l.out <- line:
		return nil
	case <-l.done():
		return ErrGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tell sends a notification, if there is room for it.
func (l *link) tell(method string, params any) {
	text, err := json.Marshal(params)
	if err != nil {
		return
	}
	if line, err := format(message{Method: method, Params: text}); err == nil {
		select {
		case l.out <- line:
		default: // it does not read; it would learn of this too late anyway
		}
	}
}

// write writes what is queued.
func (l *link) write() error {
	timed, _ := l.conn.(deadliner)
	for {
		select {
		case line := <-l.out:
			if timed != nil {
				_ = timed.SetWriteDeadline(time.Now().Add(writeTime))
			}
			_, err := l.conn.Write(line)
			switch {
			case errors.Is(err, os.ErrDeadlineExceeded):
				return errDeaf
			case err != nil:
				return ErrGone
			}
		case <-l.done():
			return nil
		}
	}
}

// read reads to the end of the conversation, and gives the reason for it.
func (l *link) read() error {
	in := bufio.NewReader(l.conn)
	pace, asks := rate.NewLimiter(linesPerSecond, linesAtOnce), rate.NewLimiter(asksPerSecond, asksAtOnce)
	nonsense, slowed := 0, false
	for {
		line, err := readLine(in)
		switch {
		case errors.Is(err, io.EOF):
			return ErrGone
		case err != nil:
			return err
		}
		if !pace.Allow() {
			if !slowed { // a plugin that talks too much is told off once
				l.noise("it says more than anybody can hear, and is slowed down")
			}
			slowed = true
			if err := pace.Wait(l.ctx); err != nil {
				return ErrGone
			}
		}
		m, err := parse(line)
		if err != nil {
			if nonsense++; nonsense > maxNoise {
				return fmt.Errorf("it talks nonsense: %w", err)
			}
			l.noise(fmt.Sprintf("on stdout, and no message (%v): %s", err, line[:min(len(line), maxSaid)]))
			continue
		}
		nonsense = 0
		switch {
		case m.Method == "":
			l.deliver(m)
		case m.Method == "cancel" && m.ID == nil:
			l.stopServing(m.Params)
		case m.ID == nil:
			l.noise("it tells of " + clean(m.Method, 60) + ", which nobody wants to know")
		default:
			l.asked(m, asks.Allow())
		}
	}
}

// deliver hands an answer to who waits for it. One that nobody waits for is late.
func (l *link) deliver(m message) {
	id, err := strconv.ParseUint(string(m.ID), 10, 64)
	if err != nil {
		return
	}
	l.mu.Lock()
	answer := l.pending[id]
	delete(l.pending, id) // a second answer to it is nobody's
	l.mu.Unlock()
	if answer != nil {
		answer <- m
	}
}

// asked has a request of the plugin's answered, if it may ask now.
func (l *link) asked(m message, allowed bool) {
	id := string(m.ID)
	ctx, cancel := context.WithCancel(l.ctx)
	l.mu.Lock()
	_, twice := l.serving[id]
	turnedAway := !allowed || twice || len(l.serving) >= maxAsks
	if turnedAway {
		l.refused++
	} else {
		l.serving[id] = cancel
	}
	first := turnedAway && l.refused&(l.refused-1) == 0 // the 1st, 2nd, 4th…: a flood is said, and floods nobody
	l.mu.Unlock()
	if turnedAway {
		cancel()
		if first {
			l.noise("it asks for more than it may; requests are turned away")
		}
		l.reply(message{ID: m.ID, Error: &Error{Code: codeBusy, Message: "too many requests"}})
		return
	}
	l.work.Go(func() {
		defer func() {
			cancel()
			l.mu.Lock()
			delete(l.serving, id)
			l.mu.Unlock()
		}()
		l.reply(l.answer(ctx, m))
	})
}

// answer makes the answer to a request of the plugin's.
func (l *link) answer(ctx context.Context, m message) message {
	result, err := l.serve(ctx, m.Method, m.Params)
	var wrong *Error
	if err != nil && !errors.As(err, &wrong) {
		wrong = &Error{Code: Refused, Message: err.Error()}
	}
	if wrong != nil {
		return message{ID: m.ID, Error: wrong}
	}
	text, err := json.Marshal(result)
	if err != nil {
		return message{ID: m.ID, Error: &Error{Code: codeInternal, Message: err.Error()}}
	}
	return message{ID: m.ID, Result: text}
}

// reply queues an answer. A plugin that asks and does not read has only itself to blame.
func (l *link) reply(m message) {
	if line, err := format(m); err == nil {
		select {
		case l.out <- line:
		default:
		}
	}
}

// stopServing ends a request that the plugin does not want answered any more.
func (l *link) stopServing(params json.RawMessage) {
	var what struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(params, &what) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if cancel := l.serving[string(what.ID)]; cancel != nil {
		cancel()
	}
}

// turnedAway is how many requests of the plugin's were.
func (l *link) turnedAway() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}
