package roomfile_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

// menu is the settings of a made-up driver that has all sorts of fields.
type menu struct {
	Spec     string            `yaml:"spec" doc:"Name of a specification." required:"true"`
	Address  string            `yaml:"address" doc:"Where it is."`
	Flags    string            `yaml:"flags" doc:"PowerMan's fourth string."`
	Wait     time.Duration     `yaml:"wait" doc:"How long to wait." default:"1s"`
	Retries  uint8             `yaml:"retries" doc:"How often." default:"3"`
	Offset   int               `yaml:"offset" doc:"Where to begin."`
	Factor   float64           `yaml:"factor" doc:"What to multiply with."`
	Quiet    bool              `yaml:"quiet" doc:"Say nothing."`
	Style    string            `yaml:"style" doc:"Which menu." enum:"old,new" default:"new"`
	Prompts  []string          `yaml:"prompts" doc:"What it may say."`
	Names    map[string]string `yaml:"names" doc:"What is called how."`
	Nested   nested            `yaml:"nested" doc:"More."`
	Optional *nested           `yaml:"optional" doc:"Even more."`

	spec *devspec.Spec
}

type nested struct {
	Depth int `yaml:"depth" doc:"How deep."`
}

func (m *menu) Traits(shelf driver.Shelf) (driver.Traits, error) {
	spec, found := shelf.Specification(m.Spec)
	if !found {
		return driver.Traits{}, &driver.FieldError{Field: "spec", Err: fmt.Errorf("there is no specification %q", m.Spec)}
	}
	if m.Address == "" {
		return driver.Traits{}, errors.New("it has no address")
	}
	m.spec = spec
	return driver.Traits{Type: spec.Name, Plugs: spec.Plugs, Verbs: []room.Op{room.On, room.Off, room.Status}}, nil
}

func (*menu) Open(context.Context, driver.Env) (driver.Session, error) {
	return nil, errors.New("it is not there")
}

func drivers() []driver.Driver {
	return []driver.Driver{{Name: "script", Summary: "for tests", New: func() driver.Settings {
		return &menu{Wait: time.Second, Retries: 3, Style: "new"}
	}}}
}

func powermanDevice(spec *devspec.Spec, where, flags string) (driver.Settings, error) {
	return &menu{Spec: spec.Name, Address: where, Flags: flags, Wait: time.Second, Retries: 5, Style: "new"}, nil
}

// specs are two device types: "eight" has fixed plugs, "free" has not.
const specs = `specification "eight" {
	timeout 5
	plug name { "1" "2" "3" "4" "5" "6" "7" "8" }
	script login { expect "> " }
	script on { send "on %s\n" expect "> " }
	script off { send "off %s\n" expect "> " }
	script status_all { send "stat\n" foreachplug { expect "([0-9]+): (on|off)\n" setplugstate $1 $2 on="on" off="off" } expect "> " }
}
specification "free" {
	timeout 5
	script login { expect "> " }
	script on { send "on %s\n" expect "> " }
}
`

// load reads a room whose files are given as name and text in turn.
func load(t testing.TB, path string, nameAndText ...string) (*roomfile.Result, error) {
	t.Helper()
	files := map[string][]byte{"specs.dev": []byte(specs)}
	for i := 0; i < len(nameAndText); i += 2 {
		files[nameAndText[i]] = []byte(nameAndText[i+1])
	}
	return roomfile.Load(t.Context(), path, options(files))
}

func options(files map[string][]byte) roomfile.Options {
	o := roomfile.Options{Drivers: drivers(), PowerManDevice: powermanDevice}
	if files != nil {
		o.Open, o.Glob = roomfile.Replay(files)
	}
	return o
}
