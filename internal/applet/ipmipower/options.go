package ipmipower

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/applet/getopt"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// What a command line may ask for instead of work, and that it is none.
var (
	errHelp    = errors.New("help is wanted")
	errVersion = errors.New("the version is wanted")
	errUsage   = errors.New("")
)

// host is a BMC to talk to.
type host struct {
	name    string // by which it is called in answers and commands
	address string // with its port, if it has one
}

// options are what the configuration file and the command line say, and what commands
// of the prompt change.
type options struct {
	text  string // of the hosts
	hosts []host
	verb  verb

	user, password, kg     string
	askPassword, askKg     bool
	exposed                bool // the configuration file shows a secret to everybody
	driver, authentication string
	suite                  string
	privilege, workarounds string
	numbers                [numbers]int
	switches               [switches]bool
}

// number is an option that is one.
type number int

const (
	sessionTimeout number = iota
	retransmission
	waitTimeout
	backoffCount
	pingInterval
	pingTimeout
	pingPackets
	pingPercent
	pingConsec
	fanout
	numbers
)

// bounds gives the name of a number, its least and largest value and what it is at first.
func (n number) bounds() (name string, least, most, first int) {
	switch n {
	case sessionTimeout:
		return "session-timeout", 1, 24 * 60 * 60 * 1000, 20000
	case retransmission:
		return "retransmission-timeout", 1, math.MaxInt32, 400
	case waitTimeout:
		return "retransmission-wait-timeout", 1, math.MaxInt32, 500
	case backoffCount:
		return "retransmission-backoff-count", 0, math.MaxInt32, 8
	case pingInterval:
		return "ping-interval", 0, math.MaxInt32, 5000
	case pingTimeout:
		return "ping-timeout", 0, math.MaxInt32, 30000
	case pingPackets:
		return "ping-packet-count", 0, math.MaxInt32, 10
	case pingPercent:
		return "ping-percent", 0, 100, 50
	case pingConsec:
		return "ping-consec-count", 0, math.MaxInt32, 5
	case fanout:
		return "fanout", 0, 1024, 0
	}
	return "", 0, 0, 0
}

func numberNamed(name string) (number, bool) {
	for n := range numbers {
		if is, _, _, _ := n.bounds(); is == name {
			return n, true
		}
	}
	return 0, false
}

// flag is an option that is on or off.
type flag int

const (
	debug flag = iota
	onIfOff
	waitUntilOn
	waitUntilOff
	bufferOutput
	consolidate
	alwaysPrefix
	switches
)

func (f flag) name() string {
	return [switches]string{"debug", "on-if-off", "wait-until-on", "wait-until-off", "buffer-output", "consolidate-output", "always-prefix"}[f]
}

func flagNamed(name string) (flag, bool) {
	for f := range switches {
		if f.name() == name {
			return f, true
		}
	}
	return 0, false
}

func table() []getopt.Option {
	t := []getopt.Option{
		{Short: 'D', Long: "driver-type", Arg: true},
		{Short: 'h', Long: "hostname", Arg: true},
		{Short: 'u', Long: "username", Arg: true},
		{Short: 'p', Long: "password", Arg: true},
		{Short: 'P', Long: "password-prompt"},
		{Short: 'k', Long: "k-g", Arg: true},
		{Short: 'K', Long: "k-g-prompt"},
		{Short: 'a', Long: "authentication-type", Arg: true},
		{Short: 'I', Long: "cipher-suite-id", Arg: true},
		{Short: 'l', Long: "privilege-level", Arg: true},
		{Short: 'W', Long: "workaround-flags", Arg: true},
		{Short: 'F', Long: "fanout", Arg: true},
		{Short: 'B', Long: "buffer-output"},
		{Short: 'C', Long: "consolidate-output"},
		{Short: 'E', Long: "eliminate"},
		{Short: '?', Long: "help"},
		{Long: "usage"},
		{Short: 'V', Long: "version"},
		{Short: 'n', Long: "on"},
		{Short: 'f', Long: "off"},
		{Short: 'c', Long: "cycle"},
		{Short: 'r', Long: "reset"},
		{Short: 's', Long: "stat"},
		{Long: "pulse"},
		{Long: "soft"},
		{Long: "config-file", Arg: true},
		{Long: "oem-power-type", Arg: true},
	}
	for f := range switches {
		if f != bufferOutput && f != consolidate {
			t = append(t, getopt.Option{Long: f.name()})
		}
	}
	for n := range fanout {
		name, _, _, _ := n.bounds()
		t = append(t, getopt.Option{Long: name, Arg: true})
	}
	return t
}

// parse reads the configuration file first, wherever on the command line it is named.
func parse(args []string, config string) (*options, error) {
	o := &options{driver: "LAN", authentication: "MD5", privilege: "OPERATOR"}
	for n := range numbers {
		_, _, _, o.numbers[n] = n.bounds()
	}
	named := false
	words, err := getopt.Parse(args, table(), func(opt getopt.Option, value string) error {
		switch opt.Long {
		case "config-file":
			config, named = value, true
		case "help", "usage":
			return errHelp
		case "version":
			return errVersion
		}
		return nil
	})
	switch {
	case errors.Is(err, errHelp), errors.Is(err, errVersion):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w%w", errUsage, err)
	case len(words) > 0:
		return nil, fmt.Errorf("%wToo many arguments", errUsage)
	}
	if err := o.readConfig(config, named); err != nil {
		return nil, fmt.Errorf("Config File Error: %w", err) //nolint:staticcheck // as it is known
	}
	_, err = getopt.Parse(args, table(), o.set)
	return o, err
}

func (o *options) set(opt getopt.Option, value string) error {
	if v, ok := verbNamed(opt.Long); ok {
		if o.verb == none || v < o.verb {
			o.verb = v
		}
		return nil
	}
	if f, ok := flagNamed(opt.Long); ok {
		o.switches[f] = true
		return nil
	}
	if n, ok := numberNamed(opt.Long); ok {
		return o.setNumber(n, value)
	}
	switch opt.Long {
	case "hostname":
		return o.setHosts(value)
	case "username":
		return o.setUser(value)
	case "password":
		err := o.setPassword(strings.Clone(value))
		getopt.Wipe(value)
		return err
	case "k-g":
		err := o.setKg(strings.Clone(value))
		getopt.Wipe(value)
		return err
	case "password-prompt":
		o.askPassword = true
	case "k-g-prompt":
		o.askKg = true
	case "driver-type":
		return o.setDriver(value)
	case "authentication-type":
		return o.setAuthentication(value)
	case "cipher-suite-id":
		return o.setSuite(value)
	case "privilege-level":
		return o.setPrivilege(value)
	case "workaround-flags":
		return o.setWorkarounds(value)
	case "oem-power-type":
		return o.setOEM(value)
	}
	return nil
}

func (o *options) setNumber(n number, text string) error {
	name, least, most, _ := n.bounds()
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > most {
		return fmt.Errorf("invalid %s", strings.ReplaceAll(name, "-", " "))
	}
	o.numbers[n] = value
	return nil
}

func (o *options) setUser(text string) error {
	if len(text) > rmcp.MaxName {
		return errors.New("username too long")
	}
	o.user = text
	return nil
}

func (o *options) setPassword(text string) error {
	if _, err := rmcp.PasswordKey(text); err != nil {
		return errors.New("password too long")
	}
	o.password = text
	return nil
}

func (o *options) setKg(text string) error {
	if _, err := rmcp.ParseKg(text); err != nil {
		return errors.New("k_g invalid")
	}
	o.kg = text
	return nil
}

func (o *options) setDriver(text string) error {
	switch strings.ToUpper(text) {
	case "LAN", "LAN_2_0", "LAN20", "LAN_20":
		o.driver = text
		return nil
	}
	return errors.New("invalid driver type")
}

func (o *options) setAuthentication(text string) error {
	switch strings.ToUpper(text) {
	case "NONE", "STRAIGHT_PASSWORD_KEY", "MD2", "MD5":
		o.authentication = text
		return nil
	}
	return errors.New("invalid authentication type")
}

func (o *options) setSuite(text string) error {
	n, err := strconv.ParseUint(text, 10, 8)
	if err == nil {
		if _, ok := rmcp.Suite(n).Algorithms(); ok {
			o.suite = text
			return nil
		}
	}
	return errors.New("invalid cipher suite id")
}

func (o *options) setPrivilege(text string) error {
	switch p, err := ipmi.ParsePrivilege(text); {
	case err != nil, p < ipmi.PrivilegeUser, p > ipmi.PrivilegeAdmin:
		return errors.New("invalid privilege level")
	}
	o.privilege = text
	return nil
}

func (o *options) setOEM(text string) error {
	switch strings.ToUpper(text) {
	case "NONE":
		return nil
	case "C410X":
		return errors.New("oem power type 'C410X' is not supported: a Dell C410x needs FreeIPMI's own ipmipower")
	}
	return errors.New("invalid oem power type")
}

// workarounds are the names that are known. Those that are no quirks of ours need none: what they
// allow does no harm here, or is done anyhow.
func workarounds() []string {
	return []string{
		"authcap", "nochecksumcheck", "idzero", "forcepermsg", "unexpectedauth", "endianseq", "noauthcodecheck",
		"intel20", "supermicro20", "sun20", "opensesspriv", "integritycheckvalue", "ipmiping",
	}
}

func (o *options) setWorkarounds(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		if word != "" && !strings.EqualFold(word, "none") && !workaround(word) {
			return errors.New("invalid workaround flags")
		}
	}
	o.workarounds = text
	return nil
}

func workaround(word string) bool {
	return slices.ContainsFunc(workarounds(), func(known string) bool { return strings.EqualFold(word, known) })
}

// maxHosts bounds the hosts of one command.
const maxHosts = 65536

func (o *options) setHosts(text string) error {
	hosts, err := parseHosts(text)
	if err != nil {
		return err
	}
	o.text, o.hosts = text, hosts
	return nil
}

// parseHosts reads a host list whose members may have ports; addresses of IPv6 stand by
// themselves, in brackets if they have one.
func parseHosts(text string) ([]host, error) {
	invalid := fmt.Errorf("%s: invalid hostname", text)
	if a, ok := address6(text); ok {
		return []host{a}, nil
	}
	if strings.Contains(text, ",") && strings.Contains(text, "::") {
		var all []host
		for part := range strings.SplitSeq(text, ",") {
			more, err := parseHosts(part)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	names, err := hostlist.Expand(text)
	if err != nil || len(names) > maxHosts {
		return nil, invalid
	}
	all := make([]host, len(names))
	for i, name := range names {
		short, port, has := strings.Cut(name, ":")
		if _, err := strconv.ParseUint(port, 10, 16); has && err != nil || short == "" {
			return nil, invalid
		}
		all[i] = host{short, name}
	}
	return all, nil
}

func address6(text string) (host, bool) {
	if strings.Contains(text, ",") {
		return host{}, false // which a zone could hold
	}
	if a, err := netip.ParseAddrPort(text); err == nil && a.Addr().Is6() {
		return host{a.Addr().String(), text}, true
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if a, err := netip.ParseAddr(bare); err == nil && a.Is6() {
		return host{bare, bare}, true
	}
	return host{}, false
}

// login says how to log in.
func (o *options) login() ipmi.Options {
	l := ipmi.Options{
		User: o.user, Password: o.password, Kg: o.kg,
		IPMI15: strings.EqualFold(o.driver, "LAN"), KeepAlive: -1,
		Timeout: o.duration(sessionTimeout),
	}
	if !strings.EqualFold(o.authentication, "MD5") && !strings.EqualFold(o.authentication, "MD2") {
		l.PlainPassword = l.IPMI15
	}
	if n, err := strconv.ParseUint(o.suite, 10, 8); err == nil {
		l.Suites = []rmcp.Suite{rmcp.Suite(n)}
	}
	l.Privilege, _ = ipmi.ParsePrivilege(o.privilege)
	for word := range strings.SplitSeq(o.workarounds, ",") {
		if q, err := ipmi.ParseQuirks(word); err == nil {
			l.Quirks |= q
		}
	}
	return l
}

func (o *options) duration(n number) time.Duration {
	return time.Duration(o.numbers[n]) * time.Millisecond
}
