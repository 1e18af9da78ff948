package httppower_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/applet/web"
)

// TestSameAsDebians gives the same input to Debian's httppower (2.3.27): the
// same bytes must come out, and the same requests reach the device. What we mean
// to do otherwise is in ours.
func TestSameAsDebians(t *testing.T) {
	d := newDevice(t, httptest.NewServer)
	url := d.URL
	long := strings.Repeat("x", 300)
	tests := []struct {
		name, stdin string
		args        []string
		ours, why   string
	}{
		{name: "nothing", stdin: ""},
		{name: "get", stdin: "get\nget a\nget /a\nget a b\nget a?b=c&d\n get\ta \r\nget x", args: []string{"-u", url}},
		{name: "no URL", stdin: "get\npost\npost x\nput\nput x\nseturl\nget " + url + "/z\npost " + url + "/z d\nseturl " + url + "/q more\nget\nget a\n"},
		{name: "URL without a scheme", stdin: "get\nget b\n", args: []string{"-u", strings.TrimPrefix(url, "http://") + "/a"}},
		{name: "post", stdin: "post\npost a=b\npost a b=c\npost a b c\npost a {\"data\":[\"x\",\"y\"]}\n", args: []string{"--url", url}},
		{name: "auth", stdin: "auth\nauth a:b\nget\nauth a\nget\nauth a:b:c d\nget\nauth\nget\n", args: []string{"--url=" + url}},
		{name: "header", stdin: "get\nsetheader A:b\nget\nsetheader C: d\nget\nsetheader Content-Type:application/json\npost a b\nget\nsetheader\nget\nsetheader Foo\nget\nsetheader Accept:\nget\nsetheader X;\nget\n", args: []string{"-u", url, "-H", "X-One: 1"}},
		{name: "last header counts", stdin: "get\n", args: []string{"-u", url, "-H", "A: 1", "--header", "B: 2"}},
		{name: "answers", stdin: "get 401\nget 404\nget 500\nget redirect\nget empty\nget no-line-end\nget zero\nget gzip\npost 404 x\n", args: []string{"-u", url}},
		{name: "long answer", stdin: "get long\n", args: []string{"-u", url}},
		{
			name: "broken answers", stdin: "get closed\nget short\nget garbage\nget a\n", args: []string{"-u", url}, why: "an answer that is no HTTP has another text",
			ours: "httppower> Error: Empty reply from server\nhttppower> abcError: transfer closed with 97 bytes remaining to read\nhttppower> Error: Weird server reply\nhttppower> this is /a\nhttppower> ",
		},
		{name: "cookies", stdin: "get cookie\nget a\ncookies enable\nget cookie\nget a\ncookies\ncookies x\ncookies enable\nget a\ncookies disable\nget a\n", args: []string{"-u", url}},
		{name: "cookies from the start", stdin: "get cookie\nget a\n", args: []string{"-cu" + url}},
		{name: "no such command", stdin: "foo\nGET\nget2 x\n\n \nquit now\nget\n", args: []string{"-u", url}},
		{name: "long lines", stdin: "get " + long + "\nget a\nget " + long[:122] + "\nget " + long[:123] + "\nget " + long[:124], args: []string{"-u", url}},
		{name: "zero bytes", stdin: "get a\x00b\n\x00\nget c\n", args: []string{"-u", url}},
		{name: "failures", stdin: "get " + nobody(t) + "\nget http://nope.invalid\nget http://nope.invalid/a/b\n"},
		{
			name: "bad URLs", stdin: "get foo://x\nget ://\nget http://\nget http://127.0.0.1:99999\n", why: "libcurl leaves the reason out, or names itself",
			ours: "httppower> Error: Protocol \"foo\" not supported\nhttppower> Error: URL rejected: missing protocol scheme\nhttppower> Error: URL rejected: No host part in the URL\n" +
				"httppower> Error: Failed to connect to 127.0.0.1 port 99999 after 0 ms: Couldn't connect to server\nhttppower> ",
		},
		{name: "files", stdin: "get file:///etc/hostname\n", why: "a helper for power controllers reads no files", ours: "httppower> Error: Protocol \"file\" not supported\nhttppower> "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("/usr/sbin/httppower", tt.args...)
			cmd.Stdin = strings.NewReader(tt.stdin)
			theirs, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			wantRequests, want := d.requests(), steady(string(theirs))
			if tt.why != "" {
				if want == tt.ours {
					t.Error("no difference any more: take it out of the table")
				}
				want = tt.ours
			}
			got, stderr, code := run(t, tt.stdin, tt.args...)
			if diff := cmp.Diff(want, steady(got)); diff != "" || stderr != "" || code != 0 {
				t.Errorf("code %d, stderr %q, stdout (-Debian's +ours):\n%s", code, stderr, diff)
			}
			if diff := cmp.Diff(wantRequests, d.requests()); diff != "" {
				t.Errorf("requests (-Debian's +ours):\n%s", diff)
			}
		})
	}
}

// steady takes times out.
func steady(s string) string {
	return regexp.MustCompile(`after [0-9]+ (ms|milliseconds)`).ReplaceAllString(s, "after 0 $1")
}

// TestPut is what differs in a request: libcurl asks leave to send ("Expect:
// 100-continue"), which old controllers do not know.
func TestPut(t *testing.T) {
	d := newDevice(t, httptest.NewServer)
	got, _, _ := run(t, "put\nput x\nput a {\"data\":1}\nsetheader Content-Type:application/json\nput a 1\n", "-u", d.URL)
	if want := "httppower> Nothing to put!\nhttppower> this is /\nhttppower> this is /a\nhttppower> httppower> this is /a\nhttppower> "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	want := `PUT / Accept=["*/*"] Content-Length=["1"] "x"
PUT /a Accept=["*/*"] Content-Length=["10"] "{\"data\":1}"
PUT /a Accept=["*/*"] Content-Length=["1"] Content-Type=["application/json"] "1"`
	if diff := cmp.Diff(want, d.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestHelp(t *testing.T) {
	got, _, _ := run(t, "help\nhelp me\n")
	for _, word := range []string{"auth", "seturl", "setheader", "cookies", "get", "post", "put", "quit"} {
		if strings.Count(got, "\n  "+word) != 2 {
			t.Errorf("no %q in the help: %q", word, got)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for _, args := range [][]string{{"-x"}, {"extra"}, {"-u"}, {"--bogus"}, {"--help"}, {"--ca-file", "/nonexistent"}, {"--ca-file", "/etc/hostname"}} {
		stdout, stderr, code := run(t, "", args...)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "httppower: ") {
			t.Errorf("httppower %q: code %d, stdout %q, stderr %q; want 1 and a complaint", args, code, stdout, stderr)
		}
	}
}

func TestCertificates(t *testing.T) {
	d := newDevice(t, httptest.NewTLSServer)
	d.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "httppower> this is /a\nhttppower> "},
		{[]string{"--verify-tls"}, "httppower> Error: SSL peer certificate or SSH remote key was not OK\nhttppower> "},
	} {
		if got, _, _ := run(t, "get a\n", append(tt.args, "-u", d.URL)...); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.args, got, tt.want)
		}
	}
	if got, _, _ := run(t, "get a\n", "-u", strings.Replace(d.URL, "https", "http", 1)); !strings.Contains(got, "returned error: 400") {
		t.Errorf("plain text to a TLS port: %q", got)
	}
}

// TestTimeouts waits five seconds for each of two devices, at once.
func TestTimeouts(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no answer":   {"", "httppower> Error: Operation timed out after 0 milliseconds with 0 bytes received\nhttppower> "},
		"half a body": {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "httppower> abcError: Operation timed out after 0 milliseconds with 3 out of 9 bytes received\nhttppower> "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			got, _, _ := run(t, "get\n", "-u", silent(t, tt.text))
			if steady(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if d := time.Since(begin); d < 5*time.Second {
				t.Errorf("gave up after %v", d)
			}
		})
	}
}

// TestBodyWithoutEnd: what a device sends is bounded.
func TestBodyWithoutEnd(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	defer srv.Close()
	got, _, code := run(t, "get\n", "-u", srv.URL)
	if want := "Error: the response is longer than 4194304 bytes\nhttppower> "; code != 0 || !strings.HasSuffix(got, want) || len(got) > web.MaxBody+100 {
		t.Errorf("code %d, %d bytes, at the end %q", code, len(got), got[max(0, len(got)-100):])
	}
}

func TestManyCookies(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := len(r.Cookies()); got > 64 {
			t.Errorf("%d cookies came back", got)
		}
		for range 40 {
			n++
			http.SetCookie(w, &http.Cookie{Name: "c" + strings.Repeat("x", n), Value: "v"})
		}
	}))
	defer srv.Close()
	run(t, strings.Repeat("get\n", 8), "-c", "-u", srv.URL)
	if n != 320 {
		t.Errorf("%d cookies were set, want 320", n)
	}
}

func TestVerboseHidesSecrets(t *testing.T) {
	d := newDevice(t, httptest.NewServer)
	_, stderr, _ := run(t, "auth me:hush\nget cookie\n", "-v", "-c", "-u", d.URL)
	if !strings.Contains(stderr, "> GET "+d.URL+"/cookie\n") || !strings.Contains(stderr, "> Authorization: ***\n") || !strings.Contains(stderr, "< HTTP/1.1 200 OK\n") || !strings.Contains(stderr, "< Set-Cookie: ***\n") {
		t.Errorf("the trace lacks something: %q", stderr)
	}
}
