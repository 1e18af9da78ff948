package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// api is the HTTP API of a daemon on its unix socket.
type api struct {
	socket string
	http   http.Client
}

func newAPI(socket string) *api {
	a := &api{socket: socket}
	a.http.Transport = &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	return a
}

// get asks for a document and reads it to its end; it gives how long it was.
func (a *api) get(ctx context.Context, path string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://local"+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return n, err
}

// withAPI is a figure of the API alone, which powermand has not: of a daemon with
// 10,000 nodes whose states are known.
func withAPI(measure func(b *bench, a *api) (string, error)) func(*bench, string) error {
	return func(b *bench, name string) error {
		d, err := b.simulate(shape{625, 16, 0}, 10*time.Second)
		if err != nil {
			return err
		}
		defer d.stop()
		p, socket, err := b.serve(d)
		if err != nil {
			return err
		}
		defer p.stop()
		if _, err := p.ask(b.ctx, "-q"); err != nil { // so that all states are known
			return err
		}
		a := newAPI(socket)
		defer a.http.CloseIdleConnections()
		said, err := measure(b, a)
		if err == nil {
			row(name, "–", said, "")
		}
		return err
	}
}

// oneNode counts answers for one node, asked for by eight clients at once.
func oneNode(b *bench, a *api) (string, error) {
	var rates []float64
	for range 5 {
		ctx, stop := context.WithTimeout(b.ctx, 2*time.Second)
		var count atomic.Int64
		var wg sync.WaitGroup
		begin := time.Now()
		for i := range 8 {
			wg.Go(func() {
				for n := i; ctx.Err() == nil; n += 7 {
					if _, err := a.get(ctx, fmt.Sprintf("/v1/nodes/t%d", n%10_000)); err == nil {
						count.Add(1)
					}
				}
			})
		}
		wg.Wait()
		stop()
		rates = append(rates, float64(count.Load())/time.Since(begin).Seconds())
	}
	return fmt.Sprintf("%.0f/s", median(rates)), nil
}

// allNodes is the time for one page with all nodes.
func allNodes(b *bench, a *api) (string, error) {
	var times []time.Duration
	size := int64(0)
	for i := range b.runs + 2 {
		begin := time.Now()
		n, err := a.get(b.ctx, "/v1/nodes?limit=10000")
		if err != nil {
			return "", err
		}
		if size = n; i >= 2 {
			times = append(times, time.Since(begin))
		}
	}
	return fmt.Sprintf("%s (%.1f MB)", ms(median(times)), float64(size)/1e6), nil
}

// The readers of the fan-out, and how often a node changes.
const (
	readers  = 500 // half of which do not read
	changes  = 200 // a second
	fanFor   = 10 * time.Second
	switcher = 16 // clients that switch
)

// fanOut measures the time from a change of a node's state, by the daemon's clock,
// to each reader that reads.
func fanOut(b *bench, a *api) (string, error) {
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	lags := make(chan []time.Duration, readers)
	reading := 0
	for i := range readers {
		conn, err := net.Dial("unix", a.socket)
		if err != nil {
			return "", err
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /v1/states/stream HTTP/1.1\r\nHost: local\r\n\r\n"); err != nil {
			return "", err
		}
		if i%2 == 0 {
			reading++
			go func() { lags <- listen(conn) }()
		}
	}
	done, err := switchAll(ctx, a)
	stop()
	if err != nil {
		return "", err
	}
	var all []time.Duration
	// A reader ends when the daemon has dropped it or the time is over.
	for range reading {
		all = append(all, <-lags...)
	}
	slices.Sort(all)
	if want := done * reading; len(all) < want*99/100 {
		return "", fmt.Errorf("%d changes reached their readers, and there were %d", len(all), want)
	}
	return fmt.Sprintf("p50 %s, p99 %s at %.0f changes/s", ms(all[len(all)/2]), ms(all[len(all)*99/100]), float64(done)/fanFor.Seconds()), nil
}

// listen reads changes until the fan-out is over, and gives how late each was.
func listen(conn net.Conn) (late []time.Duration) {
	_ = conn.SetReadDeadline(time.Now().Add(fanFor + 2*time.Second))
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 8<<20)
	change := false
	for lines.Scan() {
		line := lines.Bytes()
		if bytes.HasPrefix(line, []byte("event: ")) {
			change = string(line) == "event: change"
		}
		if data, is := bytes.CutPrefix(line, []byte("data: ")); is && change {
			now := time.Now()
			// Its time stands first; to decode all of it 50,000 times a second would
			// measure ourselves.
			text := string(data[len(`{"time":"`):])
			text, _, _ = strings.Cut(text, `"`)
			if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
				late = append(late, now.Sub(at))
			}
		}
	}
	return late
}

// switchAll switches nodes, one at a time, so many a second; it gives how many.
func switchAll(ctx context.Context, a *api) (int, error) {
	work := make(chan int)
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range switcher {
		wg.Go(func() {
			for i := range work {
				op := [2]string{"on", "off"}[i/10_000%2]
				body, _ := json.Marshal(map[string]any{"op": op, "targets": fmt.Sprintf("t%d", i*17%10_000)})
				resp, err := a.post(ctx, "/v1/operations", body)
				if err != nil {
					failed.Store(&err)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				done.Add(1)
			}
		})
	}
	tick := time.NewTicker(time.Second / changes)
	defer tick.Stop()
	end := time.After(fanFor)
	for i, over := 0, false; !over; i++ {
		select {
		case <-tick.C:
			work <- i
		case <-end:
			over = true
		}
	}
	close(work)
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return int(done.Load()), nil
}

func (a *api) post(ctx context.Context, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://local"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return resp, err
}
