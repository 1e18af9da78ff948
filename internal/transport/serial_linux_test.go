package transport

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPTY makes a pseudo terminal: the device's end, and the path of the end
// that plays the serial line.
func openPTY(t *testing.T) (device *os.File, line string) {
	t.Helper()
	device, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	raw, err := device.SyscallConn()
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
	return device, fmt.Sprintf("/dev/pts/%d", n)
}

func termios(t *testing.T, f *os.File) *unix.Termios {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var s *unix.Termios
	if cerr := raw.Control(func(fd uintptr) { s, err = unix.IoctlGetTermios(int(fd), unix.TCGETS) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return s
}

func TestSerial(t *testing.T) {
	device, path := openPTY(t)
	a, err := ParsePowerMan(path, "19200,8n2")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Verify(); err != nil {
		t.Error(err)
	}
	c := mustDial(t, &Dialer{}, a, Credentials{})

	s := termios(t, c.(serialPort).File)
	if s.Iflag != 0 || s.Lflag != 0 || s.Oflag&unix.OPOST != 0 {
		t.Errorf("not raw: input %o, local %o, output %o", s.Iflag, s.Lflag, s.Oflag)
	}
	if s.Cflag&unix.CBAUD != unix.B19200 || s.Cflag&unix.CSTOPB == 0 || s.Cflag&unix.CSIZE != unix.CS8 || s.Cflag&unix.CRTSCTS != 0 {
		t.Errorf("control flags %o", s.Cflag)
	}

	bytes := "\r\n\x00\x03\x11\x13\xff\x04" // all that a cooked line would eat
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, device, bytes)
	if _, err := io.WriteString(device, bytes); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, c, bytes)

	_ = c.SetReadDeadline(time.Unix(1, 0))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read past its deadline: %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	closeEndsRead(t, c)
}

func expectBytes(t *testing.T, r io.Reader, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(r, buf); err != nil || string(buf) != want {
		t.Fatalf("read %q, %v; want %q", buf, err, want)
	}
}

// The frame as it is asked of the driver; a pseudo terminal has none of its own.
func TestSerialFrame(t *testing.T) {
	const frame = unix.CSIZE | unix.PARENB | unix.PARODD | unix.CSTOPB | unix.CBAUD
	for mode, want := range map[string]uint32{
		"baud=300&mode=8n1":    unix.B300 | unix.CS8,
		"baud=460800&mode=7e2": unix.B460800 | unix.CS7 | unix.PARENB | unix.CSTOPB,
		"mode=7O1":             unix.B9600 | unix.CS7 | unix.PARENB | unix.PARODD,
	} {
		a, err := ParseURL("serial:///dev/ttyS0?" + mode)
		if err != nil {
			t.Fatal(err)
		}
		s := unix.Termios{Cflag: ^uint32(0)}
		a.Serial.apply(&s)
		if got := s.Cflag & frame; got != want {
			t.Errorf("%s: %o, want %o", mode, got, want)
		}
	}
	for _, baud := range bauds() {
		if speedCode(baud) == 0 {
			t.Errorf("no code for %d baud", baud)
		}
	}
}

func TestSerialIsLocked(t *testing.T) {
	_, path := openPTY(t)
	a := serialAt(path, 9600, 8, 'n', 1)
	d := &Dialer{}
	first := mustDial(t, d, a, Credentials{})
	for range 2 { // a refused second one must not take the first one's lock along
		if c, err := d.Dial(t.Context(), a, Credentials{}); err == nil || !strings.Contains(err.Error(), "locked by another program") {
			t.Fatalf("second owner: %v, %v", c, err)
		}
		if got := foreignLock(t, path); got != "taken" {
			t.Errorf("another program's lock is %s", got)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got := foreignLock(t, path); got != "free" {
		t.Errorf("after Close, another program's lock is %s", got)
	}
	_ = mustDial(t, d, a, Credentials{}).Close()
}

// foreignLock tries, in another process, the lock that powermand and conman take.
func foreignLock(t *testing.T, path string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestForeignLock$")
	cmd.Env = append(os.Environ(), "MILLWRIGHT_TEST_LOCK="+path)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	word, _, _ := strings.Cut(string(out), "\n")
	return word
}

func TestForeignLock(t *testing.T) {
	path := os.Getenv("MILLWRIGHT_TEST_LOCK")
	if path == "" {
		_, path = openPTY(t)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.EBUSY) { // exclusive mode, which root may pass
		fmt.Println("taken")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	switch err := unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); {
	case err == nil:
		fmt.Println("free")
	case errors.Is(err, unix.EAGAIN):
		fmt.Println("taken")
	default:
		t.Error(err)
	}
}

// A line that another program has locked is left as it is.
func TestSerialOfAnother(t *testing.T) {
	_, path := openPTY(t)
	other, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	raw, _ := other.SyscallConn()
	_ = raw.Control(func(fd uintptr) {
		err = unix.FcntlFlock(fd, unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	})
	if err != nil {
		t.Fatal(err)
	}
	before := *termios(t, other)
	if _, err := (&Dialer{}).Dial(t.Context(), serialAt(path, 300, 7, 'e', 2), Credentials{}); err == nil {
		t.Error("opened a locked line")
	}
	if after := *termios(t, other); after != before {
		t.Errorf("settings of a locked line changed from %+v to %+v", before, after)
	}
}

func TestSerialFaults(t *testing.T) {
	for path, fault := range map[string]string{
		"/dev/none": "no such file",
		"/dev/null": "not a serial line",
	} {
		_, err := (&Dialer{}).Dial(t.Context(), serialAt(path, 9600, 8, 'n', 1), Credentials{})
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := (&Dialer{}).Dial(t.Context(), Address{Scheme: Serial, Serial: SerialOptions{Path: "/dev/null"}}, Credentials{}); err == nil {
		t.Error("settings of nought were taken")
	}
}

// The other end goes away: the reader must see it.
func TestSerialHangUp(t *testing.T) {
	device, path := openPTY(t)
	c := mustDial(t, &Dialer{}, serialAt(path, 9600, 8, 'n', 1), Credentials{})
	if err := device.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("Read = %d without an error", n)
	}
}
