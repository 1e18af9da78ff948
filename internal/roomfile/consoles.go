package roomfile

import (
	"path/filepath"
	"reflect"
	"time"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// keepingPart is what is kept of a console: of one, or of all.
type keepingPart struct {
	Log        bool          `yaml:"log" doc:"Whether the console is kept open and its log going though nobody is attached." default:"no"`
	Linger     time.Duration `yaml:"linger" doc:"How long a console that is not always kept stays open when the last one has left." default:"30s"`
	Folder     string        `yaml:"folder" doc:"Where the logs are; relative to the room's folder. By default they are in the daemon's state folder."`
	Size       uint32        `yaml:"size" doc:"MiB that a log may have before it is set aside." default:"10"`
	Keep       uint32        `yaml:"keep" doc:"How many logs that were set aside are kept of each console." default:"5"`
	Timestamps bool          `yaml:"timestamps" doc:"Whether each line of the log begins with its time. Without, the log has the console's bytes alone, and cannot be replayed by time." default:"yes"`
	Scrollback uint32        `yaml:"scrollback" doc:"KiB of what came last that are shown to whoever attaches." default:"64"`
	ReadOnly   bool          `yaml:"read-only" doc:"Whether nobody may type." default:"no"`
	Message    string        `yaml:"message" doc:"Shown to whoever attaches."`
}

// consolesPart is the section `consoles:`.
type consolesPart struct {
	Nodes texts `yaml:"nodes" doc:"The nodes that log is about: nodes, aliases, @groups. By default all that have a console of their own or a service processor."`

	Keeping keepingPart `yaml:",inline"`
}

// consolePart is a node's `console:`.
type consolePart struct {
	Via        string `yaml:"via" doc:"Where the console is: an address (tcp://, telnet://, tls://, ssh://, serial:///dev/ttyS0?baud=115200, unix:///run/c.sock, exec:program) or device:plug. A range of as many members as there are nodes is walked along: telnet://ts1:[7001-7040]. By default it is the node's bmc, or the first of its cords whose device has a console."`
	Credential string `yaml:"credential" doc:"The credential to log in with at an ssh address."`
	File       string `yaml:"file" doc:"The name of the log. By default it is the node's name with .log behind it."`

	Keeping keepingPart `yaml:",inline"`
}

// The bounds of what is kept.
const (
	maxLogSize    = 4096 // MiB
	maxLogKeep    = 1000
	maxScrollback = 4096 // KiB
	maxMessage    = 1024
)

func unsaidKeeping() keepingPart {
	return keepingPart{Linger: 30 * time.Second, Size: 10, Keep: 5, Timestamps: true, Scrollback: 64}
}

// takeConsoles takes the section `consoles:`, before the nodes that stand upon it.
func (l *loader) takeConsoles() {
	part := consolesPart{Keeping: unsaidKeeping()}
	for _, p := range l.parts {
		if p.conf != nil {
			continue
		}
		v := p.doc.get("consoles")
		if v == nil || !l.onlyOnce(field{key: "consoles", at: v.at, value: v}) {
			continue
		}
		l.decode(v, &part)
		l.checkKeeping(v, &part.Keeping)
		if nodes := v.get("nodes"); nodes != nil {
			l.draft.ConsoleNodes = append([]string{}, l.members(nodes, part.Nodes).names...)
		}
	}
	l.keeping = part.Keeping
	l.draft.Settings.Consoles.Keeping = keepingOf(&part.Keeping)
	l.draft.Settings.Consoles.ReadOnly, l.draft.Settings.Consoles.Message = part.Keeping.ReadOnly, part.Keeping.Message
}

func (l *loader) checkKeeping(v *value, k *keepingPart) {
	if v.shape != mapping {
		return
	}
	at := func(key string) place {
		if f := v.get(key); f != nil {
			return f.at
		}
		return v.at
	}
	switch {
	case k.Size == 0 || k.Size > maxLogSize:
		l.fail(at("size"), "a log has 1 to %d MiB", maxLogSize)
	case k.Keep > maxLogKeep:
		l.fail(at("keep"), "at most %d logs are kept of each console", maxLogKeep)
	case k.Scrollback > maxScrollback:
		l.fail(at("scrollback"), "at most %d KiB are kept to be shown", maxScrollback)
	case len(k.Message) > maxMessage:
		l.fail(at("message"), "a message has at most %d bytes", maxMessage)
	}
}

func keepingOf(k *keepingPart) room.Keeping {
	return room.Keeping{
		Log: k.Log, Linger: k.Linger, Folder: k.Folder, Size: int64(k.Size) << 20, Keep: int(k.Keep),
		Raw: !k.Timestamps, Scrollback: int(k.Scrollback) << 10,
	}
}

// consoles gives the console of the i-th of an entry's n nodes.
func (l *loader) consoles(e *nodeEntry, n int) func(i int) *room.DraftConsole {
	v := e.value.get("console")
	if v == nil || v.shape != mapping {
		return func(int) *room.DraftConsole { return nil }
	}
	walk := deviceEntry{}
	return func(i int) *room.DraftConsole {
		mine := v
		if n > 1 {
			mine = walk.walk(v, i, n)
		}
		part := consolePart{Keeping: l.keeping}
		if i == 0 || n > 1 { // the places of faults are the same for all: the first tells
			fail := l.decoder.fail
			if i > 0 {
				l.decoder.fail = func(place, string, ...any) {}
			}
			l.decoder.decode(mine, reflect.ValueOf(&part).Elem())
			l.decoder.fail = fail
		}
		if i == 0 {
			l.checkKeeping(v, &part.Keeping)
			l.checkConsole(mine, &part)
		}
		return &room.DraftConsole{LogSaid: v.get("log") != nil, Console: room.Console{
			Via: part.Via, Credential: part.Credential, ReadOnly: part.Keeping.ReadOnly, Message: part.Keeping.Message,
			Keeping: fileOf(keepingOf(&part.Keeping), part.File),
		}}
	}
}

func fileOf(k room.Keeping, file string) room.Keeping {
	k.File = file
	return k
}

// checkConsole checks what only one console can have.
func (l *loader) checkConsole(v *value, part *consolePart) {
	if part.File != "" && (!filepath.IsLocal(part.File) || filepath.Clean(part.File) == ".") {
		l.fail(v.get("file").at, "%q does not stay inside the folder of the logs", part.File)
	}
	if !room.IsAddress(part.Via) {
		if part.Credential != "" {
			l.fail(v.get("credential").at, "a credential is for an ssh address; a device has its own")
		}
		return
	}
	at, err := transport.ParseURL(part.Via)
	switch {
	case err != nil:
		l.fail(v.get("via").at, "%v", err)
	case part.Credential != "" && at.Scheme != transport.SSH:
		l.fail(v.get("credential").at, "a credential is for an ssh address")
	}
}
