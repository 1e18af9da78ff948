package redfishpower

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/applet/prompt"
)

const help = `Commands:
  auth USER:PASS                        name and password
  setheader [NAME:VALUE]                one header more, or none
  setstatpath PATH                      where to get the state
  setonpath PATH [DATA]                 where to post, and what
  setoffpath PATH [DATA]
  setcyclepath PATH [DATA]
  setplugs PLUGS INDICES [PARENT]       plugs, on which hosts, under what
  setpath PLUGS stat|on|off|cycle PATH [DATA]
                                        the same for some plugs; {{plug}} is the name
  settimeout SECONDS                    time for on and off [60]
  stat [PLUGS]
  on [PLUGS]
  off [PLUGS]
  cycle [PLUGS]
  quit
`

// backend reaches plugs.
type backend interface {
	// status asks for the state of a plug, which has a path for it.
	status(ctx context.Context, p *plug, r request) reading
	// change does a verb other than stat. It returns "ok" once the plug is seen
	// to be as wanted, and what is wrong otherwise.
	change(ctx context.Context, p *plug, v verb, r, look request) string
	close()
}

// shell is what the commands set.
type shell struct {
	plugs   *plugs
	network *redfish // nil in test mode
	back    backend
	verbose int

	mu   sync.Mutex // for out and errs, which plugs write to in any order
	out  io.Writer
	errs io.Writer
}

func newShell(o options, out, errs io.Writer, dial dialer) (*shell, error) {
	s := &shell{plugs: newPlugs(o.hosts, o.requests), out: out, errs: errs, verbose: o.verbose}
	if o.test {
		s.back = newRehearsal(s.plugs, o.fail)
		return s, nil
	}
	n, err := newRedfish(o, dial, s.detail)
	if err != nil {
		return nil, err
	}
	s.network, s.back = n, n
	return s, nil
}

func (s *shell) close() { s.back.close() }

func (s *shell) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format, args...)
}

// detail says on stderr what is of interest at a level of --verbose.
func (s *shell) detail(level int, format string, args ...any) {
	if s.verbose < level {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.errs, "redfishpower: "+format+"\n", args...)
}

// command carries out one line.
func (s *shell) command(ctx context.Context, words []string) (more bool) {
	args := words[1:]
	switch words[0] {
	case "help":
		s.say(help)
	case "quit":
		return false
	case "auth":
		s.setAuth(args)
	case "setheader":
		s.setHeader(args)
	case "setstatpath":
		s.setCommon(words[0], stat, args)
	case "setonpath":
		s.setCommon(words[0], on, args)
	case "setoffpath":
		s.setCommon(words[0], off, args)
	case "setcyclepath":
		s.setCommon(words[0], cycle, args)
	case "setplugs":
		s.setPlugs(args)
	case "setpath":
		s.setPath(args)
	case "settimeout":
		s.setTimeout(args)
	default:
		if v, ok := verbOf(words[0]); ok {
			s.power(ctx, v, args)
		} else {
			s.say(prompt.Unknown)
		}
	}
	return true
}

func (s *shell) setAuth(args []string) {
	switch {
	case len(args) == 0:
		s.say("Usage: auth user:passwd\n")
	case s.network != nil && !s.network.authFixed:
		s.network.auth = args[0]
	}
}

func (s *shell) setHeader(args []string) {
	if s.network == nil {
		return
	}
	if s.network.header = ""; len(args) > 0 {
		s.network.header = args[0]
	}
}

// requestOf reads a path and what to post there.
func requestOf(v verb, args []string) request {
	r := request{path: args[0]} //nolint:gosec // callers have looked that there is one
	if v != stat && len(args) > 1 {
		r.data = args[1]
	}
	return r
}

func (s *shell) setCommon(word string, v verb, args []string) {
	if len(args) == 0 {
		s.say("Usage: %s PATH%s\n", word, map[bool]string{true: " [DATA]"}[v != stat])
		return
	}
	s.plugs.common[v] = requestOf(v, args)
}

func (s *shell) setPlugs(args []string) {
	if len(args) < 2 {
		s.say("Usage: setplugs PLUGS INDICES [PARENT]\n")
		return
	}
	names, ok := s.expand(args[0])
	if !ok {
		return
	}
	words, ok := s.expand(args[1])
	if !ok {
		return
	}
	indices := make([]int, len(words))
	for i, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil {
			s.say("setplugs: '%s' is no host index\n", w)
			return
		}
		indices[i] = n
	}
	parent := ""
	if len(args) > 2 {
		parent = args[2]
	}
	if err := s.plugs.define(names, indices, parent); err != nil {
		s.say("%v\n", err)
	}
}

// expand reads a host list of at least one name; if it is none it says so.
func (s *shell) expand(text string) ([]string, bool) {
	names, err := hostlist.Expand(text)
	if err != nil || len(names) == 0 {
		s.say("illegal hosts input\n")
		return nil, false
	}
	return names, true
}

// find reads a host list of plugs, each counted once, and says which of them
// there are not.
func (s *shell) find(text string) []*plug {
	names, _ := s.expand(text)
	var found []*plug
	seen := make(map[*plug]bool, len(names))
	for _, name := range names {
		switch p := s.plugs.byName[name]; {
		case p == nil:
			s.say("unknown plug specified: %s\n", name)
		case !seen[p]:
			seen[p] = true
			found = append(found, p)
		}
	}
	return found
}

func (s *shell) setPath(args []string) {
	if len(args) < 3 {
		s.say("Usage: setpath PLUGS stat|on|off|cycle PATH [DATA]\n")
		return
	}
	v, ok := verbOf(args[1])
	if !ok {
		s.say("setpath: '%s' is not stat, on, off or cycle\n", args[1])
		return
	}
	for _, p := range s.find(args[0]) {
		p.own[v] = requestOf(v, args[2:]) //nolint:gosec // there are three at least
	}
}

func (s *shell) setTimeout(args []string) {
	if len(args) == 0 {
		s.say("Usage: settimeout SECONDS\n")
		return
	}
	d, err := seconds(args[0])
	if err != nil {
		s.say("settimeout: %v\n", err)
		return
	}
	s.limit(d)
}

func (s *shell) limit(d time.Duration) {
	if s.network != nil {
		s.network.total = d
	}
}

// power does a verb to the plugs that are named, or to all.
func (s *shell) power(ctx context.Context, v verb, args []string) {
	targets := s.plugs.order
	if len(args) > 0 {
		targets = s.find(args[0])
	}
	newTask(s, v, targets).run(ctx)
}
