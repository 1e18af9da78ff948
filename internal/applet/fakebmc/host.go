package fakebmc

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sel"
)

// host is the computer behind a BMC.
type host struct {
	*bmc.Memory
	curves  []curve
	since   time.Time
	program string
}

func newHost(o *options, curves []curve) *host {
	return &host{Memory: bmc.NewMemory(o.on), curves: curves, since: time.Now(), program: o.console}
}

// Sense implements [bmc.Sensing] by the curves.
func (h *host) Sense(_ context.Context, lun, number uint8) (bmc.Reading, error) {
	i := int(number) - firstCurve
	if lun != 0 || i < 0 || i >= len(h.curves) {
		return bmc.Reading{}, bmc.ErrUnchanged
	}
	return h.curves[i].at(time.Since(h.since)), nil
}

// Console implements [bmc.Consoler].
func (h *host) Console(ctx context.Context, _ bmc.Caller) (io.ReadWriteCloser, error) {
	if h.program != "" {
		return start(ctx, h.program)
	}
	r, w := io.Pipe()
	return &echo{PipeReader: r, w: w, h: h}, nil
}

// echo is a console that says again what it hears, while the power is on.
type echo struct {
	*io.PipeReader
	w *io.PipeWriter
	h *host
}

func (e *echo) Write(p []byte) (int, error) {
	if on, _ := e.h.Powered(context.Background()); !on {
		return len(p), nil
	}
	return e.w.Write(p)
}

func (e *echo) Close() error {
	e.w.Close()
	return e.PipeReader.Close()
}

// program is a console that a process is behind.
type program struct {
	io.WriteCloser
	out io.ReadCloser
	cmd *exec.Cmd
	end sync.Once
}

func start(ctx context.Context, line string) (*program, error) {
	p := &program{cmd: exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", line)} //nolint:gosec // what the user asked for
	var err error
	if p.WriteCloser, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		return nil, ipmi.CodeUnspecified
	}
	return p, nil
}

func (p *program) Read(b []byte) (int, error) { return p.out.Read(b) }

func (p *program) Close() error {
	p.end.Do(func() {
		p.WriteCloser.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return nil
}

// gate shuts sockets for a while, as a BMC does that hangs.
type gate struct{ shut atomic.Bool }

// wrap puts the gate before a socket.
func (g *gate) wrap(c net.PacketConn) net.PacketConn { return &gated{c, g} }

type gated struct {
	net.PacketConn
	g *gate
}

func (c *gated) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(p)
		if err != nil || !c.g.shut.Load() {
			return n, from, err
		}
	}
}

// step is one line of a script.
type step struct {
	at   time.Duration
	what string
	args []uint8 // of log
}

// readScript reads a script: a time since the start, and what happens then. What may happen
// is on, off, silent, answer, reset, and log TYPE SENSOR STATE (numbers as in the log).
func readScript(path string) ([]step, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var steps []step
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		s, err := parseStep(words)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		if len(steps) > 0 && s.at < steps[len(steps)-1].at {
			return nil, fmt.Errorf("%s:%d: %v comes before the line above", path, i+1, s.at)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func parseStep(words []string) (s step, err error) {
	if s.at, err = time.ParseDuration(words[0]); err != nil || s.at < 0 || len(words) < 2 {
		return s, fmt.Errorf("write a time and what happens then, such as 10s silent")
	}
	s.what = words[1]
	for _, word := range words[2:] {
		n, err := strconv.ParseUint(word, 0, 8)
		if err != nil {
			return s, fmt.Errorf("%q is no number from 0 to 255", word)
		}
		s.args = append(s.args, uint8(n))
	}
	want := map[string]int{"on": 0, "off": 0, "silent": 0, "answer": 0, "reset": 0, "log": 3}
	if n, known := want[s.what]; !known || n != len(s.args) {
		return s, fmt.Errorf("what may happen is: on, off, silent, answer, reset, log TYPE SENSOR STATE")
	}
	return s, nil
}

// play has a script's lines happen, to all machines.
func (f *fleet) play(ctx context.Context, script []step) {
	begin := time.Now()
	for _, s := range script {
		select {
		case <-time.After(s.at - time.Since(begin)):
		case <-ctx.Done():
			return
		}
		f.silent.shut.Store(s.what == "silent" || f.silent.shut.Load() && s.what != "answer")
		for i, m := range f.machines {
			f.hosts[i].happen(ctx, m, s)
		}
	}
}

func (h *host) happen(ctx context.Context, m *bmc.Machine, s step) {
	const coldReset = 0x02
	switch s.what {
	case "on":
		_ = h.Power(ctx, bmc.Caller{}, chassis.PowerOn)
	case "off":
		_ = h.Power(ctx, bmc.Caller{}, chassis.PowerOff)
	case "reset":
		_, _ = m.As("script", bmc.Administrator).Do(ctx, ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: coldReset})
	case "log":
		m.Log(sel.Event{Generator: 0x20, SensorType: event.SensorType(s.args[0]), Sensor: s.args[1], Type: 0x6f, Data: [3]byte{s.args[2], 0xff, 0xff}})
	}
}
