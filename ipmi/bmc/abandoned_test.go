package bmc

import (
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
)

// TestAbandonedLogin holds that guesses are heard of though the guesser says no more once our
// proof has shown that the password is wrong.
func TestAbandonedLogin(t *testing.T) {
	cfg := demo()
	cfg.Limits.Handshake = 50 * time.Millisecond
	told := make(chan Event, 10)
	cfg.Notify = func(e Event) { told <- e }
	_, port := serve(t, cfg, nil)
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	if _, err := client.Open(t.Context(), "127.0.0.1:"+port, ipmi.Options{User: "admin", Password: "wrong", NoDowngrade: true}); err == nil {
		t.Fatal("a wrong password was let in")
	}
	select {
	case e := <-told:
		if e.Kind != LoginFailed || e.User != "admin" {
			t.Errorf("told of %v of %q, want a failed login of admin", e.Kind, e.User)
		}
	case <-time.After(patience):
		t.Fatal("nothing was told")
	}
}
