package foreign

import (
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxDeep bounds includes of files, and of defaults within defaults.
const maxDeep = 16

// maxIncludes bounds how many files are included, and all their text, in bytes: files that
// include each other several times would be read for ever.
const maxIncludes, maxIncluded = 1000, 4 * maxFile

// item is one line of a block: a keyword with its values.
type item struct {
	line   int
	key    string
	values []string
}

type block struct {
	line  int
	kind  string
	name  string
	items []item
}

// conserver is a conserver.cf as blocks.
type conserver struct {
	*Found
	defaults map[string]*block
	blocks   int
	includes int
	included int // bytes
	applied  int // blocks to others
}

// readConserver reads a conserver.cf: blocks of a kind and a name, with items in braces.
func (f *Found) readConserver(text []byte, open func(string) ([]byte, error)) error {
	c := conserver{Found: f, defaults: make(map[string]*block)}
	return c.file(text, open, 0)
}

func (c *conserver) file(text []byte, open func(string) ([]byte, error), deep int) error {
	s := scanner{text: string(text), line: 1}
	for {
		tok, err := s.next()
		if err != nil {
			return err
		}
		switch {
		case tok.kind == 0:
			return nil
		case tok.kind == 'i':
			if deep >= maxDeep || open == nil {
				c.note(tok.line, "the included file %s was not read", shortened(tok.text))
				continue
			}
			more, err := open(tok.text)
			if err != nil {
				return fmt.Errorf("line %d: %w", tok.line, err)
			}
			c.includes++
			c.included += len(more)
			if c.includes > maxIncludes || c.included > maxIncluded {
				return fmt.Errorf("line %d: too much is included", tok.line)
			}
			if err := c.file(more, open, deep+1); err != nil {
				return fmt.Errorf("%s: %w", tok.text, err)
			}
		default:
			b, err := s.block(tok)
			if err != nil {
				return err
			}
			if c.blocks++; c.blocks > 2*maxConsoles {
				return fmt.Errorf("there are more than %d blocks", 2*maxConsoles)
			}
			if err := c.take(b); err != nil {
				return fmt.Errorf("line %d: %w", b.line, err)
			}
		}
	}
}

func (c *conserver) take(b *block) error {
	switch strings.ToLower(b.kind) {
	case "default":
		c.defaults[b.name] = b
	case "console":
		return c.console(b)
	case "access", "group":
		c.note(b.line, "access and groups do not come along: who may use consoles is said by millwright grant (operate on the node)")
	case "config", "ssl":
		c.note(b.line, "%s does not come along: consoles are reached through Millwright's own doors", b.kind)
	case "break":
		c.note(b.line, "sequences of breaks do not come along: ~B sends one break")
	default:
		c.note(b.line, "a block %s is not known and is left out", shortened(b.kind))
	}
	return nil
}

// console makes a console of a block, with what its defaults say.
func (c *conserver) console(b *block) error {
	got := make(map[string]item)
	if d := c.defaults["*"]; d != nil {
		if err := c.apply(got, d, 0); err != nil {
			return err
		}
	}
	if err := c.apply(got, b, 0); err != nil {
		return err
	}
	if len(c.Consoles) >= maxConsoles {
		return fmt.Errorf("there are more than %d consoles", maxConsoles)
	}
	of := func(key string) string {
		if v := got[key].values; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	one := Console{Name: b.name, Line: b.line, Message: of("motd"), Aliases: got["aliases"].values}
	if log := of("logfile"); log != "" {
		one.Log = strings.ReplaceAll(log, "&", strings.ReplaceAll(b.name, "/", "_"))
	}
	if size := of("logfilemax"); size != "" {
		one.Size = mebibytes(size)
	}
	c.reach(&one, of, func(key string) []string { return got[key].values })
	c.untold(b, got)
	c.Consoles = append(c.Consoles, one)
	return nil
}

// apply puts a block's items over what is there.
func (c *conserver) apply(got map[string]item, b *block, deep int) error {
	if c.applied++; deep > maxDeep || c.applied > 20*maxConsoles {
		return fmt.Errorf("defaults include each other")
	}
	for _, it := range b.items {
		if it.key == "include" && len(it.values) > 0 {
			d := c.defaults[it.values[0]]
			if d == nil {
				return fmt.Errorf("there is no default %q", shortened(it.values[0]))
			}
			if err := c.apply(got, d, deep+1); err != nil {
				return err
			}
			continue
		}
		got[it.key] = it
	}
	return nil
}

// mebibytes reads a size such as 10m or 500k, in MiB, at least one.
func mebibytes(text string) int {
	factor := 1
	switch {
	case strings.HasSuffix(strings.ToLower(text), "k"):
		factor = 1 << 10
	case strings.HasSuffix(strings.ToLower(text), "m"):
		factor = 1 << 20
	}
	n, err := strconv.Atoi(strings.TrimRight(text, "kKmM"))
	if err != nil || n < 0 || n > 1<<30/factor {
		return 0
	}
	return max(1, n*factor>>20)
}

// reach says where a console is.
func (c *conserver) reach(one *Console, of func(string) string, list func(string) []string) {
	kind := strings.ToLower(of("type"))
	if kind == "" {
		switch {
		case of("device") != "":
			kind = "device"
		case of("exec") != "":
			kind = "exec"
		case of("host") != "":
			kind = "host"
		}
	}
	switch kind {
	case "device":
		one.Via = c.line(one.Line, strings.ReplaceAll(of("device"), "&", one.Name), number(of("baud"), 9600), c.mode(one.Line, of))
	case "host":
		port := number(of("port"), 0)
		if base := of("portbase"); base != "" {
			port = number(base, 0) + number(of("portinc"), 1)*port
		}
		scheme := map[string]string{"raw": "tcp", "ssl": "tls"}[strings.ToLower(of("protocol"))]
		if scheme == "" {
			scheme = "telnet"
		}
		one.Via = c.network(scheme, one.Line, net.JoinHostPort(of("host"), strconv.Itoa(port)))
	case "exec":
		if argv := program(list("exec")); len(argv) > 0 {
			one.Via = "exec:" + quoteArgs(argv)
			c.note(one.Line, "%s", withoutTerminal)
		} else {
			c.note(one.Line, "console %s is a shell of conserver's own host; write its via: by hand", one.Name)
		}
	case "ipmi":
		one.Host, one.User = of("host"), of("username")
		c.note(one.Line, "passwords and keys of BMCs do not come along; put them into the store: millwright secret set bmc")
	case "uds":
		if at := absolute(of("uds")); at != "/" {
			one.Via = "unix://" + escaped(at)
		}
	default:
		c.note(one.Line, "console %s is of type %q, of which there is none here", one.Name, shortened(kind))
	}
}

// program gives the words of a command; one text may hold all of it.
func program(words []string) []string {
	if len(words) == 1 {
		return strings.Fields(words[0])
	}
	return words
}

func number(text string, usual int) int {
	if n, err := strconv.Atoi(strings.TrimPrefix(text, "+")); err == nil && n >= 0 && n < 1<<24 {
		return n
	}
	return usual
}

// mode gives the mode of a serial line, such as 8n1.
func (c *conserver) mode(line int, of func(string) string) string {
	parity := map[string]string{"even": "e", "odd": "o", "none": "n", "": "n"}[strings.ToLower(of("parity"))]
	if parity == "" {
		c.note(line, "parity %s is not known here; it is none now", shortened(of("parity")))
		parity = "n"
	}
	bits, stop := "8", "1"
	if parity != "n" { // conserver's even and odd parity are of seven bits
		bits = "7"
		c.note(line, "a line with parity is taken for one of seven bits; if it has eight, say so in its via: mode=8e1")
	}
	if strings.Contains(" "+of("options")+" ", "cstopb") && !strings.Contains(of("options"), "!cstopb") {
		stop = "2"
	}
	return bits + parity + stop
}

// untold notes what a room does not say.
func (c *conserver) untold(b *block, got map[string]item) {
	said := []string{
		"type", "device", "host", "exec", "uds", "port", "portbase", "portinc", "protocol", "baud", "parity", "options",
		"logfile", "logfilemax", "aliases", "motd", "username", "password", "include", "name",
	}
	why := map[string]string{
		"rw": "rw and ro do not come along: who may use a console is said by millwright grant (operate on the node)", "ro": "rw and ro do not come along: who may use a console is said by millwright grant (operate on the node)",
		"break": "which break is sent does not come along: ~B sends one break", "breaklist": "which break is sent does not come along: ~B sends one break",
		"timestamp": "the log's marks every so often do not come along: each line of a log has its time",
		"master":    "a console that another conserver has is reached from here as if it were ours: look at its via:",
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		it := got[key]
		if slices.Contains(said, key) {
			continue
		}
		text := why[key]
		switch {
		case text == "" && strings.HasSuffix(key, "subst"):
			text = key + " does not come along: the addresses are as they are written, look at their via:"
		case text == "":
			text = key + " does not come along"
		case key == "master" && len(it.values) > 0 && slices.Contains([]string{"localhost", "127.0.0.1", "*"}, it.values[0]):
			continue
		}
		c.note(b.line, "%s", shortenedTo(text, 300))
	}
}

func shortenedTo(s string, most int) string {
	if len(s) > most {
		return s[:most]
	}
	return s
}

// logParts gives the folder and the name of a log.
func logParts(log string) (folder, file string) { return path.Dir(log), path.Base(log) }
