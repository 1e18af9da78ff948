package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/driver/mqtt/mqttwire"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// session is one connection to a broker.
type session struct {
	*Settings
	action.Device
	points []point // by place in Env.Plugs
	client *mqttwire.Client

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

// Open implements [driver.Settings].
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	n := &session{
		Settings: s, points: make([]point, len(env.Plugs)), plugs: make([]heard, len(env.Plugs)),
		at:   make(map[string][]int),
		echo: "millwright/" + strings.ToLower(rand.Text()[:12]), heardAll: make(chan struct{}),
	}
	n.Device = action.Device{Env: env, Timeout: s.Timeout, Slow: errSilent, Mask: secret.NewMasker(env.Credential.Secrets()...)}
	for i, p := range env.Plugs {
		n.points[i], n.plugs[i].news = s.points[p.Name], make(chan struct{})
		for _, topic := range n.points[i].topics() {
			n.at[topic] = append(n.at[topic], i)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errSlow)
	defer cancel()
	conn, err := n.dial(ctx)
	if err != nil {
		return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: err}
	}
	env.Reached()
	n.client = mqttwire.New(conn, mqttwire.Config{
		ID: strings.ReplaceAll(n.echo, "/", "-"), User: env.Credential.User, Password: env.Credential.Get(secret.Password).Reveal(),
		Patience: s.Timeout, Heard: n.hear,
	})
	n.Gone = n.client.Done() // the fleet opens a new session
	if err := n.Login(ctx, func(a *action.Action) error { return n.enter(a.Context()) }); err != nil {
		_ = n.client.Close()
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
	if err := n.client.Connect(ctx); err != nil {
		if refused := new(mqttwire.RefusedError); errors.As(err, &refused) && refused.Password() {
			return errPassword
		}
		return err
	}
	refused, err := n.client.Subscribe(ctx, append(slices.Sorted(maps.Keys(n.at)), n.echo)...)
	if err != nil {
		return fmt.Errorf("listen to the plugs: %w", err)
	}
	for _, topic := range refused {
		if topic != n.echo {
			return fmt.Errorf("the broker does not let us listen on %s", topic)
		}
	}
	// What the broker has kept of these topics, last wills above all, comes before
	// what we say to ourselves. A broker that does not let us do that is waited for
	// no longer than this.
	if err := n.client.Publish(ctx, n.echo, ""); err != nil {
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

// Done implements [driver.Session].
func (n *session) Done() <-chan struct{} { return n.Gone }

// Close implements [driver.Session].
func (n *session) Close() error {
	return n.client.Close()
}

// hear takes what the broker passes on.
func (n *session) hear(m mqttwire.Message) {
	if m.Topic == n.echo {
		n.echoed.Do(func() { close(n.heardAll) })
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range n.at[m.Topic] {
		p, h := &n.points[i], &n.plugs[i]
		if m.Topic == p.alive {
			h.gone = !p.lives(m.Payload)
		}
		if slices.Contains(p.states, m.Topic) {
			h.state, h.raw = p.state(m.Payload), n.Clean(string(m.Payload))
			if h.said = true; !m.Retained { // what the broker has kept answers nothing
				h.times++
			}
		}
		if m.Topic == p.numbers {
			h.readings = readings(i, m.Payload)
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
	return n.client.Publish(a.Context(), topic, payload)
}

var _ driver.Session = (*session)(nil)
