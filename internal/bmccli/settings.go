package bmccli

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// settings say how a host is talked to. What is empty is not said.
type settings struct {
	User      *string `yaml:"user"`
	Secret    string  `yaml:"secret"` // where the password is
	Kg        string  `yaml:"kg"`     // where the key is
	Suites    string  `yaml:"suites"`
	Privilege string  `yaml:"privilege"`
	Quirks    string  `yaml:"quirks"`
	IPMI15    bool    `yaml:"ipmi15"`
	Pipeline  int     `yaml:"pipeline"`
	Protocol  string  `yaml:"protocol"`
	Address   string  `yaml:"address"` // where it is if its name does not say it; {} is the name
	CA        string  `yaml:"ca"`
	Pin       string  `yaml:"pin"`
	System    string  `yaml:"system"`
}

// rule is an entry of the file: what counts for the hosts that match.
type rule struct {
	Match    string   `yaml:"match"`
	Settings settings `yaml:",inline"`
}

// flags are those of every verb.
type flags struct {
	settings
	hosts, user, file, config       string
	bridge                          []string
	noPassword, noDowngrade, suite0 bool
	plainPassword, nameAndPrivilege bool
	insecureTLS, plainHTTP          bool
	json, csv, each, yes, noCache   bool
	parallel                        int
	timeout, watch                  time.Duration
	given                           func(name string) bool
}

func (f *flags) define(fl *pflag.FlagSet) {
	fl.StringVarP(&f.hosts, "host", "H", "", "the BMCs, as `HOSTS`; they can as well be written before the verb")
	fl.StringVarP(&f.user, "user", "u", "", "log in as `NAME`")
	fl.StringVarP(&f.file, "credential-file", "f", "", "user, password and key are in this `FILE`, which nobody else may read")
	fl.StringVar(&f.Secret, "secret", "", "the password is at `REF`: env:NAME, file:PATH or secret:NAME")
	fl.BoolVar(&f.noPassword, "no-password", false, "log in without a password")
	fl.StringVar(&f.Kg, "kg", "", "the BMC's key Kg is at `REF` [$IPMI_KGKEY holds it]")
	fl.StringVarP(&f.Suites, "suite", "C", "", "cipher suites to try, in order: a `LIST` such as 17,3")
	fl.BoolVar(&f.noDowngrade, "no-downgrade", false, "suite 17 or nothing")
	fl.BoolVar(&f.suite0, "insecure-suite-0", false, "log in by suite 0, which protects nothing, not even the login")
	fl.StringVarP(&f.Privilege, "privilege", "L", "", "log in as `PRIVILEGE`: user, operator or administrator; otherwise the highest that the user has")
	fl.BoolVar(&f.nameAndPrivilege, "name-and-privilege", false, "have users looked up by name and privilege")
	fl.BoolVar(&f.IPMI15, "ipmi15", false, "put up with IPMI 1.5, which does not encrypt")
	fl.BoolVar(&f.plainPassword, "plain-password", false, "with --ipmi15: let the password be sent in clear")
	fl.StringVar(&f.Quirks, "quirks", "", "how the BMC differs from the standard: `NAMES` such as opensesspriv,intel20")
	fl.IntVar(&f.Pipeline, "pipeline", 0, "how many requests a BMC gets at a time: `N` (default 4)")
	fl.StringArrayVarP(&f.bridge, "bridge", "b", nil, "ask the controller behind the BMC at `CHANNEL:ADDRESS`, as in 0:0x82; twice for two steps")
	fl.StringVar(&f.Protocol, "protocol", "", "talk by `NAME`: ipmi, redfish or auto, which is Redfish for https:// and else IPMI")
	fl.StringVar(&f.CA, "bmc-ca", "", "Redfish: believe certificates by this `FILE` of authorities")
	fl.StringVar(&f.Pin, "pin", "", "Redfish: believe the certificate of this `FINGERPRINT`, sha256:HEX")
	fl.BoolVar(&f.insecureTLS, "insecure-tls", false, "Redfish: believe any certificate; who is between then reads the password")
	fl.BoolVar(&f.plainHTTP, "plain-http", false, "Redfish: put up with http://, by which everybody on the way reads the password")
	fl.StringVar(&f.System, "system", "", "Redfish: the system of this `NAME`, where there are several")
	fl.StringVar(&f.config, "bmc-config", "", "what counts for which hosts is in this `FILE` (default ~/.config/millwright/bmc.yaml)")
	fl.IntVarP(&f.parallel, "parallel", "P", 64, "talk to `N` hosts at a time")
	fl.DurationVarP(&f.timeout, "timeout", "T", 15*time.Second, "wait `SO LONG` for a login, or for an answer")
	fl.DurationVar(&f.watch, "watch", 0, "do it again and again, every `INTERVAL`")
	fl.BoolVar(&f.json, "json", false, "write one JSON document")
	fl.BoolVar(&f.csv, "csv", false, "write CSV")
	fl.BoolVar(&f.each, "each", false, "write each host's lines with its name before them, and fold nothing")
	fl.BoolVarP(&f.yes, "yes", "y", false, "do not ask whether many machines are really meant")
	fl.BoolVar(&f.noCache, "no-cache", false, "do not keep sensor records on disk")
}

// check says what makes no sense together.
func (f *flags) check() error {
	switch {
	case f.json && f.csv:
		return usagef("--json or --csv, not both")
	case f.parallel < 1:
		return usagef("--parallel is at least 1")
	case f.timeout <= 0 || f.watch < 0:
		return usagef("--timeout and --watch are times, such as 5s")
	case f.suite0 && f.Suites != "":
		return usagef("--insecure-suite-0 or --suite, not both")
	case f.noDowngrade && f.Suites != "":
		return usagef("--no-downgrade or --suite, not both")
	case len(f.bridge) > 2:
		return usagef("--bridge: two steps at most")
	case f.noPassword && f.Secret != "":
		return usagef("--no-password or --secret, not both")
	}
	return nil
}

// readRules reads the file of settings. One that was not asked for need not be there.
func (f *flags) readRules() ([]rule, error) {
	name, asked := f.config, f.config != ""
	if !asked {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, nil //nolint:nilerr // without a home there is no such file
		}
		name = filepath.Join(dir, "millwright", "bmc.yaml")
	}
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !asked:
		return nil, nil
	case err != nil:
		return nil, usagef("read the settings of BMCs: %w", err)
	}
	var file struct {
		Hosts []rule `yaml:"hosts"`
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return nil, usagef("%s: %w", name, err)
	}
	for i, r := range file.Hosts {
		if r.Match == "" {
			return nil, usagef("%s: entry %d of hosts says not which it matches", name, i+1)
		}
		for _, ref := range []*string{&file.Hosts[i].Settings.Secret, &file.Hosts[i].Settings.Kg, &file.Hosts[i].Settings.CA} {
			*ref = beside(name, *ref)
		}
	}
	return file.Hosts, nil
}

// beside makes file names that a file holds relative to it.
func beside(file, ref string) string {
	name, isRef := strings.CutPrefix(ref, "file:")
	if name == "" || filepath.IsAbs(name) || !isRef && strings.Contains(ref, ":") {
		return ref
	}
	name = filepath.Join(filepath.Dir(file), name)
	if isRef {
		return "file:" + name
	}
	return name
}

// matches says whether a rule is about a host: its pattern is a list of names and ranges,
// in which * and ? stand for anything.
func (r rule) matches(host string) bool {
	bare := host
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.Contains(host, "://") && strings.Count(host, ":") == 1 {
		bare = host[:i]
	}
	for _, item := range cutList(r.Match) {
		if strings.ContainsAny(item, "*?") {
			for _, h := range []string{host, bare} {
				if ok, err := path.Match(item, h); err == nil && ok {
					return true
				}
			}
			continue
		}
		names, err := hostlist.Expand(item)
		if err == nil && (slices.Contains(names, host) || slices.Contains(names, bare)) {
			return true
		}
	}
	return false
}

// forHost gives what counts for a host: the flags, and what they leave open from the
// rules, the first that says it.
func (f *flags) forHost(host string, rules []rule) settings {
	s := f.settings
	if f.given("user") {
		s.User = &f.user
	}
	for _, r := range rules {
		if r.matches(host) {
			s.fill(r.Settings)
		}
	}
	if s.Pipeline == 0 {
		s.Pipeline = 4
	}
	return s
}

func (s *settings) fill(from settings) {
	if s.User == nil {
		s.User = from.User
	}
	for _, f := range []struct{ to, from *string }{
		{&s.Secret, &from.Secret},
		{&s.Kg, &from.Kg},
		{&s.Suites, &from.Suites},
		{&s.Privilege, &from.Privilege},
		{&s.Quirks, &from.Quirks},
		{&s.Protocol, &from.Protocol},
		{&s.Address, &from.Address},
		{&s.CA, &from.CA},
		{&s.Pin, &from.Pin},
		{&s.System, &from.System},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	s.IPMI15 = s.IPMI15 || from.IPMI15
	if s.Pipeline == 0 {
		s.Pipeline = from.Pipeline
	}
}

// options makes of settings what a login needs, but for who it is.
func (s settings) options(f *flags) (o ipmi.Options, err error) {
	o = ipmi.Options{
		IPMI15: s.IPMI15, PlainPassword: f.plainPassword, NoDowngrade: f.noDowngrade,
		NameAndPrivilege: f.nameAndPrivilege, Pipeline: s.Pipeline, Timeout: f.timeout,
	}
	if s.Pipeline < 1 || s.Pipeline > 16 {
		return o, usagef("--pipeline is 1 to 16")
	}
	if o.Suites, err = parseSuites(s.Suites); err != nil {
		return o, usagef("--suite: %w", err)
	}
	if f.suite0 {
		o.Suites = []rmcp.Suite{0}
	}
	if o.Privilege, err = ipmi.ParsePrivilege(orAuto(s.Privilege)); err != nil {
		return o, usagef("--privilege: %w", err)
	}
	if s.Quirks != "" {
		if o.Quirks, err = ipmi.ParseQuirks(s.Quirks); err != nil {
			return o, usagef("--quirks: %w", err)
		}
	}
	return o, nil
}

func orAuto(text string) string {
	if text == "" {
		return "auto"
	}
	return text
}

// parseSuites reads numbers with commas between them.
func parseSuites(text string) ([]rmcp.Suite, error) {
	list, err := rmcp.ParseSuiteNumbers(text)
	if slices.Contains(list, 0) {
		return nil, errors.New("suite 0 protects nothing: if that is meant, --insecure-suite-0 says it")
	}
	return list, err
}

// parseHop reads CHANNEL:ADDRESS.
func parseHop(text string) (ipmi.Hop, error) {
	hop, err := ipmi.ParseHop(text)
	if err != nil {
		return hop, usagef("--bridge: %v", err)
	}
	return hop, nil
}
