package mqttwire_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/driver/mqtt/mqttwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const welcome = "\x20\x02\x00\x00"

// script is a broker that says what it says, whatever it is told, and hangs up.
type script struct {
	net.Conn
	says *strings.Reader
}

func (s *script) Read(p []byte) (int, error)       { return s.says.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) Close() error                     { return nil }

// sayings are what brokers say that are none.
func sayings() []struct{ name, says, want string } {
	return []struct{ name, says, want string }{
		{"nothing", "", "hung up"},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n", "hung up"},
		{"half a welcome", "\x20\x02\x00", "hung up"},
		{"a short welcome", "\x20\x01\x00", "no MQTT"},
		{"a message before the welcome", "\x30\x03\x00\x01a", "no MQTT"},
		{"a wrong password", "\x20\x02\x00\x05", "not permitted"},
		{"another code", "\x20\x02\x00\x63", "code 99"},
		{"nothing more", welcome, "hung up"},
		{"a length without end", welcome + "\x30\xff\xff\xff\xff\x01", "no MQTT"},
		{"a huge message", welcome + "\x30\xff\xff\xff\x7f", "268435455 bytes"},
		{"a message without topic", welcome + "\x30\x00", "no MQTT"},
		{"a topic longer than its message", welcome + "\x30\x03\xff\xffx", "no MQTT"},
		{"a message without its number", welcome + "\x32\x03\x00\x01a", "no MQTT"},
		{"a message with the number 0", welcome + "\x32\x05\x00\x01a\x00\x00", "no MQTT"},
		{"what nobody asked for", welcome + "\x34\x05\x00\x01a\x00\x01", "no MQTT"},
		{"an acknowledgement too long", welcome + "\x40\x03\x00\x01\x00", "no MQTT"},
		{"acknowledgements of nothing", welcome + "\x40\x02\x00\x09\x90\x03\x00\x09\x00", "hung up"},
		{"one answer for two topics", welcome + "\x90\x03\x00\x01\x01", ""},
		{"what only clients say", welcome + "\xc0\x00", "no MQTT"},
		{"messages", welcome + "\x31\x04\x00\x01ax\xd0\x00\x32\x06\x00\x01b\x00\x07y", "hung up"},
	}
}

// talk connects, listens, and waits for the end.
func talk(t testing.TB, says string) (heard []mqttwire.Message, err error) {
	c := mqttwire.New(&script{says: strings.NewReader(says)}, mqttwire.Config{ID: "me", Heard: func(m mqttwire.Message) { heard = append(heard, m) }})
	if err = c.Connect(t.Context()); err == nil {
		_, err = c.Subscribe(t.Context(), "a", "b")
	}
	if err == nil {
		<-c.Done()
		err = c.Publish(t.Context(), "a", "x")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return heard, err
}

func TestBrokersThatAreNone(t *testing.T) {
	for _, test := range sayings() {
		t.Run(test.name, func(t *testing.T) {
			if _, err := talk(t, test.says); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, and not %q", err, test.want)
			}
		})
	}
	var refused *mqttwire.RefusedError
	if _, err := talk(t, "\x20\x02\x00\x04"); !errors.As(err, &refused) || !refused.Password() {
		t.Errorf("a wrong password is %v", err)
	}
}

func FuzzBroker(f *testing.F) {
	for _, test := range sayings() {
		f.Add(test.says)
	}
	f.Fuzz(func(t *testing.T, says string) {
		heard, err := talk(t, says)
		if err == nil {
			t.Error("it published to a broker that had hung up")
		}
		size := 0
		for _, m := range heard {
			size += len(m.Topic) + len(m.Payload)
		}
		if size > len(says) {
			t.Errorf("of %d bytes, %d are heard", len(says), size)
		}
	})
}

// broker is the other end of a client, of which the test says each word.
type broker struct {
	*testing.T
	conn net.Conn
	in   *bufio.Reader
}

// start connects a client to a broker.
func start(t *testing.T, config mqttwire.Config) (*mqttwire.Client, *broker) {
	near, far := net.Pipe()
	b := &broker{t, far, bufio.NewReader(far)}
	t.Cleanup(func() { _ = far.Close() })
	c := mqttwire.New(near, config)
	done := make(chan error, 1)
	go func() { done <- c.Connect(t.Context()) }()
	b.wants("\x10\x18\x00\x04MQTT\x04\xc2\x00\x1e\x00\x02me\x00\x03ann\x00\x03pwd")
	b.says(welcome)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c, b
}

func (b *broker) says(text string) {
	b.Helper()
	if _, err := io.WriteString(b.conn, text); err != nil {
		b.Fatal(err)
	}
}

func (b *broker) wants(text string) {
	b.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(b.in, got); err != nil || string(got) != text {
		b.Fatalf("the client says %q, and not %q (%v)", got, text, err)
	}
}

func config() mqttwire.Config {
	return mqttwire.Config{ID: "me", User: "ann", Password: "pwd", Heard: func(mqttwire.Message) {}}
}

// Packets go out as the standard has them, and acknowledgements find who waits for them.
func TestConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []mqttwire.Message
		with := config()
		with.Heard = func(m mqttwire.Message) { heard = append(heard, m) }
		c, b := start(t, with)
		done := make(chan error, 1)
		var refused []string
		go func() {
			var err error
			refused, err = c.Subscribe(t.Context(), "a/b", "secret")
			done <- err
		}()
		b.wants("\x82\x11\x00\x01\x00\x03a/b\x01\x00\x06secret\x01")
		b.says("\x33\x08\x00\x03a/b\x00\x05x") // kept, and to be acknowledged
		b.wants("\x40\x02\x00\x05")
		b.says("\x90\x04\x00\x01\x01\x80")
		if err := <-done; err != nil || len(refused) != 1 || refused[0] != "secret" {
			t.Fatal(refused, err)
		}
		long := strings.Repeat("y", 200)
		go func() { done <- c.Publish(t.Context(), "t", long) }()
		b.wants("\x32\xcd\x01\x00\x01t\x00\x02" + long)
		b.says("\x40\x02\x00\x01") // of something else
		b.says("\x40\x02\x00\x02")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(heard) != 1 || heard[0].Topic != "a/b" || string(heard[0].Payload) != "x" || !heard[0].Retained {
			t.Errorf("%+v", heard)
		}
		if err := c.Publish(t.Context(), strings.Repeat("t", 70_000), ""); err == nil {
			t.Error("a topic of 70,000 bytes goes out")
		}
		go func() { done <- c.Close() }()
		b.wants("\xe0\x00")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// A broker that no longer answers signs of life is noticed, and one that does is not hung
// up on.
func TestSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, b := start(t, config())
		began := time.Now()
		for range 3 {
			b.wants("\xc0\x00")
			b.says("\xd0\x00")
		}
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("three signs of life took %s", took)
		}
		b.wants("\xc0\x00")
		<-c.Done()
		if took := time.Since(began); took != 130*time.Second {
			t.Errorf("that it is silent was noticed after %s", took)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Who waits is let go when he no longer wants to, and when the connection ends.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, b := start(t, config())
		why := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		done := make(chan error, 2)
		go func() { done <- c.Publish(ctx, "t", "") }()
		b.wants("\x32\x05\x00\x01t\x00\x01")
		if err := <-done; !errors.Is(err, why) {
			t.Error(err)
		}
		go func() { done <- c.Publish(t.Context(), "t", "") }()
		b.wants("\x32\x05\x00\x01t\x00\x02")
		_ = b.conn.Close()
		if err := <-done; err == nil || !strings.Contains(err.Error(), "hung up") {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}

		near, far := net.Pipe() // nobody answers
		defer far.Close()
		c = mqttwire.New(near, config())
		ctx, cancel = context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		if err := c.Connect(ctx); !errors.Is(err, why) {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
