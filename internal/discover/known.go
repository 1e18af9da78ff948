package discover

import (
	"fmt"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/shelf"
)

// known is a prompt, and how its device is looked at: by a command that only reads,
// whose answer has to have a pattern in it.
type known struct {
	prompt  string // pattern of the last line
	spec    string // of one that asks for name and password itself
	inside  string // of one where the way has logged in; "" if there is none
	read    string // the command
	shows   string // pattern of its answer
	rows    string // pattern of an outlet in it, the number or name first; "" if it lists none
	leave   string
	special func(*talk, string) error // instead of all this
}

// knowns are the prompts that are known, the particular ones first.
func knowns() []known {
	const baytechRows = `(?m)^ *(?:Outlet +)?([0-9]+)[^:\r\n]*: *(?:On|Off) *\r?$`
	baytech := func(prompt, spec string) known {
		return known{prompt: prompt, spec: spec, read: "status\r\n", shows: `: *(On|Off)`, rows: baytechRows, leave: "logout\r\n"}
	}
	wti := func(prompt, spec string) known {
		return known{prompt: prompt, spec: spec, read: "/S\r\n", shows: `(?i)plug[^\r\n]*status`, rows: `(?m)^ *([0-9]+) *\|[^|\r\n]*\|[^|\r\n]*\| *(?:ON|OFF)`, leave: "/X\r\n"}
	}
	return []known{
		{prompt: `Enter Request *:$`, special: (*talk).modules},
		baytech(`^RPC3-NC>$`, "baytech-rpc3nc"),
		baytech(`^RPC-16>$`, "baytech-rpc16"),
		wti(`^IPS>$`, "wti-ips"),
		wti(`^NPS>$`, "wti-nps"),
		{prompt: `^apc>$`, spec: "apc-cli", inside: "apc-cli-ssh", read: "olStatus all\r\n", shows: `E000`, rows: `(?m)^ *([0-9]+): [^\r\n]*: *(?:On|Off) *\r?$`, leave: "quit\r\n"},
		{prompt: `^Switched CDU:$`, spec: "sentry-cdu", read: "status\r\n", shows: `(?i)outlet[\s\S]*state`, leave: "logout\r\n", special: (*talk).sentry},
		{prompt: `hpiLO->$`, spec: "hp-ilo-telnet", inside: "hp-ilo", read: "power\r\n", shows: `(?i)power is currently`, leave: "exit\r\n"},
		{prompt: `^pm>$`, spec: "cyclades-pm", read: "status all\r\n", shows: `(ON|OFF)`, rows: `(?m)^ *([0-9]+)\s[^\r\n]*ocked +(?:ON|OFF)`, leave: "exit\r\n"},
		{prompt: `admin1->$|racadm>>$`, inside: "drac-racadm", read: "racadm serveraction powerstatus\r\n", shows: `(?i)power status: *(ON|OFF)`, leave: "exit\r\n"},
		{prompt: `^> *$|[^>]>$`, special: (*talk).menus},
		{prompt: `#$`, special: (*talk).hash},
		{prompt: `\$$`, special: (*talk).dollar},
	}
}

// recognise finds out what a device is by its first prompt.
func (t *talk) recognise(text string) error {
	prompt := lastLine(text)
	t.again = prompt
	for _, k := range knowns() {
		if matches(k.prompt, prompt) == nil {
			continue
		}
		t.f.note(t.o, "it prompts with %q", t.clean(prompt))
		if k.special != nil {
			return k.special(t, text)
		}
		return t.try(k)
	}
	return fmt.Errorf("%w: it says %q", ErrUnknown, t.clean(text))
}

// try reads by a known's command, and takes its specification if the answer is as it
// should be.
func (t *talk) try(k known) error {
	text, err := t.say(k.read)
	if err != nil {
		return err
	}
	defer t.leave(k.leave)
	found := matches(k.shows, text)
	if found == nil {
		return fmt.Errorf("%w: to %q it says %q", ErrUnknown, strings.TrimSpace(k.read), t.clean(text))
	}
	t.f.note(t.o, "to %q it shows %q", strings.TrimSpace(k.read), t.clean(found[0]))
	return t.settle(k.spec, k.inside, count(k.rows, text))
}

// settle takes the specification for the way that we came.
func (t *talk) settle(asked, inside string, outlets int) error {
	name := inside
	if t.asked {
		name = asked
	}
	if name == "" {
		how := "where it asks for a name and a password itself"
		if !t.asked {
			how = "where it asks for no password"
		}
		return fmt.Errorf("%w: none is for this device %s", ErrUnknown, how)
	}
	t.f.Outlets = outlets
	t.f.Spec = sized(name, outlets)
	t.f.note(t.o, "%s fits", t.f.Spec)
	return nil
}

// sized adds the size where the specification's usual one is another.
func sized(name string, outlets int) string {
	text, found := shelf.Text(name)
	if !found || outlets == 0 {
		return name
	}
	if list := matches(`plug name \{([^}]*)\}`, string(text)); list != nil && strings.Count(list[1], `"`)/2 != outlets {
		if with := name + "/" + strconv.Itoa(outlets); shelfHas(with) {
			return with
		}
	}
	return name
}

func shelfHas(name string) bool {
	_, found := shelf.Text(name)
	return found
}

// sentry leaves the list where it stops for a key.
func (t *talk) sentry(string) error {
	text, err := t.say("status\r\n")
	if err != nil {
		return err
	}
	if matches(`More \(Y/es N/o\):`, text) != nil {
		if _, err := t.say("n"); err != nil {
			return err
		}
	}
	defer t.leave("logout\r\n")
	row := matches(`(?m)^ *([.]A[A-D][0-9]+) [^\r\n]*(On|Off)`, text)
	if row == nil {
		return fmt.Errorf("%w: to \"status\" it says %q", ErrUnknown, t.clean(text))
	}
	t.f.note(t.o, "to %q it shows outlet %s", "status", row[1])
	return t.settle("sentry-cdu", "", 0)
}

// hash tells apart what prompts with a hash: Raritan's PX, Cisco's IOS, a shell.
func (t *talk) hash(string) error {
	if t.asked { // of these only the PX has a log-in of its own that we know
		return t.raritan()
	}
	text, err := t.say("show version\r\n")
	if err != nil {
		return err
	}
	if matches(`Cisco IOS`, text) != nil {
		return t.cisco()
	}
	if matches(`(?i)command not found|not found`, text) != nil {
		return t.shell()
	}
	if matches(`(?i)unrecogni[sz]ed`, text) != nil {
		return t.raritan()
	}
	return fmt.Errorf("%w: to \"show version\" it says %q", ErrUnknown, t.clean(text))
}

func (t *talk) raritan() error {
	return t.try(known{
		spec: "raritan-px", inside: "raritan-px-ssh", read: "show outlets all\r\n", shows: `(?i)power state: *(On|Off)`,
		rows: `(?m)^Outlet ([0-9]+)[^\r\n]*\r?\n *[Pp]ower state`, leave: "exit\r\n",
	})
}

func (t *talk) cisco() error {
	defer t.leave("exit\r\n")
	t.f.note(t.o, "to %q it says that it is Cisco IOS", "show version")
	return t.settle("", "cisco-poe", 0)
}

// dollar tells a service processor's prompt from a shell's.
func (t *talk) dollar(string) error {
	text, err := t.say("racadm serveraction powerstatus\r\n")
	if err != nil {
		return err
	}
	if found := matches(`(?i)power status: *(ON|OFF)`, text); found != nil {
		defer t.leave("exit\r\n")
		t.f.note(t.o, "to %q it shows %q", "racadm serveraction powerstatus", found[0])
		return t.settle("", "drac-racadm", 0)
	}
	return t.shell()
}

// shell asks a shell for virsh.
func (t *talk) shell() error {
	return t.try(known{inside: "virsh-ssh", read: "virsh version\n", shows: `libvirt [0-9.]+`, leave: "exit\n"})
}

// count gives how many outlets an answer lists, if their numbers go from one to the
// last without a gap.
func count(rows, text string) int {
	if rows == "" {
		return 0
	}
	n := 0
	for _, m := range findAll(rows, text) {
		if m[1] != strconv.Itoa(n+1) {
			return 0
		}
		n++
	}
	return n
}
