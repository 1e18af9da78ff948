package httpdoor

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
)

// pipes is a listener whose clients are already there.
type pipes struct{ net.Listener }

func (pipes) Accept() (net.Conn, error) { c, _ := net.Pipe(); return c, nil }
func (pipes) Close() error              { return nil }

func TestConnectionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(pipes{}, 2)
		come := make(chan net.Conn)
		ended := make(chan error, 1)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					ended <- err
					return
				}
				come <- c
			}
		}()
		first := <-come
		<-come
		synctest.Wait()
		select {
		case <-come:
			t.Fatal("a third came in")
		default:
		}
		first.Close()
		first.Close() // gives up one seat only
		<-come
		synctest.Wait()
		if n := len(l.seats); n != 2 {
			t.Errorf("%d seats are taken", n)
		}
		l.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestSeatedKeepsItsActor: who has connected is still seen.
func TestSeatedKeepsItsActor(t *testing.T) {
	under, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	l := newLimited(under, 1)
	defer l.Close()
	there, err := net.Dial("unix", under.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	p := people{}
	if actorOf(p.greet(t.Context(), here)).Name == "" {
		t.Error("nobody is seen")
	}
}
