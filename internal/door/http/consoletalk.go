package httpdoor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"millwright.dev/millwright/internal/console"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

const (
	// maxTyped is how large a frame of a client may be.
	maxTyped = 64 << 10
	// typeFor is how long a frame may take on its way to a client.
	typeFor = time.Minute
	// pingEvery is how often it is looked whether a client is there, and still may be.
	pingEvery = 20 * time.Second
	// lookEvery is how often it is looked whether a client still may be there.
	lookEvery = 5 * time.Second
	// farewell is how long a client may take to answer that it was told of the end.
	farewell = time.Second
	// askRate bounds the messages of a client that are no bytes: breaks above all.
	askRate, askBurst = 5, 20
)

// talk is one client at a console.
type talk struct {
	d      *Door
	by     desk.Actor
	node   string
	conn   *websocket.Conn
	seat   *console.Seat
	typing atomic.Bool // the client waits for the console, and answers no pings
	asks   *rate.Limiter

	mu  sync.Mutex
	why string // why it ends
}

// attach answers with a WebSocket, or with why there is none.
func (d *Door) attach(w http.ResponseWriter, r *http.Request, in *consoleInput) {
	d.serving.Add(1)
	defer d.serving.Done()
	ctx, by := r.Context(), actorOf(r.Context())
	if err := sameOrigin(r); err != nil {
		refuse(w, err)
		return
	}
	if !upgrades(r) {
		w.Header().Set("Upgrade", "websocket")
		refuse(w, withStatus(http.StatusUpgradeRequired, invalid("a console is a WebSocket")))
		return
	}
	who := whose(by)
	if !d.readers.enter(who) {
		refuse(w, &room.Error{Code: room.CodeBusy, Op: "console", Said: "too many streams are being read already"})
		return
	}
	defer d.readers.leave(who)
	seat, err := d.opts.Desk.Attach(by, in.Node, console.Wish{Write: in.Mode != "watch", TakeOver: in.TakeOver, Replay: in.Replay})
	if err != nil {
		refuse(w, err)
		return
	}
	defer seat.Close()
	boundBuffer(ctx)
	byItself(w)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.ConsoleProtocol}, InsecureSkipVerify: true}) // sameOrigin has looked
	if err != nil {
		return // it has answered
	}
	t := &talk{d: d, by: by, node: seat.Status().Node, conn: conn, seat: seat, asks: rate.NewLimiter(askRate, askBurst)}
	t.serve(ctx)
}

func upgrades(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Header.Get("Upgrade") != "" && r.Header.Get("Sec-Websocket-Key") != ""
}

// serve talks until either end has had enough.
func (t *talk) serve(ctx context.Context) {
	// A read whose context ends takes the connection with it; so the reads end last,
	// when the client has been told why.
	reading, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	talking, stop := context.WithCancel(ctx)
	t.conn.SetReadLimit(maxTyped)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		t.listen(reading)
	})
	wg.Go(func() {
		defer stop()
		t.watch(talking)
	})
	_ = t.tell(talking)
	stop()
	if ctx.Err() != nil {
		t.reason("the daemon is stopping")
	}
	if t.say(reading, wire.ConsoleMessage{Type: wire.ConsoleClosed, Said: t.reason("")}) == nil {
		late := time.AfterFunc(farewell, hangUp)
		_ = t.conn.Close(websocket.StatusNormalClosure, "")
		late.Stop()
	}
	hangUp()
	_ = t.conn.CloseNow()
	wg.Wait()
}

// reason notes why the talk ends, the first time, and gives it.
func (t *talk) reason(why string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == "" {
		t.why = why
	}
	return t.why
}

// say sends a message.
func (t *talk) say(ctx context.Context, m wire.ConsoleMessage) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stallFor)
	defer cancel()
	return t.conn.Write(ctx, websocket.MessageText, data)
}

// attached tells how it stands.
func (t *talk) attached(ctx context.Context) error {
	s := t.seat.Status()
	return t.say(ctx, wire.ConsoleMessage{
		Type: wire.ConsoleAttached, State: string(s.State), Said: s.Said, You: t.seat.Writes(), Message: t.seat.Message(), Who: guestsOf(&s),
	})
}

// tell passes on what comes from the console.
func (t *talk) tell(ctx context.Context) error {
	if err := t.attached(ctx); err != nil {
		return err
	}
	for {
		u, err := t.seat.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case u.Notice != nil && u.Notice.Kind == console.NoticeClosed:
			t.reason(u.Notice.Said)
		case u.Notice != nil:
			err = t.say(ctx, messageOf(u.Notice))
		case u.Lost > 0:
			err = t.say(ctx, wire.ConsoleMessage{Type: wire.ConsoleLost, Bytes: u.Lost})
		default:
			err = t.send(ctx, u.Data)
		}
		if err != nil {
			return err
		}
	}
}

func (t *talk) send(ctx context.Context, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, typeFor)
	defer cancel()
	return t.conn.Write(ctx, websocket.MessageBinary, data)
}

func messageOf(n *console.Notice) wire.ConsoleMessage {
	return wire.ConsoleMessage{Type: n.Kind, State: string(n.State), By: n.By, You: n.You, Said: n.Said}
}

// watch looks whether the client is there and may be there.
func (t *talk) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	pinged := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := t.allowed(ctx); err != nil {
			t.reason(err.Error())
			return
		}
		if time.Since(pinged) < pingEvery || t.typing.Load() {
			continue
		}
		pinged = time.Now()
		if err := t.ping(ctx); err != nil && !t.typing.Load() && ctx.Err() == nil {
			t.reason("it does not answer")
			return
		}
	}
}

func (t *talk) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, typeFor)
	defer cancel()
	return t.conn.Ping(ctx)
}

func (t *talk) allowed(ctx context.Context) error {
	if err := t.d.stillAllowed(ctx); err != nil {
		return err
	}
	return t.d.opts.Desk.MayConsole(t.by, t.node)
}

// listen passes on what the client types and asks.
func (t *talk) listen(ctx context.Context) {
	for {
		kind, data, err := t.conn.Read(ctx)
		if err != nil {
			return
		}
		if err := t.allowed(ctx); err != nil {
			t.reason(err.Error())
			return
		}
		t.typing.Store(true)
		if kind == websocket.MessageBinary {
			err = t.seat.Write(ctx, data)
		} else {
			err = t.asked(ctx, data)
		}
		t.typing.Store(false)
		if ctx.Err() != nil {
			return
		}
		if err != nil && t.say(ctx, wire.ConsoleMessage{Type: wire.ConsoleDropped, Said: saidOf(err)}) != nil {
			return
		}
	}
}

func saidOf(err error) string {
	var e *room.Error
	if errors.As(err, &e) && e.Said != "" {
		return e.Said
	}
	return err.Error()
}

// asked does what a message asks.
func (t *talk) asked(ctx context.Context, data []byte) error {
	if !t.asks.Allow() {
		return errors.New("too many messages; wait a little")
	}
	var m wire.ConsoleMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("that is no message: %w", err)
	}
	switch m.Type {
	case wire.ConsoleBreak:
		return t.seat.Break(ctx)
	case wire.ConsoleTake:
		return t.d.opts.Desk.TakeConsole(t.by, t.node, t.seat, m.TakeOver)
	case wire.ConsoleWatch:
		t.seat.Watch()
	case wire.ConsoleResize:
		_ = t.seat.Resize(ctx, m.Columns, m.Rows) // a watcher's terminal is their own affair
	case wire.ConsoleWho:
		return t.attached(ctx)
	default:
		return errors.New("nothing is asked by such a message")
	}
	return nil
}
