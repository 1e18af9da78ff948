package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// session is one connection to a broker.
type session struct {
	*Settings
	env    driver.Env
	mask   *secret.Masker
	points []point // by place in Env.Plugs
	client paho.Client

	once sync.Once
	done chan struct{}

	at map[string][]int // which plugs a topic is for

	mu    sync.Mutex
	plugs []heard
}

// heard is what one plug has said.
type heard struct {
	state    room.State
	raw      string
	said     bool // anything
	times    int  // how often since we listen
	gone     bool
	readings []driver.Reading
	measured int           // how often it has told readings
	news     chan struct{} // closed and made anew when something was heard
}

// quiesce is how long the library may take to say good-bye, in milliseconds.
const quiesce = 50

// Open implements [driver.Settings].
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	n := &session{
		Settings: s, env: env, mask: secret.NewMasker(env.Credential.Secrets()...),
		points: make([]point, len(env.Plugs)), plugs: make([]heard, len(env.Plugs)),
		done: make(chan struct{}), at: make(map[string][]int),
	}
	for i, p := range env.Plugs {
		n.points[i], n.plugs[i].news = s.points[p.Name], make(chan struct{})
		for _, topic := range n.points[i].topics() {
			n.at[topic] = append(n.at[topic], i)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errSlow)
	defer cancel()
	// The line is made first, so that the library's goroutines begin only when
	// there is somebody at the other end.
	conn, err := n.dial(ctx)
	if err != nil {
		return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: err}
	}
	env.Reached()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	n.client = paho.NewClient(n.options(conn))
	if err := n.enter(ctx); err != nil {
		n.client.Disconnect(quiesce)
		conn.Close()
		return nil, &driver.Fault{Phase: driver.LoggingIn, Device: env.Device, Err: err}
	}
	env.Acted()
	return n, nil
}

var (
	errSlow     = errors.New("it took too long")
	errPassword = errors.New("the broker turns the user or password down")
)

// enter logs in and listens.
func (n *session) enter(ctx context.Context) error {
	if err := wait(ctx, n.client.Connect()); err != nil {
		if errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, packets.ErrorRefusedNotAuthorised) {
			return errPassword
		}
		return errors.New(n.mask.String(err.Error()))
	}
	topics := make(map[string]byte)
	for topic := range n.at {
		topics[topic] = 1
	}
	token := n.client.SubscribeMultiple(topics, n.hear)
	if err := wait(ctx, token); err != nil {
		return fmt.Errorf("listen to the plugs: %w", err)
	}
	for topic, code := range token.(*paho.SubscribeToken).Result() {
		if code > 2 {
			return fmt.Errorf("the broker does not let us listen on %s", topic)
		}
	}
	// What the broker has kept of these topics, last wills above all, comes before
	// the answer to the next question.
	return wait(ctx, n.client.Unsubscribe("millwright/none"))
}

// wait waits for the library.
func wait(ctx context.Context, t paho.Token) error {
	select {
	case <-t.Done():
		if cause := context.Cause(ctx); cause != nil && t.Error() != nil {
			return cause
		}
		return t.Error()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (n *session) dial(ctx context.Context) (net.Conn, error) {
	conn, err := n.env.DialContext(ctx, "tcp", n.broker.Host)
	if err != nil || n.broker.Scheme == "mqtt" {
		return conn, err
	}
	opts := transport.TLSOptions{CA: n.TLS.CA, ServerName: n.TLS.ServerName, Insecure: n.TLS.Insecure}
	for _, text := range n.TLS.Pins {
		pin, err := transport.ParsePin(text)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		opts.Pins = append(opts.Pins, pin)
	}
	config, err := opts.Config(n.broker.Hostname())
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	safe := tls.Client(conn, config)
	if err := safe.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return safe, nil
}

func (n *session) options(conn net.Conn) *paho.ClientOptions {
	return paho.NewClientOptions().
		AddBroker("tcp://" + n.broker.Host). // what is dialled is the connection that stands
		SetClientID("millwright-" + strings.ToLower(rand.Text()[:12])).
		SetUsername(n.env.Credential.User).
		SetPassword(n.env.Credential.Get(secret.Password).Reveal()).
		SetProtocolVersion(4).
		SetCleanSession(true).
		SetAutoReconnect(false). // the fleet opens a new session
		SetConnectRetry(false).
		SetConnectTimeout(n.Timeout).
		SetWriteTimeout(n.Timeout).
		SetKeepAlive(30 * time.Second).
		SetPingTimeout(10 * time.Second).
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) { return conn, nil }).
		SetConnectionLostHandler(func(paho.Client, error) { n.once.Do(func() { close(n.done) }) })
}

// Done implements [driver.Session].
func (n *session) Done() <-chan struct{} { return n.done }

// Close implements [driver.Session].
func (n *session) Close() error {
	n.client.Disconnect(quiesce)
	return nil
}

// hear takes what the broker passes on. The library calls it from one goroutine.
func (n *session) hear(_ paho.Client, m paho.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range n.at[m.Topic()] {
		p, h := &n.points[i], &n.plugs[i]
		if m.Topic() == p.alive {
			h.gone = !p.lives(m.Payload())
		}
		if slices.Contains(p.states, m.Topic()) {
			h.state, h.raw = p.state(m.Payload()), n.clean(m.Payload())
			if h.said = true; !m.Retained() { // what the broker has kept answers nothing
				h.times++
			}
		}
		if m.Topic() == p.numbers {
			h.readings = readings(i, m.Payload())
			h.measured++
		}
		close(h.news)
		h.news = make(chan struct{})
	}
}

// clean makes what a plug says fit to be shown.
func (n *session) clean(payload []byte) string {
	const most = 200
	text := n.mask.String(strings.ToValidUTF8(string(payload[:min(len(payload), most)]), "?"))
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// of gives what a plug has said so far, and a channel that closes when there is more.
func (n *session) of(plug int) (heard, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.plugs[plug], n.plugs[plug].news
}

func (n *session) publish(ctx context.Context, topic, payload string, trace func(devspec.TraceKind, string)) error {
	trace(devspec.TraceSend, topic+" "+payload)
	return wait(ctx, n.client.Publish(topic, 1, false, payload))
}

var _ driver.Session = (*session)(nil)
