package service_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/service"
)

// asDaemon makes this program, run anew, the daemon that systemd has started.
const asDaemon = "MILLWRIGHT_TEST_SERVICE"

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		if err := daemon(); err != nil {
			fmt.Println("error:", err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// daemon tells on stdout what it was given, and the manager how it is.
func daemon() error {
	m, err := service.Attach()
	if err != nil {
		return err
	}
	defer m.Close()
	fmt.Println("watchdog", m.Watchdog())
	for name, list := range m.Sockets() {
		for _, l := range list {
			fmt.Println("socket", name, l.Addr().Network())
		}
	}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "LISTEN_") || strings.HasPrefix(v, "NOTIFY_") || strings.HasPrefix(v, "WATCHDOG_") {
			fmt.Println("left", v)
		}
	}
	for _, say := range []func() error{
		func() error { return m.Ready("line one\nWATCHDOG=trigger") }, m.Reloading, m.Alive, m.Stopping,
	} {
		if err := say(); err != nil {
			return err
		}
	}
	return nil
}

// start runs it as systemd does, with two sockets, and gives what it wrote.
func start(t *testing.T, env ...string) []string {
	t.Helper()
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s")})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `[ -n "$LISTEN_PID" ] || LISTEN_PID=$$; export LISTEN_PID; exec "$0"`, os.Args[0])
	cmd.Env = append(append(os.Environ(), asDaemon+"=yes"), env...)
	for _, l := range []interface{ File() (*os.File, error) }{unix, tcp} {
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	return lines
}

func TestUnderAManager(t *testing.T) {
	at := filepath.Join(t.TempDir(), "notify")
	notes, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notes.Close()
	got := start(t, "NOTIFY_SOCKET="+at, "WATCHDOG_USEC=3000000", "LISTEN_FDS=2", "LISTEN_FDNAMES=local:powerman")
	want := []string{"socket local unix", "socket powerman tcp", "watchdog 1.5s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, want := range []string{"READY=1\nSTATUS=line one WATCHDOG=trigger", "RELOADING=1\nMONOTONIC_USEC=", "WATCHDOG=1", "STOPPING=1\nSTATUS="} {
		note := make([]byte, 1024)
		n, err := notes.Read(note)
		if err != nil || !strings.HasPrefix(string(note[:n]), want) {
			t.Errorf("told %q, %v; want %q", note[:n], err, want)
		}
	}
}

// What is meant for another process is not taken.
func TestForSomebodyElse(t *testing.T) {
	for name, env := range map[string][]string{
		"nothing":       nil,
		"other process": {"LISTEN_PID=1", "LISTEN_FDS=2", "WATCHDOG_PID=1", "WATCHDOG_USEC=3000000"},
	} {
		if got := start(t, env...); !slices.Equal(got, []string{"watchdog 0s"}) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestAManagerThatIsGoneIsAnError(t *testing.T) {
	got := start(t, "NOTIFY_SOCKET="+filepath.Join(t.TempDir(), "gone"))
	if len(got) != 2 || !strings.HasPrefix(got[0], "error: tell the service manager: ") {
		t.Errorf("got %q", got)
	}
}
