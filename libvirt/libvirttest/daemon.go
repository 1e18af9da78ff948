// Package libvirttest is what tests of libvirt need: a daemon of their own, and a guest
// that is small and answers.
//
// The daemon is Debian's libvirtd, run as a user's own in a folder of its own, so that
// it finds nothing of the machine's and leaves nothing there; as root, it is run as
// nobody. It has libvirt's test driver, whose machines are only variables, and QEMU,
// without KVM. The guest is a boot sector that echoes what comes over its serial line.
//
// Start at [Start].
package libvirttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/libvirt"
)

// Daemon is a libvirtd of a test's own.
type Daemon struct {
	Socket string
	dir    string
	args   []string
	stop   func()
	said   bytes.Buffer
}

// patience is how long things may take that take no time.
const patience = time.Minute

// Start starts a daemon, which ends with the test, and all its guests with it. The
// configuration is lines of libvirtd.conf; with any, the daemon listens to the network.
func Start(tb testing.TB, configuration ...string) *Daemon {
	tb.Helper()
	dir, err := os.MkdirTemp("", "lv") //nolint:usetesting // short, because the paths of sockets are, and open to nobody
	if err != nil {
		tb.Fatal(err)
	}
	d := &Daemon{dir: dir, Socket: filepath.Join(dir, "libvirt", "libvirt-sock")}
	d.args = []string{"-f", d.put(tb, "libvirtd.conf", configuration...), "-p", filepath.Join(dir, "pid"), "-t", "120"} // a test that is killed leaves it behind, for so many seconds
	if len(configuration) > 0 {
		d.args = append(d.args, "-l")
	}
	d.put(tb, "libvirt/qemu.conf", `security_driver = "none"`, `stdio_handler = "file"`, "cgroup_controllers = []", "namespaces = []")
	d.put(tb, "echo.img", string(echo()))
	d.own(tb)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	d.Up(tb)
	tb.Cleanup(func() {
		d.clear(tb)
		d.Down()
		if tb.Failed() {
			tb.Logf("libvirtd:\n%s", d.said.Bytes())
		}
	})
	return d
}

// put writes a file and gives its path.
func (d *Daemon) put(tb testing.TB, name string, lines ...string) string {
	tb.Helper()
	path := filepath.Join(d.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644) //nolint:gosec // for nobody to read
	}
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// nobody's numbers.
const nobody = 65534

// own gives all files to nobody, if we are root.
func (d *Daemon) own(tb testing.TB) {
	tb.Helper()
	if os.Getuid() != 0 {
		return
	}
	for _, name := range []string{"", "libvirt", "libvirt/qemu.conf", "libvirtd.conf", "echo.img"} {
		if err := os.Chown(filepath.Join(d.dir, name), nobody, nobody); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.Chmod(d.dir, 0o755); err != nil {
		tb.Fatal(err)
	}
}

// Up starts the daemon again after [Daemon.Down].
func (d *Daemon) Up(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	path := "/usr/sbin/libvirtd"
	if found, err := exec.LookPath("libvirtd"); err == nil {
		path = found
	}
	cmd := exec.CommandContext(ctx, path, d.args...) //nolint:gosec // files that were written here
	cmd.Env = []string{"HOME=" + d.dir, "XDG_RUNTIME_DIR=" + d.dir, "XDG_CONFIG_HOME=" + d.dir, "XDG_CACHE_HOME=" + d.dir, "XDG_DATA_HOME=" + d.dir, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdout, cmd.Stderr = &d.said, &d.said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	d.stop = func() {
		cancel()
		<-ended
	}
	if err := d.await(ended); err != nil {
		d.Down()
		tb.Fatalf("libvirtd: %v\n%s", err, d.said.Bytes())
	}
}

// await waits until the daemon answers.
func (d *Daemon) await(ended <-chan struct{}) error {
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := new(net.Dialer).DialContext(context.Background(), "unix", d.Socket)
		if err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-ended:
			return errors.New("it has ended")
		case <-deadline:
			return err
		}
	}
}

// Down stops the daemon. Its guests in QEMU run on.
func (d *Daemon) Down() {
	if d.stop != nil {
		d.stop()
	}
	d.stop = nil
}

// URI gives the URI of a driver at the daemon: of "test" or "qemu".
func (d *Daemon) URI(driver string) string {
	path := "/session"
	if driver == "test" {
		path = "/default"
	}
	return driver + "+unix://" + path + "?socket=" + d.Socket
}

// Dial connects until the test ends.
func (d *Daemon) Dial(tb testing.TB, driver string, o libvirt.Options) *libvirt.Conn {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := libvirt.Dial(ctx, d.URI(driver), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// clear ends all guests in QEMU, which would outlive the daemon.
func (d *Daemon) clear(tb testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if d.stop == nil {
		d.Up(tb)
	}
	c, err := libvirt.Dial(ctx, d.URI("qemu"), libvirt.Options{})
	if err != nil {
		tb.Errorf("guests may be left over: %v", err)
		return
	}
	defer c.Close()
	list, err := c.Domains(ctx)
	for _, guest := range list {
		if guest.Active() && err == nil {
			err = c.Destroy(ctx, guest)
		}
	}
	if err != nil && !errors.Is(err, libvirt.CodeOperationInvalid) {
		tb.Errorf("guests may be left over: %v", err)
	}
}

// Banner is what the guest writes again and again after its start, until the first key;
// from then on it writes what it is told.
const Banner = "ready\r\n"

// Guest gives the description of the guest under a name of one's own.
func (d *Daemon) Guest(name string) string {
	return fmt.Sprintf(`<domain type='qemu'>
  <name>%s</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='%s'/><target dev='hda' bus='ide'/><shareable/></disk>
    <controller type='usb' model='none'/>
    <serial type='pty'><target port='0'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
    <memballoon model='none'/>
  </devices>
</domain>`, name, filepath.Join(d.dir, "echo.img"))
}

// Define defines the guest, off, under a name of one's own.
func (d *Daemon) Define(tb testing.TB, name string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := d.Dial(tb, "qemu", libvirt.Options{}).Define(ctx, d.Guest(name)); err != nil {
		tb.Fatal(err)
	}
}

// echo makes the guest's disk. In 16-bit code of the 8086, the boot sector sets the first
// serial line up, and then at each tick of the clock writes what has come, or the banner
// before anything has; in between it halts, so that it costs nothing.
func echo() []byte {
	const code = "\x31\xc0\x8e\xd8\x8e\xd0\xbc\x00\x7c\x31\xdb" + // ax, ds, ss = 0; sp = 7c00; bl = 0: no key yet
		"\xba\xfa\x03\xb0\x07\xee" + // out 3fa, 7: queues on, and empty
		"\xba\xfb\x03\xb0\x03\xee" + // out 3fb, 3: eight bits, no parity
		"\x84\xdb\x75\x0d" + // 7c17: bl set: on at the hlt
		"\xbe\x4c\x7c" + // si = the banner
		"\xac\x84\xc0\x74\x05\xe8\x17\x00\xeb\xf6" + // while there is a byte at si: put it
		"\xfb\xf4" + // sti, hlt: until the next tick
		"\xba\xfd\x03\xec\xa8\x01\x74\xe5" + // bit 0 of 3fd clear: back to 7c17
		"\xb3\x01\xba\xf8\x03\xec\xe8\x02\x00\xeb\xed" + // bl = 1, in 3f8, put it, look again
		"\x50\xba\xfd\x03\xec\xa8\x20\x74\xfb\x58\xba\xf8\x03\xee\xc3" // put: wait for bit 5 of 3fd, out 3f8
	disk := make([]byte, 64<<10)
	copy(disk, code+Banner)
	disk[510], disk[511] = 0x55, 0xaa // a boot sector ends so
	return disk
}
