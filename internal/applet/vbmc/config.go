package vbmc

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/durable"
	"millwright.dev/millwright/libvirt"
)

// config is one guest's file: the section VirtualBMC of an INI file.
type config struct {
	Domain   string `json:"domain"`
	Username string `json:"username"`
	Password string `json:"password"`
	Address  string `json:"address"`
	Port     int    `json:"port"`
	URI      string `json:"libvirt_uri"`
	Active   bool   `json:"active"` // to be started with the daemon

	more [][2]string // what else is in the file, which is kept
}

// check says what is wrong.
func (c *config) check() error {
	switch {
	case c.Domain == "" || len(c.Domain) > 200 || strings.HasPrefix(c.Domain, ".") || strings.ContainsFunc(c.Domain, func(r rune) bool { return r <= ' ' || r == '/' || r == '\\' || r == 0x7f }):
		return fmt.Errorf("%q cannot be the name of a folder", c.Domain)
	case c.Username == "" || len(c.Username) > 16:
		return errors.New("a user's name has 1 to 16 bytes")
	case c.Password == "" || len(c.Password) > 20:
		return errors.New("a password has 1 to 20 bytes")
	case strings.ContainsFunc(c.Username+c.Password+c.Address+c.URI, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("there are control characters in it")
	case strings.TrimSpace(c.Username) != c.Username || strings.TrimSpace(c.Password) != c.Password:
		return errors.New("users' names and passwords neither begin nor end with blanks")
	case c.Port < 0 || c.Port > 65535:
		return errors.New("a port is 0 to 65535")
	}
	if _, err := netip.ParseAddr(c.Address); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	_, err := libvirt.ParseURI(c.URI)
	return err
}

// parseConfig reads a file.
func parseConfig(text []byte) (config, error) {
	c := config{Address: "127.0.0.1", Port: 623, Username: "admin", Password: "password", URI: "qemu:///system"}
	ours := false
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			continue
		case line[0] == '[':
			ours = strings.EqualFold(line, "[VirtualBMC]")
			continue
		case !ours:
			continue
		}
		at := strings.IndexAny(line, "=:")
		if at < 0 {
			return c, fmt.Errorf("line %d: there is no = in it", n+1)
		}
		if err := c.put(strings.ToLower(strings.TrimSpace(line[:at])), strings.TrimSpace(line[at+1:])); err != nil {
			return c, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return c, c.check()
}

func (c *config) put(key, value string) (err error) {
	switch key {
	case "domain_name":
		c.Domain = value
	case "username":
		c.Username = value
	case "password":
		c.Password = value
	case "address":
		c.Address = value
	case "port":
		c.Port, err = strconv.Atoi(value)
	case "libvirt_uri":
		c.URI = value
	case "active":
		switch strings.ToLower(value) {
		case "true", "yes", "on", "1":
			c.Active = true
		}
	default:
		c.more = append(c.more, [2]string{key, value})
	}
	return err
}

// text writes the file.
func (c *config) text() []byte {
	var b bytes.Buffer
	active := "False"
	if c.Active {
		active = "True"
	}
	fmt.Fprintf(&b, "[VirtualBMC]\nusername = %s\npassword = %s\naddress = %s\nport = %d\ndomain_name = %s\nlibvirt_uri = %s\nactive = %s\n",
		c.Username, c.Password, c.Address, c.Port, c.Domain, c.URI, active)
	for _, kv := range c.more {
		fmt.Fprintf(&b, "%s = %s\n", kv[0], kv[1])
	}
	return b.Bytes()
}

// readConfig reads a guest's file in a folder.
func readConfig(dir, domain string) (config, error) {
	b, err := readFile(filepath.Join(dir, domain, "config"))
	if err != nil {
		return config{}, err
	}
	c, err := parseConfig(b)
	if err == nil && c.Domain != domain {
		err = fmt.Errorf("it is of %q", c.Domain)
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", filepath.Join(dir, domain, "config"), err)
	}
	return c, nil
}

// write keeps the file; nobody else may read it, because of the password.
func (c *config) write(dir string) error {
	dir = filepath.Join(dir, c.Domain)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return durable.Replace(filepath.Join(dir, "config"), c.text(), 0o600)
}
