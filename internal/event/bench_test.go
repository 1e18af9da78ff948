package event_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"millwright.dev/millwright/internal/event"
)

// BenchmarkRequest is what one changing request costs: its intent and its
// result, one after the other, both durable.
func BenchmarkRequest(b *testing.B) {
	l, _ := newLog(b)
	i := 0
	for b.Loop() {
		i++
		for _, kind := range []event.Kind{event.Intent, event.Result} {
			add(b, l, &event.Event{Kind: kind, Request: fmt.Sprint(i), Op: "on", Targets: "web[1-10000]", Count: 10000})
		}
	}
}

// BenchmarkReadNode looks for one node among 10,000 events that are not about it.
func BenchmarkReadNode(b *testing.B) {
	l, _ := newLog(b)
	var events []*event.Event
	for i := range 10_000 {
		events = append(events, &event.Event{Kind: event.State, Targets: fmt.Sprintf("web[%d-%d,%d]", i, i+10, i+20)})
	}
	add(b, l, events...)
	for b.Loop() {
		if got, err := l.Read(b.Context(), event.Filter{Node: "db1"}); err != nil || len(got) != 0 {
			b.Fatal(got, err)
		}
	}
}

// BenchmarkFollowers is one event appended and seen by 500 followers.
func BenchmarkFollowers(b *testing.B) {
	l, _ := newLog(b)
	const followers = 500
	var seen, ended sync.WaitGroup
	ctx, cancel := context.WithCancel(b.Context())
	for range followers {
		ended.Go(func() {
			for _, err := range l.Follow(ctx, event.Filter{Node: "web3"}) {
				if err == nil {
					seen.Done()
				}
			}
		})
	}
	for b.Loop() {
		seen.Add(followers)
		add(b, l, &event.Event{Kind: event.State, Targets: "web[1-10]"})
		seen.Wait()
	}
	cancel()
	ended.Wait()
}
