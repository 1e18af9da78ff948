package roomfile

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// checkPart is an entry of the section `checks:`.
type checkPart struct {
	Kind       string        `yaml:"kind" doc:"The kind of check." required:"true"`
	Nodes      texts         `yaml:"nodes" doc:"The nodes that have this check: nodes, aliases, @groups, besides those that name it themselves."`
	Settings   anything      `yaml:"settings" doc:"The kind's own settings. {node} and {address} stand for the node that is looked at."`
	Credential string        `yaml:"credential" doc:"One of the credentials."`
	Every      time.Duration `yaml:"every" doc:"How often it is made unasked; 0s is never." default:"1m"`
	Timeout    time.Duration `yaml:"timeout" doc:"How long one look may take." default:"10s"`
	Retries    uint16        `yaml:"retries" doc:"How often it is made again when it was bad, before that counts." default:"2"`
	RetryAfter time.Duration `yaml:"retry-after" doc:"The pause before it is made again." default:"5s"`
	Starting   bool          `yaml:"starting" doc:"Whether a node has come up only when this check is ok." default:"yes"`
}

// controlPart is an entry of the section `controls:`.
type controlPart struct {
	Kind       string        `yaml:"kind" doc:"The kind of control." required:"true"`
	Nodes      texts         `yaml:"nodes" doc:"The nodes that have this control: nodes, aliases, @groups, besides those that name it themselves."`
	Settings   anything      `yaml:"settings" doc:"The kind's own settings. {node} and {address} stand for the node at hand."`
	Credential string        `yaml:"credential" doc:"One of the credentials."`
	Timeout    time.Duration `yaml:"timeout" doc:"How long each thing that it is asked to do may take." default:"30s"`
}

// The bounds of what is said of checks and controls.
const (
	leastEvery   = 100 * time.Millisecond
	mostTimeout  = time.Hour
	mostEvery    = 366 * day
	mostLooks    = 1000
	unsaidEvery  = time.Minute
	unsaidLook   = 10 * time.Second
	unsaidAgain  = 5 * time.Second
	unsaidRetry  = 2
	unsaidAction = 30 * time.Second
)

// check takes one entry of `checks:`.
func (l *loader) check(f field) {
	l.plainName(f, "check")
	part := checkPart{Every: unsaidEvery, Timeout: unsaidLook, Retries: unsaidRetry, RetryAfter: unsaidAgain, Starting: true}
	l.decode(f.value, &part)
	source := entrySource{at: f.at, value: f.value}
	source.members = l.members(f.value.get("nodes"), part.Nodes)
	d := room.DraftCheck{Members: source.members.names, Check: room.Check{
		Name: f.key, Kind: part.Kind, Credential: part.Credential, Every: part.Every, Timeout: part.Timeout,
		Retries: int(part.Retries), RetryAfter: part.RetryAfter, Starting: part.Starting,
	}}
	switch {
	case part.Timeout <= 0 || part.Timeout > mostTimeout:
		l.fail(at(f.value, "timeout"), "a look takes more than nothing and at most %v", mostTimeout)
	case part.Every != 0 && (part.Every < leastEvery || part.Every > mostEvery):
		l.fail(at(f.value, "every"), "a check is made every %v at most, and every %v at least; 0s is never", leastEvery, mostEvery)
	case part.Retries > mostLooks || part.RetryAfter < 0 || part.RetryAfter > day:
		l.fail(at(f.value, "retries"), "a check is made at most %d times again, within a day each", mostLooks)
	}
	for i := range l.o.Checks {
		if k := &l.o.Checks[i]; k.Name == part.Kind {
			settings := k.New()
			d.Settings = prepared(l, f, "check", settings, settings.Prepare)
		}
	}
	if d.Settings == nil {
		l.noKind(f, "check", part.Kind, namesOf(l.o.Checks, func(k check.Kind) string { return k.Name }))
	}
	l.draft.Checks = append(l.draft.Checks, d)
	l.checks = append(l.checks, source)
}

// control takes one entry of `controls:`.
func (l *loader) control(f field) {
	l.plainName(f, "control")
	part := controlPart{Timeout: unsaidAction}
	l.decode(f.value, &part)
	source := entrySource{at: f.at, value: f.value}
	source.members = l.members(f.value.get("nodes"), part.Nodes)
	d := room.DraftControl{Members: source.members.names, Control: room.Control{
		Name: f.key, Kind: part.Kind, Credential: part.Credential, Timeout: part.Timeout,
	}}
	if part.Timeout <= 0 || part.Timeout > mostTimeout {
		l.fail(at(f.value, "timeout"), "what a control is asked to do takes more than nothing and at most %v", mostTimeout)
	}
	for i := range l.o.Controls {
		if k := &l.o.Controls[i]; k.Name == part.Kind {
			settings := k.New()
			d.Settings = prepared(l, f, "control", settings, settings.Prepare)
		}
	}
	if d.Settings == nil {
		l.noKind(f, "control", part.Kind, namesOf(l.o.Controls, func(k control.Kind) string { return k.Name }))
	}
	l.draft.Controls = append(l.draft.Controls, d)
	l.controls = append(l.controls, source)
}

// prepared decodes the settings of a check or control, and gives what becomes of them.
func prepared[T any](l *loader, f field, what string, settings any, prepare func() (T, error)) any {
	v := f.value.get("settings")
	if v == nil {
		v = &value{at: f.at}
	}
	before := len(l.problems)
	l.decoder.decode(v, reflect.ValueOf(settings).Elem())
	if len(l.problems) > before {
		return settings
	}
	made, err := prepare()
	if err == nil {
		return made
	}
	where, msg := v.at, err.Error()
	var wrong *driver.FieldError
	if errors.As(err, &wrong) {
		if part := v.get(wrong.Field); part != nil {
			where, msg = part.at, wrong.Err.Error()
		}
	}
	l.failFor(where, what, f.key, "", msg)
	return settings
}

// noKind says that there is no such kind, unless it was not named at all.
func (l *loader) noKind(f field, what, kind string, names []string) {
	if kind == "" {
		return
	}
	slices.Sort(names)
	l.failFor(at(f.value, "kind"), what, f.key, "", fmt.Sprintf("there is no kind of %s %q; there are %s", what, kind, strings.Join(names, ", ")))
}

func namesOf[T any](list []T, name func(T) string) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = name(list[i])
	}
	return names
}
