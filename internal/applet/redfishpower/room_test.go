package redfishpower

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// room is BMCs behind one TLS server, which tells them apart by the name in the
// Host header; whoever dials one of them reaches the server.
type room struct {
	mu    sync.Mutex
	bmcs  map[string]*bmc
	asked []string
	begin time.Time
	last  http.Header // of the request that came last
	conns int
	busy  int
	most  int // requests at once

	idle *sync.Cond // busy is none
}

// bmc is one of them. Its power follows an order after delay.
type bmc struct {
	state, turning string
	delay          time.Duration
	code           int    // of every answer, 0 for 200
	body           string // in place of the usual one
	hang           bool   // it never answers
	takes          time.Duration
}

func newRoom(bmcs map[string]*bmc) *room {
	r := &room{bmcs: bmcs, begin: time.Now()}
	r.idle = sync.NewCond(&r.mu)
	return r
}

func (r *room) left() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy--
	r.idle.Broadcast()
}

// quiet waits until all requests are dealt with.
func (r *room) quiet() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.busy > 0 {
		r.idle.Wait()
	}
}

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	at := time.Since(r.begin).Round(time.Millisecond)
	r.asked = append(r.asked, strings.TrimSpace(fmt.Sprintf("%v %s %s%s %s", at, req.Method, req.Host, req.RequestURI, body)))
	r.last = req.Header
	b := r.bmcs[req.Host]
	r.busy++
	r.most = max(r.most, r.busy)
	r.mu.Unlock()
	defer r.left()
	if b.hang {
		<-req.Context().Done()
		return
	}
	if b.takes > 0 {
		time.Sleep(b.takes) // the device's own slowness, in a bubble
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.Method == http.MethodPost {
		r.order(b, string(body))
	}
	w.WriteHeader(cmp.Or(b.code, http.StatusOK))
	if b.body != "" {
		_, _ = io.WriteString(w, strings.TrimPrefix(b.body, "-"))
		return
	}
	fmt.Fprintf(w, `{"@odata.id":"/x","powerState":%q,"PowerState":%q}`, b.state, b.state)
}

func (r *room) order(b *bmc, body string) {
	want := "Off"
	if strings.Contains(body, `"On"`) {
		want = "On"
	}
	if b.turning != "" {
		b.state = b.turning
	}
	time.AfterFunc(b.delay, func() { r.mu.Lock(); b.state = want; r.mu.Unlock() })
}

func (r *room) log() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := slices.Clone(r.asked)
	r.asked = nil
	return l
}

// certificate is a small one: a handshake should cost little.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), DNSNames: []string{"example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// listen serves a room on loopback.
func (r *room) listen(t testing.TB) (addr string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(r)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Config.ConnState = r.count
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// onSockets makes a dialer that reaches a room on loopback, whoever is called.
func (r *room) onSockets(t testing.TB) dialer {
	t.Helper()
	addr := r.listen(t)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "gone") {
			return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("connection refused")}
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
}

func (r *room) count(_ net.Conn, s http.ConnState) {
	if s == http.StateNew {
		r.mu.Lock()
		r.conns++
		r.mu.Unlock()
	}
}

// inMemory serves a room on pipes, for a bubble of synctest. stop ends it.
func (r *room) inMemory(t testing.TB) (dial dialer, stop func()) {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Hour}
	// No session tickets: they would wait in the pipe, which holds nothing, for a
	// reader that writes itself.
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(tls.NewListener(l, &tls.Config{SessionTicketsDisabled: true, Certificates: []tls.Certificate{certificate(t)}}))
	}()
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "dead") { // no answer to the first packet
			<-ctx.Done()
			return nil, ctx.Err()
		}
		near, far := net.Pipe()
		select {
		case l.conns <- far:
			return near, nil
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}, func() { _ = srv.Close(); <-done; r.quiet() }
}

type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// talk gives the program its input and a room to talk to, and what it prints
// without the prompts, in the order of the lines.
func talk(t testing.TB, dial dialer, stdin string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(stdin), &out, &errs, dial); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	lines := strings.SplitAfter(strings.ReplaceAll(out.String(), "redfishpower> ", ""), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}
