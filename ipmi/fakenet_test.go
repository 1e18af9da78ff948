package ipmi_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// network is a wire within a test, with fake BMCs at its addresses.
type network struct {
	delay time.Duration // each way
	mu    sync.Mutex
	peers map[string]*fake
	in    chan datagram
	once  sync.Once
	over  chan struct{}
}

type datagram struct {
	b    []byte
	from net.Addr
}

// newNetwork is to be made within a synctest bubble, and its client used there.
func newNetwork(t *testing.T) (*network, *ipmi.Client) {
	t.Helper()
	n := &network{delay: time.Millisecond, peers: map[string]*fake{}, in: make(chan datagram, 1000), over: make(chan struct{})}
	c := ipmi.NewClient(ipmi.ClientOptions{Listen: func(string) (net.PacketConn, error) { return n, nil }})
	t.Cleanup(func() { _ = c.Close() })
	return n, c
}

// add puts a BMC onto the network.
func (n *network) add(address string) *fake {
	f := &fake{net: n, at: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)), user: "admin", sessions: map[uint32]*fakeSession{}, next: 100}
	f.password, _ = rmcp.PasswordKey("secret")
	n.plug(address, f)
	return f
}

func (n *network) plug(address string, f *fake) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.peers[address] = f
}

func (n *network) unplug(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.peers, address)
}

func (n *network) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-n.in:
		return copy(b, d.b), d.from, nil
	case <-n.over:
		return 0, nil, net.ErrClosed
	}
}

func (n *network) WriteTo(b []byte, to net.Addr) (int, error) {
	n.mu.Lock()
	f := n.peers[to.String()]
	n.mu.Unlock()
	if f != nil {
		b := append([]byte(nil), b...)
		time.AfterFunc(n.delay, func() { f.hear(b) })
	}
	return len(b), nil
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.over) })
	return nil
}
func (n *network) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (n *network) SetDeadline(time.Time) error      { return nil }
func (n *network) SetReadDeadline(time.Time) error  { return nil }
func (n *network) SetWriteDeadline(time.Time) error { return nil }

// fake is a BMC that does as it is told.
type fake struct {
	net *network
	at  net.Addr

	mu       sync.Mutex
	user     string
	password rmcp.Key
	kg       rmcp.Key
	guid     [16]byte
	suites   []rmcp.Suite  // none: all
	most     uint8         // privilege; 0: administrator
	status   []rmcp.Status // of the next Open Sessions
	only15   bool
	heard    []heard
	sessions map[uint32]*fakeSession
	next     uint32

	// change has what is about to be sent; it gives what is sent, which may be nothing, or more.
	change func(step string, nth int, b []byte) [][]byte
	// code answers a command, its count from 1, with a completion code, and data.
	code  func(m rmcp.Message, nth int) []byte
	count map[string]int
}

// heard is what came: a step of the login, or a command as "06/01".
type heard struct {
	what string
	when time.Duration // since the first
	seq  uint32        // of the packet
	rq   uint8
}

type fakeSession struct {
	x       rmcp.Exchange
	keys    rmcp.Keys
	channel *rmcp.Channel
}

var begin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of every synctest bubble

func (f *fake) note(what string, p *rmcp.Packet, rq uint8) int {
	f.heard = append(f.heard, heard{what: what, when: time.Since(begin), seq: p.Seq, rq: rq})
	if f.count == nil {
		f.count = map[string]int{}
	}
	f.count[what]++
	return f.count[what]
}

// steps gives what was heard, in order.
func (f *fake) steps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, h := range f.heard {
		all = append(all, h.what)
	}
	return all
}

func (f *fake) times(what string) []heard {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []heard
	for _, h := range f.heard {
		if h.what == what {
			all = append(all, h)
		}
	}
	return all
}

// forget has it lose all sessions, as a reset does.
func (f *fake) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.sessions)
}

// send is called with the lock held.
func (f *fake) send(step string, nth int, b []byte) bool {
	all := [][]byte{b}
	if f.change != nil {
		all = f.change(step, nth, b)
	}
	for _, b := range all {
		f.later(f.net.delay, b)
	}
	return len(all) > 0
}

func (f *fake) later(d time.Duration, b []byte) {
	time.AfterFunc(d, func() { f.net.in <- datagram{b, f.at} })
}

func (f *fake) hear(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var p rmcp.Packet
	if err := p.Parse(b); err != nil {
		return
	}
	switch {
	case p.ID != 0:
		f.inSession(&p)
	case p.Type == rmcp.PayloadOpenRequest && !f.only15:
		f.open(&p)
	case p.Type == rmcp.PayloadRAKP1 && !f.only15:
		f.rakp1(&p)
	case p.Type == rmcp.PayloadRAKP3 && !f.only15:
		f.rakp3(&p)
	case p.Type == rmcp.PayloadIPMI:
		f.caps(&p)
	}
}

func (f *fake) caps(p *rmcp.Packet) {
	m, err := rmcp.ParseMessage(p.Payload)
	if err != nil {
		return
	}
	nth := f.note("caps", p, m.Seq)
	caps := rmcp.AuthCaps{Channel: 1, Types: 4, PlusValid: true, Named: true, Plus20: !f.only15, Plus15: true, PerMessage: true}
	f.send("caps", nth, rmcp.AppendPlain15(nil, 0, 0, m.Reply(caps.Append([]byte{0})).Append(nil)))
}

func (f *fake) open(p *rmcp.Packet) {
	nth := f.note("open", p, 0)
	r, err := rmcp.ParseOpenRequest(p.Payload)
	if err != nil {
		return
	}
	out := rmcp.OpenResponse{Tag: r.Tag, Console: r.Console, Privilege: r.Privilege, Algorithms: r.Algorithms}
	suite, _ := r.Algorithms.Suite()
	known := f.suites == nil
	for _, s := range f.suites {
		known = known || s == suite
	}
	switch {
	case len(f.status) > 0:
		out.Status, f.status = f.status[0], f.status[1:]
	case !known:
		out.Status = rmcp.StatusNoSuite
	}
	if out.Status == rmcp.StatusOK {
		f.next++
		out.Managed = f.next
		f.sessions[f.next] = &fakeSession{x: rmcp.Exchange{Algorithms: r.Algorithms, Console: r.Console, Managed: f.next, GUID: f.guid}}
	}
	f.send("open", nth, rmcp.AppendPlain(nil, rmcp.PayloadOpenResponse, out.Append(nil)))
}

func (f *fake) rakp1(p *rmcp.Packet) {
	nth := f.note("rakp1", p, 0)
	r, err := rmcp.ParseRAKP1(p.Payload)
	s := f.sessions[r.Managed]
	if err != nil || s == nil {
		return
	}
	out := rmcp.RAKP2{Tag: r.Tag, Console: s.x.Console, GUID: f.guid, Random: [16]byte{byte(nth)}}
	most := f.most
	if most == 0 {
		most = 4
	}
	switch {
	case string(r.Name) != f.user:
		out.Status = rmcp.StatusName
	case r.Role&0xf > most:
		out.Status = rmcp.StatusPrivilege
	}
	s.x.ConsoleRandom, s.x.ManagedRandom, s.x.Role, s.x.Name = r.Random, out.Random, r.Role, append([]byte(nil), r.Name...)
	out.Code = s.x.AppendCode2(nil, &f.password)
	s.keys = s.x.Keys(&f.kg, &f.password)
	f.send("rakp2", nth, rmcp.AppendPlain(nil, rmcp.PayloadRAKP2, out.Append(nil)))
}

func (f *fake) rakp3(p *rmcp.Packet) {
	nth := f.note("rakp3", p, 0)
	r, err := rmcp.ParseRAKP3(p.Payload)
	s := f.sessions[r.Managed]
	if err != nil || s == nil {
		return
	}
	out := rmcp.RAKP4{Tag: r.Tag, Console: s.x.Console, Code: s.keys.Check()}
	if !rmcp.Equal(r.Code, s.x.AppendCode3(nil, &f.password)) {
		out.Status = rmcp.StatusIntegrity
	} else if s.channel == nil {
		s.channel, _ = rmcp.NewChannel(&s.keys, s.x.Managed, s.x.Console)
	}
	f.send("rakp4", nth, rmcp.AppendPlain(nil, rmcp.PayloadRAKP4, out.Append(nil)))
}

func (f *fake) inSession(p *rmcp.Packet) {
	s := f.sessions[p.ID]
	if s == nil || s.channel == nil {
		return
	}
	b, err := s.channel.Open(p)
	if err != nil {
		return
	}
	if p.Type != rmcp.PayloadIPMI {
		f.send("payload", f.note("payload", p, 0), s.channel.Seal(nil, p.Type, append([]byte("echo "), b...)))
		return
	}
	m, err := rmcp.ParseMessage(b)
	if err != nil {
		return
	}
	what := name(m)
	nth := f.note(what, p, m.Seq)
	data := []byte{0}
	if m.Cmd == rmcp.CmdSetPrivilege && m.NetFn == 6 {
		data = []byte{0, m.Data[0]}
	}
	if f.code != nil {
		if given := f.code(m, nth); given != nil {
			data = given
		}
	}
	sent := f.send(what, nth, s.channel.Seal(nil, rmcp.PayloadIPMI, m.Reply(data).Append(nil)))
	if sent && m.Cmd == rmcp.CmdCloseSession && m.NetFn == 6 && binary.LittleEndian.Uint32(m.Data) == p.ID {
		delete(f.sessions, p.ID)
	}
}

func name(m rmcp.Message) string {
	const hex = "0123456789abcdef"
	return string([]byte{hex[m.NetFn>>4], hex[m.NetFn&15], '/', hex[m.Cmd>>4], hex[m.Cmd&15]})
}

// deaf swallows the answers to a step as often as told.
func deaf(step string, times int) func(string, int, []byte) [][]byte {
	return func(s string, nth int, b []byte) [][]byte {
		if s == step && nth <= times {
			return nil
		}
		return [][]byte{b}
	}
}
