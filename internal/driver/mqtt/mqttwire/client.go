// Package mqttwire is as much of an MQTT client as switching plugs needs: one connection
// with a clean session, on which words are published so that the broker acknowledges
// them, and topics are listened to. What ends stays ended: who wants to go on connects
// anew. It knows no WebSocket, no proxies, no store of messages on disk, and no quality
// of service 2, all of which the usual library brings with it.
//
// The broker may be hostile: a packet is bounded, and what does not belong where it comes
// ends the connection.
//
// Start at [New]; packet.go is what goes over the wire. The source is MQTT Version 3.1.1,
// OASIS Standard, named below by section.
package mqttwire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Config says who the client is, and who hears what the broker passes on.
type Config struct {
	ID             string
	User, Password string        // no password is sent without a user
	KeepAlive      time.Duration // between signs of life, in whole seconds; 30 s if 0
	Patience       time.Duration // how long a packet may take to go out, and a sign of life to be answered; 10 s if 0
	Heard          func(Message) // called for one message after the other; it must not wait for the client
}

// Message is what somebody published.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool // the broker had kept it, so it is no news
}

// Client is one connection. All of it may be used from many goroutines.
type Client struct {
	Config
	conn net.Conn
	in   *bufio.Reader
	work sync.WaitGroup

	writing sync.Mutex

	mu      sync.Mutex
	lastID  uint16
	waiting map[uint16]*exchange
	lost    error         // why it ended
	done    chan struct{} // closed when it has
}

// exchange is a packet that has to be acknowledged.
type exchange struct {
	kind   byte // of the acknowledgement
	answer chan []byte
}

var (
	errClosed  = errors.New("the connection is closed")
	errGarbled = errors.New("the broker sends what is no MQTT")
)

// New makes a client of a connection, which is its own from now on.
func New(conn net.Conn, config Config) *Client {
	if config.KeepAlive < time.Second {
		config.KeepAlive = 30 * time.Second
	}
	if config.Patience <= 0 {
		config.Patience = 10 * time.Second
	}
	return &Client{Config: config, conn: conn, in: bufio.NewReader(conn), waiting: make(map[uint16]*exchange), done: make(chan struct{})}
}

// Connect says who we are, and begins to listen; 3.1, CONNECT. A broker that does not let
// us in gives a [RefusedError]. It is called once, and before all else.
func (c *Client) Connect(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
	err := c.enter()
	stop()
	if err != nil {
		c.end(err)
		return c.why()
	}
	c.work.Go(c.listen)
	c.work.Go(c.live)
	return nil
}

func (c *Client) enter() error {
	packet, err := connect(&c.Config)
	if err != nil {
		return err
	}
	if err := c.send(packet); err != nil {
		return err
	}
	head, body, err := c.receive()
	switch {
	case err != nil:
		return err
	case head != connack<<4 || len(body) != 2:
		return errGarbled
	case body[1] != 0:
		return &RefusedError{body[1]}
	}
	return nil
}

// Subscribe listens to topics; 3.8, SUBSCRIBE. It gives those that the broker does not
// let us hear.
func (c *Client) Subscribe(ctx context.Context, topics ...string) (refused []string, err error) {
	codes, err := c.exchange(ctx, suback, func(id uint16) ([]byte, error) { return subscribe(id, topics) })
	if err != nil {
		return nil, err
	}
	if len(codes) != len(topics) {
		c.end(errGarbled)
		return nil, errGarbled
	}
	for i, code := range codes {
		if code > 2 {
			refused = append(refused, topics[i])
		}
	}
	return refused, nil
}

// Publish says something under a topic, and comes back when the broker has taken it; 3.3,
// PUBLISH, with quality of service 1.
func (c *Client) Publish(ctx context.Context, topic, payload string) error {
	_, err := c.exchange(ctx, puback, func(id uint16) ([]byte, error) { return publish(id, topic, payload) })
	return err
}

// Done is closed when the connection has ended, whoever ended it.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close takes leave, and waits until nothing of the client runs any more; 3.14,
// DISCONNECT.
func (c *Client) Close() error {
	_ = c.send([]byte{disconnect << 4, 0}) // the broker may be gone
	c.end(errClosed)
	c.work.Wait()
	return nil
}

// end ends the connection. The first reason counts.
func (c *Client) end(why error) {
	c.mu.Lock()
	first := c.lost == nil
	if first {
		c.lost = why
	}
	c.mu.Unlock()
	if first {
		_ = c.conn.Close()
		close(c.done)
	}
}

func (c *Client) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// exchange sends a packet, and waits for what acknowledges it.
func (c *Client) exchange(ctx context.Context, kind byte, form func(id uint16) ([]byte, error)) ([]byte, error) {
	id, e := c.register(kind)
	defer c.forget(id)
	packet, err := form(id)
	if err != nil {
		return nil, err
	}
	if err := c.send(packet); err != nil {
		c.end(err)
	}
	select {
	case body := <-e.answer:
		return body, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-c.done:
	}
	select {
	case body := <-e.answer: // the last that was heard
		return body, nil
	default:
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, c.why()
}

// register takes the next number that is free; 2.3.1, Packet Identifier. There are more of
// them than exchanges that go on at once.
func (c *Client) register(kind byte) (uint16, *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lastID++; c.lastID == 0 || c.waiting[c.lastID] != nil; {
		c.lastID++
	}
	e := &exchange{kind, make(chan []byte, 1)}
	c.waiting[c.lastID] = e
	return c.lastID, e
}

func (c *Client) forget(id uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// settle hands an acknowledgement to who waits for it. Who waits no longer needs none.
func (c *Client) settle(kind byte, id uint16, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.waiting[id]; e != nil && e.kind == kind {
		delete(c.waiting, id)
		e.answer <- body
	}
}

// live gives signs of life; 3.12, PINGREQ. That they are answered is for listen to see.
func (c *Client) live() {
	tick := time.NewTicker(c.KeepAlive)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
		}
		if err := c.send([]byte{pingreq << 4, 0}); err != nil {
			c.end(err)
		}
	}
}

// listen hears the broker until the connection ends.
func (c *Client) listen() {
	for {
		head, body, err := c.receive()
		if err == nil {
			err = c.take(head, body)
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

// take does what a packet asks for.
func (c *Client) take(head byte, body []byte) error {
	switch kind := head >> 4; {
	case kind == published:
		m, id, err := parsePublish(head, body)
		if err != nil {
			return err
		}
		c.Heard(m)
		if id == 0 { // with quality of service 0
			return nil
		}
		return c.send([]byte{puback << 4, 2, byte(id >> 8), byte(id)})
	case kind == puback && len(body) == 2, kind == suback && len(body) > 2:
		c.settle(kind, uint16(body[0])<<8|uint16(body[1]), body[2:])
		return nil
	case kind == pingresp && len(body) == 0:
		return nil
	}
	return errGarbled
}

// send sends one packet.
func (c *Client) send(packet []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.Patience))
	if _, err := c.conn.Write(packet); err != nil {
		return fmt.Errorf("talking to the broker: %w", err)
	}
	return nil
}

// receive is the next packet. There is one at least for each sign of life of ours.
func (c *Client) receive() (head byte, body []byte, err error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(c.KeepAlive + c.Patience))
	head, body, err = readPacket(c.in)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the broker hung up")
	case err != nil && !errors.Is(err, errGarbled):
		err = fmt.Errorf("listening to the broker: %w", err)
	}
	return head, body, err
}
