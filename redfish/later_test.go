package redfish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/redfish"
)

// inMemory runs a test in a bubble of testing/synctest, against a handler at the other
// end of pipes.
func inMemory(t *testing.T, handler http.Handler, change func(*redfish.Options), test func(*testing.T, *redfish.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: handler}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(l)
		}()
		o := redfish.Options{Address: "http://bmc", PlainHTTP: true, User: "admin", Password: password, DialContext: l.dial}
		if change != nil {
			change(&o)
		}
		c, err := redfish.Dial(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		test(t, c)
		_ = c.Close()
		_ = server.Close()
		<-served
	})
}

// pipes is a network in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestTasks(t *testing.T) {
	states := func(list ...string) http.HandlerFunc {
		n := 0
		return func(w http.ResponseWriter, _ *http.Request) {
			text := list[min(n, len(list)-1)]
			n++
			status := 200
			if code, rest, is := strings.Cut(text, "|"); is {
				_, _ = fmt.Sscan(code, &status)
				text = rest
			}
			if status == 202 {
				w.Header().Set("Retry-After", "60")
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	for name, c := range map[string]struct {
		states []string
		took   time.Duration
		err    string
		done   string // the Id of what came of it
	}{
		"by its monitor":    {[]string{`202|{"TaskState":"Running","PercentComplete":"40"}`, `202|`, `200|{"Id":"new"}`}, 125 * time.Second, "", "new"},
		"by the task":       {[]string{`{"TaskState":"New"}`, `{"TaskState":"Running"}`, `{"Id":"task","TaskState":"Completed"}`}, 0, "", "task"},
		"it fails":          {[]string{`{"TaskState":"Exception","Messages":[{"Message":"No such image.","Severity":"Critical"}]}`}, 0, "ended as exception: No such image.", ""},
		"it fails at once":  {[]string{`400|{"error":{"@Message.ExtendedInfo":[{"Message":"Bad."}]}}`}, 0, "Bad.", ""},
		"it is forgotten":   {[]string{`404|{}`}, 0, "nobody knows", ""},
		"it is interrupted": {[]string{`{"TaskState":"Cancelled"}`}, 0, "cancelled", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := memoryFake(machine())
			f.handle("POST /Do", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://10.0.0.1/redfish/v1/Monitor")
				w.Header().Set("Retry-After", "5")
				w.WriteHeader(http.StatusAccepted)
				_, _ = io.WriteString(w, `{"@odata.id":"/redfish/v1/TaskService/Tasks/1","@odata.type":"#Task.v1_0_0.Task","TaskState":"New"}`)
			})
			f.handle("GET /Monitor", states(c.states...))
			inMemory(t, f, nil, func(t *testing.T, client *redfish.Client) {
				r, err := client.Post(t.Context(), "/redfish/v1/Do", nil)
				if err != nil || r.Task == nil || r.Task.Path != "/redfish/v1/TaskService/Tasks/1" {
					t.Fatal(r, err)
				}
				looks, start := 0, time.Now()
				d, err := r.Task.Wait(t.Context(), func(p redfish.Progress) {
					if looks++; looks == 1 && strings.Contains(c.states[0], "40") && p.Percent != 40 {
						t.Errorf("%+v", p)
					}
				})
				if c.err == "" && (err != nil || d.String("Id") != c.done) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
					t.Errorf("%v, %v", d.String("Id"), err)
				}
				if took := time.Since(start); c.took != 0 && took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				f.handle("GET /Monitor", states(`202|`))
				if _, err := r.Task.Wait(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a task without end: %v", err)
				}
			})
		})
	}
}

// memoryFake is a fake without a server of its own.
func memoryFake(docs map[string]string) *fake {
	f := &fake{docs: map[string]string{"/redfish/v1": root}, versions: make(map[string]int), on: make(map[string]http.HandlerFunc), sessions: make(map[string]bool)}
	for path, text := range docs {
		f.docs["/redfish/v1"+path] = text
	}
	return f
}

// Times: what is fresh, how far requests are apart, and how long one may take.
func TestTimes(t *testing.T) {
	f := memoryFake(machine())
	inMemory(t, f, func(o *redfish.Options) { o.Rate = 2 }, func(t *testing.T, c *redfish.Client) {
		get := func() int {
			f.asked(true)
			if _, err := c.Get(t.Context(), "Chassis/1"); err != nil {
				t.Fatal(err)
			}
			return len(f.asked(true))
		}
		first := get()
		time.Sleep(29 * time.Second)
		second := get()
		time.Sleep(2 * time.Second)
		if third := get(); first != 1 || second != 0 || third != 1 {
			t.Errorf("asked %d, %d and %d times", first, second, third)
		}
		start := time.Now()
		for range 5 {
			if _, err := c.Read(t.Context(), "Chassis/1"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2500*time.Millisecond && took != 2*time.Second {
			t.Errorf("five requests at two a second took %v", took)
		}
		f.handle("POST /Hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		start = time.Now()
		_, err := c.Post(t.Context(), "Hang", nil)
		var unsure *redfish.UnsureError
		if took := time.Since(start); !errors.As(err, &unsure) || took < 30*time.Second || took > 31*time.Second {
			t.Errorf("a change that hangs: %v after %v", err, took)
		}
	})
}

func TestEvents(t *testing.T) {
	docs := machine()
	docs["/EventService"] = `{"ServerSentEventUri":"/redfish/v1/EventService/SSE","Subscriptions":{"@odata.id":"/redfish/v1/EventService/Subscriptions"}}`
	f := newFake(t, false, docs)
	c := f.dial(t, nil)
	var last string
	f.handle("GET /EventService/SSE", func(w http.ResponseWriter, r *http.Request) {
		last = r.Header.Get("Last-Event-ID")
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ": hello\r\n\r\nid: 7\ndata: {\"Events\":[{\"EventId\":\"a\",\"Message\":\"one\",\n"+
			"data: \"Severity\":\"Warning\",\"OriginOfCondition\":{\"@odata.id\":\"/x\"}},{\"EventId\":\"b\"}]}\n\ndata: nonsense\n\nid: 8\ndata: {\"Events\":[{\"EventId\":\"c\"}]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	clear(f.sessions) // the stream's request logs in anew
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []redfish.Event
	stands := false
	err := c.Listen(ctx, "5", func() { stands = true }, func(e redfish.Event) error {
		got = append(got, e)
		if e.ID == "c" {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || !stands || len(got) != 3 || got[0].Text != "one" || got[0].Severity != "Warning" || got[0].Origin != "/x" || got[0].Stream != "7" || got[2].Stream != "8" || last != "5" {
		t.Errorf("%+v, %v, from %q", got, err, last)
	}
	stop := errors.New("enough")
	if err := c.Listen(t.Context(), "", nil, func(redfish.Event) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	f.handle("GET /EventService/SSE", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, "data: "+strings.Repeat("x", 100_000)+"\n"); err != nil {
				return
			}
		}
	})
	if err := c.Listen(t.Context(), "", nil, func(redfish.Event) error { return nil }); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("an event without end: %v", err)
	}
	f.handle("GET /EventService/SSE", func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "", "Too many listen.") })
	if err := c.Listen(t.Context(), "", nil, nil); !errors.Is(err, redfish.Busy) {
		t.Error(err)
	}
}

func TestSubscriptions(t *testing.T) {
	docs := machine()
	docs["/EventService"] = `{"Subscriptions":{"@odata.id":"/redfish/v1/EventService/Subscriptions"}}`
	f := newFake(t, false, docs)
	c := f.dial(t, nil)
	f.handle("POST /EventService/Subscriptions", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "SubscriptionType") {
			refuse(w, 400, "Base.1.0.PropertyUnknown", "What?")
			return
		}
		f.put("/EventService/Subscriptions/1", `{"@odata.id":"/redfish/v1/EventService/Subscriptions/1","Destination":"https://me/","Context":"room"}`)
		f.put("/EventService/Subscriptions", `{"Members":[{"@odata.id":"/redfish/v1/EventService/Subscriptions/1"}]}`)
		w.Header().Set("Location", "/redfish/v1/EventService/Subscriptions/1")
		w.WriteHeader(http.StatusCreated)
	})
	f.handle("DELETE /EventService/Subscriptions/1", func(http.ResponseWriter, *http.Request) {
		f.put("/EventService/Subscriptions", `{"Members":[]}`)
	})
	path, err := c.Subscribe(t.Context(), redfish.Subscription{Destination: "https://me/", Context: "room"})
	if err != nil || path != "/redfish/v1/EventService/Subscriptions/1" {
		t.Fatal(path, err)
	}
	if list, err := c.Subscriptions(t.Context()); err != nil || len(list) != 1 || list[0].Destination != "https://me/" || list[0].Path != path {
		t.Errorf("%+v, %v", list, err)
	}
	if err := c.Unsubscribe(t.Context(), path); err != nil {
		t.Error(err)
	}
	if list, err := c.Subscriptions(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := c.Listen(t.Context(), "", nil, nil); !errors.Is(err, redfish.Unsupported) {
		t.Errorf("a stream that is not there: %v", err)
	}
}

func TestPush(t *testing.T) {
	docs := machine()
	docs["/UpdateService"] = `{"@odata.id":"/redfish/v1/UpdateService","MultipartHttpPushUri":"/redfish/v1/upload","HttpPushUri":"/redfish/v1/old","Actions":{"#UpdateService.SimpleUpdate":{"target":"/redfish/v1/fetch"}}}`
	f := newFake(t, false, docs)
	c := f.dial(t, nil)
	image := strings.Repeat("firmware", 200_000)
	var parameters, file, name string
	f.handle("POST /upload", func(w http.ResponseWriter, r *http.Request) {
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		form := multipart.NewReader(r.Body, params["boundary"])
		for {
			p, err := form.NextPart()
			if err != nil {
				break
			}
			text, _ := io.ReadAll(p)
			if p.FormName() == "UpdateParameters" {
				parameters = string(text)
			} else {
				file, name = string(text), p.FileName()
			}
		}
		w.Header().Set("Location", "/redfish/v1/TaskService/Tasks/4/Monitor")
		w.WriteHeader(http.StatusAccepted)
	})
	f.mu.Lock()
	clear(f.sessions) // what is streamed cannot be sent twice
	f.mu.Unlock()
	r, err := c.Push(t.Context(), redfish.Update{Name: "bios.bin", Image: strings.NewReader(image), Targets: []string{"/redfish/v1/Systems/1"}, Apply: "OnReset", Force: true})
	if err != nil || r.Task == nil || file != image || name != "bios.bin" || parameters != `{"@Redfish.OperationApplyTime":"OnReset","ForceUpdate":true,"Targets":["/redfish/v1/Systems/1"]}` {
		t.Errorf("%+v, %v; %d bytes as %q with %s", r, err, len(file), name, parameters)
	}
	broken := io.MultiReader(strings.NewReader("some"), &failing{})
	if _, err := c.Push(t.Context(), redfish.Update{Image: broken}); err == nil {
		t.Error("an image that cannot be read was sent")
	}
	f.put("/UpdateService", strings.Replace(docs["/UpdateService"], "Multipart", "Other", 1))
	f.handle("POST /old", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		file = string(text)
	})
	if c = f.dial(t, nil); true {
		if _, err := c.Push(t.Context(), redfish.Update{Image: strings.NewReader("old way")}); err != nil || file != "old way" {
			t.Errorf("%q, %v", file, err)
		}
	}
	f.handle("POST /fetch", func(http.ResponseWriter, *http.Request) {})
	f.asked(true)
	if _, err := c.Fetch(t.Context(), "http://x/y", nil); err != nil || !strings.HasSuffix(f.asked(false)[0], `{"ImageURI":"http://x/y"}`) {
		t.Error(err)
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("the disk is broken") }
