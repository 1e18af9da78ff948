package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/secret/vault"
	"millwright.dev/millwright/internal/transport"
)

// readRoom reads the files of the room.
func (v *visit) readRoom(ctx context.Context) {
	read, err := roomfile.Load(ctx, v.Config, app.ReadOptions(v.Drivers, false))
	var problems roomfile.Problems
	switch {
	case errors.As(err, &problems):
		if _, gone := os.Stat(v.Config); errors.Is(gone, os.ErrNotExist) {
			v.bad("configuration", "make one: millwright init; or say where it is: --config PATH", "there is no %s", v.Config)
			return
		}
		const most = 5
		for _, p := range problems[:min(len(problems), most)] {
			v.bad("configuration", "mend it; millwright validate "+v.Config+" shows the place", "%s", firstLine(p.Error()))
		}
		if more := len(problems) - most; more > 0 {
			v.bad("configuration", "millwright validate "+v.Config, "and %s more", counted(more, "problem"))
		}
		return
	case err != nil:
		v.bad("configuration", "millwright validate "+v.Config, "%v", err)
		return
	}
	v.room = read.Room
	for _, w := range read.Warnings {
		v.warn("configuration", "millwright validate "+v.Config+" shows the place", "%s", firstLine(w.Error()))
	}
	v.good("configuration", "%s: %s, %s", v.Config, counted(len(v.room.Nodes), "node"), counted(len(v.room.Devices), "device"))
	v.lookAtAge(read.Order)
}

// lookAtAge finds files that are newer than what the daemon has read, and files from
// the future.
func (v *visit) lookAtAge(names []string) {
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		if ahead := time.Until(info.ModTime()); ahead > time.Minute {
			v.warn("clock", "set the clock (timedatectl set-ntp true), then: touch "+name, "%s was written %s in the future: the clock has been put back, or was wrong", name, ahead.Round(time.Second))
			return
		}
	}
}

// resolveSecrets sees whether everything that the room logs in with is there.
func (v *visit) resolveSecrets(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	from := secret.Places{Dir: roomfile.Folder(v.Config)}
	if o, ok := app.SecretStore(v.room.Settings.Secrets, v.Config, v.State); ok {
		from.Store = vault.New(o)
	}
	refs := app.References(v.room)
	there := 0
	for _, r := range refs {
		err := r.Err
		if err == nil {
			_, err = r.Ref.Resolve(ctx, from)
		}
		name, stored := r.Ref.Stored()
		_, variable := r.Ref.Variable()
		said := strings.TrimPrefix(fmt.Sprint(err), "secret "+r.Ref.String()+": ")
		switch {
		case err == nil:
			there++
		case variable:
			v.warn("secrets", "the daemon's environment may have it; better: millwright secret set NAME, and secret:NAME in the room", "%s: %s is not set here", r.For, r.Ref)
		case stored && errors.Is(err, secret.ErrMissing):
			v.bad("secrets", "millwright secret set "+name, "%s: %s: %s", r.For, r.Ref, said)
		default:
			v.bad("secrets", "millwright secret check, as the daemon's user", "%s: %s: %s", r.For, r.Ref, said)
		}
	}
	if len(refs) > 0 && there == len(refs) {
		v.good("secrets", "all %d are there", there)
	}
}

// settingsOf gives what a device's settings say, by the names of room files: texts
// only.
func settingsOf(d *room.Device) map[string]string {
	said := make(map[string]string)
	prepared, ok := d.Settings.(*driver.Prepared)
	if !ok {
		if p, is := d.Settings.(driver.Prepared); is {
			prepared = &p
		} else {
			return said
		}
	}
	at := reflect.ValueOf(prepared.Settings)
	for at.Kind() == reflect.Pointer && !at.IsNil() {
		at = at.Elem()
	}
	if at.Kind() != reflect.Struct {
		return said
	}
	for i := range at.NumField() {
		f := at.Type().Field(i)
		if name := f.Tag.Get("yaml"); name != "" && f.IsExported() && f.Type.Kind() == reflect.String {
			said[name] = at.Field(i).String()
		}
	}
	return said
}

// lookForPrograms sees whether the programs that devices and veto hooks are reached
// by are there.
func (v *visit) lookForPrograms() {
	of := make(map[string][]string) // who needs it, by program
	for i := range v.room.Devices {
		d := &v.room.Devices[i]
		for _, program := range programsOf(d) {
			of[program] = append(of[program], d.Name)
		}
	}
	for i := range v.room.Vetoes {
		if argv := v.room.Vetoes[i].Argv; len(argv) > 0 {
			of[argv[0]] = append(of[argv[0]], "the veto hook "+v.room.Vetoes[i].Name)
		}
	}
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	missing := 0
	for _, name := range names {
		path := name
		if strings.Contains(name, "/") && !filepath.IsAbs(name) {
			path = filepath.Join(roomfile.Folder(v.Config), name)
		}
		if _, err := exec.LookPath(path); err != nil {
			missing++
			v.bad("programs", "install it, or chmod +x; and name it by its whole path", "%s needs the program %s: %v", hostlist.Fold(of[name]), name, errors.Unwrap(err))
		}
	}
	if len(names) > 0 && missing == 0 {
		v.good("programs", "all %d that devices and hooks need are there", len(names))
	}
}

// programsOf gives the programs that a device is reached by.
func programsOf(d *room.Device) (list []string) {
	said := settingsOf(d)
	if d.Driver == "exec" {
		for _, op := range room.Ops() {
			if words := strings.Fields(said[op.String()]); len(words) > 0 && !slices.Contains(list, words[0]) {
				list = append(list, words[0])
			}
		}
		return list
	}
	if to, err := transport.ParseURL(said["address"]); err == nil && to.Scheme == transport.Exec && len(to.Argv) > 0 {
		return []string{to.Argv[0]}
	}
	return nil
}

// hostPorts gives where each device is on the network: host and port, by its place.
func hostPorts(r *room.Room) map[int]string {
	places := make(map[int]string)
	for i := range r.Devices {
		address := settingsOf(&r.Devices[i])["address"]
		if to, err := transport.ParseURL(address); err == nil {
			if to.Port != 0 {
				places[i] = to.HostPort()
			}
			continue
		}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme == "udp" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		if port != "" {
			places[i] = net.JoinHostPort(u.Hostname(), port)
		}
	}
	return places
}

// shared are drivers of which several devices may well have one address: units
// behind a broker or a bus.
var shared = map[string]bool{"mqtt": true, "modbus": true, "snmp": true}

// lookForTwins finds devices with the same address: most units have one session.
func (v *visit) lookForTwins() {
	at := make(map[string][]string)
	for i, place := range hostPorts(v.room) {
		if !shared[v.room.Devices[i].Driver] {
			at[place] = append(at[place], v.room.Devices[i].Name)
		}
	}
	for _, place := range sortedKeys(at) {
		if names := at[place]; len(names) > 1 {
			v.warn("devices", "if it is one unit, make it one device with all plugs", "%s have the same address, %s: they will take each other's session away", hostlist.Fold(names), place)
		}
	}
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// dialDevices tries whether something listens where devices should be. It says
// nothing to them.
func (v *visit) dialDevices(ctx context.Context) {
	places := hostPorts(v.room)
	errs := make([]error, len(v.room.Devices))
	const atOnce = 32
	seats := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, place := range places {
		wg.Go(func() {
			seats <- struct{}{}
			defer func() { <-seats }()
			conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", place)
			if errs[i] = err; err == nil {
				conn.Close()
			}
		})
	}
	wg.Wait()
	lost := 0
	for i, err := range errs {
		if err != nil {
			lost++
			v.bad("devices", "is it on, and is its address right?", "%s does not answer: %v", v.room.Devices[i].Name, err)
		}
	}
	if lost == 0 && len(places) > 0 {
		v.good("devices", "something listens at the addresses of all %s that have one", counted(len(places), "device"))
	}
}
