package rehearse

import (
	"fmt"
	"slices"
	"strings"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/shelf"
	"millwright.dev/millwright/internal/sim"
)

// None is the style of a device that is not simulated: in the copy of the room it
// has an address where nobody answers.
const None = "none"

// StandIn is the style of a device that is simulated as another make, because
// nobody knows its own: the copy of the room names another specification for it.
const StandIn = "stand-in"

// played gives the simulated make for a style.
func played(style string) string {
	if style == StandIn {
		return "vpc"
	}
	return style
}

// styleOf says which make speaks as a specification expects: the simulator's own
// device files and examples, and those of PowerMan's that were tried against the make.
// The shipped ones say it themselves.
var styleOf = map[string]string{
	"mw-vpc": "vpc", "mw-menu": "menu", "mw-line": "line", "mw-slash": "slash",
	"vpc": "vpc", "apc7900v3": "menu", "apc7900": "menu2", "baytech-rpc3-nc": "line", "wti": "slash",
	"apc7920": "apc-menu-121p1", "sentry_cdu": "sentry-cdu", "hpilo": "hp-ilo", "kvm-ssh": "virsh-ssh",
	"pm8": "cyclades-pm", "pm10": "cyclades-pm", "pm20": "cyclades-pm", "pm42": "cyclades-pm",
	"relay8": "board",
}

// Styles gives the makes that there are, for people to choose from.
func Styles() []string {
	var names []string
	for _, s := range styles() {
		names = append(names, s.Name())
	}
	return append(names, styleIPMI, styleRedfish, None)
}

func styles() []sim.Style { return append(sim.Styles(), board{}) }

// Choice is a user's word on what some devices are to be simulated as.
type Choice struct {
	Who   string // devices as a host list, or the name of a specification
	Style string
}

// ParseChoice reads "WHO=STYLE".
func ParseChoice(text string) (Choice, error) {
	who, style, found := strings.Cut(text, "=")
	switch {
	case !found || who == "" || style == "":
		return Choice{}, fmt.Errorf("%q is not of the form DEVICE=STYLE", text)
	case !slices.Contains(Styles(), style):
		return Choice{}, fmt.Errorf("there is no style %q; there are %s", style, strings.Join(Styles(), ", "))
	}
	return Choice{who, style}, nil
}

// choose gives the style for a device; of several choices the last counts. It is
// empty if nobody knows.
func choose(device, spec string, said []Choice) string {
	for _, c := range slices.Backward(said) {
		if c.Who == spec || c.Who == device {
			return c.Style
		}
		if names, err := hostlist.Expand(c.Who); err == nil && slices.Contains(names, device) {
			return c.Style
		}
	}
	if spec == "" {
		return ""
	}
	if style, known := styleOf[spec]; known {
		return style
	}
	shipped, _ := shelf.Find(spec)
	return shipped.PlayedBy
}

// Unplayed is the error for devices that no simulated make stands for.
type Unplayed struct {
	Of      int // devices in the room
	Devices []Device
}

func (e *Unplayed) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d devices cannot be simulated:", len(e.Devices), e.Of)
	names := map[string][]string{}
	var order []string
	for _, d := range e.Devices {
		what := fmt.Sprintf("specification %q", d.Spec)
		if d.Spec == "" {
			what = fmt.Sprintf("driver %q", d.Driver)
		}
		if names[what] == nil {
			order = append(order, what)
		}
		names[what] = append(names[what], d.Name)
	}
	for _, what := range order {
		fmt.Fprintf(&b, "\n  %s (%s)", hostlist.Fold(names[what]), what)
	}
	other := slices.IndexFunc(e.Devices, func(d Device) bool { return d.Spec == "" })
	if i := slices.IndexFunc(e.Devices, func(d Device) bool { return d.Spec != "" }); i >= 0 {
		fmt.Fprintf(&b, "\nSay which simulated make they speak with, by device or by specification: --style '%s=vpc'", e.Devices[i].Name)
		fmt.Fprintf(&b, "\nor let others stand in for them, which have the same plugs and speak otherwise: --stand-in --write FOLDER")
		fmt.Fprintf(&b, "\nMakes: %s. A device that is %q is out of reach in the rehearsal.", strings.Join(Styles(), ", "), None)
	}
	if other >= 0 {
		fmt.Fprintf(&b, "\nDevices of the drivers script, snmp, http, ipmi and redfish can be simulated, and others left out that have an address. Take %s out of the room that is rehearsed.", e.Devices[other].Name)
	}
	return b.String()
}
