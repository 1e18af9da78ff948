package processor

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// maxShown is how much of a console waits for its reader, in bytes; more is lost.
const maxShown = 64 << 10

// line is a serial console while somebody has it: it shows the machine booting, and then
// a log-in that lets anybody in. It needs no goroutine: what is due is found out when
// it is read.
type line struct {
	of    *machine
	woken chan struct{}
	once  sync.Once
	ended chan struct{}

	mu     sync.Mutex
	out    []byte
	boot   time.Time // the boot that is being shown
	shown  int       // lines of it
	mode   mode
	typed  []byte
	user   string
	lastCR bool
}

// mode is what a console makes of what is typed.
type mode uint8

const (
	silent mode = iota // nobody listens
	login
	passwd
	shell
)

// open attaches to the machine's console.
func (m *machine) open() *line {
	l := &line{of: m, woken: make(chan struct{}, 1), ended: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines[l] = struct{}{}
	return l
}

func (l *line) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// show adds to what is to be read.
func (l *line) show(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(text)
}

// print is show with the line locked.
func (l *line) print(text string) {
	if len(l.out)+len(text) <= maxShown {
		l.out = append(l.out, text...)
	}
	l.wake()
}

// Read implements [io.Reader].
func (l *line) Read(p []byte) (int, error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := l.catchUp()
		l.mu.Lock()
		n := copy(p, l.out)
		l.out = l.out[n:]
		l.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		timer.Reset(wait)
		select {
		case <-l.woken:
		case <-timer.C:
		case <-l.ended:
			return 0, io.EOF
		}
	}
}

// catchUp shows what the machine has said since, and gives the time until it says more.
func (l *line) catchUp() time.Duration {
	name := l.of.name()
	l.of.mu.Lock()
	state, since, boot, from := l.of.state, l.of.since, l.of.boot, l.of.from
	l.of.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	text := bootText(name, from)
	switch state {
	case sim.Off:
		l.mode, l.shown = silent, 0
	case sim.Booting:
		if l.boot != since {
			l.boot, l.shown, l.mode = since, 0, silent
		}
		for l.shown < len(text) {
			due := boot * time.Duration(l.shown+1) / time.Duration(len(text)+1)
			if wait := due - time.Since(since); wait > 0 {
				return wait
			}
			l.print(text[l.shown] + "\r\n")
			l.shown++
		}
	case sim.Up:
		if l.mode != silent {
			break
		}
		for ; l.shown > 0 && l.shown < len(text); l.shown++ {
			l.print(text[l.shown] + "\r\n")
		}
		l.print("\r\nGNU/Linux on " + name + ", simulated, ttyS0\r\n\r\n" + name + " login: ")
		l.mode = login
	}
	return time.Hour
}

// bootText is what a machine says while it boots, in lines.
func bootText(name, from string) []string {
	if from == "" {
		from = "disk"
	}
	text := []string{
		"Simulated firmware 1.0, serial console at 115200 baud",
		"Memory: 65536 MiB, in order",
		"Booting from " + from,
		"Loading Linux ...",
	}
	for i, said := range []string{
		"Linux version 6.12.0 (simulated)",
		"Command line: root=/dev/sda1 console=ttyS0,115200",
		"smp: Brought up 1 node, 16 CPUs",
		"eth0: link is up, 10 Gbit/s",
		"sda: 3907029168 512-byte blocks (2.00 TB)",
		"EXT4-fs (sda1): mounted",
		"init: hostname is " + name,
		"init: starting services",
	} {
		text = append(text, fmt.Sprintf("[%5d.%06d] %s", i/2, (i*i*7919)%1000000, said))
	}
	return text
}

// Write implements [io.Writer]: somebody types. Who types to a machine that is not up
// types into nothing.
func (l *line) Write(p []byte) (int, error) {
	var then func()
	for _, b := range p {
		if do := l.key(b); do != nil {
			then = do
		}
	}
	if then != nil {
		then()
	}
	return len(p), nil
}

// maxTyped is how long a typed line may be.
const maxTyped = 200

// key takes one byte. What it returns is to be done without the line's lock.
func (l *line) key(b byte) (then func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	after := l.lastCR
	l.lastCR = b == '\r'
	switch {
	case l.mode == silent, b == '\n' && after:
	case b == '\r' || b == '\n':
		text := string(l.typed)
		l.typed = l.typed[:0]
		l.print("\r\n")
		return l.entered(text)
	case b == 0x7f || b == '\b':
		if len(l.typed) > 0 {
			l.typed = l.typed[:len(l.typed)-1]
			if l.mode != passwd {
				l.print("\b \b")
			}
		}
	case b == 3: // Ctrl-C
		l.typed = l.typed[:0]
		l.print("^C\r\n")
		l.prompt()
	case b >= ' ' && len(l.typed) < maxTyped:
		l.typed = append(l.typed, b)
		if l.mode != passwd {
			l.print(string([]byte{b}))
		}
	}
	return nil
}

// entered takes one line.
func (l *line) entered(text string) (then func()) {
	switch l.mode {
	case login:
		if l.user = strings.TrimSpace(text); l.user != "" {
			l.mode = passwd
		}
	case passwd: // any will do
		l.mode = shell
	case shell:
		then = l.command(strings.TrimSpace(text))
	case silent:
	}
	l.prompt()
	return then
}

func (l *line) prompt() {
	switch l.mode {
	case login:
		l.print(l.of.name() + " login: ")
	case passwd:
		l.print("Password: ")
	case shell:
		l.print(l.user + "@" + l.of.name() + ":~$ ")
	case silent:
	}
}

// command does what somebody who is logged in says.
func (l *line) command(text string) (then func()) {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "":
	case "exit", "logout":
		l.mode = login
	case "hostname":
		l.print(l.of.name() + "\r\n")
	case "echo":
		l.print(rest + "\r\n")
	case "uptime":
		l.of.mu.Lock()
		up := time.Since(l.of.since)
		l.of.mu.Unlock()
		l.print("up " + up.Round(time.Second).String() + ", 1 user\r\n")
	case "poweroff":
		return func() { _ = l.of.shut() } // it is running, or is gone already
	case "reboot":
		return func() { l.of.unit.Reset(l.of.plug) }
	default:
		l.print(word + ": there are hostname, uptime, echo, reboot, poweroff and exit\r\n")
	}
	return nil
}

// SendBreak is what [bmc.Consoler] says of it.
func (l *line) SendBreak() error {
	l.show("\r\nsysrq: this has no keys\r\n")
	return nil
}

// Close implements [io.Closer].
func (l *line) Close() error {
	l.once.Do(func() {
		close(l.ended)
		l.of.mu.Lock()
		defer l.of.mu.Unlock()
		delete(l.of.lines, l)
	})
	return nil
}

var _ io.ReadWriteCloser = (*line)(nil)
