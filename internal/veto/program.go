package veto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"millwright.dev/millwright/internal/command"
	"millwright.dev/millwright/internal/room"
)

// variables are those of the daemon's environment that a hook gets: none that holds
// a secret.
var variables = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"}

// maxComplaint is how much of a program's stderr is kept, in bytes: its end.
const maxComplaint = 4 << 10

// run asks a program. It must end with status 0 and answer on its stdout; whatever
// it leaves running is killed.
func (p *Panel) run(ctx context.Context, v *room.Veto, question []byte) ([]byte, error) {
	path, err := p.find(v.Argv[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", command.ErrStart, err)
	}
	out := &bounded{}
	complaint := &command.Tail{Max: maxComplaint}
	cmd := &exec.Cmd{
		Path: path, Args: v.Argv, Dir: p.o.Dir, Env: environ(v.Name),
		Stdin: bytes.NewReader(question), Stdout: out, Stderr: complaint,
	}
	err = command.RunAlone(ctx, cmd)
	var exit *exec.ExitError
	switch {
	case errors.Is(out.err, errFlood):
		return nil, errFlood
	case errors.As(err, &exit):
		said := clean(lastLine(string(complaint.Kept)))
		if said != "" {
			said = ": " + said
		}
		return nil, fmt.Errorf("%s ended with %w%s", v.Argv[0], exit, said)
	case err != nil:
		return nil, err
	}
	return out.kept, nil
}

// find gives the path of a program: a relative one starts at the room's folder, and
// a plain name is looked for in PATH.
func (p *Panel) find(name string) (string, error) {
	switch {
	case filepath.IsAbs(name):
		return name, nil
	case strings.Contains(name, "/"):
		return filepath.Abs(filepath.Join(p.o.Dir, name))
	}
	return exec.LookPath(name)
}

func environ(hook string) []string {
	env := []string{"MILLWRIGHT_VETO=" + hook}
	for _, name := range variables {
		if v, set := os.LookupEnv(name); set {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func lastLine(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}

var errFlood = fmt.Errorf("its answer is longer than %d KiB", maxAnswer>>10)

// bounded takes an answer up to the bound, and then fails, which ends the writer.
type bounded struct {
	kept []byte
	err  error
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if len(b.kept)+len(p) > maxAnswer {
		b.err = errFlood
		return 0, errFlood
	}
	b.kept = append(b.kept, p...)
	return len(p), nil
}
