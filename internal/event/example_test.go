package event_test

import (
	"context"
	"fmt"
	"log"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/store"
)

// A request that changes something says so before it acts, and what came of it
// before it answers.
func Example() {
	ctx := context.Background()
	s, err := store.OpenMemory(ctx, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	events := event.New(s, nil)

	request := event.Event{Request: "7f3a", Actor: "ann", Door: "powerman", Op: "on", Targets: "web[1-40]", Count: 40}
	intent, result := request, request
	intent.Kind = event.Intent
	if err := events.Append(ctx, &intent); err != nil {
		log.Fatal(err) // nothing is switched that is not on record
	}
	result.Kind, result.Outcome = event.Result, event.OK
	if err := events.Append(ctx, &result); err != nil {
		log.Fatal(err)
	}

	found, err := events.Read(ctx, event.Filter{Node: "web3"})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range found {
		fmt.Printf("%d %s: %s %s %s: %q\n", e.Seq, e.Kind, e.Actor, e.Op, e.Targets, e.Outcome)
	}
	// Output:
	// 1 intent: ann on web[1-40]: ""
	// 2 result: ann on web[1-40]: "ok"
}
