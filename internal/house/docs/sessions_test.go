package docs

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/freeport"
)

// TestSessions types what the pages tell people to type, and holds that it shows
// what the pages show. With -update it writes what was shown into the pages.
func TestSessions(t *testing.T) {
	for _, page := range []string{"docs/tutorial.md", "docs/device-language.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			s := newSession(t)
			text := read(t, page)
			shown := fence.ReplaceAllStringFunc(text, func(block string) string { return s.play(block) })
			switch {
			case plain(shown) == plain(text):
			case *update:
				write(t, root+page, shown)
			default:
				t.Errorf("%s shows what is not so; run go generate ./internal/house/docs and look at the difference:\n%s",
					page, difference(text, shown))
			}
		})
	}
}

// fence is one block of a page.
var fence = regexp.MustCompile("(?s)```([a-z]+)( [a-z]+(?:=[^\n]+)?)?\n(.*?)```\n")

// session is a newcomer at the keyboard.
type session struct {
	*testing.T
	dir   string
	env   []string
	ports *strings.Replacer // what the pages write, to what is free here
	shown *strings.Replacer // and back
}

func newSession(t *testing.T) *session {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, ".bin")
	run(t, root, "go", "build", "-o", bin+"/", "./cmd/millwright")
	examples, err := filepath.Abs(root + "examples")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	one, two := freePort(t), freePort(t)
	socket := filepath.Join(dir, ".socket")
	return &session{
		T: t, dir: dir,
		ports: strings.NewReplacer("12101", one, "12300", two),
		shown: strings.NewReplacer(one, "12101", two, "12300", socket, "/run/user/1000/millwright/millwright.sock"),
		env: append(os.Environ(),
			"PATH="+bin+":"+os.Getenv("PATH"), "HOME="+dir, "MILLWRIGHT_SOCKET="+socket, "NO_COLOR=1", "LC_ALL=C.UTF-8"),
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(freeport.For(t, "127.0.0.1"))
	return port
}

// play does what a block says and gives the block as it should be.
func (s *session) play(block string) string {
	m := fence.FindStringSubmatch(block)
	kind, option, text := m[1], strings.TrimSpace(m[2]), m[3]
	if name, is := strings.CutPrefix(option, "file="); is {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(s.dir, name)), 0o755); err != nil {
			s.Fatal(err)
		}
		write(s.T, filepath.Join(s.dir, name), text)
		return block
	}
	if kind != "console" {
		return block
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		command, is := strings.CutPrefix(line, "$ ")
		if !is {
			continue
		}
		said := ""
		if option == "terminal" {
			said = s.background(strings.TrimSpace(command), strings.Count(text, "\n")-1)
		} else {
			said = s.foreground(command)
		}
		out.WriteString(line + s.shown.Replace(said))
	}
	return "```" + m[1] + m[2] + "\n" + out.String() + "```\n"
}

func (s *session) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", s.ports.Replace(line))
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

func (s *session) foreground(line string) string {
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	said, err := s.command(ctx, line).CombinedOutput()
	if ctx.Err() != nil {
		s.Fatalf("%s: %v", line, err)
	}
	return withEnd(said)
}

func withEnd(text []byte) string {
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	return string(text)
}

// background starts a program that goes on until the page ends, and gives its
// first lines: as many as the page shows, or those of the first second.
func (s *session) background(line string, shown int) string {
	cmd := s.command(context.WithoutCancel(s.Context()), "exec "+line)
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	lines := make(chan string, 1000)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			select {
			case lines <- in.Text() + "\n":
			default: // nobody looks any more
			}
		}
	})
	s.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		reading.Wait()
		_ = cmd.Wait()
	})
	patience := time.After(20 * time.Second)
	if shown <= 0 {
		shown, patience = 1000, time.After(2*time.Second)
	}
	text := ""
	for range shown {
		select {
		case l, ok := <-lines:
			if !ok {
				s.Fatalf("%s ended at once: %s", line, text)
			}
			text += l
		case <-patience:
			return text
		}
	}
	return text
}

// plain makes text independent of when and where it was printed.
func plain(text string) string {
	for _, r := range []struct{ what, by string }{
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?`, "TIME"},
		{`\b\d+(\.\d+)?(ms|s)\b`, "TOOK"},
		{`127\.0\.0\.1:\d+`, "ADDRESS"},
		{`socket=\S+`, "SOCKET"},
		{` by [a-z0-9_-]+ \(`, " by USER ("},
		{`[A-Z0-9]{8}\b`, "ID"},
		{`[ ]+`, " "},
	} {
		text = regexp.MustCompile(r.what).ReplaceAllString(text, r.by)
	}
	return text
}

// difference gives the lines in which two texts differ.
func difference(a, b string) string {
	var out strings.Builder
	was, is := strings.Split(a, "\n"), strings.Split(b, "\n")
	in := func(list []string, line string) bool {
		for _, l := range list {
			if plain(l) == plain(line) {
				return true
			}
		}
		return false
	}
	for _, l := range was {
		if !in(is, l) {
			fmt.Fprintf(&out, "- %s\n", l)
		}
	}
	for _, l := range is {
		if !in(was, l) {
			fmt.Fprintf(&out, "+ %s\n", l)
		}
	}
	return out.String()
}
