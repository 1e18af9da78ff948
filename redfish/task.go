package redfish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Task is something that a service does in the background (DSP0266 "Asynchronous
// operations").
type Task struct {
	Monitor string // where to ask how far it is; empty if the service has not said
	Path    string // the task itself, if it is known
	client  *Client
	after   time.Duration
}

// Progress is how far a task is.
type Progress struct {
	State    string // "Running", "Completed"… (TaskState of the Task schema); may be empty
	Percent  int    // -1 if it is not known
	Messages []Message
}

// TaskError is a task that has ended badly.
type TaskError struct {
	State    string
	Messages []Message
}

func (e *TaskError) Error() string {
	text := "the task has ended as " + strings.ToLower(e.State)
	for _, m := range e.Messages {
		if s := m.String(); s != "" && m.Severity != "OK" {
			text += ": " + s
		}
	}
	return text
}

// task makes a task of an answer.
func (c *Client) task(a *answer) *Task {
	t := &Task{Monitor: a.location(), client: c, after: a.retryAfter(0)}
	if a.doc.Type() == "Task" || a.doc.Has("TaskState") {
		t.Path = a.doc.Link()
		if m := a.doc.Link("TaskMonitor"); t.Monitor == "" {
			t.Monitor = m
		}
	}
	if t.Monitor == "" {
		t.Monitor = t.Path
	}
	return t
}

// The bounds of the time between two looks at a task.
const (
	firstLook = time.Second
	lastLook  = 30 * time.Second
)

// Wait waits until the task has ended, and gives what came of it. progress is told
// what the service says of it each time it is asked; it may be nil.
func (t *Task) Wait(ctx context.Context, progress func(Progress)) (Document, error) {
	if t.Monitor == "" {
		return Document{}, errors.New("the service works on it, and does not say where to ask how far it is")
	}
	pause := firstLook
	for {
		if t.after > 0 {
			pause = t.after
		}
		if err := rest(ctx, min(pause, 10*lastLook)); err != nil {
			return Document{}, err
		}
		done, d, err := t.look(ctx, progress)
		if done || err != nil {
			return d, err
		}
		pause = min(pause*3/2, lastLook)
	}
}

// look asks once.
func (t *Task) look(ctx context.Context, progress func(Progress)) (done bool, d Document, err error) {
	a, err := t.client.do(ctx, ask{method: http.MethodGet, path: t.Monitor})
	if err != nil {
		if errors.Is(err, NotFound) {
			err = fmt.Errorf("the task has gone, and nobody knows how it ended: %w", err)
		}
		return true, Document{}, err
	}
	t.after = a.retryAfter(0)
	state := a.doc.String("TaskState")
	p := Progress{State: state, Percent: -1, Messages: readMessages(a.doc.List("Messages"), t.client.masked)}
	if n, ok := a.doc.Int("PercentComplete"); ok {
		p.Percent = n
	}
	if progress != nil {
		progress(p)
	}
	switch state {
	case "Exception", "Killed", "Cancelled":
		return true, a.doc, &TaskError{State: state, Messages: p.Messages}
	case "Completed":
		if s := a.doc.String("TaskStatus"); s == "Critical" {
			return true, a.doc, &TaskError{State: "Completed, critical", Messages: p.Messages}
		}
		return true, a.doc, nil
	case "":
		return a.status != http.StatusAccepted, a.doc, nil
	}
	return false, a.doc, nil
}

func readMessages(list []Document, mask func(string) string) []Message {
	var out []Message
	for _, m := range list[:min(len(list), maxMessages)] {
		out = append(out, readMessage(m, func(s string) string { return clip(mask(s)) }))
	}
	return out
}
