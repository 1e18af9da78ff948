// Package exec drives devices by running the user's own commands: for whatever
// has a command line tool and no driver here.
//
// It exists as the way out. A hypervisor, a relay on a GPIO pin, a vendor's cloud:
// who can switch it from a shell can have it in the room, in five lines:
//
//	driver: exec
//	settings:
//	  on: virsh start {plug}
//	  off: virsh destroy {plug}
//	  status: virsh domstate {plug}
//	  on-match: ^running$
//	  off-match: ^shut off$
//
// Start at [Settings], whose tags say what each setting means.
//
// # Commands
//
// A command is split at blanks; a part in single or double quotes stays together.
// There is no shell, and nothing else is special: who wants a pipe or a variable
// writes a script and names it here. {plug} stands for the plug's name, {device}
// for the device's, and {plugs} for all plugs of a request, folded ("n[1-3,7]"):
// then one call does them all. What stands between double braces is left as it is.
//
// A command says how it went by its exit status. If that is not 0, the last line
// of its stderr is what the user is told. A call for several plugs may tell them
// apart by lines on stdout, "PLUG: ok" for those that worked.
//
// A command that reads prints the answer: "on", "off" or what on-match and
// off-match say; for several plugs a line for each, "PLUG: on".
//
// The credential is in the environment, as MILLWRIGHT_USER and MILLWRIGHT_PASSWORD.
// Of the daemon's own environment only what every program needs is passed on, and
// what `pass-env` names: other devices' secrets may be in the rest.
//
// # Ends
//
// A command that takes too long, or whose request is cancelled, gets SIGTERM with
// all that it has started in its process group, and after a second SIGKILL; what
// it did is then unknown. What a command that ended by itself leaves running is
// left alone: it may be the virtual machine. There is no line to the device, so
// a session never dies by itself.
package exec

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "exec",
		Summary: "a device that is switched by running commands of your own",
		New: func() driver.Settings {
			return &Settings{OnMatch: "(?i)^on$", OffMatch: "(?i)^off$", Timeout: 10 * time.Second, AtOnce: 4, Rest: 5 * time.Second}
		},
	}
}

// Settings of one device. The verbs it can do are those whose commands are given,
// and cycle if there are on and off.
type Settings struct {
	On         string `yaml:"on" doc:"command that switches a plug on; {plug}, {plugs} and {device} are replaced"`
	Off        string `yaml:"off" doc:"command that switches a plug off"`
	Cycle      string `yaml:"cycle" doc:"command that switches a plug off and on again; without it, off, rest and on are done"`
	Reset      string `yaml:"reset" doc:"command that resets the machine on a plug"`
	Status     string `yaml:"status" doc:"command that prints whether a plug is on: on or off, or a line PLUG: on for each plug"`
	StatusSoft string `yaml:"status-soft" doc:"command that prints in the same way whether the operating system is up"`
	Temp       string `yaml:"temp" doc:"command that prints a temperature, or a line PLUG: TEXT for each plug"`
	Beacon     string `yaml:"beacon" doc:"command that prints whether the locator light is on"`
	BeaconOn   string `yaml:"beacon-on" doc:"command that switches the locator light on"`
	BeaconOff  string `yaml:"beacon-off" doc:"command that switches the locator light off"`
	SoftOff    string `yaml:"soft-off" doc:"command that asks the operating system on a plug's machine to shut down"`
	Diag       string `yaml:"diag" doc:"command that sends a plug's machine a diagnostic interrupt (NMI)"`

	OnMatch  string `yaml:"on-match" default:"(?i)^on$" doc:"regular expression (RE2) of what status and beacon print for on"`
	OffMatch string `yaml:"off-match" default:"(?i)^off$" doc:"regular expression (RE2) of what status and beacon print for off"`

	Plugs   []string      `yaml:"plugs" doc:"the plugs there are, ranges allowed; without it, any name will do"`
	Timeout time.Duration `yaml:"timeout" default:"10s" doc:"how long one command may take"`
	AtOnce  int           `yaml:"at-once" default:"4" doc:"how many commands may run at the same time"`
	Rest    time.Duration `yaml:"rest" default:"5s" doc:"time without power between off and on, if there is no cycle command"`
	PassEnv []string      `yaml:"pass-env" doc:"further variables of the daemon's environment that the commands get"`

	jobs    map[room.Op]job // what Traits has made of the above
	on, off *regexp.Regexp
}

// job is how an operation is done: by one command, or by two with a rest between.
type job struct {
	first, second *template
	many          bool // one call takes all plugs
	lines         bool // the answer is a line for each plug
}

// calls is in how many calls the plugs are done.
func (j job) calls(plugs int) int {
	if j.many {
		return 1
	}
	return plugs
}

// commands gives what is written for each operation.
func (s *Settings) commands() map[room.Op]string {
	return map[room.Op]string{
		room.On: s.On, room.Off: s.Off, room.Cycle: s.Cycle, room.Reset: s.Reset,
		room.Status: s.Status, room.StatusSoft: s.StatusSoft, room.Temp: s.Temp,
		room.Beacon: s.Beacon, room.BeaconOn: s.BeaconOn, room.BeaconOff: s.BeaconOff,
		room.SoftOff: s.SoftOff, room.Diag: s.Diag,
	}
}

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	plugs, err := s.limits()
	if err != nil {
		return driver.Traits{}, err
	}
	jobs := make(map[room.Op]job)
	t := driver.Traits{Type: "exec", Plugs: plugs, Timeout: s.Timeout}
	commands := s.commands()
	for _, op := range room.Ops() {
		j, err := parseJob(op, commands[op], plugs)
		if err != nil {
			return driver.Traits{}, &driver.FieldError{Field: op.String(), Err: err}
		}
		if op == room.Cycle && j.first == nil {
			j = compose(jobs[room.Off], jobs[room.On])
		}
		if j.first != nil {
			jobs[op] = j
			t.Verbs = append(t.Verbs, op)
		}
	}
	if len(jobs) == 0 {
		return driver.Traits{}, &driver.FieldError{Field: "on", Err: errors.New("no command is given, so the device can do nothing")}
	}
	t.Actions = func(op room.Op, plugs int, _ bool) int { return jobs[op].calls(plugs) }
	s.jobs = jobs
	return t, nil
}

// limits checks the settings that are no commands.
func (s *Settings) limits() (plugs []string, err error) {
	wrong := func(field string, err error) error { return &driver.FieldError{Field: field, Err: err} }
	switch {
	case s.Timeout <= 0:
		return nil, wrong("timeout", errors.New("must be more than nothing"))
	case s.AtOnce < 1:
		return nil, wrong("at-once", errors.New("must be at least 1"))
	case s.Rest < 0:
		return nil, wrong("rest", errors.New("must not be negative"))
	}
	if s.on, err = regexp.Compile(s.OnMatch); err != nil {
		return nil, wrong("on-match", err)
	}
	if s.off, err = regexp.Compile(s.OffMatch); err != nil {
		return nil, wrong("off-match", err)
	}
	seen := make(map[string]bool)
	for _, text := range s.Plugs {
		names, err := hostlist.Expand(text)
		if err != nil {
			return nil, wrong("plugs", err)
		}
		for _, name := range names {
			if name == "" || seen[name] {
				return nil, wrong("plugs", fmt.Errorf("plug %q is there twice or has no name", name))
			}
			seen[name] = true
			plugs = append(plugs, name)
		}
	}
	return plugs, nil
}

// parseJob makes a job of a command; the zero job if there is none.
func parseJob(op room.Op, command string, plugs []string) (job, error) {
	if command == "" {
		return job{}, nil
	}
	t, err := parseTemplate(command)
	if err != nil {
		return job{}, err
	}
	j := job{first: t, many: t.ranged, lines: t.ranged}
	if !t.single && !t.ranged && len(plugs) != 1 {
		if op.Changes() {
			return job{}, errors.New("neither {plug} nor {plugs} is in it, so it would do the same for every plug; if the device has but one, list it under plugs")
		}
		j.many, j.lines = true, true
	}
	return j, nil
}

// compose makes a cycle of off and on.
func compose(off, on job) job {
	if off.first == nil || on.first == nil {
		return job{}
	}
	return job{first: off.first, second: on.first, many: off.many && on.many, lines: off.many && on.many}
}

// Open implements [driver.Settings]. There is nothing to reach but the programs.
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	if ctx.Err() != nil {
		return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: context.Cause(ctx)}
	}
	programs := make(map[string]string)
	for _, j := range s.jobs {
		for _, t := range []*template{j.first, j.second} {
			if t == nil || programs[t.program] != "" {
				continue
			}
			path, err := exec.LookPath(t.program)
			if err != nil {
				return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: err}
			}
			programs[t.program] = path
		}
	}
	env.Reached()
	return &session{
		Settings: s, env: env, programs: programs,
		masker: secret.NewMasker(env.Credential.Secrets()...), environ: s.environ(env.Credential),
	}, nil
}

var _ driver.Settings = (*Settings)(nil)
