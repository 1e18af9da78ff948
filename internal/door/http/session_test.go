package httpdoor

import (
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/auth"
)

// Whoever logs in again and again ends their own sessions, the oldest first, and
// nobody else's.
func TestSessionsOfOneUserAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sessions{open: make(map[string]*session)}
		ann, _ := s.begin(auth.Identity{User: "ann"})
		var bob []string
		for range maxSessions {
			time.Sleep(time.Millisecond) // of the bubble's clock
			cookie, _ := s.begin(auth.Identity{User: "bob"})
			bob = append(bob, cookie)
		}
		if _, open := s.find(ann); !open {
			t.Error("another's log-ins ended a session")
		}
		if n := s.count(); n != 1+maxOwnSessions {
			t.Errorf("%d sessions are open", n)
		}
		if _, open := s.find(bob[maxSessions-maxOwnSessions]); !open {
			t.Error("one of the last is over")
		}
		if _, open := s.find(bob[maxSessions-maxOwnSessions-1]); open {
			t.Error("an older one is not")
		}
	})
}
