package ipmipower

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/ipmi"
)

// report is how a command went for its hosts: told as it comes, or put together at the end.
type report struct {
	*shell
	failed bool
	groups map[string][]string // hosts by what they answered; nil: they are told as they come
}

func (s *shell) newReport(hosts int) *report {
	r := &report{shell: s}
	if s.switches[consolidate] {
		r.groups = make(map[string][]string, min(hosts, 16))
	}
	return r
}

func (r *report) add(h host, answer string, err error) {
	r.shell.mu.Lock()
	defer r.shell.mu.Unlock()
	if err != nil {
		r.failed = true
		answer = words(err)
		if r.switches[debug] {
			fmt.Fprintf(r.errs, "%s: %v\n", h.name, err)
		}
	}
	if r.groups != nil {
		r.groups[answer] = append(r.groups[answer], h.name)
		return
	}
	fmt.Fprintf(r.out, "%s: %s\n", h.name, answer)
}

const ruler = "----------------\n"

// end tells what was put together, and gives the exit code.
func (r *report) end() int {
	var answers []string
	for a := range r.groups {
		answers = append(answers, a)
	}
	slices.SortFunc(answers, func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
	for _, a := range answers {
		hosts := r.groups[a]
		slices.SortFunc(hosts, hostlist.Compare)
		r.say("%s%s\n%s %s\n", ruler, hostlist.Fold(slices.Compact(hosts)), ruler, a)
	}
	if r.failed {
		return 1
	}
	return 0
}

// rank has what went well come first.
func rank(answer string) int {
	good := []string{"on", "off", "ok"}
	if i := slices.Index(good, answer); i >= 0 {
		return i
	}
	return len(good)
}

// words are what people, and their scripts, know an error by.
func words(err error) string {
	var login *ipmi.LoginError
	var code *ipmi.CodeError
	switch {
	case errors.As(err, &login):
		return loginWords(login)
	case errors.Is(err, ipmi.CodePrivilege):
		return "privilege level insufficient"
	case errors.Is(err, ipmi.CodeBusy):
		return "BMC busy"
	case errors.Is(err, ipmi.CodeState):
		return "not possible in its present state"
	case errors.Is(err, ipmi.CodeInvalidCommand):
		return "invalid or unsupported command"
	case errors.As(err, &code):
		return "BMC error"
	}
	return "session timeout"
}

func loginWords(e *ipmi.LoginError) string {
	var unknown *net.DNSError
	switch e.Kind {
	case ipmi.LoginNoAnswer:
		if e.Err != nil {
			return "session timeout"
		}
	case ipmi.LoginUnresolved:
		if errors.As(e, &unknown) {
			return "invalid hostname"
		}
	case ipmi.LoginNotBMC:
		return "ipmi 2.0 unavailable"
	case ipmi.LoginSuiteRefused, ipmi.LoginSuiteChanged:
		return "cipher suite id unavailable"
	case ipmi.LoginWrongName:
		return "username invalid"
	case ipmi.LoginWrongPassword:
		return "password invalid"
	case ipmi.LoginWrongKey:
		return "k_g invalid"
	case ipmi.LoginPrivilege:
		return "privilege level cannot be obtained for this user"
	case ipmi.LoginNoSession:
		return "BMC busy"
	case ipmi.LoginWrongGUID, ipmi.LoginRefused:
		return "BMC error"
	}
	return "connection timeout"
}
