// Package doctor looks for what is wrong with an installation: its configuration,
// its daemon, its files, the machine beneath. Each finding says in one line what is
// wrong and in another what to do about it.
//
// It exists because most trouble with a daemon is trouble around it: a folder that
// belongs to root, a port that somebody else holds, a clock that is off. All of it
// can be looked up, and few remember where.
//
// It changes nothing, and switches nothing.
//
//	doctor.go        what is examined, and what comes of it
//	daemon.go        the daemon that answers, its socket, its devices
//	room.go          the files of the room, and what they refer to
//	doors.go         ports and certificates
//	machine.go       the state folder, the clock, limits, systemd
//	holder_linux.go  which program holds a port
//
// Start at [Examine].
package doctor

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Severity says how bad a finding is. The greater, the worse.
type Severity int

// The severities.
const (
	Good    Severity = iota // it is as it should be
	Warning                 // it works, and will not for ever, or not for everybody
	Bad                     // it does not work
)

// String gives the word for it.
func (s Severity) String() string { return [...]string{"good", "warning", "bad"}[s] }

// MarshalText gives the word for it.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that was looked at.
type Finding struct {
	Check    string   `json:"check"` // what was looked at, in a word
	Severity Severity `json:"severity"`
	Text     string   `json:"finding"`          // one line
	Remedy   string   `json:"remedy,omitempty"` // one line: what to do
}

// Patient is what is examined.
type Patient struct {
	Config  string          // the room file, folder, or powerman.conf; if Said is false, the daemon's own goes before it
	Said    bool            // Config was named by the user
	State   string          // the state folder; "" leaves it out
	Socket  string          // the daemon's; "" if it is asked elsewhere
	Client  *client.Client  // asks it
	Version string          // of this program
	Drivers []driver.Driver // what devices can be driven by

	// Connect dials the addresses of devices when no daemon says how they are.
	Connect bool
	// PowerMan overrides where PowerMan's clients are served; see app.Doors.
	PowerMan []string
	// Proc and Runtime are where the system's files are; "/proc" and
	// "/run/systemd/system" if they are empty.
	Proc, Runtime string
}

// patience is how long one question to the daemon or one program may take.
const patience = 5 * time.Second

// visit is one examination.
type visit struct {
	Patient
	found []Finding

	daemon *wire.Version // nil if none answers
	room   *room.Room    // nil if it cannot be read
}

// Examine looks at everything and gives what it finds, in the order in which it
// looks: what comes first may be why something later is wrong.
func Examine(ctx context.Context, p Patient) []Finding {
	v := &visit{Patient: p}
	if v.Proc == "" {
		v.Proc = "/proc"
	}
	if v.Runtime == "" {
		v.Runtime = "/run/systemd/system"
	}
	here := p.Socket != ""
	v.askDaemon(ctx)
	if here {
		v.lookAtSocket()
		v.lookAtUnit(ctx)
		v.readRoom(ctx)
		v.lookAtState(ctx)
	}
	if v.room != nil {
		v.resolveSecrets(ctx)
		v.lookForPrograms()
		v.lookForTwins()
		v.lookAtDoors(ctx)
		v.lookAtCertificates()
		v.lookAtLimits()
	}
	v.lookAtDevices(ctx)
	v.lookAtNodes(ctx)
	v.lookAtQuestions(ctx)
	if here {
		v.lookAtClock()
	}
	return v.found
}

// Worst gives the worst severity among findings.
func Worst(list []Finding) Severity {
	worst := Good
	for _, f := range list {
		worst = max(worst, f.Severity)
	}
	return worst
}

func (v *visit) good(check, format string, args ...any) {
	v.found = append(v.found, Finding{Check: check, Text: fmt.Sprintf(format, args...)})
}

func (v *visit) warn(check, remedy, format string, args ...any) {
	v.found = append(v.found, Finding{Check: check, Severity: Warning, Text: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (v *visit) bad(check, remedy, format string, args ...any) {
	v.found = append(v.found, Finding{Check: check, Severity: Bad, Text: fmt.Sprintf(format, args...), Remedy: remedy})
}

// counted gives "1 node", "2 nodes".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
