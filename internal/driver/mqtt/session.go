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
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// session is one connection to a broker.
type session struct {
	*Settings
	action.Device
	points []point // by place in Env.Plugs
	client paho.Client

	once sync.Once
	done chan struct{}

	at map[string][]int // which plugs a topic is for

	echo     string // a topic on which we hear ourselves
	echoed   sync.Once
	heardAll chan struct{} // closed when what the broker had kept was heard

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
		Settings: s, points: make([]point, len(env.Plugs)), plugs: make([]heard, len(env.Plugs)),
		done: make(chan struct{}), at: make(map[string][]int),
		echo: "millwright/" + strings.ToLower(rand.Text()[:12]), heardAll: make(chan struct{}),
	}
	n.Device = action.Device{Env: env, Timeout: s.Timeout, Slow: errSilent, Mask: secret.NewMasker(env.Credential.Secrets()...), Gone: n.done}
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
	if err := n.Login(ctx, func(a *action.Action) error { return n.enter(a.Context()) }); err != nil {
		n.client.Disconnect(quiesce)
		conn.Close()
		return nil, err
	}
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
		return err
	}
	topics := map[string]byte{n.echo: 1}
	for topic := range n.at {
		topics[topic] = 1
	}
	token := n.client.SubscribeMultiple(topics, n.hear)
	if err := wait(ctx, token); err != nil {
		return fmt.Errorf("listen to the plugs: %w", err)
	}
	for topic, code := range token.(*paho.SubscribeToken).Result() {
		if code > 2 && topic != n.echo {
			return fmt.Errorf("the broker does not let us listen on %s", topic)
		}
	}
	// What the broker has kept of these topics, last wills above all, comes before
	// what we say to ourselves. A broker that does not let us do that is waited for
	// no longer than this.
	if err := wait(ctx, n.client.Publish(n.echo, 1, false, "")); err != nil {
		return err
	}
	select {
	case <-n.heardAll:
	case <-time.After(patience):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// patience is how long the broker may take to pass on what it has kept.
const patience = 500 * time.Millisecond

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
	conn, err := n.Env.DialContext(ctx, "tcp", n.broker.Host)
	if err != nil || n.broker.Scheme == "mqtt" {
		return conn, err
	}
	config, err := n.TLS.Config(n.broker.Hostname())
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
		SetClientID(strings.ReplaceAll(n.echo, "/", "-")).
		SetUsername(n.Env.Credential.User).
		SetPassword(n.Env.Credential.Get(secret.Password).Reveal()).
		SetProtocolVersion(4).
		SetCleanSession(true).
		SetAutoReconnect(false). // the fleet opens a new session
		SetConnectRetry(false).
		SetConnectTimeout(n.Settings.Timeout).
		SetWriteTimeout(n.Settings.Timeout).
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
	if m.Topic() == n.echo {
		n.echoed.Do(func() { close(n.heardAll) })
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range n.at[m.Topic()] {
		p, h := &n.points[i], &n.plugs[i]
		if m.Topic() == p.alive {
			h.gone = !p.lives(m.Payload())
		}
		if slices.Contains(p.states, m.Topic()) {
			h.state, h.raw = p.state(m.Payload()), n.Clean(string(m.Payload()))
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

// of gives what a plug has said so far, and a channel that closes when there is more.
func (n *session) of(plug int) (heard, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.plugs[plug], n.plugs[plug].news
}

func (n *session) publish(a *action.Action, topic, payload string) error {
	a.Trace(devspec.TraceSend, topic+" "+payload+"\n")
	return wait(a.Context(), n.client.Publish(topic, 1, false, payload))
}

var _ driver.Session = (*session)(nil)
