package foreign

import (
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"
)

// conman is what a conman.conf says before its consoles.
type conman struct {
	*Found
	logdir, execpath string
	log              string // of `global`
	seropts          string
	ipmiopts         string
}

// setting is one key with its value.
type setting struct{ key, value string }

// readConman reads a conman.conf (conman.conf(5)): directives in lines.
func (f *Found) readConman(text []byte) error {
	c := conman{Found: f}
	for _, d := range directives(string(text)) {
		words, err := splitConman(d.text)
		if err != nil {
			return fmt.Errorf("line %d: %w", d.line, err)
		}
		if len(words) == 0 {
			continue
		}
		kind := strings.ToLower(words[0].text)
		if kind != "server" && kind != "global" && kind != "console" {
			return fmt.Errorf("line %d: %q is none of server, global, console: is this a conman.conf, or a conserver.cf?", d.line, shortened(words[0].text))
		}
		settings, err := pairs(words[1:])
		if err != nil {
			return fmt.Errorf("line %d: %w", d.line, err)
		}
		switch kind {
		case "server":
			c.server(d.line, settings)
		case "global":
			c.global(d.line, settings)
		case "console":
			if err := c.console(d.line, settings); err != nil {
				return fmt.Errorf("line %d: %w", d.line, err)
			}
		}
		if len(f.Consoles) > maxConsoles {
			return fmt.Errorf("there are more than %d consoles", maxConsoles)
		}
	}
	return nil
}

func shortened(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

type directive struct {
	line int
	text string
}

// directives gives the lines, those that end in a backslash with the next one.
func directives(text string) []directive {
	var out []directive
	joined, first := "", 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if joined == "" {
			first = i + 1
		}
		if rest, more := strings.CutSuffix(line, "\\"); more {
			joined += rest + " "
			continue
		}
		out = append(out, directive{first, joined + line})
		joined = ""
	}
	if joined != "" {
		out = append(out, directive{first, joined})
	}
	return out
}

type word struct {
	text   string
	quoted bool
}

// splitConman gives the words of a directive; "=" is a word of its own.
func splitConman(line string) ([]word, error) {
	var words []word
	for {
		line = strings.TrimLeft(line, " \t\f\v\r,")
		if line == "" || line[0] == '#' {
			return words, nil
		}
		switch line[0] {
		case '=':
			words, line = append(words, word{text: "="}), line[1:]
		case '"', '\'':
			end := strings.IndexByte(line[1:], line[0])
			if end < 0 {
				return nil, fmt.Errorf("a quote is not closed")
			}
			words, line = append(words, word{line[1 : end+1], true}), line[end+2:]
		default:
			end := strings.IndexAny(line, " \t\f\v\r,=#\"'")
			if end < 0 {
				end = len(line)
			}
			words, line = append(words, word{text: line[:end]}), line[end:]
		}
	}
}

// pairs reads key = value, again and again.
func pairs(words []word) ([]setting, error) {
	var out []setting
	for len(words) > 0 {
		if len(words) < 3 || words[1].quoted || words[1].text != "=" {
			return nil, fmt.Errorf("%q is to be followed by = and a value", shortened(words[0].text))
		}
		out = append(out, setting{strings.ToLower(words[0].text), words[2].text})
		words = words[3:]
	}
	return out, nil
}

func (c *conman) server(line int, list []setting) {
	for _, s := range list {
		switch s.key {
		case "logdir":
			c.logdir = s.value
		case "execpath":
			c.execpath = s.value
		case "resetcmd":
			c.note(line, "resetcmd does not come along: millwright cycle NODE switches the node's cords")
		case "port", "loopback", "tcpwrappers":
			c.note(line, "%s does not come along: consoles are reached through Millwright's own doors (millwright console, and the API)", s.key)
		case "timestamp":
			c.note(line, "the log's marks every so often do not come along: each line of a log has its time")
		case "logfile", "syslog":
			c.note(line, "the daemon's own log (%s) does not come along: Millwright logs to the journal", s.key)
		case "coredump", "coredumpdir", "keepalive", "pidfile":
		default:
			c.note(line, "server %s is not known and is left out", shortened(s.key))
		}
	}
}

func (c *conman) global(line int, list []setting) {
	for _, s := range list {
		switch s.key {
		case "log":
			c.log = s.value
		case "logopts":
			c.logopts(line, s.value)
		case "seropts":
			c.seropts = s.value
		case "ipmiopts":
			c.ipmiopts = s.value
		default:
			c.note(line, "global %s is not known and is left out", shortened(s.key))
		}
	}
}

func (c *conman) logopts(line int, value string) {
	if strings.Contains(strings.ReplaceAll(strings.ToLower(value), "nosanitize", ""), "sanitize") {
		c.note(line, "logs are not sanitized: millwright console --log shows them so on a terminal, and the files have what the console said")
	}
}

func (c *conman) console(line int, list []setting) error {
	one := Console{Line: line}
	dev, log, seropts, ipmiopts := "", c.log, c.seropts, c.ipmiopts
	for _, s := range list {
		switch s.key {
		case "name":
			one.Name = s.value
		case "dev":
			dev = s.value
		case "log":
			log = s.value
		case "logopts":
			c.logopts(line, s.value)
		case "seropts":
			seropts = s.value
		case "ipmiopts":
			ipmiopts = s.value
		default:
			c.note(line, "console %s is not known and is left out", shortened(s.key))
		}
	}
	if one.Name == "" || dev == "" {
		return fmt.Errorf("a console needs a name and a dev")
	}
	dev = strings.ReplaceAll(dev, "%N", one.Name)
	one.Log = c.logOf(line, log, one.Name, dev)
	c.reach(&one, dev, seropts, ipmiopts)
	c.Consoles = append(c.Consoles, one)
	return nil
}

// logOf gives the path of a log.
func (c *conman) logOf(line int, log, name, dev string) string {
	clean := strings.NewReplacer("/", "_")
	log = strings.NewReplacer("%%", "%", "%N", clean.Replace(name), "%D", clean.Replace(path.Base(dev))).Replace(log)
	if strings.Contains(log, "%") {
		c.note(line, "logs have no date in their names: they are set aside by size (size:, keep:); see `consoles:`")
		return path.Join(c.logdir, clean.Replace(name)+".log")
	}
	if log == "" || path.IsAbs(log) {
		return log
	}
	return path.Join(c.logdir, log)
}

// reach says where a console is.
func (c *conman) reach(one *Console, dev, seropts, ipmiopts string) {
	host, isIPMI := strings.CutPrefix(dev, "ipmi:")
	socket, isSocket := strings.CutPrefix(dev, "unix:")
	argv := strings.Fields(dev)
	switch {
	case isIPMI:
		one.Host = host
		one.User = c.ipmi(one.Line, ipmiopts)
	case isSocket && absolute(socket) != "/":
		one.Via = "unix://" + escaped(absolute(socket))
	case strings.HasPrefix(dev, "/dev/") && len(argv) == 1:
		one.Via = c.serial(one.Line, dev, seropts)
	case strings.ContainsAny(dev, "/") || len(argv) > 1:
		if len(argv) == 0 {
			break
		}
		if !strings.Contains(argv[0], "/") {
			dir, _, _ := strings.Cut(c.execpath, ":")
			argv[0] = path.Join(dir, argv[0])
		}
		one.Via = "exec:" + quoteArgs(argv)
		c.note(one.Line, "%s", withoutTerminal)
	default:
		one.Via = c.network("telnet", one.Line, dev)
	}
	if one.Via == "" && one.Host == "" {
		c.note(one.Line, "console %s: where %q is could not be understood; write its via: by hand", one.Name, shortened(dev))
	}
}

// withoutTerminal is what there is to know of programs.
const withoutTerminal = "programs are run without a terminal: stdin and stdout are the console; one that wants a terminal is run by script: exec:script -qfc \"PROGRAM\" /dev/null"

func absolute(p string) string { return path.Join("/", p) }

// network gives an address of host:port.
func (f *Found) network(scheme string, line int, at string) string {
	host, port, err := net.SplitHostPort(at)
	n, bad := strconv.Atoi(port)
	if err != nil || bad != nil || n < 1 || n > 65535 || !plainHost(host) {
		f.note(line, "%q is no host with a port", shortened(at))
		return ""
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(n))
}

func plainHost(host string) bool {
	return host != "" && strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-._:") == ""
}

// serial gives the address of a serial line with its "bps,databits parity stopbits".
func (f *Found) serial(line int, dev, options string) string {
	baud, mode, _ := strings.Cut(strings.ReplaceAll(options, " ", ""), ",")
	n, err := strconv.Atoi(baud)
	if err != nil {
		n = 9600
	}
	mode = strings.ToLower(mode + "8n1"[min(len(mode), 3):])
	return f.line(line, dev, n, mode)
}

// line gives the address of a serial line of a speed and a mode such as 8n1.
func (f *Found) line(line int, dev string, baud int, mode string) string {
	known := 0
	for _, b := range []int{300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800} {
		if b <= baud {
			known = b
		}
	}
	if known != baud {
		known = max(known, 300)
		f.note(line, "%d baud is none of the speeds that are known here; it is %d now", baud, known)
	}
	if len(mode) != 3 || mode[0] != '7' && mode[0] != '8' || !strings.ContainsRune("neo", rune(mode[1])) || mode[2] != '1' && mode[2] != '2' {
		f.note(line, "%q is no mode of a serial line that is known here; it is 8n1 now", shortened(mode))
		mode = "8n1"
	}
	if path.Clean(absolute(dev)) == "/" {
		f.note(line, "%q is no serial line", shortened(dev))
		return ""
	}
	return fmt.Sprintf("serial://%s?baud=%d&mode=%s", escaped(absolute(dev)), known, mode)
}

// ipmi gives the user of ipmiopts; the password does not come along.
func (c *conman) ipmi(line int, options string) (user string) {
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(option, ":")
		switch strings.ToUpper(strings.TrimSpace(key)) {
		case "U":
			user = value
		case "P", "K":
			c.note(line, "passwords and keys of BMCs do not come along; put them into the store: millwright secret set bmc")
		case "C", "L", "W":
			c.note(line, "%s of ipmiopts does not come along; see the settings of the driver ipmi", shortened(option))
		}
	}
	return user
}

// quoteArgs writes arguments as an exec: address has them.
func quoteArgs(argv []string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		if a == "" || strings.ContainsAny(a, " \t\"\\") {
			a = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a) + `"`
		}
		out[i] = a
	}
	return strings.Join(out, " ")
}

// escaped writes a path as an address has it.
func escaped(p string) string {
	var b strings.Builder
	for i := range len(p) {
		c := p[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("/-._~:", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
