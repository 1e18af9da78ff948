package powerman

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSplitAddress(t *testing.T) {
	for in, want := range map[string][2]string{
		"":                {"127.0.0.1", "10101"},
		"h":               {"h", "10101"},
		"h:9":             {"h", "9"},
		":9":              {"127.0.0.1", "9"},
		"h:":              {"h", "10101"},
		"[::1]":           {"::1", "10101"},
		"[::1]:9":         {"::1", "9"},
		"::1":             {"::1", "10101"},
		"fe80::1%eth0":    {"fe80::1%eth0", "10101"},
		"[fe80::1%lo]:ps": {"fe80::1%lo", "ps"},
		"h:9:10":          {"h", "9:10"},
	} {
		host, port := SplitAddress(in)
		if host != want[0] || port != want[1] {
			t.Errorf("%q: %q %q, want %q", in, host, port, want)
		}
	}
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	for _, req := range []Request{
		{},
		{Command: CmdOn},
		{Command: CmdOn, Targets: " "},
		{Command: CmdNodes, Targets: "t1"},
		{Command: 99, Targets: "t1"},
		{Command: CmdOn, Targets: "t1\noff t2"},
		{Command: CmdOn, Targets: strings.Repeat("t", MaxLine)},
	} {
		if line, err := req.Line(); err == nil {
			t.Errorf("%v went out as %.40q", req, line)
		}
	}
}

// say plays a server that sends what is given, whatever it is asked.
func say(t testing.TB, text string) *stdioPair {
	t.Helper()
	return &stdioPair{io.NopCloser(strings.NewReader(text)), discard{}}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }

func TestServersThatSpeakOtherwise(t *testing.T) {
	for _, c := range []struct {
		says string
		want error
	}{
		{"", ErrEOF},
		{"SSH-2.0-OpenSSH\r\n", ErrUnexpected},
		{"101 Goodbye\r\n", ErrUnexpected},
		{"001 2.4.4\r\nlogin: password: ", ErrUnexpected},
		{"001 2.4.4\r\npowe", ErrEOF},
		{greeting, ErrEOF},
		{greeting + "302 on: ", ErrEOF},
		{greeting + "103 Query complete\r\n", ErrEOF},
		{greeting + "999 What\r\n" + Prompt, ErrUnexpected},
		{greeting + "303 t1 on\r\n103 Query complete\r\n" + Prompt, ErrUnexpected},
		{greeting + "303 t1: broken\r\n103 Query complete\r\n" + Prompt, ErrUnexpected},
		{greeting + "302 on: t[2-1]\r\n103 Query complete\r\n" + Prompt, ErrUnexpected},
		{greeting + "302 on: " + strings.Repeat("n[0-16383],", 200) + "\r\n103 Query complete\r\n" + Prompt, ErrUnexpected},
	} {
		client, err := NewClient(t.Context(), say(t, c.says))
		if err == nil {
			_, err = client.Status(t.Context(), "")
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%.60q: %v, want %v", c.says, err, c.want)
		}
	}
}

func TestNullTemperaturesOfARealDaemon(t *testing.T) {
	client, err := NewClient(t.Context(), say(t, greeting+"303 t0: 83\r\n303 t1: (null)\r\n303 t1: unknown\r\n211 Query completed with errors\r\n"+Prompt))
	if err != nil {
		t.Fatal(err)
	}
	results, err := client.Temp(t.Context(), "")
	var reply *ReplyError
	if !errors.As(err, &reply) || reply.Code != CodeQueryErrors || len(results) != 2 || results[0].Value != "83" || results[1] != (Result{Node: "t1"}) {
		t.Error(results, err)
	}
}

func TestSilentServerIsLeftWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := NewClient(ctx, here)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Error(err, time.Since(start))
		}
	})
}

// one write per request: the reference's two cost 40 ms each.
func TestRequestIsOneWrite(t *testing.T) {
	count := &counting{stdioPair: say(t, greeting+"103 Query complete\r\n"+Prompt)}
	client, err := NewClient(t.Context(), count)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Status(t.Context(), "t1"); err != nil || len(count.writes) != 1 || count.writes[0] != "status t1\n" {
		t.Errorf("%v, %q", err, count.writes)
	}
}

type counting struct {
	*stdioPair
	writes []string
}

func (c *counting) Write(b []byte) (int, error) {
	c.writes = append(c.writes, string(b))
	return len(b), nil
}
