package layout

// State is the key of how a node's state looks. Any text is taken: what is not
// one of those below looks like Unknown, and is said as it is.
type State string

// The states that have a look of their own.
const (
	NoState     State = ""             // none is shown
	OK          State = "ok"           // as it should be
	Off         State = "off"          // off, as wanted
	Starting    State = "starting"     // on its way up
	Stopping    State = "stopping"     // on its way down
	Waiting     State = "waiting"      // for what it needs
	Degraded    State = "degraded"     // up in part
	StartFailed State = "start-failed" // will be tried again
	StopFailed  State = "stop-failed"
	StartGaveUp State = "start-gave-up" // permanently failed to start
	StopGaveUp  State = "stop-gave-up"
	ForcedOn    State = "forced-on" // by hand, whatever it needs
	ForcedOff   State = "forced-off"
	Maintenance State = "maintenance" // hands off
	Unknown     State = "unknown"     // nobody can tell
)

// Look is how a state is shown: by a sign and a word, and by a colour besides.
type Look struct {
	Sign  string // one column wide
	ASCII string // the same for terminals without more
	Word  string
	Class string // its tone: good, off, busy, warn, bad, forced or none

	sgr string // the colour in terminals
	dot string // the colour in DOT files
	bad int    // which state stands for a box of many: the worst
}

// Look says how a state is shown.
func (s State) Look() Look {
	switch s {
	case NoState:
		return Look{Class: "none", sgr: "", dot: "#57606a"}
	case OK:
		return Look{Sign: "●", ASCII: "+", Word: "ok", Class: "good", sgr: "32", dot: "#1a7f37", bad: 1}
	case Off:
		return Look{Sign: "○", ASCII: "-", Word: "off", Class: "off", sgr: "2", dot: "#6e7781", bad: 2}
	case ForcedOn:
		return Look{Sign: "◉", ASCII: "@", Word: "forced on", Class: "forced", sgr: "35", dot: "#8250df", bad: 3}
	case ForcedOff:
		return Look{Sign: "◎", ASCII: "o", Word: "forced off", Class: "forced", sgr: "35", dot: "#8250df", bad: 4}
	case Maintenance:
		return Look{Sign: "■", ASCII: "M", Word: "maintenance", Class: "forced", sgr: "35", dot: "#8250df", bad: 5}
	case Waiting:
		return Look{Sign: "…", ASCII: ".", Word: "waiting", Class: "busy", sgr: "36", dot: "#0969da", bad: 6}
	case Starting:
		return Look{Sign: "▲", ASCII: "^", Word: "starting", Class: "busy", sgr: "36", dot: "#0969da", bad: 7}
	case Stopping:
		return Look{Sign: "▼", ASCII: "v", Word: "stopping", Class: "busy", sgr: "36", dot: "#0969da", bad: 8}
	case Degraded:
		return Look{Sign: "◐", ASCII: "~", Word: "degraded", Class: "warn", sgr: "33", dot: "#9a6700", bad: 9}
	case StartFailed:
		return Look{Sign: "△", ASCII: "x", Word: "failed to start", Class: "warn", sgr: "33", dot: "#9a6700", bad: 11}
	case StopFailed:
		return Look{Sign: "▽", ASCII: "w", Word: "failed to stop", Class: "warn", sgr: "33", dot: "#9a6700", bad: 12}
	case StartGaveUp:
		return Look{Sign: "✗", ASCII: "X", Word: "gave up starting", Class: "bad", sgr: "31", dot: "#cf222e", bad: 13}
	case StopGaveUp:
		return Look{Sign: "✖", ASCII: "W", Word: "gave up stopping", Class: "bad", sgr: "31", dot: "#cf222e", bad: 14}
	}
	look := Look{Sign: "?", ASCII: "?", Word: "unknown", Class: "warn", sgr: "33", dot: "#9a6700", bad: 10}
	if word := tidy(string(s), 24); word != "" {
		look.Word = word
	}
	return look
}

// word names a kind in legends.
func (k Kind) word() string {
	return [kinds]string{"node", "group", "device", "feed", "ups"}[k]
}

// word names a style in legends.
func (s Style) word() string {
	return [styles]string{"needs", "optional", "any of", "power"}[s]
}
