package ipmi

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// probe is a question without session.
type probe struct {
	mu     sync.Mutex
	tag    uint8
	ping   bool
	pinged rmcp.ASF
	cmd    uint8
	answer []byte
	done   chan struct{}
	over   bool
}

func (p *probe) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over = true
		close(p.done)
	}
}

func (p *probe) pong(a rmcp.ASF) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || !p.ping || a.Tag != p.tag {
		return false
	}
	p.pinged, p.over = a, true
	close(p.done)
	return true
}

func (p *probe) message(b []byte) bool {
	m, err := rmcp.ParseMessage(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || p.over || p.ping || m.Seq != p.tag&0x3f || m.Cmd != p.cmd || m.NetFn != rmcp.NetFnApp|1 || len(m.Data) == 0 {
		return false
	}
	p.answer, p.over = append([]byte(nil), m.Data...), true
	close(p.done)
	return true
}

// probed gives a packet to the question that it may answer.
func (c *Client) probed(from netip.AddrPort, take func(*probe) bool) {
	c.mu.RLock()
	all := c.probes[from] // a list is never changed, but made anew
	c.mu.RUnlock()
	for _, p := range all {
		if take(p) {
			return
		}
	}
}

// Ping asks by ASF presence ping whether something at the address speaks RMCP, and IPMI.
// It asks until there is an answer or ctx ends, 15 seconds at most. A BMC may leave pings unanswered.
func (c *Client) Ping(ctx context.Context, address string) (rmcp.ASF, error) {
	p := &probe{ping: true, tag: uint8(random32()) & 0x7f}
	err := c.ask(ctx, address, p, rmcp.ASF{Type: rmcp.ASFPing, Tag: p.tag}.Append(nil))
	if err != nil {
		return rmcp.ASF{}, fmt.Errorf("ping %s: %w", address, err)
	}
	return p.pinged, nil
}

// Capabilities asks what one can log in by (Get Channel Authentication Capabilities,
// section 22.13), which every BMC tells anybody.
func (c *Client) Capabilities(ctx context.Context, address string) (rmcp.AuthCaps, error) {
	for _, plus := range []bool{true, false} {
		code, data, err := c.before(ctx, address, rmcp.CmdGetAuthCaps,
			rmcp.AuthCapsRequest{Plus: plus, Channel: rmcp.ChannelThis, Privilege: uint8(PrivilegeAdmin)}.Append(nil))
		switch {
		case err != nil:
			return rmcp.AuthCaps{}, fmt.Errorf("ask %s how to log in: %w", address, err)
		case code == CodeInvalidField && plus: // it is of IPMI 1.5
			continue
		case code != CodeOK:
			return rmcp.AuthCaps{}, fmt.Errorf("ask %s how to log in: %w", address, &CodeError{NetFn: NetFnApp, Cmd: rmcp.CmdGetAuthCaps, Code: code})
		}
		caps, err := rmcp.ParseAuthCaps(data)
		if err != nil {
			return rmcp.AuthCaps{}, fmt.Errorf("ask %s how to log in: %w", address, err)
		}
		return caps, nil
	}
	return rmcp.AuthCaps{}, fmt.Errorf("ask %s how to log in: %w", address, &CodeError{NetFn: NetFnApp, Cmd: rmcp.CmdGetAuthCaps, Code: CodeInvalidField})
}

// before asks something before a session.
func (c *Client) before(ctx context.Context, address string, cmd uint8, data []byte) (Code, []byte, error) {
	p := &probe{cmd: cmd, tag: uint8(random32()) & 0x3f}
	m := rmcp.Message{To: rmcp.AddressBMC, NetFn: rmcp.NetFnApp, From: rmcp.AddressConsole, Seq: p.tag, Cmd: cmd, Data: data}
	if err := c.ask(ctx, address, p, rmcp.AppendPlain15(nil, 0, 0, m.Append(nil))); err != nil {
		return 0, nil, err
	}
	return Code(p.answer[0]), p.answer[1:], nil
}

// ask sends a datagram to all that an address stands for, until the question is answered.
func (c *Client) ask(ctx context.Context, address string, p *probe, datagram []byte) error {
	addrs, err := c.resolve(ctx, address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	p.done = make(chan struct{})
	if err := c.install(addrs, p); err != nil {
		return err
	}
	defer c.remove(addrs, p)
	for wait := firstWait; ; wait = min(wait+wait/2, longestWait) {
		if err := c.sendAll(addrs, datagram); err != nil {
			return err
		}
		again := time.NewTimer(wait)
		select {
		case <-p.done:
			again.Stop()
			if len(p.answer) == 0 && !p.ping || p.ping && p.pinged.Type != rmcp.ASFPong {
				return ErrClosed
			}
			return nil
		case <-ctx.Done():
			again.Stop()
			return fmt.Errorf("%w: %w", ErrNoAnswer, context.Cause(ctx))
		case <-again.C:
		}
	}
}

// sendAll fails if the datagram could be sent nowhere.
func (c *Client) sendAll(addrs []netip.AddrPort, datagram []byte) error {
	var last error
	sent := false
	for _, a := range addrs {
		k, err := c.socket(a)
		if err == nil {
			err = k.write(datagram, a)
		}
		if err != nil {
			last = err
		} else {
			sent = true
		}
	}
	if sent {
		return nil
	}
	return last
}

func (c *Client) install(addrs []netip.AddrPort, p *probe) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	for _, a := range addrs {
		c.probes[a] = append(slices.Clip(c.probes[a]), p)
	}
	return nil
}

func (c *Client) remove(addrs []netip.AddrPort, p *probe) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range addrs {
		left := slices.DeleteFunc(slices.Clone(c.probes[a]), func(one *probe) bool { return one == p })
		if len(left) > 0 {
			c.probes[a] = left
		} else {
			delete(c.probes, a)
		}
	}
}
