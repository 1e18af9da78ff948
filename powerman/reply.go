package powerman

import (
	"errors"
	"strconv"

	"millwright.dev/millwright/hostlist"
)

// A reply is built in one byte slice and sent in one write: two small writes
// would meet the other side's delayed acknowledgement and cost 40 ms.

// appendLine adds "NNN text" CR LF. Control characters in the text become
// spaces, so that no text from a device or a name can forge a line.
func appendLine(b []byte, code Code, text string) []byte {
	b = appendCode(b, code)
	b = appendClean(b, text)
	return append(b, '\r', '\n')
}

func appendCode(b []byte, code Code) []byte {
	return append(b, '0'+byte(code/100%10), '0'+byte(code/10%10), '0'+byte(code%10), ' ')
}

func appendClean(b []byte, text string) []byte {
	from := len(b)
	b = append(b, text...)
	for i := from; i < len(b); i++ {
		if b[i] < ' ' || b[i] == 0x7f {
			b[i] = ' '
		}
	}
	return b
}

// appendFixed adds the line of a code whose text never varies.
func appendFixed(b []byte, code Code) []byte { return appendLine(b, code, code.text()) }

func appendToggle(b []byte, code Code, what string, on bool) []byte {
	if on {
		return appendLine(b, code, what+" ON")
	}
	return appendLine(b, code, what+" OFF")
}

// appendError adds the 2xx line for an error of a handler. withErrors is the
// code for a request that was carried out in part.
func appendError(b []byte, err error, withErrors Code) []byte { //nolint:unparam // as its siblings
	var noSuch *NoSuchNodesError
	switch {
	case errors.As(err, &noSuch):
		return appendLine(b, CodeNoSuchNodes, CodeNoSuchNodes.text()+": "+noSuch.List.String())
	case errors.Is(err, ErrHostlist):
		return appendFixed(b, CodeHostlist)
	case errors.Is(err, ErrUnsupported):
		return appendFixed(b, CodeUnsupported)
	case errors.Is(err, ErrWithErrors):
		return appendFixed(b, withErrors)
	}
	return appendLine(b, CodeInternal, CodeInternal.text()+": "+err.Error())
}

// appendNodes adds the answer to nodes: one folded 306 line, or one 307 line
// per node, sorted either way.
func appendNodes(b []byte, names []string, exprange bool) []byte {
	if !exprange {
		b = appendLine(b, CodeNodes, hostlist.Fold(names))
		return appendFixed(b, CodeQueryDone)
	}
	var list hostlist.List
	for _, name := range names {
		list.Append(name)
	}
	list.Sort()
	for name := range list.All() {
		b = appendLine(b, CodeNode, name)
	}
	return appendFixed(b, CodeQueryDone)
}

// appendDevices adds the device table. Counters have at least three digits.
func appendDevices(b []byte, devices []DeviceInfo) []byte {
	for _, d := range devices {
		b = appendCode(b, CodeDevice)
		b = appendClean(b, d.Name)
		b = appendClean(append(b, ": state="...), d.State)
		b = appendCounter(append(b, " reconnects="...), d.Reconnects)
		b = appendCounter(append(b, " actions="...), d.Actions)
		b = appendClean(append(b, " type="...), d.Type)
		b = appendClean(append(b, " hosts="...), hostlist.Fold(d.Hosts))
		b = append(b, '\r', '\n')
	}
	return appendFixed(b, CodeQueryDone)
}

func appendCounter(b []byte, n int) []byte {
	for limit := 100; n < limit && limit > 1; limit /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(max(n, 0)), 10)
}

// appendStates adds the answer to status or beacon: three folded 302 lines, or
// one 303 line per target.
func appendStates(b []byte, results []Result, exprange bool) []byte {
	if exprange {
		for _, item := range results {
			b = appendValue(b, item.Node, item.State.String())
		}
		return b
	}
	var counts [3]int
	for _, item := range results {
		counts[min(item.State, On)]++
	}
	for _, group := range [...]struct {
		state State
		label string // padded to nine columns, even before an empty list
	}{{On, "on:      "}, {Off, "off:     "}, {Unknown, "unknown: "}} {
		names := make([]string, 0, counts[group.state])
		for _, item := range results {
			if min(item.State, On) == group.state {
				names = append(names, item.Node)
			}
		}
		b = appendLine(b, CodeStates, group.label+hostlist.Fold(names))
	}
	return b
}

// appendTemps adds the answer to temp: the targets that have a value in target
// order, then those that have none as one folded line (or, with exprange, one
// line each).
func appendTemps(b []byte, results []Result, exprange bool) []byte {
	var missing []string
	for _, item := range results {
		if item.Value == "" {
			missing = append(missing, item.Node)
			continue
		}
		b = appendValue(b, item.Node, item.Value)
	}
	switch {
	case len(missing) == 0:
	case exprange:
		for _, name := range missing {
			b = appendValue(b, name, Unknown.String())
		}
	default:
		b = appendValue(b, hostlist.Fold(missing), Unknown.String())
	}
	return b
}

func appendValue(b []byte, node, value string) []byte {
	b = appendCode(b, CodeValue)
	b = appendClean(b, node)
	b = append(b, ": "...)
	b = appendClean(b, value)
	return append(b, '\r', '\n')
}

// helpLines are the 301 lines. Their wording is not relied on by anybody.
var helpLines = [...]string{
	"nodes               - list the nodes",
	"device [<nodes>]    - show the power control devices",
	"status [<nodes>]    - read the power state",
	"on <nodes>          - power on",
	"off <nodes>         - power off",
	"cycle <nodes>       - power off, then on",
	"reset <nodes>       - hardware reset (if available)",
	"temp [<nodes>]      - read the temperature (if available)",
	"beacon [<nodes>]    - read the beacon (if available)",
	"flash <nodes>       - beacon on (if available)",
	"unflash <nodes>     - beacon off (if available)",
	"telemetry           - toggle: show the talk with the devices",
	"exprange            - toggle: one line per node",
	"help                - this list",
	"quit                - leave",
}

func appendHelp(b []byte) []byte {
	for _, line := range helpLines {
		b = appendLine(b, CodeHelp, line)
	}
	return appendFixed(b, CodeQueryDone)
}
