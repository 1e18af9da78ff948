package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// roundTrip is what the network adds: 2 ms each way.
const roundTrip = 4 * time.Millisecond

// ipmiFigures are those of service processors. All clients talk to the same simulated ones, with the
// same cipher suite; the clients are processes of their own.
func ipmiFigures() []figure {
	return []figure{
		{"ipmi: power status of 200 BMCs, cold", powerOf(bmcs{n: 200, delay: roundTrip}, true)},
		{"ipmi: power status of 1,000 BMCs, cold", powerOf(bmcs{n: 1000, delay: roundTrip}, false)},
		{"ipmi: power status of 200 BMCs, 5 % of the datagrams lost each way", powerOf(bmcs{n: 200, delay: roundTrip, loss: 0.05}, false)},
		{"ipmi: 10,000 BMCs polled every 10 s on sessions that stay, for 30 s", polled},
		{"ipmi: all sensors of 200 BMCs × 60", allSensors},
		{"ipmi: 5,000 BMCs in one process, all asked in turn, 256 at a time", served5000},
		{"ipmi: 200 consoles at 115,200 baud, for 10 s", consoles},
	}
}

// cost is what one run of a client took.
type cost struct {
	took, cpu time.Duration
	peak      float64 // MB
	answered  int
	out       string
}

func (c cost) String() string {
	return fmt.Sprintf("%.2f s, %.2f CPU s, %.0f MB, %d answers", c.took.Seconds(), c.cpu.Seconds(), c.peak, c.answered)
}

// client runs a program. An exit code other than 0 is no error: some hosts did not answer.
func (b *bench) client(home, name string, args ...string) (cost, error) {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Env = append(os.Environ(), "HOME="+home)
	begin := time.Now()
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		return cost{}, err
	}
	c := cost{took: time.Since(begin), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), out: string(out)}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = float64(u.Maxrss) / 1000
	}
	return c, nil
}

// measured is what bench/bmcclient prints.
type measured struct {
	Answered, Failed int
	Seconds, CPU     float64
	Peak             float64
	Error            string
}

// library runs bench/bmcclient; its times are those of the process from start to end.
func (b *bench) library(s *served, work string, seconds int, dir string) (cost, measured, error) {
	c, err := b.client(b.dir, filepath.Join(b.dir, "bmcclient"), work, strconv.Itoa(s.port), strconv.Itoa(s.n), strconv.Itoa(seconds), dir)
	if err != nil {
		return c, measured{}, err
	}
	var m measured
	if err := json.Unmarshal([]byte(c.out), &m); err != nil {
		return c, m, fmt.Errorf("bmcclient %s: %w", work, err)
	}
	c.answered, c.peak = m.Answered, m.Peak/1000
	return c, m, nil
}

// buildClient builds the client that measures the library alone.
func (b *bench) buildClient() error {
	cmd := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(b.dir, "bmcclient"), "./bench/bmcclient")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// hosts is the host list of all, as FreeIPMI's programs and ours read it.
func (s *served) hosts() string {
	var parts []string
	for i := 0; i < s.n; i += 256 {
		parts = append(parts, fmt.Sprintf("127.77.%d.[0-%d]:%d", i>>8, min(s.n-i, 256)-1, s.port))
	}
	return strings.Join(parts, ",")
}

// account is what FreeIPMI's programs, and ours, are told of the user.
func account() []string {
	return []string{"-u", bmcUser, "-p", bmcPassword, "-D", "LAN_2_0", "-I", bmcSuite, "-l", "OPERATOR", "--config-file", "/dev/null"}
}

// clients run in turn, and what each took is the median by time of its runs.
func (b *bench) inTurn(runs int, all ...func() (cost, error)) ([]cost, error) {
	costs := make([][]cost, len(all))
	for range runs {
		for i, one := range all {
			c, err := one()
			if err != nil {
				return nil, err
			}
			costs[i] = append(costs[i], c)
		}
	}
	medians := make([]cost, len(all))
	for i, list := range costs {
		var took []time.Duration
		for _, c := range list {
			took = append(took, c.took)
		}
		m := median(took)
		for _, c := range list {
			if c.took == m {
				medians[i] = c
			}
		}
	}
	return medians, nil
}

func ratioOf(theirs, ours cost) string {
	return fmt.Sprintf("%.2f", ours.took.Seconds()/theirs.took.Seconds())
}

// powerOf asks BMCs for the power of their machines: login, question, logout.
func powerOf(s bmcs, tool bool) func(*bench, string) error {
	return func(b *bench, name string) error {
		v, err := b.serveBMCs(s)
		if err != nil {
			return err
		}
		defer v.stop()
		counted := regexp.MustCompile(`(?m): (on|off)$`)
		program := func(path string) func() (cost, error) {
			return func() (cost, error) {
				c, err := b.client(b.dir, path, append(account(), "--stat", "-h", v.hosts())...)
				c.answered = len(counted.FindAllString(c.out, -1))
				return c, err
			}
		}
		library := func() (cost, error) { c, _, err := b.library(v, "power", 0, ""); return c, err }
		runs := b.runs
		if s.loss > 0 {
			runs = min(runs, 5)
		}
		m, err := b.inTurn(runs, program("/usr/sbin/ipmipower"), library, program(filepath.Join(b.dir, "ipmipower")))
		if err != nil {
			return err
		}
		row(name+" (ipmipower; the library)", m[0].String(), m[1].String(), ratioOf(m[0], m[1]))
		row("the same with our ipmipower", "", m[2].String(), ratioOf(m[0], m[2]))
		if !tool {
			return nil
		}
		t, err := b.inTurn(3, func() (cost, error) { return b.ipmitool(v) }, library)
		if err != nil {
			return err
		}
		row("the same with ipmitool, 16 at a time", t[0].String(), t[1].String(), ratioOf(t[0], t[1]))
		return nil
	}
}

// ipmitool runs it for each BMC, 16 at a time.
func (b *bench) ipmitool(s *served) (cost, error) {
	list := filepath.Join(b.dir, "bmcs")
	var text strings.Builder
	for i := range s.n {
		fmt.Fprintln(&text, s.address(i))
	}
	if err := os.WriteFile(list, []byte(text.String()), 0o600); err != nil {
		return cost{}, err
	}
	loop := fmt.Sprintf("xargs -P 16 -I{} ipmitool -I lanplus -C %s -L OPERATOR -p %d -U %s -P %s -H {} chassis power status < %s", bmcSuite, s.port, bmcUser, bmcPassword, list)
	c, err := b.client(b.dir, "sh", "-c", loop)
	c.answered = strings.Count(c.out, "Chassis Power is")
	return c, err
}

func polled(b *bench, name string) error {
	v, err := b.serveBMCs(bmcs{n: 10000, delay: roundTrip})
	if err != nil {
		return err
	}
	defer v.stop()
	c, m, err := b.library(v, "poll", 30, "")
	if err != nil {
		return err
	}
	row(name, "–", fmt.Sprintf("%.1f %% of a core, %.0f MB, %d answers, %d missing", 100*m.CPU/m.Seconds, c.peak, m.Answered, m.Failed), "")
	return nil
}

// allSensors logs in, reads the records and then the sensors; first without any cache, then
// with the records in it.
func allSensors(b *bench, name string) error {
	v, err := b.serveBMCs(bmcs{n: 200, sensors: 60, delay: roundTrip})
	if err != nil {
		return err
	}
	defer v.stop()
	theirs := func(home string) (cost, error) {
		c, err := b.client(home, "ipmi-sensors", append(account(), "--quiet-cache", "-F", "200", "--no-header-output", "-h", v.hosts())...)
		c.answered = strings.Count(c.out, "| Temperature |")
		return c, err
	}
	ours := func(dir string) (cost, error) { c, _, err := b.library(v, "sensors", 0, dir); return c, err }
	fresh := func(do func(string) (cost, error)) func() (cost, error) {
		return func() (cost, error) {
			dir, err := os.MkdirTemp(b.dir, "cold")
			if err != nil {
				return cost{}, err
			}
			return do(dir)
		}
	}
	kept := func(do func(string) (cost, error), dir string) func() (cost, error) {
		return func() (cost, error) { return do(dir) }
	}
	cold, err := b.inTurn(min(b.runs, 5), fresh(theirs), fresh(ours))
	if err != nil {
		return err
	}
	row(name+", nothing in the cache (ipmi-sensors)", cold[0].String(), cold[1].String(), ratioOf(cold[0], cold[1]))
	known := filepath.Join(b.dir, "warm")
	if err := os.Mkdir(known, 0o700); err != nil {
		return err
	}
	again := []func() (cost, error){kept(theirs, b.dir), kept(ours, known)}
	if _, err := b.inTurn(1, again...); err != nil {
		return err
	}
	warm, err := b.inTurn(min(b.runs, 5), again...)
	if err != nil {
		return err
	}
	row("the same with the records in the cache", warm[0].String(), warm[1].String(), ratioOf(warm[0], warm[1]))
	return nil
}

func served5000(b *bench, name string) error {
	v, err := b.serveBMCs(bmcs{n: 5000})
	if err != nil {
		return err
	}
	defer v.stop()
	var rates []float64
	for range 5 {
		_, m, err := b.library(v, "rate", 3, "")
		if err != nil {
			return err
		}
		rates = append(rates, float64(m.Answered)/m.Seconds)
	}
	row(name+", client and server on the same processors", "–", fmt.Sprintf("%.0f commands/s, %.1f kB a BMC idle", median(rates), float64(v.each)/1000), "")
	return nil
}

func consoles(b *bench, name string) error {
	v, err := b.serveBMCs(bmcs{n: 200, delay: roundTrip, baud: 115200})
	if err != nil {
		return err
	}
	defer v.stop()
	c, m, err := b.library(v, "consoles", 10, "")
	if err != nil {
		return err
	}
	row(name, "–", fmt.Sprintf("%.1f MB read, %d gaps, %.0f %% of a core, %.0f MB", float64(m.Answered)/1e6, m.Failed, 100*m.CPU/m.Seconds, c.peak), "")
	return nil
}
