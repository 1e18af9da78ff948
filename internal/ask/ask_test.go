package ask_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"millwright.dev/millwright/internal/ask"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
)

func TestBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []event.Event
		b := ask.New(func(e event.Event) { told = append(told, e) })
		got := make(chan driver.Answer)
		go func() {
			a, err := b.Ask(t.Context(), "valve", "Please open it.")
			if err != nil {
				t.Error(err)
			}
			got <- a
		}()
		ctx, cancel := context.WithCancelCause(t.Context())
		tired, given := errors.New("tired"), make(chan error)
		synctest.Wait()
		go func() {
			_, err := b.Ask(ctx, "gate", "Please shut it.")
			given <- err
		}()
		synctest.Wait()
		if open := b.Open(); len(open) != 2 || open[0].ID != "q1" || open[1].Device != "gate" {
			t.Fatalf("%+v", open)
		}
		cancel(tired)
		if err := <-given; !errors.Is(err, tired) {
			t.Error(err)
		}
		if err := b.Answer("q2", driver.Answer{Yes: true}); room.CodeOf(err) != room.CodeNotFound {
			t.Errorf("nobody waits for it any more: %v", err)
		}
		if err := b.Answer("q1", driver.Answer{Yes: true, By: "bob", Said: "stiff"}); err != nil {
			t.Error(err)
		}
		if a := <-got; !a.Yes || a.By != "bob" || len(b.Open()) != 0 {
			t.Errorf("%+v", a)
		}
		if err := b.Answer("q1", driver.Answer{}); room.CodeOf(err) != room.CodeNotFound {
			t.Errorf("the second answer: %v", err)
		}
		if len(told) != 3 || told[2].Actor != "bob" || told[2].Detail != "valve (q1): yes, stiff" {
			t.Errorf("%+v", told)
		}
	})
}
