package service_test

import (
	"context"
	"testing"

	"millwright.dev/millwright/redfish/service"
)

// fragile is a backend that breaks.
type fragile struct{ *service.Memory }

func (fragile) Reset(context.Context, service.User, string, service.ResetType) error {
	panic("it breaks")
}

func TestABrokenBackendBreaksNothingElse(t *testing.T) {
	b := fragile{service.NewMemory("root", "secret")}
	b.Add(aMachine("m1"))
	s := service.New(service.Options{Backend: b, PlainLoopback: true})
	defer s.Close()
	if r := serve(s, ask{path: resetM1, body: `{"ResetType":"On"}`}); r.status != 500 {
		t.Errorf("a backend that panics: %d", r.status)
	}
	if r := serve(s, ask{path: m1}); r.status != 200 {
		t.Errorf("after that: %d", r.status)
	}
}
