package folder

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Folder is what a folder holds. Items are in the order of their names.
type Folder struct {
	Config      Config
	PDUs        []Generator
	Controllers []Generator
	Testers     []Generator
	Servers     []Server
	// Problems is all that is wrong, by file and line.
	Problems []Problem
	// Files are the files that were read, by the name they were opened by, in
	// the order of Order.
	Files map[string][]byte
	Order []string
}

// Config is what config.ini holds, with defaults for what it does not.
type Config struct {
	File    string // "" if there is none
	Plugins []string
	// The folders, from the one that is read. PluginDir and LogFile are from
	// where Ockle was installed.
	PluginDir, ServerDir, PDUDir, TesterDir, ControllerDir, LogFile string
	// Settle is how long to wait after outlets and after controls were switched
	// (max_startup_time).
	Settle time.Duration
	// MaxAttempts is how often a server is started or stopped until that has
	// failed for good; zero is no limit.
	MaxAttempts int
	Listener    Listener
	Logger      Logger
	AutoControl AutoControl
}

// Listener is the section of the plugin SocketListener.
type Listener struct {
	Port           int
	MaxConnections int
	MaxReceive     int // in bytes; the original does not hold to it
	Timeout        time.Duration
}

// Logger is the section of the plugin Logger.
type Logger struct {
	Database   string // a URL, in which ~~HOME~~ stands for where Ockle was installed
	Resolution time.Duration
}

// Path gives the file of the log's table, if it is one of SQLite: home is where
// Ockle was installed.
func (l Logger) Path(home string) (path string, found bool) {
	path, found = strings.CutPrefix(l.Database, "sqlite:///")
	if !found || path == "" {
		return "", false
	}
	path = strings.ReplaceAll(path, "~~HOME~~", strings.TrimSuffix(home, "/")+"/")
	return filepath.Clean(path), true
}

// AutoControl is the section of the plugin AutoControl.
type AutoControl struct {
	Wait       time.Duration // between two looks at the network
	IdlePasses int           // looks without anything to do, after which it gives up
}

// Kind is what a generator makes for servers: a PDU outlets, a controller
// controls, a tester tests.
type Kind string

// The kinds.
const (
	PDU        Kind = "pdu"
	Controller Kind = "controller"
	Tester     Kind = "tester"
)

// Object gives what servers have of a generator of this kind.
func (k Kind) Object() string {
	switch k {
	case PDU:
		return "outlet"
	case Controller:
		return "control"
	}
	return "test"
}

// Generator is a PDU, a controller or a tester.
type Generator struct {
	Kind     Kind
	Name     string
	File     string
	Type     string
	Comment  string
	Settings map[string]string // of its type, those that are missing filled in
	Broken   string            // why it cannot be used; "" if it can
}

// Server is a server.
type Server struct {
	Name    string
	File    string
	Comment string
	// What is in use, in the order in which it is to be switched and tested.
	Outlets, Controls, Tests []Object
	// Disabled are configured and not in use, in the order of the file.
	Disabled []Object
	// Needs are the servers that it depends on, in the order of the file; Cut are
	// those that were taken from them, to break a circle.
	Needs, Cut []string
	Broken     string // why it cannot be used; "" if it can
}

// Object is an outlet, a control or a test of a server.
type Object struct {
	Kind     Kind // of its generator
	Name     string
	Line     int
	From     string            // the generator's name
	Settings map[string]string // of the generator's type, those that are missing filled in
	Broken   string            // why it cannot be used; "" if it can
}

// Problem is one thing that is wrong.
type Problem struct {
	File    string
	Line    int    // from one; zero if it is about the whole file
	Item    string // what is set aside because of it, such as `server web`; "" if nothing is
	Msg     string
	Warning bool // it keeps nothing from working
}

// Error gives "file:line: message".
func (p Problem) Error() string {
	switch {
	case p.File == "":
		return p.Msg
	case p.Line == 0:
		return p.File + ": " + p.Msg
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Msg)
}

// Server gives a server by its name, nil if there is none.
func (f *Folder) Server(name string) *Server {
	for i := range f.Servers {
		if f.Servers[i].Name == name {
			return &f.Servers[i]
		}
	}
	return nil
}

// Generators gives those of a kind.
func (f *Folder) Generators(k Kind) []Generator {
	switch k {
	case PDU:
		return f.PDUs
	case Controller:
		return f.Controllers
	}
	return f.Testers
}
