package cli_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"millwright.dev/millwright/internal/cli"
	"millwright.dev/millwright/internal/sim"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"millwright": func() {
			os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
		"simroom": simroom,
	})
}

// simroom runs the simulated strips of the scripts for a person who wants to try
// things by hand: simroom FOLDER.
func simroom() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := startStrips(ctx, os.Args[1])
	if err != nil {
		slog.Error("simroom", "why", err)
		os.Exit(1)
	}
	ctl := filepath.Join(os.Args[1], "ctl")
	_ = os.Remove(ctl)
	ln, err := net.Listen("unix", ctl)
	if err != nil {
		slog.Error("simroom", "why", err)
		os.Exit(1)
	}
	_ = r.ServeControl(ctx, ln)
	r.Close()
}

// startStrips starts four strips of three makes, and writes into a folder what a
// room of them is made of: pdus.yaml with the devices, and their device files.
func startStrips(ctx context.Context, dir string) (*sim.Room, error) {
	cfg := sim.Config{PDUs: []sim.PDU{
		{Name: "pdu1", Outlets: sim.Numbered(0, 16)},
		{Name: "pdu2", Outlets: sim.Numbered(0, 16)},
		{Name: "pdu3", Outlets: sim.Numbered(1, 8), Style: "line"},
		{Name: "pdu4", Outlets: sim.Numbered(1, 8), Style: "slash"},
	}}
	r, err := sim.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	text := "specifications: '*.dev'\ndevices:\n"
	for _, p := range cfg.PDUs {
		style := p.Style
		if style == "" {
			style = "vpc"
		}
		text += fmt.Sprintf("  %s: {driver: script, settings: {spec: mw-%s, address: \"tcp://%s\"}}\n", p.Name, style, r.Addr(p.Name))
		file := sim.DeviceFile(style, p.Outlets...)
		if err := os.WriteFile(filepath.Join(dir, style+".dev"), file, 0o644); err != nil {
			return nil, err
		}
	}
	return r, os.WriteFile(filepath.Join(dir, "pdus.yaml"), []byte(text), 0o644)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"strips": cmdStrips, "strip": cmdStrip, "daemon": cmdDaemon, "halt": cmdHalt, "hangup": cmdHangup, "status": cmdStatus,
			"parrot": cmdParrot, "ocklelog": cmdOckleLog, "leaks": cmdLeaks, "rehearsal": cmdRehearsal,
		},
	})
}

// place is what belongs to one script.
type place struct {
	strips *sim.Room
	daemon *exec.Cmd
	log    *strings.Builder
	logged chan struct{} // the log has ended
	http   string        // where the API is by TLS
}

type placeKey struct{}

func setup(e *testscript.Env) error {
	e.Values[placeKey{}] = &place{}
	e.Setenv("MILLWRIGHT_SOCKET", filepath.Join(e.WorkDir, "s"))
	e.Setenv("LANG", "C.UTF-8")
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	e.Setenv("EXAMPLES", examples)
	e.Setenv("NO_COLOR", "1")
	return nil
}

func placeOf(ts *testscript.TestScript) *place { return ts.Value(placeKey{}).(*place) }

// strips: start the simulated strips.
func cmdStrips(ts *testscript.TestScript, _ bool, _ []string) {
	ctx, stop := context.WithCancel(context.Background())
	r, err := startStrips(ctx, ts.Getenv("WORK"))
	ts.Check(err)
	ts.Defer(func() {
		stop()
		r.Close()
	})
	placeOf(ts).strips = r
}

// strip LINE: a line of the simulator's control protocol; what it shows is stdout.
func cmdStrip(ts *testscript.TestScript, neg bool, args []string) {
	err := placeOf(ts).strips.Do(strings.Join(args, " "), ts.Stdout())
	if (err != nil) != neg {
		ts.Fatalf("%v: %v", args, err)
	}
}

// daemon ARGS: start the real daemon and wait until it is ready.
func cmdDaemon(ts *testscript.TestScript, _ bool, args []string) {
	p := placeOf(ts)
	path, err := exec.LookPath("millwright")
	ts.Check(err)
	args = append([]string{"serve", "--state", "state", "--powerman", "none", "--log-format", "json"}, args...)
	p.daemon = exec.Command(path, args...)
	p.daemon.Dir, p.daemon.Env = ts.Getenv("WORK"), append(os.Environ(), "MILLWRIGHT_SOCKET="+ts.Getenv("MILLWRIGHT_SOCKET"))
	stderr, err := p.daemon.StderrPipe()
	ts.Check(err)
	ts.Check(p.daemon.Start())
	ready := make(chan bool, 1)
	p.log, p.logged = &strings.Builder{}, make(chan struct{})
	go p.listen(stderr, ready)
	ts.Defer(func() { p.end(syscall.SIGKILL) })
	select {
	case ok := <-ready:
		if !ok {
			ts.Fatalf("the daemon did not start:\n%s", p.log)
		}
	case <-time.After(30 * time.Second):
		ts.Fatalf("the daemon is not ready after 30 s")
	}
	ts.Setenv("HTTP", p.http)
}

// listen reads the daemon's log.
func (p *place) listen(from io.Reader, ready chan<- bool) {
	defer close(p.logged)
	told := false
	for lines := bufio.NewScanner(from); lines.Scan(); {
		p.log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), `"msg":"ready"`) && !told {
			told = true
			_, at, _ := strings.Cut(lines.Text(), `"http":"`)
			p.http, _, _ = strings.Cut(at, `"`)
			ready <- true
		}
	}
	if !told {
		ready <- false
	}
}

// end signals the daemon and waits for its end.
func (p *place) end(s syscall.Signal) error {
	if p.daemon == nil {
		return nil
	}
	_ = p.daemon.Process.Signal(s)
	<-p.logged
	err := p.daemon.Wait()
	p.daemon = nil
	return err
}

// halt [kill]: end the daemon; kill is kill -9. Its log becomes stderr.
func cmdHalt(ts *testscript.TestScript, _ bool, args []string) {
	p := placeOf(ts)
	sig := syscall.SIGTERM
	if len(args) > 0 {
		sig = syscall.SIGKILL
	}
	err := p.end(sig)
	_, _ = io.WriteString(ts.Stderr(), p.log.String())
	if sig == syscall.SIGTERM {
		ts.Check(err)
	}
}

// hangup: send the daemon SIGHUP.
func cmdHangup(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(placeOf(ts).daemon.Process.Signal(syscall.SIGHUP))
}

// status N: run the rest of the line with exec, and want this exit status.
func cmdStatus(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	got := "0"
	switch {
	case errors.As(err, &ended):
		got = fmt.Sprint(ended.ExitCode())
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}
