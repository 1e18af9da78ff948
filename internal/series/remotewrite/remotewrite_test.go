package remotewrite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/promtext"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/series"
	"millwright.dev/millwright/internal/series/remotewrite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func watts(node string) series.Key {
	return series.Key{Node: node, Device: "pdu", Quantity: series.Power}
}

func sender(t *testing.T, o remotewrite.Options) *remotewrite.Sender {
	t.Helper()
	s, err := remotewrite.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(t *testing.T, s *remotewrite.Sender) remotewrite.Stats {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	return s.Stats()
}

// prometheus starts Debian's, and gives its address.
func prometheus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {scrape_interval: 1h}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeport.For(t, "127.0.0.1")
	var said bytes.Buffer
	cmd := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--web.enable-remote-write-receiver")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start prometheus (scripts/setup installs it): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	for deadline := time.Now().Add(60 * time.Second); ; {
		answer, err := http.Get("http://" + addr + "/-/ready")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return addr
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("prometheus is not ready: %v", err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

// TestPrometheusHasTheSamples sends a thousand series to a real Prometheus in several
// batches, and asks it for them.
func TestPrometheusHasTheSamples(t *testing.T) {
	addr := prometheus(t)
	s := sender(t, remotewrite.Options{URL: "http://" + addr + "/api/v1/write", Batch: 700, Labels: map[string]string{"room": "north", "node": "no"}})
	now := time.Now().Truncate(time.Millisecond)
	const nodes, each = 1000, 3
	for i := range each {
		for n := range nodes {
			s.Send(now.Add(time.Duration(i-each)*time.Second), watts(fmt.Sprint("web", n)), float64(n)+float64(i)/4)
		}
	}
	s.Send(now, series.Key{Check: "düster \"x\"\\", Quantity: series.Latency}, 0.001234)
	st := closed(t, s)
	if st.Sent != nodes*each+1 || st.Refused+st.Dropped != 0 || st.Err != nil {
		t.Fatalf("%+v", st)
	}
	got := query(t, addr, `millwright_power_watts{room="north",device="pdu"}`, now)
	if len(got) != nodes {
		t.Fatalf("%d series", len(got))
	}
	for _, g := range got {
		n, _ := strconv.ParseFloat(strings.TrimPrefix(g.Metric["node"], "web"), 64)
		if v, _ := strconv.ParseFloat(g.Value[1].(string), 64); v != n+0.5 {
			t.Fatalf("%v is %v", g.Metric, v)
		}
	}
	sum := query(t, addr, `sum(sum_over_time(millwright_power_watts[1m]))`, now)
	if want := fmt.Sprint(each*nodes*(nodes-1)/2 + nodes*3/4); len(sum) != 1 || sum[0].Value[1] != want {
		t.Errorf("the sum is %v, not %s", sum, want)
	}
	odd := query(t, addr, `millwright_check_latency_seconds`, now)
	if len(odd) != 1 || odd[0].Metric["check"] != "düster \"x\"\\" || odd[0].Value[1] != "0.001234" {
		t.Errorf("%v", odd)
	}
}

type result struct {
	Metric map[string]string
	Value  [2]any
}

func query(t *testing.T, addr, expr string, at time.Time) []result {
	t.Helper()
	answer, err := http.PostForm("http://"+addr+"/api/v1/query", url.Values{"query": {expr}, "time": {fmt.Sprintf("%.3f", float64(at.UnixMilli())/1000)}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var a struct {
		Status string
		Error  string
		Data   struct{ Result []result }
	}
	if err := json.NewDecoder(answer.Body).Decode(&a); err != nil || a.Status != "success" {
		t.Fatalf("%s: %v, %s", expr, err, a.Error)
	}
	return a.Data.Result
}

// TestReceiversThatSayNo answers with each status in turn, and then takes all.
func TestReceiversThatSayNo(t *testing.T) {
	for _, tt := range []struct {
		status        int
		sent, refused uint64
		retries       uint64
	}{
		{200, 1, 0, 0}, {204, 1, 0, 0}, {400, 0, 1, 0}, {401, 0, 1, 0}, {301, 0, 1, 0}, {429, 1, 0, 1}, {500, 1, 0, 1}, {503, 1, 0, 1},
	} {
		t.Run(strconv.Itoa(tt.status), func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Location", "http://127.0.0.1:1/")
				if n.Add(1) == 1 {
					w.WriteHeader(tt.status)
				}
			}))
			defer srv.Close()
			s := sender(t, remotewrite.Options{URL: srv.URL})
			s.Send(time.Now(), watts("a"), 1)
			st := closed(t, s)
			if st.Sent != tt.sent || st.Refused != tt.refused || st.Retries != tt.retries {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestTheQueueIsBounded gives more than fits to a receiver that hangs.
func TestTheQueueIsBounded(t *testing.T) {
	begun := make(chan struct{}, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer srv.Close()
	s := sender(t, remotewrite.Options{URL: srv.URL, Queue: 100, Batch: 10})
	for i := range 10 {
		s.Send(time.Now(), watts("a"), float64(i))
	}
	<-begun // with these ten
	for i := range 150 {
		s.Send(time.Now(), watts("a"), float64(i))
	}
	if st := s.Stats(); st.Waiting != 100 || st.Dropped != 50 {
		t.Errorf("%+v", st)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.Send(time.Now(), watts("a"), 1)
	if st := s.Stats(); st.Dropped != 51 {
		t.Errorf("after the end: %+v", st)
	}
}

func TestCredentials(t *testing.T) {
	var mu sync.Mutex
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, strings.Join([]string{
			r.Header.Get("Authorization"), r.Header.Get("Content-Encoding"), r.Header.Get("Content-Type"), r.Header.Get("X-Prometheus-Remote-Write-Version"),
		}, " "))
	}))
	defer srv.Close()
	for _, o := range []remotewrite.Options{
		{URL: srv.URL, Bearer: secret.NewValue("t0ken")},
		{URL: srv.URL, User: "me", Password: secret.NewValue("pw")},
	} {
		s := sender(t, o)
		s.Send(time.Now(), watts("a"), 1)
		closed(t, s)
	}
	want := []string{"Bearer t0ken snappy application/x-protobuf 0.1.0", "Basic bWU6cHc= snappy application/x-protobuf 0.1.0"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}

func TestBadOptions(t *testing.T) {
	pw := secret.NewValue("x")
	for _, o := range []remotewrite.Options{
		{},
		{URL: "ftp://a/"},
		{URL: "http://u:p@a/"},
		{URL: "http:///x"},
		{URL: "http://example.org/", Bearer: pw},
		{URL: "https://a/", Bearer: pw, User: "x"},
		{URL: "http://a/", Queue: -1},
		{URL: "http://a/", Labels: map[string]string{"a-b": "c"}},
		{URL: "http://a/", Labels: map[string]string{"__name__": "c"}},
	} {
		if s, err := remotewrite.New(o); err == nil {
			closed(t, s)
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := sender(t, remotewrite.Options{URL: "http://127.0.0.1:1/"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Close(ctx)
	var b bytes.Buffer
	w := promtext.NewWriter(&b)
	s.WriteMetrics(w)
	if err := w.Flush(); err != nil || !strings.Contains(b.String(), "millwright_remote_write_waiting 0") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
