// Package ask holds the questions that the room has for its people until somebody
// answers them: what the driver `manual` asks, for example.
//
// Questions live as long as whoever asked waits, and no longer than the daemon: a
// request that was cut off is unknown after a restart, and is asked again by
// whoever repeats it. Each question and each answer is an event.
//
// Start at [Board].
package ask

import (
	"cmp"
	"context"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
)

// Question is one that is open.
type Question struct {
	ID     string    `json:"id"`
	Device string    `json:"device,omitempty"` // who asks
	Node   string    `json:"node,omitempty"`   // what a run asks about
	Text   string    `json:"text"`
	Asked  time.Time `json:"asked"`
}

// most bounds how many questions are open at a time.
const most = 1000

// Board is where questions hang. Its methods may be called from any goroutine.
type Board struct {
	tell func(event.Event)

	mu   sync.Mutex
	last int
	open map[string]*hanging
}

type hanging struct {
	Question
	answer chan driver.Answer
}

// New makes a board; tell takes the events.
func New(tell func(event.Event)) *Board {
	return &Board{tell: tell, open: make(map[string]*hanging)}
}

// Ask puts a question up and waits for its answer, or for ctx to end.
func (b *Board) Ask(ctx context.Context, device, text string) (driver.Answer, error) {
	return b.ask(ctx, Question{Device: device, Text: text})
}

// AskOf is Ask for a question about a node, which no device asks.
func (b *Board) AskOf(ctx context.Context, node, text string) (driver.Answer, error) {
	return b.ask(ctx, Question{Node: node, Text: text})
}

func (b *Board) ask(ctx context.Context, q Question) (driver.Answer, error) {
	h, err := b.hang(q)
	if err != nil {
		return driver.Answer{}, err
	}
	b.tell(h.event("ask", h.who()+" asks ("+h.ID+"): "+h.Text))
	select {
	case a := <-h.answer:
		return a, nil
	case <-ctx.Done():
	}
	if b.take(h.ID) == nil {
		return <-h.answer, nil // the answer came at the same moment
	}
	return driver.Answer{}, context.Cause(ctx)
}

// who says who asks.
func (q *Question) who() string {
	if q.Device == "" {
		return "a run"
	}
	return q.Device
}

// event tells something of a question.
func (q *Question) event(op, detail string) event.Event {
	e := event.Event{Kind: event.Device, Op: op, Outcome: event.OK, Detail: detail}
	if q.Node != "" {
		e.Targets, e.Count = q.Node, 1
	}
	return e
}

func (b *Board) hang(q Question) (*hanging, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.open) >= most {
		return nil, fmt.Errorf("%d questions are open already", most)
	}
	b.last++
	q.ID, q.Asked = "q"+strconv.Itoa(b.last), time.Now()
	h := &hanging{q, make(chan driver.Answer, 1)}
	b.open[h.ID] = h
	return h, nil
}

// take takes a question off the board; nil if it does not hang there.
func (b *Board) take(id string) *hanging {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.open[id]
	delete(b.open, id)
	return h
}

// Open gives the open questions, the oldest first.
func (b *Board) Open() []Question {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Question, 0, len(b.open))
	for _, h := range b.open {
		list = append(list, h.Question)
	}
	sort.Slice(list, func(i, j int) bool {
		x, y := list[i].ID, list[j].ID
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)) < 0
	})
	return list
}

// Find gives an open question.
func (b *Board) Find(id string) (Question, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.open[id]
	if h == nil {
		return Question{}, false
	}
	return h.Question, true
}

// Answer answers a question: the first answer counts.
func (b *Board) Answer(id string, a driver.Answer) error {
	h := b.take(id)
	if h == nil {
		return &room.Error{Code: room.CodeNotFound, Op: "answer", Subject: id, Said: "there is no such open question"}
	}
	word := "no"
	if a.Yes {
		word = "yes"
	}
	if a.Said != "" {
		word += ", " + a.Said
	}
	e := h.event("answer", h.who()+" ("+id+"): "+word)
	e.Actor = a.By
	b.tell(e)
	h.answer <- a
	return nil
}
