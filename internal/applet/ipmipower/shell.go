package ipmipower

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"millwright.dev/millwright/ipmi"
)

const help = `hostname [HOSTS]                          the hosts to talk to; none without HOSTS
username [NAME]                           the user, or none
password [PASSWORD]                       the password, or none
k_g [KEY]                                 the BMCs' key, or none; 0x begins hexadecimal
driver-type LAN|LAN_2_0                   IPMI 1.5 too, or 2.0 only
authentication-type TYPE                  for IPMI 1.5
cipher-suite-id ID                        for IPMI 2.0
privilege-level USER|OPERATOR|ADMIN       what to log in for
workaround-flags NAMES                    for BMCs that are not as they should be
session-timeout MS                        how long a BMC has to answer
retransmission-wait-timeout MS            how often wait-until-on and -off look
on, off, cycle, reset, pulse, soft [HOSTS]
stat [HOSTS]                              on or off
identify-on, identify-off [HOSTS]         the light
identify-status [HOSTS]
on-if-off [on|off]                        cycle and reset switch on what is off
wait-until-on, wait-until-off [on|off]    on and off end when it is so
buffer-output, consolidate-output, always-prefix [on|off]
fanout COUNT                              so many hosts at a time
debug [on|off]
config                                    what is set
version
help
quit
Accepted and without effect: retransmission-timeout, retransmission-backoff-count,
ping-interval, ping-timeout, ping-packet-count, ping-percent, ping-consec-count.
`

// shell is what the commands set and use.
type shell struct {
	*options
	client *ipmi.Client
	code   int // of the last power command

	mu   sync.Mutex // for out and errs, to which hosts write in any order
	out  io.Writer
	errs io.Writer
}

func (s *shell) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format, args...)
}

// command carries out one line.
func (s *shell) command(ctx context.Context, words []string) (more bool) {
	word, arg := words[0], ""
	if len(words) > 1 {
		arg = words[1]
	}
	if v, ok := verbNamed(word); ok {
		s.power(ctx, v, s.targets(arg))
		return true
	}
	if f, ok := flagNamed(word); ok {
		s.toggle(f, arg)
		return true
	}
	if n, ok := numberNamed(word); ok {
		s.adjust(n, arg)
		return true
	}
	switch word {
	case "help":
		s.say(help)
	case "version":
		s.say("%s\n", version)
	case "config":
		s.config()
	case "quit":
		return false
	default:
		s.change(word, arg)
	}
	return true
}

// targets are the hosts of a command: those that it names, as far as they are configured, or all.
func (s *shell) targets(arg string) []host {
	if len(s.hosts) == 0 {
		s.say("no hostname(s) configured\n")
		return nil
	}
	if arg == "" {
		return s.hosts
	}
	asked, err := parseHosts(arg)
	if err != nil {
		s.say("%v\n", err)
		return nil
	}
	known := make(map[string]host, len(s.hosts))
	for _, h := range s.hosts {
		known[h.name] = h
	}
	var found []host
	for _, h := range asked {
		one, ok := known[h.name]
		if !ok || h.address != h.name && h.address != one.address {
			s.say("%s: unconfigured hostname\n", h.address)
			continue
		}
		found = append(found, one)
	}
	return found
}

func (s *shell) toggle(f flag, arg string) {
	switch arg {
	case "":
		s.switches[f] = !s.switches[f]
	case "on", "off":
		s.switches[f] = arg == "on"
	default:
		s.say("invalid parameter\n")
		return
	}
	name := f.name()
	if f == debug {
		name = "debugging"
	}
	s.say("%s is now %s\n", name, map[bool]string{true: "on", false: "off"}[s.switches[f]])
}

func (s *shell) adjust(n number, arg string) {
	name, least, most, _ := n.bounds()
	word := name
	if n == sessionTimeout {
		word = "timeout"
	}
	switch {
	case arg == "":
		s.say("%s not specified\n", word)
	case s.setNumber(n, arg) != nil:
		s.say("invalid %s input, range is %d <=> %d\n", word, least, most)
	default:
		s.say("%s is now %s\n", name, arg)
	}
}

// change sets one of what is neither a number nor a switch.
func (s *shell) change(word, arg string) {
	switch word {
	case "hostname":
		s.changeHosts(arg)
	case "username":
		if s.setUser(arg) != nil {
			s.say("username invalid length\n")
			return
		}
		s.say("username: %s\n", orNull(arg))
	case "password":
		if s.setPassword(arg) != nil {
			s.say("password invalid length\n")
			return
		}
		s.say("password changed\n")
	case "k_g":
		if s.setKg(arg) != nil {
			s.say("k_g invalid\n")
			return
		}
		s.say("k_g changed\n")
	case "driver-type":
		s.choose(arg, s.setDriver, "driver_type must be specified: lan, lan_2_0\n", "driver type is now %s\n", "invalid driver type '%s' specified\n")
	case "authentication-type":
		s.choose(arg, s.setAuthentication, "authentication_type must be specified: none, straight_password_key, md2, md5\n",
			"authentication type is now %s\n", "%s invalid authentication_type\n")
	case "cipher-suite-id":
		s.choose(arg, s.setSuite, "cipher_suite_id must be specified: 0, 1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17\n",
			"cipher suite id is now %s\n", "%s invalid cipher suite id\n")
	case "privilege-level":
		s.choose(arg, s.setPrivilege, "privilege must be specified: user, operator, admin\n",
			"privilege_level type is now %s\n", "%s invalid privilege_level\n")
	case "workaround-flags":
		s.choose(arg, s.setWorkarounds, "workaround_flags must be specified: none,"+strings.Join(workarounds(), ",")+"\n",
			"workaround flags are now %s\n", "%s invalid workaround flags specified\n")
	default:
		s.say("unknown command - type \"help\"\n")
	}
}

func (s *shell) choose(arg string, set func(string) error, missing, done, wrong string) {
	switch {
	case arg == "":
		s.say("%s", missing)
	case set(arg) != nil:
		s.say(wrong, arg)
	default:
		s.say(done, arg)
	}
}

func (s *shell) changeHosts(arg string) {
	if arg == "" {
		s.text, s.hosts = "", nil
		s.say("hostname(s) unconfigured\n")
		return
	}
	if err := s.setHosts(arg); err != nil {
		s.say("%v\n", err)
		return
	}
	s.say("hostname: %s\n", arg)
}

func orNull(text string) string {
	if text == "" {
		return "NULL"
	}
	return text
}

// config says what is set, but for secrets.
func (s *shell) config() {
	var b strings.Builder
	row := func(name, value string) { fmt.Fprintf(&b, "%-30s%s\n", name+":", value) }
	count := func(name string, n number, unit string) { row(name, fmt.Sprint(s.numbers[n])+unit) }
	state := func(name string, f flag) {
		row(name, map[bool]string{true: "enabled", false: "disabled"}[s.switches[f]])
	}
	hosts := s.text
	if hosts == "" {
		hosts = "NONE"
	}
	row("Driver_Type", strings.ToLower(s.driver))
	row("Hostname", hosts)
	row("Username", orNull(s.user))
	row("Password", "*****")
	row("K_g", "*****")
	count("Session Timeout", sessionTimeout, " ms")
	count("Retransmission Timeout", retransmission, " ms")
	row("Authentication_Type", strings.ToLower(s.authentication))
	row("Cipher Suite Id", s.suite)
	row("Privilege_Level", strings.ToLower(s.privilege))
	row("WorkaroundFlags", strings.ToLower(s.workarounds))
	row("Debug", map[bool]string{true: "on", false: "off"}[s.switches[debug]])
	state("On-If-Off", onIfOff)
	state("Wait-Until-On", waitUntilOn)
	state("Wait-Until-Off", waitUntilOff)
	count("Retransmission Wait Timeout", waitTimeout, " ms")
	count("Retransmission Backoff Count", backoffCount, "")
	count("Ping Interval", pingInterval, " ms")
	count("Ping Timeout", pingTimeout, " ms")
	count("Ping Packet Count", pingPackets, "")
	count("Ping Percent", pingPercent, " percent")
	count("Ping Consec Count", pingConsec, "")
	state("Buffer-Output", bufferOutput)
	state("Consolidate-Output", consolidate)
	count("Fanout", fanout, "")
	state("Always-Prefix", alwaysPrefix)
	s.say("%s", b.String())
}
