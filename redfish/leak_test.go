package redfish_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"millwright.dev/millwright/redfish"
)

// A client that is closed while it logs in leaves no session behind.
func TestClosedWhileLoggingIn(t *testing.T) {
	f := memoryFake(machine())
	inMemory(t, f, nil, func(t *testing.T, c *redfish.Client) {
		clear(f.sessions)
		f.handle("POST /SessionService/Sessions", func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(10 * time.Second)
			f.enter(w, r)
		})
		ended := make(chan error)
		go func() {
			_, err := c.Read(t.Context(), "Chassis/1")
			ended <- err
		}()
		time.Sleep(time.Second)
		start := time.Now()
		if err := c.Close(); err == nil || time.Since(start) > 3*time.Second {
			t.Errorf("closed after %v: %v", time.Since(start), err)
		}
		if err := <-ended; err == nil {
			t.Error("a client that is closed has read something")
		}
		if f.made != 2 || len(f.sessions) != 0 {
			t.Errorf("%d sessions were made, and %d are left", f.made, len(f.sessions))
		}
		if _, err := c.Read(t.Context(), "Chassis/1"); err == nil {
			t.Error("a client that is closed reads")
		}
	})
}

// Where all sessions are taken, the password itself lets in, unless only a session will do.
func TestNoSessionLeft(t *testing.T) {
	f := newFake(t, false, machine())
	f.handle("POST /SessionService/Sessions", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 503, "Base.1.0.SessionLimitExceeded", "Too many sessions.")
	})
	if _, err := f.dial(t, nil).System(t.Context(), ""); err != nil {
		t.Error(err)
	}
	_, err := redfish.Dial(t.Context(), redfish.Options{Address: f.server.URL, PlainHTTP: true, Auth: redfish.Session, User: "admin", Password: password})
	if !errors.Is(err, redfish.Exhausted) {
		t.Error(err)
	}
}
