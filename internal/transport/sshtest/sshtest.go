// Package sshtest runs an SSH server of a test's own: Debian's sshd, on a free port of
// this machine, for the user who runs the test.
//
// Start at [Start].
package sshtest

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"millwright.dev/millwright/internal/freeport"
)

// Server is a running sshd. It listens at 127.0.0.1.
type Server struct {
	Port int
	User string // who may log in
	Key  []byte // the private key that lets in, as PEM
	Pin  string // of its host key, as ssh-keygen -l prints it
	Line string // its line in a known_hosts file

	stop func()
}

// Addr is where it listens.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// Stop ends it; its connections go on. The end of the test does too.
func (s *Server) Stop() { s.stop() }

// Start runs a server until the test ends. It takes the key of others, if they are
// given, so that one credential opens several.
func Start(t testing.TB, others ...*Server) *Server {
	t.Helper()
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{User: who.Username}
	_, port, _ := net.SplitHostPort(freeport.For(t, "127.0.0.1"))
	if s.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	hostPEM, host := newKey(t)
	s.Pin = ssh.FingerprintSHA256(host)
	s.Line = knownhosts.Line([]string{knownhosts.Normalize(s.Addr())}, host)
	var client ssh.PublicKey
	s.Key, client = newKey(t)
	if len(others) > 0 {
		s.Key = others[0].Key
		signer, err := ssh.ParsePrivateKey(s.Key)
		if err != nil {
			t.Fatal(err)
		}
		client = signer.PublicKey()
	}
	write(t, filepath.Join(dir, "host"), hostPEM)
	write(t, filepath.Join(dir, "authorized"), ssh.MarshalAuthorizedKey(client))
	write(t, filepath.Join(dir, "config"), []byte(strings.Join([]string{
		fmt.Sprintf("ListenAddress 127.0.0.1:%d", s.Port),
		"HostKey " + filepath.Join(dir, "host"),
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized"),
		"PidFile none", "UsePAM no", "StrictModes no", "PermitRootLogin yes", "PasswordAuthentication no",
		"MaxStartups 100", "LogLevel INFO", "",
	}, "\n")))
	if os.Getuid() == 0 { // sshd locks itself up in it, and packages make it at boot
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.run(t, filepath.Join(dir, "config"))
	return s
}

// run starts sshd and waits until it listens.
func (s *Server) run(t testing.TB, config string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "/usr/sbin/sshd", "-D", "-e", "-f", config) //nolint:gosec // a file of the test's own
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan bool), make(chan struct{})
	var said []string // belongs to the goroutine until ready is closed or answers
	go func() {
		defer close(ended)
		listens := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if listens {
				continue // nobody must block on its log
			}
			said = append(said, lines.Text())
			if strings.HasPrefix(lines.Text(), "Server listening on") {
				listens = true
				ready <- true
			}
		}
		if !listens {
			ready <- false
		}
	}()
	s.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_, _ = cmd.Process.Wait()
	})
	t.Cleanup(func() {
		s.stop()
		_ = out.Close() // sessions that live on hold the other end
		<-ended
	})
	if !<-ready {
		t.Fatalf("sshd does not start: %s", strings.Join(said, "\n"))
	}
}

func newKey(t testing.TB) ([]byte, ssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), signer.PublicKey()
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
