package web_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver/web"
)

// FuzzAnswer: whatever comes instead of an answer, it is taken in or not, and never
// more of it than is allowed.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		ok, "HTTP/1.1 100 Continue\r\n\r\n" + ok, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "HTTP/1.0 200\r\n\r\nx",
		"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\", qop=\"auth, auth-int\", algorithm=SHA-256\r\nContent-Length: 0\r\n\r\n" + ok,
		"HTTP/1.1 302 Found\r\nLocation: //elsewhere\r\n\r\n", "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Max-Age=-1\r\nContent-Length: 2\r\n\r\nok", "HTTP/9.9 999 \r\n\r\n", "\x16\x03\x01",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		p := &pipes{serve: func(_ int, conn net.Conn) {
			in := bufio.NewReader(conn)
			if _, there := hear(in); there {
				_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
				_, _ = conn.Write(said)
			}
		}}
		base, _ := web.ParseAddress("http://dev")
		e := env()
		e.DialContext = p.dial
		client, err := web.Open(context.Background(), e, web.Config{Base: base, MaxBody: 100, Redirects: 2, Patience: 2 * time.Second, Auth: web.Auth{Scheme: web.Digest}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = client.Aside(t.Context(), func(talk *web.Talk) error {
			a, err := talk.Do(web.Request{Path: "/", Change: true})
			if err == nil && len(a.Body) > 100 {
				t.Errorf("%d bytes were taken in", len(a.Body))
			}
			return err
		})
		if err != nil {
			_, _ = io.WriteString(io.Discard, err.Error())
		}
		_ = client.Close()
		p.all.Wait()
	})
}
