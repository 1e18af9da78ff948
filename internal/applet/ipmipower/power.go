package ipmipower

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
)

// verb is a power command. Where a command line has several, the first of these is done.
type verb int

const (
	none verb = iota
	on
	off
	cycle
	reset
	stat
	pulse
	soft
	identifyOn
	identifyOff
	identifyStatus
	verbs
)

func verbNamed(name string) (verb, bool) {
	for i, is := range [verbs]string{"", "on", "off", "cycle", "reset", "stat", "pulse", "soft", "identify-on", "identify-off", "identify-status"} {
		if is == name {
			return verb(i), name != ""
		}
	}
	return none, false
}

// request is what a verb sends.
func (v verb) request() ipmi.Request {
	r := ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: chassis.CmdControl}
	switch v {
	case on:
		r.Data = chassis.PowerOn.Append(nil)
	case off:
		r.Data = chassis.PowerOff.Append(nil)
	case cycle:
		r.Data, r.Once = chassis.PowerCycle.Append(nil), true
	case reset:
		r.Data, r.Once = chassis.HardReset.Append(nil), true
	case pulse:
		r.Data, r.Once = chassis.DiagInt.Append(nil), true
	case soft:
		r.Data = chassis.SoftOff.Append(nil)
	case identifyOn:
		r.Cmd, r.Data = chassis.CmdIdentify, chassis.Identify{Force: true}.Append(nil)
	case identifyOff:
		r.Cmd, r.Data = chassis.CmdIdentify, chassis.Identify{}.Append(nil)
	default:
		r.Cmd = chassis.CmdStatus
	}
	return r
}

// batch is one command for some hosts. It has no goroutine for a host: each step is
// begun by the answer to the one before.
type batch struct {
	*shell
	ctx    context.Context
	verb   verb
	login  ipmi.Options
	report *report
	wait   sync.WaitGroup // for all hosts

	mu     sync.Mutex
	next   []host // that have not begun
	atOnce int
	active int
}

// power does a verb for hosts, and returns when all of them have answered or will not.
func (s *shell) power(ctx context.Context, v verb, hosts []host) {
	if len(hosts) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &batch{shell: s, ctx: ctx, verb: v, login: s.options.login(), report: s.newReport(len(hosts)), next: hosts, atOnce: s.numbers[fanout]}
	if b.atOnce == 0 {
		b.atOnce = len(hosts)
	}
	b.wait.Add(len(hosts))
	b.more()
	b.wait.Wait()
	s.code = b.report.end()
}

// more begins as many hosts as may be.
func (b *batch) more() {
	for {
		b.mu.Lock()
		if len(b.next) == 0 || b.active >= b.atOnce {
			b.mu.Unlock()
			return
		}
		h := b.next[0]
		b.next = b.next[1:]
		b.active++
		b.mu.Unlock()
		j := &job{batch: b, host: h}
		if _, err := netip.ParseAddrPort(h.address); err == nil || isAddress(h.address) {
			j.begin()
		} else {
			go j.begin() // looking a name up takes its time
		}
	}
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// job is one host's part.
type job struct {
	*batch
	host    host
	session *ipmi.Session
	until   time.Time // when waiting for a state is given up
	want    bool      // the state
}

func (j *job) begin() {
	j.client.OpenFunc(j.ctx, j.host.address, j.login, func(s *ipmi.Session, err error) {
		if err != nil {
			j.end("", err)
			return
		}
		j.session = s
		switch {
		case j.switches[onIfOff] && (j.verb == cycle || j.verb == reset):
			j.ask(func(st chassis.Status) {
				if st.On {
					j.do(j.verb)
					return
				}
				j.do(on)
			})
		case j.verb == stat:
			j.ask(func(st chassis.Status) { j.end(onOff(st.On), nil) })
		case j.verb == identifyStatus:
			j.ask(func(st chassis.Status) { j.end(light(st), nil) })
		default:
			j.do(j.verb)
		}
	})
}

// do sends the request of a verb.
func (j *job) do(v verb) { j.send(v, v.request()) }

func (j *job) send(v verb, r ipmi.Request) {
	j.session.Go(r, func(_ []byte, err error) {
		switch {
		case v == identifyOn && len(r.Data) > 1 && (errors.Is(err, ipmi.CodeLength) || errors.Is(err, ipmi.CodeInvalidField)):
			r.Data = chassis.Identify{Seconds: 255}.Append(nil) // IPMI 1.5 has no other way
			j.send(v, r)
		case err != nil:
			j.end("", err)
		case v == on && j.switches[waitUntilOn]:
			j.await(true)
		case v == off && j.switches[waitUntilOff]:
			j.await(false)
		default:
			j.end("ok", nil)
		}
	})
}

// ask reads the status.
func (j *job) ask(then func(chassis.Status)) {
	j.session.Go(stat.request(), func(data []byte, err error) {
		if err != nil {
			j.end("", err)
			return
		}
		st, err := chassis.ParseStatus(data)
		if err != nil {
			j.end("", err)
			return
		}
		then(st)
	})
}

// patience is how many session timeouts a machine has to become on, or off.
const patience = 3

// await looks until the machine is as wanted.
func (j *job) await(want bool) {
	j.want, j.until = want, time.Now().Add(patience*j.duration(sessionTimeout))
	j.look()
}

func (j *job) look() {
	j.ask(func(st chassis.Status) {
		switch {
		case st.On == j.want:
			j.end("ok", nil)
		case time.Now().After(j.until), j.ctx.Err() != nil:
			j.end("", ipmi.ErrNoAnswer)
		default:
			time.AfterFunc(j.duration(waitTimeout), j.look)
		}
	})
}

// end tells how it went, and gives the place to the next host once the BMC knows that its session is over.
func (j *job) end(answer string, err error) {
	j.report.add(j.host, answer, err)
	done := func() {
		j.mu.Lock()
		j.active--
		j.mu.Unlock()
		j.more()
		j.wait.Done()
	}
	if j.session == nil {
		done()
		return
	}
	j.session.CloseFunc(done)
}

func onOff(is bool) string {
	if is {
		return "on"
	}
	return "off"
}

func light(st chassis.Status) string {
	if !st.HasIdentify {
		return "unknown"
	}
	return onOff(st.Identify != chassis.LightOff)
}
