// Command bmcclient is the client that bench measures with simulated BMCs: the library
// ipmi in a process of its own and nothing else, so that its memory and its processor
// time are those of the library. It prints what it has seen, in one line of JSON.
//
// bench starts it: bmcclient WORK PORT N SECONDS DIR. Start at [main].
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sensor"
	"millwright.dev/millwright/ipmi/sol"
)

// result is what bench reads.
type result struct {
	Answered int64   // BMCs, sensors or commands
	Failed   int64   // commands without an answer; characters that are missing
	Seconds  float64 // that were measured
	CPU      float64 // seconds of processor time in them
	Peak     int     // kB, of the whole life
	Error    string
}

func main() {
	port, n, seconds := number(2), number(3), number(4)
	w := &work{c: ipmi.NewClient(ipmi.ClientOptions{}), port: uint16(port), n: n, during: time.Duration(seconds) * time.Second, dir: os.Args[5]}
	do := map[string]func(context.Context){"power": w.power, "poll": w.poll, "rate": w.rate, "sensors": w.sensors, "consoles": w.consoles}[os.Args[1]]
	begin, cpu := time.Now(), spent()
	w.begin = func() { begin, cpu = time.Now(), spent() }
	do(context.Background())
	r := result{Answered: w.answered.Load(), Failed: w.failed.Load(), Seconds: time.Since(begin).Seconds(), CPU: (spent() - cpu).Seconds(), Error: w.why()}
	_ = w.c.Close()
	r.Peak = peak()
	_ = json.NewEncoder(os.Stdout).Encode(r)
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bmcclient WORK PORT N SECONDS DIR:", err)
		os.Exit(1)
	}
	return n
}

// spent is the processor time until now.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory that the process has had, in kB.
func peak() (kb int) {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d", &kb); err == nil {
			return kb
		}
	}
	return 0
}

// work is one measurement.
type work struct {
	c      *ipmi.Client
	port   uint16
	n      int
	during time.Duration
	dir    string
	begin  func() // what is measured begins now

	answered, failed atomic.Int64
	mu               sync.Mutex
	err              error
}

func (w *work) why() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		return ""
	}
	return w.err.Error()
}

func (w *work) fail(err error) {
	w.failed.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

func (w *work) address(i int) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 77, byte(i >> 8), byte(i)}), w.port).String()
}

func options() ipmi.Options {
	return ipmi.Options{User: "admin", Password: "bench-password", Suites: []rmcp.Suite{17}, Privilege: ipmi.PrivilegeOperator}
}

func status() ipmi.Request {
	return ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: chassis.CmdStatus}
}

// power asks each BMC whether its machine is on: login, question, logout.
func (w *work) power(ctx context.Context) {
	var wait sync.WaitGroup
	wait.Add(w.n)
	for i := range w.n {
		w.c.OpenFunc(ctx, w.address(i), options(), func(s *ipmi.Session, err error) {
			if err != nil {
				w.fail(err)
				wait.Done()
				return
			}
			s.Go(status(), func(b []byte, err error) {
				if _, bad := chassis.ParseStatus(b); err != nil || bad != nil {
					w.fail(err)
				} else {
					w.answered.Add(1)
				}
				s.CloseFunc(wait.Done)
			})
		})
	}
	wait.Wait()
}

// open logs in to all.
func (w *work) open(ctx context.Context) []*ipmi.Session {
	sessions := make([]*ipmi.Session, w.n)
	var wait sync.WaitGroup
	wait.Add(w.n)
	for i := range w.n {
		o := options()
		o.Pipeline = 8
		w.c.OpenFunc(ctx, w.address(i), o, func(s *ipmi.Session, err error) {
			if err != nil {
				w.fail(err)
			}
			sessions[i] = s
			wait.Done()
		})
	}
	wait.Wait()
	return sessions
}

// poll asks all every ten seconds, on sessions that stay.
func (w *work) poll(ctx context.Context) {
	sessions := w.open(ctx)
	const every, tick = 10 * time.Second, 10 * time.Millisecond
	answered := func(b []byte, err error) {
		if err != nil {
			w.fail(err)
			return
		}
		w.answered.Add(1)
	}
	w.begin()
	start, asked := time.Now(), 0
	for now := range time.Tick(tick) {
		due := int(float64(now.Sub(start)) / float64(every) * float64(w.n))
		for ; asked < due; asked++ {
			if s := sessions[asked%w.n]; s != nil {
				s.Go(status(), answered)
			}
		}
		if now.Sub(start) >= w.during {
			return
		}
	}
}

// atOnce is how many commands are under way when it matters how many can be done.
const atOnce = 256

// rate asks all in turn, as fast as there are answers.
func (w *work) rate(ctx context.Context) {
	sessions := w.open(ctx)
	sessions = slices.DeleteFunc(sessions, func(s *ipmi.Session) bool { return s == nil })
	var over atomic.Bool
	var turn atomic.Int64
	var wait sync.WaitGroup
	w.begin()
	for range min(atOnce, len(sessions)) {
		wait.Add(1)
		var next func([]byte, error)
		ask := func() { sessions[int(turn.Add(1))%len(sessions)].Go(status(), next) }
		next = func(_ []byte, err error) {
			if err != nil {
				w.fail(err)
			} else {
				w.answered.Add(1)
			}
			if over.Load() {
				wait.Done()
				return
			}
			ask()
		}
		ask()
	}
	time.Sleep(w.during)
	over.Store(true)
	wait.Wait()
}

// sensors reads all sensors of all; dir holds the records that are known, if it is not empty.
func (w *work) sensors(ctx context.Context) {
	var wait sync.WaitGroup
	for i := range w.n {
		wait.Go(func() {
			o := options()
			o.Pipeline = 8
			s, err := w.c.Open(ctx, w.address(i), o)
			if err != nil {
				w.fail(err)
				return
			}
			defer s.Close(ctx)
			how := sdr.Options{Host: strconv.Itoa(i)}
			if w.dir != "" {
				how.Cache = sdr.NewCache(w.dir)
			}
			set, err := sdr.Read(ctx, s, how)
			if err != nil {
				w.fail(err)
				return
			}
			readings, err := sensor.Scan(ctx, s, set.Sensors(), sensor.Options{})
			if err != nil {
				w.fail(err)
			}
			for _, r := range readings {
				if r.Value != nil {
					w.answered.Add(1)
				}
			}
		})
	}
	wait.Wait()
}

// consoles reads consoles that say the alphabet, and counts what is missing.
func (w *work) consoles(ctx context.Context) {
	var all []*sol.Console
	for _, s := range w.open(ctx) {
		if s == nil {
			continue
		}
		c, err := sol.Open(ctx, s, sol.Options{})
		if err != nil {
			w.fail(err)
			continue
		}
		all = append(all, c)
	}
	var wait sync.WaitGroup
	w.begin()
	for _, c := range all {
		wait.Go(func() {
			b := make([]byte, 4096)
			at := -1
			for {
				n, err := c.Read(b)
				for _, letter := range b[:n] {
					if at >= 0 && int(letter-'a') != at {
						w.failed.Add(1)
					}
					at = (int(letter-'a') + 1) % 23
				}
				w.answered.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
	}
	time.Sleep(w.during)
	for _, c := range all {
		go c.Close()
	}
	wait.Wait()
}
