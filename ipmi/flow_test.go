package ipmi_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// TestManyAtOnce asks more BMCs at once than answers would find room for: they go out in turn, and
// those that are silent hold up the others for a moment only.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all, silent, most = 1200, 1000, 512
		n, c := newNetwork(t)
		begin := time.Now()
		var mu sync.Mutex
		atOnce := map[time.Duration]int{}
		var sessions []*ipmi.Session
		for i := range all {
			f := n.add(fmt.Sprintf("192.0.2.%d:%d", i%250, 1000+i/250))
			f.code = func(m rmcp.Message, _ int) []byte {
				if m.Cmd == getID.Cmd {
					mu.Lock()
					defer mu.Unlock()
					atOnce[time.Since(begin)]++
				}
				return nil
			}
			sessions = append(sessions, mustOpenAt(t, c, fmt.Sprintf("192.0.2.%d:%d", i%250, 1000+i/250)))
		}
		var answered sync.WaitGroup
		start := time.Now()
		for _, s := range sessions {
			answered.Add(1)
			s.Go(getID, func(_ []byte, err error) {
				if err != nil {
					t.Errorf("%v: %v", s.Addr(), err)
				}
				answered.Done()
			})
		}
		answered.Wait()
		for at, count := range atOnce {
			if count > most {
				t.Errorf("%d BMCs were asked at %v", count, at)
			}
		}
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("%d answers took %v", all, took)
		}
		for i := range silent {
			n.unplug(sessions[i].Addr().String())
		}
		start = time.Now()
		for i, s := range sessions {
			answered.Add(1)
			s.Go(getID, func(_ []byte, err error) {
				took := time.Since(start)
				switch {
				case i < silent && err == nil:
					t.Errorf("%v is not there and has answered", s.Addr())
				case i < silent && !errors.Is(err, ipmi.ErrNoAnswer) && !isLogin(err):
					t.Errorf("%v: %v", s.Addr(), err)
				case i >= silent && (err != nil || took > 500*time.Millisecond):
					t.Errorf("%v after %v", err, took)
				}
				answered.Done()
			})
		}
		answered.Wait()
	})
}

func isLogin(err error) bool {
	var login *ipmi.LoginError
	return errors.As(err, &login)
}

func mustOpenAt(t *testing.T, c *ipmi.Client, address string) *ipmi.Session {
	t.Helper()
	s, err := c.Open(t.Context(), address, account())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
