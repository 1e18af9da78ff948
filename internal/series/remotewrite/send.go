package remotewrite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Between two attempts the sender waits for the first of these, then twice as long each
// time up to the second; or, up to the third, for as long as the receiver says.
const (
	firstWait     = time.Second
	longestWait   = time.Minute
	longestWished = 5 * time.Minute
)

// run sends batches; it ends with ctx, or when the sender is closed and all is sent.
func (s *Sender) run(ctx context.Context) {
	defer close(s.done)
	tick := time.NewTicker(s.o.Wait)
	defer tick.Stop()
	var batch []item
	var body []byte
	for last := false; !last; {
		select {
		case <-s.wake:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		batch, last = s.take(batch[:0])
		if len(batch) == 0 {
			continue
		}
		body = appendRequest(body[:0], batch)
		err := s.deliver(ctx, snappy(body))
		if err == nil && ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		if err == nil {
			s.stats.Sent += uint64(len(batch))
		} else {
			s.stats.Refused += uint64(len(batch))
		}
		s.mu.Unlock()
	}
}

// deliver sends a request until the receiver has it; an error means that it will not
// get it. It gives up without an error when ctx ends.
func (s *Sender) deliver(ctx context.Context, body []byte) error {
	begin, wait := time.Now(), firstWait
	for {
		again, wished, err := s.post(ctx, body)
		if ctx.Err() != nil {
			return nil
		}
		s.note(ctx, err)
		if err == nil || !again || time.Since(begin) >= s.o.Keep {
			return err
		}
		// Some more or less, so that many senders do not come back at once.
		pause := max(wished, wait/2+time.Duration(rand.Int64N(int64(wait)))) //nolint:gosec // it is not a secret when we come back
		wait = min(2*wait, longestWait)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		s.mu.Lock()
		s.stats.Retries++
		s.mu.Unlock()
	}
}

// note keeps why sending fails, and says so when that changes.
func (s *Sender) note(ctx context.Context, err error) {
	s.mu.Lock()
	was := s.stats.Err
	s.stats.Err = err
	s.mu.Unlock()
	switch {
	case was == nil && err != nil:
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "samples cannot be sent on", slog.Any("error", err))
	case was != nil && err == nil:
		s.o.Log.LogAttrs(ctx, slog.LevelInfo, "samples are sent on again")
	}
}

// post sends a request once, and says whether to try again: as the specification has
// it, after 5xx, 429, and no answer.
func (s *Sender) post(ctx context.Context, body []byte) (again bool, wished time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL, bytes.NewReader(body))
	if err != nil {
		return false, 0, fmt.Errorf("remote-write: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	req.Header.Set("User-Agent", "millwright")
	if !s.o.Bearer.IsZero() {
		req.Header.Set("Authorization", "Bearer "+s.o.Bearer.Reveal())
	} else if s.o.User != "" {
		req.SetBasicAuth(s.o.User, s.o.Password.Reveal())
	}
	answer, err := s.client.Do(req)
	if err != nil {
		return true, 0, fmt.Errorf("remote-write: %w", err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
	if answer.StatusCode/100 == 2 {
		return false, 0, nil
	}
	if seconds, e := strconv.Atoi(answer.Header.Get("Retry-After")); e == nil && seconds > 0 {
		wished = min(time.Duration(min(seconds, 3600))*time.Second, longestWished)
	}
	again = answer.StatusCode/100 == 5 || answer.StatusCode == http.StatusTooManyRequests
	return again, wished, fmt.Errorf("remote-write: %s answered %s: %q", req.URL.Host, answer.Status, strings.TrimSpace(string(said)))
}
