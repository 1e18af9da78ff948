package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one of the demo's programs.
type process struct {
	name string // "sim" or "daemon"
	dir  string // of its files: NAME.log, NAME.pid
	gone <-chan struct{}
}

func (p *process) log() string  { return filepath.Join(p.dir, p.name+".log") }
func (p *process) lock() string { return filepath.Join(p.dir, p.name+".pid") }

// start starts a program in a session of its own, so that neither Ctrl-C nor the
// end of the terminal reaches it.
func (p *process) start(program string, args ...string) error {
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	lock, err := os.OpenFile(p.lock(), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock %s: %w", p.lock(), err)
	}
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // ourselves, and it outlives us
	cmd.Dir, cmd.Env = p.dir, environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the %s: %w", p.name, err)
	}
	gone := make(chan struct{})
	p.gone = gone
	go func() { // ends with the process, or with us
		defer close(gone)
		_ = cmd.Wait()
	}()
	_, err = lock.WriteAt([]byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0)
	return err
}

// environment is ours without what would lead the demo to another room.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "MILLWRIGHT_"):
		case name == "RUNTIME_DIRECTORY", name == "STATE_DIRECTORY", name == "NOTIFY_SOCKET":
		default:
			env = append(env, v)
		}
	}
	return env
}

// pid gives the number of the process if it lives, else 0.
func (p *process) pid() int {
	lock, err := os.Open(p.lock())
	if err != nil {
		return 0
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0 // nobody holds it
	}
	text, err := os.ReadFile(p.lock())
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 2 {
		return 0
	}
	return n
}

// patience is how long a process may take to end by itself.
const patience = 5 * time.Second

// stop ends the process and returns when it has ended.
func (p *process) stop() error {
	for _, s := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, patience}, {syscall.SIGKILL, patience}} {
		pid := p.pid()
		if pid == 0 {
			return nil
		}
		if err := syscall.Kill(pid, s.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the %s, process %d: %w", p.name, pid, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), s.wait)
		err := p.await(ctx, func() bool { return p.pid() == 0 })
		cancel()
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("the %s, process %d, does not end", p.name, p.pid())
}

// kill ends the process without a warning, and returns when it has ended.
func (p *process) kill() error {
	pid := p.pid()
	if pid == 0 {
		return fmt.Errorf("the %s does not run", p.name)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill the %s, process %d: %w", p.name, pid, err)
	}
	return p.ended()
}

// ended waits for a moment until the process has ended.
func (p *process) ended() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.await(ctx, func() bool { return p.pid() == 0 })
}

// await looks again and again until something is so.
func (p *process) await(ctx context.Context, so func() bool) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
	return nil
}

// ready waits until a started process answers.
func (p *process) ready(ctx context.Context, answers func() error) error {
	var last error
	died := false
	err := p.await(ctx, func() bool {
		select {
		case <-p.gone:
			died = true
			return true
		default:
		}
		last = answers()
		return last == nil
	})
	switch {
	case died:
		return fmt.Errorf("the %s ended at once; its last words, in %s:\n%s", p.name, p.log(), p.lastWords())
	case err != nil:
		return fmt.Errorf("the %s is not ready: %w; its last words, in %s:\n%s", p.name, errors.Join(last, err), p.log(), p.lastWords())
	}
	return nil
}

// lastWords gives the end of the process's log.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	const most = 2000
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}
