package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/rmcp"
)

// bmcs says which BMCs are simulated: all at one port, each at an address of its own.
type bmcs struct {
	n, sensors int
	delay      time.Duration // of each round trip
	loss       float64       // of the datagrams, each way
	baud       int           // at which their consoles speak all the time; 0: they have none
}

// The user of the simulated BMCs, and the cipher suite of all clients.
const (
	bmcUser     = "admin"
	bmcPassword = "bench-password"
	bmcSuite    = "17"
)

// address is that of the i-th.
func (bmcs) address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 77, byte(i >> 8), byte(i)})
}

// simulateBMCs is the child process: it prints the port, what a BMC that idles takes, and "ready".
func simulateBMCs(ctx context.Context, arg string) error {
	var s bmcs
	if _, err := fmt.Sscanf(arg, "%d:%d:%d:%g:%d", &s.n, &s.sensors, &s.delay, &s.loss, &s.baud); err != nil {
		return fmt.Errorf("-simulate ipmi:%s: %w", arg, err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		return err
	}
	cfg := bmc.Config{
		Name: "bench", Users: []bmc.Account{{}, {Name: bmcUser, Password: bmcPassword, Privilege: bmc.Administrator}},
		Suites: []rmcp.Suite{17, 3}, Limits: bmc.Limits{Burst: 1 << 20, PerSecond: 1 << 20}, SDR: sensorRecords(s.sensors),
	}
	if s.delay > 0 || s.loss > 0 {
		cfg.Faults = &bmc.Faults{Delay: s.delay, Loss: s.loss, Seed: uint64(time.Now().UnixNano())}
	}
	before := heap()
	machines := make([]*bmc.Machine, s.n)
	for i := range machines {
		var host bmc.Host = bmc.NewMemory(i%2 == 0)
		if s.baud > 0 {
			host = talker{bmc.NewMemory(true), s.baud}
		}
		if machines[i], err = bmc.New(cfg, host); err != nil {
			return err
		}
	}
	each := (heap() - before) / uint64(s.n)
	debug.SetGCPercent(400)
	fmt.Println(conn.LocalAddr().(*net.UDPAddr).Port, each)
	fmt.Println("ready")
	return bmc.ServeMany(ctx, conn, 1, func(a netip.Addr) *bmc.Machine {
		b := a.As4()
		if i := int(b[2])<<8 | int(b[3]); b[1] == 77 && i < len(machines) {
			return machines[i]
		}
		return nil
	})
}

// heap is what is in use, stacks included.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// sensorRecords are full records of temperatures (section 43.1 of the specification).
func sensorRecords(n int) [][]byte {
	all := make([][]byte, n)
	for i := range n {
		name := fmt.Sprintf("Temp %d", i)
		r := make([]byte, 48, 48+len(name))
		r[0], r[1], r[2], r[3] = byte(i+1), byte((i+1)>>8), 0x51, 0x01
		r[5], r[7], r[8], r[9] = 0x20, byte(i), 0x03, byte(i+1)
		r[10], r[11], r[12], r[13] = 0x7f, 0x68, 0x01, 0x01
		r[18], r[19], r[21], r[24] = 0x3f, 0x3f, 1, 1
		r[30], r[31], r[34] = 0x07, byte(20+i), 0x7f
		r[36], r[37], r[38], r[39], r[40], r[41] = 120, 110, 100, 1, 3, 5
		r[47] = 0xc0 | byte(len(name))
		r = append(r, name...)
		r[4] = byte(len(r) - 5)
		all[i] = r
	}
	return all
}

// talker is a host whose console says letters in turn, as fast as its line is.
type talker struct {
	*bmc.Memory
	baud int
}

// Console gives the line.
func (t talker) Console(context.Context, bmc.Caller) (io.ReadWriteCloser, error) { //nolint:unparam // an interface wants the error
	return &line{begin: time.Now(), second: float64(t.baud) / 10, over: make(chan struct{})}, nil
}

// line is a serial line that always has something to say.
type line struct {
	begin  time.Time
	second float64 // bytes in it
	said   int64
	over   chan struct{}
	closed atomic.Bool
}

// slice is how long the line's own buffer fills before it is read.
const slice = 20 * time.Millisecond

func (l *line) Read(b []byte) (int, error) {
	for {
		due := int64(time.Since(l.begin).Seconds()*l.second) - l.said
		if due > 0 {
			n := int(min(due, int64(len(b))))
			for i := range n {
				b[i] = letter(l.said + int64(i))
			}
			l.said += int64(n)
			return n, nil
		}
		wait := time.NewTimer(slice)
		select {
		case <-wait.C:
		case <-l.over:
			wait.Stop()
			return 0, io.EOF
		}
	}
}

// letter is what the line says at a place.
func letter(at int64) byte { return 'a' + byte(at%23) }

func (l *line) Write(b []byte) (int, error) { return len(b), nil }

func (l *line) Close() error {
	if l.closed.CompareAndSwap(false, true) {
		close(l.over)
	}
	return nil
}

// served are simulated BMCs in a process of their own.
type served struct {
	bmcs
	port int
	each int // bytes of one that idles
	cmd  *exec.Cmd
}

func (b *bench) serveBMCs(s bmcs) (*served, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	v := &served{bmcs: s}
	v.cmd = exec.CommandContext(b.ctx, self, "-simulate", fmt.Sprintf("ipmi:%d:%d:%d:%g:%d", s.n, s.sensors, s.delay, s.loss, s.baud))
	v.cmd.Stderr = os.Stderr
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		if _, err := fmt.Sscan(lines.Text(), &v.port, &v.each); err != nil {
			v.stop()
			return nil, err
		}
	}
	return v, lines.Err()
}

func (s *served) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}
