package transport

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// serialPort is an open serial line. The os.File under it waits in the runtime's
// poller: no thread while idle, deadlines work, and Close ends a Read.
//
// The package go.bug.st/serial was read and left aside: it holds a thread in
// select(2) for each waiting read, has no deadlines, changes the line's settings
// before anyone can lock it, and does not show the descriptor that a lock needs.
type serialPort struct{ *os.File }

// openSerial opens, locks and sets up a serial line, in this order: a line that
// another program has in use is not touched.
func openSerial(o SerialOptions) (Conn, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	// Non-blocking: without it, open waits for a carrier.
	fd, err := unix.Open(o.Path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, errors.New("another program has the serial line to itself")
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: o.Path, Err: err}
	}
	if err := setUpSerial(fd, o); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return serialPort{os.NewFile(uintptr(fd), o.Path)}, nil
}

func setUpSerial(fd int, o SerialOptions) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("%s is not a serial line (not a tty)", o.Path)
	}
	if err := lockSerial(fd); err != nil {
		return err
	}
	o.apply(t)
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return fmt.Errorf("set the serial line to %d,%d%c%d: %w", o.Baud, o.DataBits, o.Parity, o.StopBits, err)
	}
	return nil
}

// lockSerial takes the write lock over the whole file that powermand and conman
// take by lockf(3), and the terminal driver's exclusive mode, which also keeps
// out programs that know no lock.
//
// The lock is an "open file description" lock. It conflicts with theirs in both
// directions, but unlike theirs it also keeps two devices of ours apart, and does
// not vanish when another descriptor of the same line is closed (fcntl(2)).
func lockSerial(fd int) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return errors.New("the serial line is locked by another program")
	}
	if err != nil {
		return fmt.Errorf("lock the serial line: %w", err)
	}
	if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
		return fmt.Errorf("take the serial line for ourselves: %w", err)
	}
	return nil
}

// apply makes t raw: input and local flags cleared, no output processing, modem
// lines ignored, and the speed and frame of o.
func (o SerialOptions) apply(t *unix.Termios) {
	t.Iflag, t.Lflag = 0, 0
	t.Oflag &^= unix.OPOST
	t.Cflag &^= unix.CSIZE | unix.PARENB | unix.PARODD | unix.CMSPAR | unix.CSTOPB | unix.CRTSCTS | unix.CBAUD
	t.Cflag |= unix.CREAD | unix.CLOCAL
	if o.DataBits == 7 {
		t.Cflag |= unix.CS7
	} else {
		t.Cflag |= unix.CS8
	}
	switch o.Parity {
	case 'e':
		t.Cflag |= unix.PARENB
	case 'o':
		t.Cflag |= unix.PARENB | unix.PARODD
	}
	if o.StopBits == 2 {
		t.Cflag |= unix.CSTOPB
	}
	speed := speedCode(o.Baud)
	t.Cflag |= speed
	t.Ispeed, t.Ospeed = speed, speed
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
}

func speedCode(baud int) uint32 {
	return map[int]uint32{
		300: unix.B300, 1200: unix.B1200, 2400: unix.B2400, 4800: unix.B4800, 9600: unix.B9600,
		19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600, 115200: unix.B115200,
		230400: unix.B230400, 460800: unix.B460800,
	}[baud]
}

// Close gives the line back. The exclusive mode would outlive the descriptor
// where someone else (the other end of a pseudo terminal) keeps the line alive.
func (p serialPort) Close() error {
	if raw, err := p.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0) })
	}
	return p.File.Close()
}
