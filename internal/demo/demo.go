package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	room "millwright.dev/millwright/examples/demo"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/rehearse"
)

// Demo is a demo room that runs.
type Demo struct {
	Folder   string    `json:"folder"`   // everything below it is ours
	Sockets  string    `json:"sockets"`  // the folder of the two sockets
	Config   string    `json:"config"`   // the folder of the room that the daemon reads
	PowerMan string    `json:"powerman"` // where PowerMan's clients are served
	Redfish  string    `json:"redfish"`  // where Redfish clients are
	BMC      string    `json:"bmc"`      // where the node AsBMC is one, by IPMI
	Began    time.Time `json:"began"`

	// Devices and Nodes is how many there are.
	Devices int `json:"devices"`
	Nodes   int `json:"nodes"`

	simulator, daemon process
}

// Socket is where the daemon listens, for $MILLWRIGHT_SOCKET.
func (d *Demo) Socket() string { return filepath.Join(d.Sockets, "daemon.sock") }

// Control is where the simulated room listens, for $MILLWRIGHT_SIM.
func (d *Demo) Control() string { return filepath.Join(d.Sockets, "sim.sock") }

// mark is the file that says that a folder is a demo's, and how it stands.
const mark = "demo.json"

// Folder gives the folder for demos of this user.
func Folder() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "millwright", "demo"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("where to keep the demo: set XDG_STATE_HOME or HOME: %w", err)
	}
	return filepath.Join(home, ".local", "state", "millwright", "demo"), nil
}

// Find gives the demo of a folder, or nil if there is none. It may be half dead;
// see [Demo.Runs].
func Find(folder string) (*Demo, error) {
	text, err := os.ReadFile(filepath.Join(folder, mark))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	d := &Demo{}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(folder, mark), err)
	}
	d.own(folder)
	return d, nil
}

func (d *Demo) own(folder string) {
	d.Folder = folder
	d.simulator = process{name: "sim", dir: folder}
	d.daemon = process{name: "daemon", dir: folder}
}

// Processes gives the numbers of the simulated room and the daemon; 0 is one that
// has ended.
func (d *Demo) Processes() (simulator, daemon int) { return d.simulator.pid(), d.daemon.pid() }

// Runs tells whether both programs run. If only the simulated room does, see
// [Demo.Revive].
func (d *Demo) Runs() bool {
	simulator, daemon := d.Processes()
	return simulator > 0 && daemon > 0
}

// Stop ends both programs and removes the folder.
func (d *Demo) Stop() error {
	if err := errors.Join(d.daemon.stop(), d.simulator.stop()); err != nil {
		return err
	}
	if d.Sockets != "" && d.Sockets != d.Folder && strings.HasPrefix(filepath.Base(d.Sockets), "millwright-demo") {
		if err := os.RemoveAll(d.Sockets); err != nil {
			return err
		}
	}
	return os.RemoveAll(d.Folder)
}

// Start makes a demo in a folder and starts it; program is the program's own file.
// When it returns, the daemon has a session with every device, and no node is on.
// Whatever Start began it ends again if it fails.
func Start(ctx context.Context, program, folder string) (_ *Demo, err error) {
	unlock, err := lockParent(folder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if old, err := Find(folder); err != nil || old != nil && old.Runs() {
		return nil, errors.Join(err, fmt.Errorf("a demo runs in %s already", folder))
	} else if old != nil {
		if err := old.Stop(); err != nil {
			return nil, err
		}
	}
	d := &Demo{Began: time.Now()}
	d.own(folder)
	if err := d.furnish(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Stop())
		}
	}()
	if err := d.startSimulator(ctx, program); err != nil {
		return nil, err
	}
	if err := d.startDaemon(ctx, program); err != nil {
		return nil, err
	}
	return d, d.write()
}

// lockParent keeps a second one of us from doing the same at the same time.
func lockParent(folder string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Dir(folder))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another demo is being started in %s", folder)
	}
	return func() { f.Close() }, nil
}

// furnish fills the folder: the example room as people read it, and a place for
// sockets.
func (d *Demo) furnish() error {
	if inside, err := os.ReadDir(d.Folder); err == nil && len(inside) > 0 {
		return fmt.Errorf("%s is not empty and was not made by a demo; it is left alone", d.Folder)
	}
	if err := os.MkdirAll(d.Folder, 0o700); err != nil {
		return err
	}
	var err error
	if d.Sockets, err = socketFolder(d.Folder); err != nil {
		return err
	}
	if err := d.write(); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(d.Folder, "example"), room.Files)
}

// longest is how long the path of a socket may be.
const longest = 100

// socketFolder gives a folder for the sockets, which die with the machine and must
// have short names.
func socketFolder(folder string) (string, error) {
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		dir := filepath.Join(run, "millwright-demo")
		if err := os.Mkdir(dir, 0o700); err != nil { // there, perhaps, for another home's demo
			if dir, err = os.MkdirTemp(run, "millwright-demo-"); err != nil {
				dir = folder
			}
		}
		if len(dir)+len("/daemon.sock") < longest {
			return dir, nil
		}
	}
	if len(folder)+len("/daemon.sock") < longest {
		return folder, nil
	}
	return os.MkdirTemp("", "millwright-demo")
}

func (d *Demo) write() error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(d.Folder, mark)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path) // it is there whole, or not at all
}

func (d *Demo) startSimulator(ctx context.Context, program string) error {
	d.Config = filepath.Join(d.Folder, "room")
	example := filepath.Join(d.Folder, "example")
	err := d.simulator.start(program, "sim", filepath.Join(example, "room.yaml"), "--script", filepath.Join(example, "machines.sim"),
		"--write", d.Config, "--control", d.Control())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return d.simulator.ready(ctx, func() error { return rehearse.Ask(ctx, d.Control(), "help", io.Discard) })
}

// limit is how long each program may take until it is ready.
const limit = 15 * time.Second

func (d *Demo) startDaemon(ctx context.Context, program string) error {
	port, err := freeport.Reserve("127.0.0.1")
	if err != nil {
		return err
	}
	defer port.Release()
	release, err := d.openDoors()
	if err != nil {
		return err
	}
	defer release()
	d.PowerMan = port.Addr("127.0.0.1")
	c := client.New(d.Socket())
	defer c.Close()
	err = d.serve(ctx, program, func(ctx context.Context) error {
		v, err := c.Version(ctx)
		if err != nil {
			return err
		}
		d.Devices, d.Nodes = v.Devices, v.Nodes
		return connected(ctx, c)
	})
	if err != nil {
		return err
	}
	return d.letIn(ctx, c)
}

// serve starts the daemon and returns when it is ready.
func (d *Demo) serve(ctx context.Context, program string, ready func(context.Context) error) error {
	if err := d.daemon.start(program, d.Serving()...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return d.daemon.ready(ctx, func() error { return ready(ctx) })
}

// Serving gives the words after "millwright" that start the daemon.
func (d *Demo) Serving() []string {
	return []string{
		"serve", "--config", d.Config,
		"--state", filepath.Join(d.Folder, "state"), "--socket", d.Socket(), "--powerman", d.PowerMan,
	}
}

// Kill ends the daemon as a crash does: at once, whatever it is doing.
func (d *Demo) Kill() error { return d.daemon.kill() }

// Revive starts the daemon anew if it is dead and the simulated room is not; program is
// the program's own file. When it returns, the daemon answers, and goes on with its work.
func (d *Demo) Revive(ctx context.Context, program string) (revived bool, err error) {
	unlock, err := lockParent(d.Folder)
	if err != nil {
		return false, err
	}
	defer unlock()
	c := client.New(d.Socket())
	defer c.Close()
	answers := func(ctx context.Context) error {
		_, err := c.Version(ctx)
		return err
	}
	if simulator, daemon := d.Processes(); simulator == 0 {
		return false, errors.New("the simulated room has ended")
	} else if daemon != 0 {
		if answers(ctx) == nil {
			return false, nil
		}
		if err := d.daemon.ended(); err != nil { // it was killed a moment ago, perhaps
			return false, fmt.Errorf("the daemon, process %d, does not answer: %w", daemon, err)
		}
	}
	return true, d.serve(ctx, program, answers)
}

// connected tells whether the daemon has a session with every device.
func connected(ctx context.Context, c *client.Client) error {
	devices, err := c.Devices(ctx, "")
	if err != nil {
		return err
	}
	for i := range devices {
		if devices[i].Link != fleet.Connected {
			return fmt.Errorf("it is not connected to %s yet (%s)", devices[i].Name, devices[i].Said)
		}
	}
	return nil
}
