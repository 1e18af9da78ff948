package httpdoor

import (
	"errors"
	"net"
	"net/netip"
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
		l := newLimited(pipes{}, 2, 2)
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
	l := newLimited(under, 1, 1)
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

// from is a connection that says where it comes from.
type from struct {
	net.Conn
	addr net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.addr }

// crowd is a listener whose clients come from these addresses, one after the other.
type crowd struct {
	net.Listener
	next chan net.Addr
}

func (l *crowd) Accept() (net.Conn, error) {
	addr, more := <-l.next
	if !more {
		return nil, net.ErrClosed
	}
	c, _ := net.Pipe()
	return from{c, addr}, nil
}

// TestNoAddressGetsAllSeats: of those who come in a row, with two seats for one
// address, who is served?
func TestNoAddressGetsAllSeats(t *testing.T) {
	tcp := func(text string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text)) }
	v4, mapped, other := tcp("192.0.2.1:1"), tcp("[::ffff:192.0.2.1]:2"), tcp("192.0.2.2:1")
	net6, same6, other6 := tcp("[2001:db8::1]:1"), tcp("[2001:db8::ffff:2]:1"), tcp("[2001:db8:0:1::1]:1")
	sock := &net.UnixAddr{Name: "@", Net: "unix"}
	for name, tt := range map[string]struct {
		come []net.Addr
		want string
	}{
		"one address":               {[]net.Addr{v4, v4, v4, v4}, "yynn"},
		"the same, written as IPv6": {[]net.Addr{v4, mapped, mapped, other}, "yyny"},
		"a network":                 {[]net.Addr{net6, same6, same6, other6}, "yyny"},
		"the socket":                {[]net.Addr{sock, sock, sock, sock}, "yyyy"},
	} {
		t.Run(name, func(t *testing.T) {
			under := &crowd{next: make(chan net.Addr, len(tt.come))}
			l := newLimited(under, 10, 2)
			got, open := "", []net.Conn(nil)
			for _, addr := range tt.come {
				under.next <- addr
			}
			close(under.next)
			for {
				c, err := l.Accept()
				if err != nil {
					break
				}
				open = append(open, c)
			}
			i := 0
			for _, addr := range tt.come {
				if i < len(open) && open[i].RemoteAddr() == addr {
					got, i = got+"y", i+1
				} else {
					got += "n"
				}
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			for _, c := range open {
				c.Close()
			}
			if len(l.by) != 0 || len(l.seats) != 0 {
				t.Errorf("%v and %d seats are still taken", l.by, len(l.seats))
			}
		})
	}
}
