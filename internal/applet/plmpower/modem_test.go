package plmpower

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"
)

// fake is a modem and the house behind it.
type fake struct {
	mu     sync.Mutex
	levels map[id]byte
	log    []string // messages that came

	naks    int    // of the next messages, that many are refused
	longNak bool   // with the message in front
	deaf    int    // of the next messages to devices, that many get no answer
	noise   []byte // before each answer of a device
	refuse  bool   // devices refuse
	mute    bool   // nothing is answered at all
}

// serve answers until the line is closed.
func (f *fake) serve(line io.ReadWriter) {
	var buf []byte
	chunk := make([]byte, 64)
	for {
		n, err := line.Read(chunk)
		if err != nil {
			return
		}
		buf = append(buf, chunk[:n]...)
		for len(buf) > 1 {
			want := map[byte]int{sendInfo: 2, sendReset: 2, sendX10: 4, sendInsteon: 8}[buf[1]]
			if want == 0 || len(buf) < want {
				break
			}
			if _, err := line.Write(f.answer(buf[:want])); err != nil {
				return
			}
			buf = buf[want:]
		}
	}
}

func (f *fake) answer(m []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, fmt.Sprintf("%x", m))
	echo := bytes.Clone(m)
	switch {
	case f.mute:
		return nil
	case f.naks > 0 && f.longNak:
		f.naks--
		return append(echo, nak)
	case f.naks > 0:
		f.naks--
		return []byte{nak}
	case m[1] == sendInfo:
		return append(echo, 0x0a, 0x0b, 0x0c, 0x03, 0x05, 0x3c, ack)
	case m[1] != sendInsteon:
		return append(echo, ack)
	case f.deaf > 0:
		f.deaf--
		return append(echo, ack)
	}
	who := id(m[2:5])
	switch m[6] {
	case cmdOnFast, cmdOffFast:
		f.levels[who] = m[7]
	}
	level := m[7]
	if m[6] == cmdStatus {
		level = f.levels[who]
	}
	flags := byte(isAck)
	if f.refuse {
		flags = isNak
	}
	echo = append(append(echo, ack), f.noise...)
	return append(echo, start, gotInsteon, m[2], m[3], m[4], 9, 9, 9, flags, m[6], level)
}

// talk has the program's commands run against a fake modem over a pipe, in
// simulated time.
func talk(t *testing.T, f *fake, stdin string) (stdout, stderr string, err error) {
	t.Helper()
	if f.levels == nil {
		f.levels = map[id]byte{}
	}
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); f.serve(far) }()
	var out, errs bytes.Buffer
	s := &shell{modem: newModem(near, time.Second), attempts: 3, out: &out, errs: &errs}
	err = s.serve(t.Context(), options{}, strings.NewReader(stdin))
	s.modem.close()
	<-done
	return strings.ReplaceAll(out.String(), "plmpower> ", ""), errs.String(), err
}

func TestConversations(t *testing.T) {
	others := []byte{start, 0x52, 0x61, 0x80, 0xff, 0x00, start, gotInsteon, 7, 7, 7, 9, 9, 9, isAck, cmdStatus, 0x33}
	button := []byte{start, gotInsteon, 1, 2, 3, 0, 0, 1, 0xcb, cmdOnFast, 0x44}
	tests := []struct {
		name, in, out, errs string
		fake                *fake
		took                time.Duration
	}{
		{name: "a day", fake: &fake{}, in: "info\non 1.2.3\nstatus 1.2.3\noff 01.02.03\nstatus 1.2.3\nstatus 1.2.4\nreset\non A1\nstatus B2\n", out: "id=0A.0B.0C dev=03.05 vers=60\n1.2.3: FF\n1.2.3: 00\n1.2.4: 00\nPLM reset complete\nb2: unknown\n"},
		{name: "busy", in: "info\n", fake: &fake{naks: 3}, out: "id=0A.0B.0C dev=03.05 vers=60\n", took: 300 * time.Millisecond},
		{name: "busy at length", in: "on A1\nreset\n", fake: &fake{naks: 2, longNak: true}, out: "PLM reset complete\n", took: 200 * time.Millisecond},
		{name: "busy for ever", in: "reset\nquit\n", fake: &fake{naks: 1 << 30}, errs: "plmpower: the modem is busy: no answer\n", took: 10 * time.Second},
		{name: "asked again", in: "on 1.2.3\nstatus 1.2.3\n", fake: &fake{deaf: 4}, out: "1.2.3: FF\n", took: 4 * time.Second},
		{name: "never answers", in: "status 1.2.3\non A1\n", fake: &fake{deaf: 1 << 30}, errs: "plmpower: 01.02.03: no answer\n", took: time.Minute},
		{name: "no modem", in: "info\n", fake: &fake{mute: true}, errs: "plmpower: the modem says nothing: no answer\n", took: 5 * time.Second},
		{name: "others talk", in: "on 1.2.3\nstatus 1.2.3\n", fake: &fake{noise: others}, out: "1.2.3: FF\n"},
		{name: "a button is pressed", in: "status 1.2.3\n", fake: &fake{noise: button}, out: "1.2.3: 00\n"},
		{name: "refused", in: "status 1.2.3\non 1.2.3\n", fake: &fake{refuse: true}, out: "1.2.3: unknown\n", errs: "plmpower: 01.02.03: the device refuses\nplmpower: 01.02.03: the device refuses\n"},
		{name: "typing errors", fake: &fake{}, in: "on 1.2.3.4\noff A17\nstatus Q1\nping A1\non 1.2.3 x\nping\n", out: "Usage: on addr\nUsage: ping addr\n", errs: strings.Repeat("plmpower: could not parse address\n", 3) + "plmpower: ping is only for Insteon devices\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				out, errs, err := talk(t, tt.fake, tt.in)
				if err != nil || out != tt.out || errs != tt.errs || time.Since(begin) != tt.took {
					t.Errorf("error %v, stdout %q, stderr %q after %v; want %q, %q after %v", err, out, errs, time.Since(begin), tt.out, tt.errs, tt.took)
				}
			})
		})
	}
}

func TestFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		if _, errs, err := talk(t, f, "info\nreset\non A1\noff p16\non 01.02.03\noff 0a.0B.0c\nstatus 1.2.3\nping FF.0.9\n"); err != nil || errs != "" {
			t.Errorf("error %v, stderr %q", err, errs)
		}
		x10 := func(choose, order string) []string {
			return []string{"0263" + choose, "0263" + order, "0263" + choose, "0263" + order, "0263" + choose, "0263" + order}
		}
		want := append([]string{"0260", "0267"}, append(x10("6600", "6280"), x10("cc00", "c380")...)...)
		want = append(want, "0262010203"+"0312ff", "02620a0b0c"+"031400", "0262010203"+"031900", "0262ff0009"+"031000")
		if diff := cmp.Diff(want, f.log); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestLostModem: the program ends, so that powermand starts it anew.
func TestLostModem(t *testing.T) {
	near, far := net.Pipe()
	_ = far.Close()
	s := &shell{modem: newModem(near, time.Second), out: io.Discard, errs: io.Discard}
	if err := s.serve(t.Context(), options{}, strings.NewReader("info\ninfo\n")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestEndOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		s := &shell{modem: newModem(near, time.Second), out: io.Discard, errs: io.Discard}
		defer s.modem.close()
		begin := time.Now()
		if err := s.serve(ctx, options{}, strings.NewReader("info\n")); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 2*time.Second {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
	})
}

// openPTY makes a pseudo terminal: the modem's end, and the path of the line.
func openPTY(t *testing.T) (far *os.File, line string) {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := far.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	control := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if control != nil || err != nil {
		t.Fatal(control, err)
	}
	return far, fmt.Sprintf("/dev/pts/%d", n)
}

// serveLine serves a modem on a serial line.
func (f *fake) serveLine(t *testing.T) (path string) {
	t.Helper()
	if f.levels == nil {
		f.levels = map[id]byte{}
	}
	far, path := openPTY(t)
	keep, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0) // or the far end reads EIO when nobody has it open
	if err != nil {
		t.Fatal(err)
	}
	// Raw from the start: what the modem says early must not be echoed back.
	raw, _ := keep.SyscallConn()
	_ = raw.Control(func(fd uintptr) {
		s, _ := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		s.Iflag, s.Lflag, s.Oflag = 0, 0, 0
		_ = unix.IoctlSetTermios(int(fd), unix.TCSETS, s)
	})
	done := make(chan struct{})
	go func() { defer close(done); f.serve(far) }()
	t.Cleanup(func() { _ = far.Close(); _ = keep.Close(); <-done })
	return path
}

// FuzzModem: whatever comes from the line, the program comes to an end, and
// shows no state that no device has sent.
func FuzzModem(f *testing.F) {
	f.Add([]byte{start, sendInsteon, 1, 2, 3, 3, 0x19, 0, ack, start, gotInsteon, 1, 2, 3, 9, 9, 9, 0x20, 0x19, 0x7f})
	f.Add([]byte{nak, nak, start, nak, start, sendInfo, nak})
	f.Add([]byte{start, 0x51, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23})
	f.Add(bytes.Repeat([]byte{start}, 5000))
	f.Fuzz(func(t *testing.T, noise []byte) {
		var out, errs bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			s := &shell{modem: newModem(&recorded{Reader: bytes.NewReader(noise)}, time.Second), attempts: 1, out: &out, errs: &errs}
			_ = s.serve(t.Context(), options{single: "status 1.2.3"}, nil)
		})
		if out.Len() > 0 && !bytes.Contains(noise, []byte{gotInsteon, 1, 2, 3}) {
			t.Errorf("it says %q after % x", out.String(), noise)
		}
	})
}

// recorded is a line that says what it has, and then is broken.
type recorded struct{ *bytes.Reader }

func (*recorded) Write(b []byte) (int, error)     { return len(b), nil }
func (*recorded) Close() error                    { return nil }
func (*recorded) SetReadDeadline(time.Time) error { return nil }
