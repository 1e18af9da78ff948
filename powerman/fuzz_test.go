package powerman

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// Whatever is sent, the server answers in the protocol's shape, forges no
// line, and ends when the input does.
func FuzzServer(f *testing.F) {
	f.Add([]byte("nodes\nstatus t[0-3]\nexprange\ntemp\ndevice t1\nquit\n"))
	f.Add([]byte("on t[2-1]\non t[0-99999]\nstatus \x00\r\r\n\n\nflash t0\nunflash t1\nhelp\n"))
	f.Add([]byte("telemetry\nbeacon t13\non t13,t7\nstatus zz\xff,y"))
	f.Fuzz(func(t *testing.T, input []byte) {
		var out bytes.Buffer
		srv := &Server{Handler: newRoom(), Limits: Limits{Line: 1000}}
		if err := srv.ServeConn(context.Background(), stdio{bytes.NewReader(input), nopCloser{&out}}); err != nil {
			t.Fatal(err)
		}
		rest, ok := strings.CutPrefix(out.String(), greeting)
		if !ok {
			t.Fatalf("greeting %q", out.String())
		}
		for rest != "" {
			rest = strings.TrimPrefix(rest, Prompt)
			if rest == "" {
				break
			}
			line, after, ok := strings.Cut(rest, "\r\n")
			if _, err := parseLine([]byte(line)); !ok || err != nil || strings.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("line %q: %v", line, err)
			}
			rest = after
		}
	})
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Whatever a server says, the client returns.
func FuzzClient(f *testing.F) {
	f.Add(greeting + "302 on:      t[1-2]\r\n302 off:     t0\r\n302 unknown: \r\n103 Query complete\r\n" + Prompt)
	f.Add(greeting + "304 d: state=connected reconnects=000 actions=003 type=vpc hosts=t[0-15]\r\n103 Query complete\r\n" + Prompt)
	f.Add(greeting + "303 t1: on\n303 t2: 83\n211 Query completed with errors\n" + Prompt + "306 n[0-9999999]\n103 x\n" + Prompt)
	f.Fuzz(func(t *testing.T, says string) {
		for i := range 4 {
			client, err := NewClient(context.Background(), say(t, says))
			if err != nil {
				return
			}
			switch i {
			case 0:
				_, err = client.Status(context.Background(), "")
			case 1:
				_, err = client.Temp(context.Background(), "")
			case 2:
				_, err = client.Devices(context.Background(), "")
			case 3:
				_, err = client.Nodes(context.Background())
			}
			_ = err
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	for _, r := range commandRules {
		f.Add(r.word)
		f.Add(" " + r.word + "\tt[0-3] x ")
	}
	f.Fuzz(func(t *testing.T, line string) {
		req, ok := ParseRequest(line)
		if !ok {
			return
		}
		if again, err := req.Line(); err == nil {
			if back, ok := ParseRequest(again); !ok || back != req {
				t.Errorf("%q became %v, sent as %q, came back as %v", line, req, again, back)
			}
		}
	})
}
