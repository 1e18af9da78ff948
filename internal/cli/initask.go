package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/discover"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// asker asks a person, line by line.
type asker struct {
	p     *program
	ctx   context.Context
	lines chan string
	wish  chan struct{} // that the next line be read
}

// newAsker begins to listen to who types.
func (p *program) newAsker(ctx context.Context) *asker {
	a := &asker{p: p, ctx: ctx, lines: make(chan string), wish: make(chan struct{})}
	go func() { // ends with the program at the latest: a read of a terminal cannot be broken off
		defer close(a.lines)
		in := bufio.NewReader(io.LimitReader(p.stdin, 1<<20))
		for {
			select {
			case <-a.wish:
			case <-ctx.Done():
				return
			}
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			select {
			case a.lines <- strings.TrimSpace(line):
			case <-ctx.Done():
				return
			}
		}
	}()
	return a
}

// line asks one question; who just presses Enter means what is usual.
func (a *asker) line(question, usual string) (string, error) {
	if usual != "" && !strings.Contains(question, "? [") { // as in [y/N]
		question += " [" + usual + "]"
	}
	a.p.printf("%s: ", a.p.out.head(question))
	select {
	case a.wish <- struct{}{}:
	case <-a.ctx.Done():
		return "", a.ctx.Err()
	case <-a.lines:
		return "", errNobody
	}
	select {
	case <-a.ctx.Done():
		return "", a.ctx.Err()
	case line, ok := <-a.lines:
		if !ok {
			return "", errNobody
		}
		if line == "" {
			line = usual
		}
		return line, nil
	}
}

// errNobody says that the one who was asked has gone.
var errNobody = fmt.Errorf("nobody answers any more: %w", io.ErrUnexpectedEOF)

// answer gives what a flag says, or else what a person does, or else what is usual.
func (w *wizard) answer(said, question, usual string) (string, error) {
	if said != "" || w.ask == nil {
		if said == "" {
			said = usual
		}
		return said, nil
	}
	return w.ask.line(question, usual)
}

// chooseDriver finds out what drives the device.
func (w *wizard) chooseDriver() error {
	all := drivers()
	find := func(word string) (driver.Driver, bool) {
		if n, err := strconv.Atoi(word); err == nil && n >= 1 && n <= len(all) {
			return all[n-1], true
		}
		i := slices.IndexFunc(all, func(d driver.Driver) bool { return d.Name == word })
		if i < 0 {
			return driver.Driver{}, false
		}
		return all[i], true
	}
	said := w.f.driver
	if said == "" && w.ask == nil {
		return usagef("it must be said what drives the device: --driver %s", strings.Join(each(all, func(d driver.Driver) string { return d.Name }), "|"))
	}
	if said == "" {
		w.printf("\n")
		t := table{style: w.out}
		for i, d := range all {
			t.row(number(strconv.Itoa(i+1)), text(d.Name), text(d.Summary))
		}
		if err := t.write(w.stdout); err != nil {
			return err
		}
	}
	for {
		word, err := w.answer(said, "What drives the device (number or name)", "")
		if err != nil {
			return err
		}
		if d, ok := find(word); ok {
			w.plan.device = draftDevice{driver: d, fields: fieldsOf(d), settings: make(map[string]string)}
			return nil
		}
		if said != "" || w.ask == nil {
			return usagef("there is no driver %q", word)
		}
		w.hint("That is none of them.")
	}
}

// settings finds out where the device is and how it is spoken to.
func (w *wizard) settings() (err error) {
	d := &w.plan.device
	if d.name, err = w.answer(w.f.device, "Name of the device", "pdu1"); err != nil {
		return err
	}
	for _, s := range w.f.settings {
		if err := d.set(s); err != nil {
			return err
		}
	}
	if w.ask == nil {
		return nil
	}
	w.printf("\n")
	for i := range d.fields {
		f := &d.fields[i]
		if !f.required || d.settings[f.name] != "" || w.later(f.name) {
			continue
		}
		for _, line := range wrap(f.doc, w.out.width) {
			w.printf("%s\n", w.out.faint(clean(line)))
		}
		question := f.name
		if len(f.enum) > 0 {
			question += ", one of " + strings.Join(f.enum, ", ")
		}
		if d.settings[f.name], err = w.ask.line(question, f.usual); err != nil {
			return err
		}
	}
	if len(w.f.settings) > 0 {
		return nil
	}
	return w.more("More settings?")
}

// later says whether a setting is asked for when the log-in is known.
func (w *wizard) later(name string) bool {
	return w.plan.device.driver.Name == "script" && name == "spec"
}

// more takes settings until somebody has enough.
func (w *wizard) more(why string) error {
	d := &w.plan.device
	for {
		line, err := w.ask.line(why+" NAME=VALUE, ? lists them, Enter goes on", "")
		switch {
		case err != nil:
			return err
		case line == "":
			return nil
		case line == "?":
			t := table{style: w.out}
			for i := range d.fields {
				f := &d.fields[i]
				doc := f.doc
				if len(f.enum) > 0 {
					doc += ": " + strings.Join(f.enum, ", ")
				}
				t.row(text("  "+f.name), text(d.settings[f.name]), text(doc))
			}
			if err := t.write(w.stdout); err != nil {
				return err
			}
		default:
			if err := d.set(line); err != nil {
				w.hint(clean(err.Error()))
			}
		}
	}
}

// login finds out what the device is logged in to with.
func (w *wizard) login() (err error) {
	d := &w.plan.device
	switch d.driver.Name {
	case "manual", "wol", "modbus": // nothing to log in to
		if w.f.user == "" && w.f.password == "" && !w.f.stdin {
			return nil
		}
	}
	if d.user, err = w.answer(w.f.user, "Log in as (Enter for no name)", ""); err != nil {
		return err
	}
	if w.f.password != "" {
		d.password, err = passwordRef(w.f.password)
		return err
	}
	in, ok := w.stdin.(*os.File)
	switch {
	case w.f.stdin:
		line, err := io.ReadAll(io.LimitReader(w.stdin, secret.MaxSize+2))
		if err != nil {
			return fmt.Errorf("read the password from the standard input: %w", err)
		}
		d.secret = secret.NewValue(strings.TrimRight(string(line), "\r\n"))
	case w.ask == nil:
		return nil
	case ok && term.IsTerminal(int(in.Fd())):
		if d.secret, err = w.unseen(w.ctx, in, w.out.head("Password (not shown; Enter for none)")+": "); err != nil {
			return err
		}
	default:
		line, err := w.ask.line("Password (Enter for none)", "")
		if err != nil {
			return err
		}
		d.secret = secret.NewValue(line)
	}
	if d.secret.IsZero() {
		return nil
	}
	d.password, err = secret.Parse("secret:" + w.freeName(d.name))
	return err
}

// specification finds out which specification a scripted device has.
func (w *wizard) specification() error {
	d := &w.plan.device
	if !w.later("spec") || d.settings["spec"] != "" {
		return nil
	}
	spec := ""
	if !w.f.discover {
		if w.ask == nil {
			return usagef("which specification fits? --set spec=NAME (see millwright devspec list), or --discover")
		}
		var err error
		if spec, err = w.ask.line("Specification (a name of millwright devspec list; ? finds out which fits)", "?"); err != nil {
			return err
		}
	}
	if spec == "" || spec == "?" {
		to, err := transport.ParseURL(d.settings["address"])
		if err != nil {
			return fmt.Errorf("%s: %w", d.settings["address"], err)
		}
		ctx, cancel := context.WithTimeoutCause(w.ctx, 10*time.Minute, fmt.Errorf("nothing was found in 10 minutes"))
		defer cancel()
		password := d.secret
		if password.IsZero() && !d.password.IsZero() {
			if password, err = d.password.Resolve(ctx, secret.Places{Dir: w.f.dir, Store: w.realStore()}); err != nil {
				return err
			}
		}
		found, err := discover.Find(ctx, discover.Options{
			Address: to, User: d.user, Password: password,
			Tell: func(line string) { w.hint(w.err.faint(clean(line))) },
		})
		if err != nil {
			return fmt.Errorf("%s: %w%s", to, err, advice(err))
		}
		spec = found.Spec
		w.printf("%s %s\n", w.out.mark(markGood), clean(spec))
	}
	d.settings["spec"] = spec
	return nil
}

// nodes finds out what hangs on the device.
func (w *wizard) nodes() (err error) {
	if w.f.nodes == "" && w.ask == nil {
		return usagef("it must be said which nodes hang on the device: --nodes 'web[1-8]'")
	}
	before := w.plan.nodes // a room of which was no good
	for {
		if w.plan.nodes, err = w.answer(w.f.nodes, "Nodes on it, in the order of its plugs, such as web[1-8]", before); err != nil {
			return err
		}
		list, err := hostlist.Expand(w.plan.nodes)
		if err == nil && len(list) > 0 {
			usual := "1"
			if len(list) > 1 {
				usual = fmt.Sprintf("[1-%d]", len(list))
			}
			w.plan.plugs, err = w.answer(w.f.plugs, "Their plugs", usual)
			return err
		}
		if w.f.nodes != "" {
			return usagef("--nodes: %q is no host list", w.f.nodes)
		}
		w.hint("That is no host list.")
	}
}
