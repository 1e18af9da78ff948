package ipmipower

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// systemConfig is where the configuration of all of FreeIPMI's tools lies.
const systemConfig = "/etc/freeipmi/freeipmi.conf"

// maxConfig is the most that is read of it.
const maxConfig = 1 << 20

// readConfig reads a configuration as freeipmi.conf(5) describes it. What is for other
// tools is passed over. Secrets that everybody may read are noted.
func (o *options) readConfig(file string, must bool) error {
	f, err := os.Open(file)
	if err != nil {
		if !must && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
			return nil
		}
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	own := map[string]bool{} // keys of our own, which win over the general ones
	lines := bufio.NewScanner(io.LimitReader(f, maxConfig))
	lines.Buffer(nil, maxConfig)
	begun := ""
	for n := 1; lines.Scan(); n++ {
		text := begun + lines.Text()
		if begun = ""; strings.HasSuffix(text, "\\") {
			begun = strings.TrimSuffix(text, "\\") + " "
			continue
		}
		text, _, _ = strings.Cut(text, "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		key, mine := strings.CutPrefix(words[0], "ipmipower-")
		if own[key] && !mine {
			continue
		}
		own[key] = own[key] || mine
		if key == "password" || key == "k_g" {
			o.exposed = o.exposed || info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
		}
		if err := o.configure(key, words[1:], mine); err != nil {
			return fmt.Errorf("invalid argument listed for option %q on line %d: %w", words[0], n, err)
		}
	}
	return lines.Err()
}

// configure takes in one line. Keys of other tools, or unknown, are none of ours.
func (o *options) configure(key string, values []string, mine bool) error {
	value := strings.Join(values, ",")
	if n, ok := numberNamed(key); ok {
		return o.setNumber(n, value)
	}
	if f, ok := flagNamed(key); ok {
		return o.enable(f, value)
	}
	switch key {
	case "username":
		return o.setUser(value)
	case "password":
		return o.setPassword(value)
	case "k_g":
		return o.setKg(value)
	case "driver-type":
		if err := o.setDriver(value); err != nil && mine {
			return err // others' drivers are for others
		}
	case "authentication-type":
		return o.setAuthentication(value)
	case "cipher-suite-id":
		return o.setSuite(value)
	case "privilege-level":
		return o.setPrivilege(value)
	case "workaround-flags":
		if !mine { // some of them may be for other tools
			values = slices.DeleteFunc(values, func(word string) bool { return !workaround(word) })
		}
		return o.setWorkarounds(strings.Join(values, ","))
	case "oem-power-type":
		if mine {
			return o.setOEM(value)
		}
	default:
		if mine {
			return errors.New("there is no such option")
		}
	}
	return nil
}

func (o *options) enable(f flag, value string) error {
	switch strings.ToUpper(value) {
	case "ENABLE":
		o.switches[f] = true
	case "DISABLE":
		o.switches[f] = false
	default:
		return fmt.Errorf("%q is neither ENABLE nor DISABLE", value)
	}
	return nil
}

// typed has a person type a secret at the terminal.
func typed(in *os.File, out io.Writer, what string) (string, error) {
	fmt.Fprint(out, what)
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(out)
	if err != nil {
		return "", fmt.Errorf("reading the %swhich needs a terminal: %w", strings.ToLower(strings.Replace(what, ":", ",", 1)), err)
	}
	return string(b), nil
}
