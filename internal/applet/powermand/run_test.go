package powermand_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/powerman"
)

// TestHereDocument: the answer to the last line comes even if the input has
// ended meanwhile, and the daemon ends with its client.
func TestHereDocument(t *testing.T) {
	conf := write(t, "powerman.conf", vpcs("/usr/sbin/vpcd", 1))
	cmd := exec.Command(program(t, "powermand"), "-s", "-c", conf)
	cmd.Stdin = strings.NewReader("on t3\n")
	out, err := cmd.Output()
	want := "001 " + powerman.DefaultVersion + "\r\npowerman> 102 Command completed successfully\r\npowerman> "
	if err != nil || string(out) != want {
		t.Errorf("%v, got %q", err, out)
	}
}

// TestOptions: what is shown goes to stdout, an unknown option too, with status 0.
func TestOptions(t *testing.T) {
	for args, want := range map[string]string{
		"-V": powerman.DefaultVersion + "\n", "--version": powerman.DefaultVersion + "\n", "--vers": powerman.DefaultVersion + "\n",
		"-h": "Usage: powermand", "--help": "Usage: powermand", "-Q": "Usage: powermand", "--nothing": "Usage: powermand", "-c": "Usage: powermand",
		"-d x": "Usage: powermand", "-sVx": "Usage: powermand", "-YV": powerman.DefaultVersion + "\n",
	} {
		var stderr bytes.Buffer
		cmd := exec.Command(program(t, "powermand"), strings.Fields(args)...)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || !strings.HasPrefix(string(out), want) || stderr.Len() > 0 {
			t.Errorf("powermand %s: %v, %q, stderr %q; want %q", args, err, out, stderr.String(), want)
		}
	}
	// The first -c counts.
	good := write(t, "powerman.conf", vpcs("/usr/sbin/vpcd", 1))
	start(t, program(t, "powermand"), good, "-c", "/no/such/file", "--conf=/none/either").want("nodes", "306 t[0-15]", "103 Query complete")
}

// TestBrokenConfigurations: all that is wrong at once, in powermand's form, and
// status 1. Debian's daemon names the first only; where it does, ours is the same.
func TestBrokenConfigurations(t *testing.T) {
	const vpc = "include \"/etc/powerman/vpc.dev\"\n"
	const good = vpc + "device \"d\" \"vpc\" \"/usr/sbin/vpcd |&\"\nnode \"t[0-15]\" \"d\"\n"
	for name, tt := range map[string]struct {
		text string
		want []string // FILE stands for the file's name
	}{
		"syntax":        {good + "nod \"x\" \"d\"\n", []string{"parse error: FILE::4"}},
		"duplicate":     {good + "node \"t3\" \"d\"\n", []string{"duplicate node name: FILE::4"}},
		"unknown plug":  {vpc + "device \"d\" \"vpc\" \"/usr/sbin/vpcd |&\"\nnode \"x\" \"d\" \"99\"\n", []string{"unknown plug name: FILE::3"}},
		"taken":         {good + "node \"x\" \"d\" \"3\"\n", []string{"plug already assigned: FILE::4"}},
		"too few plugs": {vpc + "device \"d\" \"vpc\" \"/usr/sbin/vpcd |&\"\nnode \"t[0-16]\" \"d\"\n", []string{"more nodes than plugs: FILE::3"}},
		"more plugs":    {vpc + "device \"d\" \"vpc\" \"/usr/sbin/vpcd |&\"\nnode \"t[0-1]\" \"d\" \"[0-2]\"\n", []string{"more plugs than nodes: FILE::3"}},
		"device":        {good + "node \"x\" \"e\"\n", []string{"unknown device: FILE::4"}},
		"specification": {good + "device \"e\" \"nix\" \"/usr/sbin/vpcd |&\"\n", []string{"device specification not found: FILE::4"}},
		"no port":       {good + "device \"e\" \"vpc\" \"127.0.0.1\"\n", []string{"hostname is missing :port: FILE::4"}},
		"port":          {good + "device \"e\" \"vpc\" \"127.0.0.1:99999\"\n", []string{"port number out of range: FILE::4"}},
		"alias":         {good + "alias \"a\" \"t1\"\nalias \"a\" \"t2\"\n", []string{"bad alias: FILE::5"}},
		"alias member":  {good + "alias \"a\" \"t1,zz\"\n", []string{"alias 'a' references nonexistent node 'zz'"}},
		"no nodes":      {vpc, []string{"no nodes are defined"}},
		"log level":     {good + "plug_log_level \"loud\"\n", []string{"unable to recognize plug_log_level config value"}},
		"flag":          {good + "device \"e\" \"vpc\" \"127.0.0.1:1\" \"loud\"\n", []string{"bad device option: loud"}},
		"several": {
			good + "node \"t3\" \"d\"\nnode \"x\" \"e\"\nalias \"a\" \"zz\"\n",
			[]string{"duplicate node name: FILE::4", "unknown device: FILE::5", "alias 'a' references nonexistent node 'zz'"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := write(t, "powerman.conf", tt.text)
			cmd := exec.Command(program(t, "powermand"), "-s", "-c", conf)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			_ = cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != 1 {
				t.Errorf("exit status %d", got)
			}
			for _, want := range tt.want {
				if want = "powermand: " + strings.ReplaceAll(want, "FILE", conf); !strings.Contains(stderr.String(), want) {
					t.Errorf("got\n%swant %s", stderr.String(), want)
				}
			}
			if lines := strings.Count(stderr.String(), "powermand: "); lines != len(tt.want) {
				t.Errorf("%d complaints, want %d:\n%s", lines, len(tt.want), stderr.String())
			}
		})
	}
	cmd := exec.Command(program(t, "powermand"), "-c", "/no/such/powerman.conf")
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(string(out), "powermand: ") {
		t.Errorf("without a configuration: status %d, %s", cmd.ProcessState.ExitCode(), out)
	}
}

// server is a daemon with an open door.
type server struct {
	*exec.Cmd
	stderr *buffer
	addrs  []string
}

// serve starts our daemon; the configuration gets listen lines for the
// addresses, each with a free port.
func serve(t testing.TB, conf string, args ...string) *server {
	t.Helper()
	return serveOn(t, conf, []string{freeport.For(t, "127.0.0.1")}, args...)
}

func serveOn(t testing.TB, conf string, addrs []string, args ...string) *server {
	t.Helper()
	for _, a := range addrs {
		conf += fmt.Sprintf("listen %q\n", a)
	}
	s := &server{addrs: addrs, stderr: &buffer{}}
	s.Cmd = exec.Command(program(t, "powermand"), append([]string{"-c", write(t, "powerman.conf", conf)}, args...)...)
	s.Stderr = s.stderr
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(2*patience, func() { _ = s.Process.Kill() })
	t.Cleanup(func() {
		stuck.Stop()
		_ = s.Process.Kill()
		_ = s.Wait()
		if t.Failed() {
			t.Logf("stderr:\n%s", s.stderr)
		}
	})
	for _, a := range addrs {
		s.dial(t, a).Close()
	}
	return s
}

// dial connects as soon as the door is open.
func (s *server) dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < patience; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			if _, err := bufio.NewReader(io.LimitReader(conn, 5)).ReadString(' '); err == nil {
				return conn
			}
			conn.Close()
		}
	}
	t.Fatalf("nobody answers on %s; stderr:\n%s", addr, s.stderr)
	return nil
}

// run runs a client and gives what it printed.
func run(t testing.TB, name string, args ...string) (out string, status int) {
	t.Helper()
	cmd := exec.Command(name, args...)
	b, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// TestListen: several addresses, IPv6, and names of ports.
func TestListen(t *testing.T) {
	conf := vpcs("/usr/sbin/vpcd", 1)
	s := serveOn(t, conf, []string{freeport.For(t, "127.0.0.1"), freeport.For(t, "::1"), freeport.For(t, "127.0.0.2")})
	ours := program(t, "powerman")
	for _, a := range s.addrs {
		if out, status := run(t, ours, "-h", a, "-q", "t0"); status != 0 || !strings.Contains(out, "off:     t0\n") {
			t.Errorf("on %s: %d, %s", a, status, out)
		}
	}
	// One of two that cannot be bound is said, and does not keep the other shut.
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	s = serve(t, conf+fmt.Sprintf("listen %q\n", busy.Addr()))
	if out, status := run(t, ours, "-h", s.addrs[0], "-l"); status != 0 || out != "t[0-15]\n" {
		t.Errorf("%d, %s", status, out)
	}
	if !strings.Contains(s.stderr.String(), busy.Addr().String()) {
		t.Errorf("stderr: %s", s.stderr)
	}
	// None at all is a failure to start.
	cmd := exec.Command(program(t, "powermand"), "-c", write(t, "powerman.conf", conf+fmt.Sprintf("listen %q\n", busy.Addr())))
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "address already in use") {
		t.Errorf("status %d, %s", cmd.ProcessState.ExitCode(), out)
	}
	// A name of a service that nobody else here listens on.
	serveOn(t, conf, []string{"127.0.0.77:tfido"})
	if out, status := run(t, ours, "-h", "127.0.0.77:60177", "-l"); status != 0 {
		t.Errorf("by the name of a service: %d, %s", status, out)
	}
}

// TestDefectStubbornCoprocess: a coprocess that ignores being asked does not keep the
// daemon from ending.
func TestDefectStubbornCoprocess(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "pid")
	script := write(t, "stubborn", "#!/bin/sh\ntrap '' TERM HUP INT\necho $$ >"+marker+"\n/usr/sbin/vpcd\nwhile :; do sleep 600; done\n")
	if err := os.Chmod(script, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := serve(t, vpcs(script, 1))
		if out, status := run(t, "/usr/bin/powerman", "-h", s.addrs[0], "-1", "t0"); status != 0 {
			t.Fatal(out)
		}
		if err := s.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		text, err := os.ReadFile(marker)
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		fmt.Sscan(string(text), &pid)
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%v: the coprocess %d is still there (%v)", sig, pid, err)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// TestHangUp: SIGHUP reads the configuration again, all or nothing.
func TestHangUp(t *testing.T) {
	s := serve(t, vpcs("/usr/sbin/vpcd", 1))
	conf := s.Args[2]
	old, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	hup := func(text, until string) {
		t.Helper()
		if err := os.WriteFile(conf, append(old[:len(old):len(old)], text...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); ; {
			out, _ := run(t, "/usr/bin/powerman", "-h", s.addrs[0], "-l")
			if strings.Contains(out+s.stderr.String(), until) {
				return
			}
			if time.Since(begin) > patience {
				t.Fatalf("%q did not come; nodes: %s", until, out)
			}
		}
	}
	hup("node \"x\" \"nowhere\"\n", "there is no device \"nowhere\"")
	if out, _ := run(t, "/usr/bin/powerman", "-h", s.addrs[0], "-l"); !strings.Contains(out, "t[0-15]\n") {
		t.Errorf("after a broken reload: %s", out)
	}
	hup("alias \"a\" \"t1\"\ndevice \"e\" \"vpc\" \"/usr/sbin/vpcd |&\"\nnode \"m[0-15]\" \"e\"\n", "m[0-15],t[0-15]\n")
}

// TestRealClients has the packaged programs at our door, with devices behind it.
func TestRealClients(t *testing.T) {
	s := serve(t, vpcs(program(t, "vpcd"), 1)+"alias \"pair\" \"t[1-2]\"\n", "-Y")
	warning := fmt.Sprintf(": warning: server version (%s) != client (2.3.27)\n", powerman.DefaultVersion)
	for _, c := range []struct {
		args, want string
		status     int
	}{
		{"-q", "on:      \noff:     t[0-15]\nunknown: \n", 0},
		{"-d", "test0: state=connected reconnects=000 actions=002 type=vpc hosts=t[0-15]\n", 0},
		{"-1 t[0-3]", "Command completed successfully\n", 0},
		{"-Q pair,t9", "on:      t[1-2]\noff:     t9\nunknown: \n", 0},
		{"-x -Q t[4,3]", "t4: off\nt3: on\n", 0},
		{"-c pair", "Command completed successfully\n", 0},
		{"-P t[0-1]", "t0: 83\nt1: 84\n", 0},
		{"-f t5", "Command completed successfully\n", 0},
		{"-B t[5-6]", "on:      t5\noff:     t6\nunknown: \n", 0},
		{"-T -0 t0", "send(test0): 'off 0\\n'\nrecv(test0): '0: OK\\n'\nrecv(test0): '14 OK\\n15 vpc> '\nCommand completed successfully\n", 0},
		{"-1 zz", "No such nodes: zz\n", 209},
	} {
		for _, p := range []string{"/usr/bin/powerman", "/usr/bin/pm"} {
			out, status := run(t, p, append([]string{"-h", s.addrs[0]}, strings.Fields(c.args)...)...)
			out = strings.TrimPrefix(out, filepath.Base(p)+warning)
			if strings.HasPrefix(c.args, "-T") || strings.HasPrefix(c.args, "-d") { // numbers differ from call to call
				out, c.want = digits(out), digits(c.want)
			}
			if out != c.want || status != c.status {
				t.Errorf("%s %s: status %d\n%swant %d\n%s", p, c.args, status, out, c.status, c.want)
			}
		}
	}
	host, port, _ := net.SplitHostPort(s.addrs[0])
	for _, c := range []struct {
		action, want string
		status       int
	}{{"status", "Status: OFF", 2}, {"on", "Success: Powered ON", 0}, {"status", "Status: ON", 0}, {"reboot", "Success: Rebooted", 0}, {"off", "Success: Powered OFF", 0}} {
		cmd := exec.Command("fence_powerman")
		cmd.Stdin = strings.NewReader(fmt.Sprintf("ip=%s\nipport=%s\naction=%s\nplug=t12\nstonith_status_sleep=0\npower_wait=0\ndelay=0\ndisable_timeout=true\n", host, port, c.action))
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.want) {
			t.Errorf("fence_powerman %s: %s, %s", c.action, cmd.ProcessState, out)
		}
	}
	program := filepath.Join(t.TempDir(), "pmtest")
	if out, status := run(t, "cc", "-o", program, "../../../powerman/testdata/pmtest.c", "-lpowerman"); status != 0 {
		t.Fatal(out)
	}
	if out, status := run(t, program, s.addrs[0]); status != 0 || !strings.HasPrefix(out, "nodes: t0 t1 t2 ") || !strings.Contains(out, "on t0: 0, off t1: 0, cycle t2: 0\nt0 2, t1 1, ") {
		t.Errorf("libpowerman: %d, %s", status, out)
	}
}

// digits makes each run of digits "N".
func digits(s string) string {
	var b strings.Builder
	in := false
	for _, r := range s {
		is := r >= '0' && r <= '9'
		if is && !in {
			b.WriteByte('N')
		} else if !is {
			b.WriteRune(r)
		}
		in = is
	}
	return b.String()
}

// TestLongArgument: lists that do not fold make lines of 45 kB and more.
func TestLongArgument(t *testing.T) {
	var nodes hostlist.List
	var conf strings.Builder
	conf.WriteString("include \"/etc/powerman/vpc.dev\"\n")
	for i := range 256 {
		fmt.Fprintf(&conf, "device \"d%d\" \"vpc\" \"%s |&\"\n", i, "/usr/sbin/vpcd")
		for p := range 16 {
			name := fmt.Sprintf("rack%04d-plug-%c", i, 'a'+p)
			nodes.Append(name)
			fmt.Fprintf(&conf, "node %q \"d%d\" \"%d\"\n", name, i, p)
		}
	}
	targets := nodes.String()
	if len(targets) < 45_000 {
		t.Fatalf("only %d bytes", len(targets))
	}
	d := start(t, program(t, "powermand"), write(t, "powerman.conf", conf.String()))
	d.want("on "+targets, "102 Command completed successfully")
	if got := d.ask("status " + targets); !strings.Contains(got, "302 off:     \r\n302 unknown: \r\n103") {
		t.Errorf("got %.200s...", got)
	}
	d.want("on "+strings.Repeat("x", 131072), "203 Command too long")
	d.want("nodes", "306 "+targets, "103 Query complete")
}

// build makes the real program, which starts faster than a test does.
func build(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", path, "millwright.dev/millwright/cmd/millwright")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// TestManyCoprocesses: 1024 at once, with 16 plugs each. They have a minute, as
// the machine may have other things to do.
func TestManyCoprocesses(t *testing.T) {
	vpc, err := os.ReadFile("/etc/powerman/vpc.dev")
	if err != nil {
		t.Fatal(err)
	}
	patient := strings.Replace(string(vpc), "5.0", "60", 1)
	for name, vpcd := range map[string]string{"Debian's": "/usr/sbin/vpcd", "ours": build(t, "vpcd")} {
		t.Run(name, func(t *testing.T) {
			conf := patient + strings.ReplaceAll(vpcs(vpcd, 1024), "include \"/etc/powerman/vpc.dev\"\n", "")
			begin := time.Now()
			d := start(t, program(t, "powermand"), write(t, "powerman.conf", conf))
			d.want("status", "302 on:      ", "302 off:     t[0-16383]", "302 unknown: ", "103 Query complete")
			t.Logf("start and first query: %v", time.Since(begin))
			begin = time.Now()
			d.want("on t[0-16383]", "102 Command completed successfully")
			t.Logf("on of all: %v", time.Since(begin))
			begin = time.Now()
			if status := d.quit(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			t.Logf("end: %v", time.Since(begin))
		})
	}
}
