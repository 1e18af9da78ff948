package icmp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/command"
)

var errNoProgram = errors.New("there is no program ping")

// byProgram has the program ping do it.
func (c *pinger) byProgram(ctx context.Context, to netip.Addr) (tally, error) {
	path, err := exec.LookPath(c.program)
	if err != nil {
		return tally{}, errNoProgram
	}
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
	// Shorter intervals than these are for root.
	interval := max(c.Interval, 200*time.Millisecond)
	whole := (time.Duration(c.Count-1)*interval + c.Patience + time.Second - 1).Truncate(time.Second)
	out := &command.Head{Max: 16 << 10}
	cmd := &exec.Cmd{
		Path: path, Stdout: out, Stderr: out,
		Args: []string{c.program, "-n", "-c", strconv.Itoa(c.Count), "-i", seconds(interval), "-w", strconv.Itoa(max(1, int(whole.Seconds()))), to.String()},
		Env:  []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")},
	}
	err = command.RunAlone(ctx, cmd)
	t, found := parse(string(out.Kept))
	var exit *exec.ExitError
	switch {
	case found && (err == nil || errors.As(err, &exit)):
		return t, nil
	case err != nil:
		return tally{}, fmt.Errorf("%s: %w: %s", c.program, err, strings.TrimSpace(string(out.Kept)))
	}
	return tally{}, fmt.Errorf("%s says what nobody understands: %s", c.program, strings.TrimSpace(string(out.Kept)))
}

// parse reads what ping prints at its end:
//
//	3 packets transmitted, 2 received, 33% packet loss, time 402ms
//	rtt min/avg/max/mdev = 0.031/0.042/0.053/0.011 ms
//
// Others say "packets received" and "round-trip min/avg/max".
func parse(text string) (t tally, found bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if before, rest, ok := strings.Cut(line, " packets transmitted, "); ok {
			sent, errSent := strconv.Atoi(before)
			number, _, _ := strings.Cut(rest, " ")
			heard, errHeard := strconv.Atoi(number)
			if errSent != nil || errHeard != nil || sent < 0 || sent > maxCount || heard < 0 || heard > sent {
				return tally{}, false
			}
			t.sent, t.heard, found = sent, heard, true
		}
		head, values, ok := strings.Cut(line, " = ")
		if !ok || !strings.Contains(head, "min/avg/max") {
			continue
		}
		times := strings.Split(strings.TrimSuffix(values, " ms"), "/")
		if len(times) < 3 {
			continue
		}
		t.min, t.max = milliseconds(times[0]), milliseconds(times[2])
		t.sum = milliseconds(times[1]) * time.Duration(t.heard)
	}
	return t, found
}

// milliseconds reads a time; what is none, or out of all bounds, is nothing.
func milliseconds(text string) time.Duration {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n < 1e6) {
		return 0
	}
	return time.Duration(n * float64(time.Millisecond))
}
