package folder

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ConfigName is the name of the file with the settings of the daemon.
const ConfigName = "config.ini"

// maxName is the longest name of an item in bytes, as file systems have it.
const maxName = 250

// CheckName says what is wrong with the name of an item, or of an object of a
// server.
func CheckName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return errors.New("there is no name")
	case len(name) > maxName:
		return fmt.Errorf("the name has more than %d bytes", maxName)
	case !utf8.ValidString(name):
		return errors.New("the name is not UTF-8")
	case strings.ContainsAny(name, `/\`) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("a name cannot hold a slash or a control character")
	}
	return nil
}

// File is a file of a folder.
type File struct {
	Path string // from the folder, clean
	Kind Kind   // "" if it is a server's, or config.ini
	Name string // of the item; "" if it is config.ini
}

// CheckPath says which file of a folder a path means, as clients of the socket
// protocol name them: config.ini, or NAME.ini in one of the four folders for items.
// There is no other that they may read or write.
func (c Config) CheckPath(p string) (File, error) {
	clean := path.Clean(p)
	if clean == ConfigName && !strings.Contains(p, "..") {
		return File{Path: clean}, nil
	}
	dir, base := path.Split(clean)
	name, found := strings.CutSuffix(base, ".ini")
	if !found || aside(base) || CheckName(name) != nil || strings.Contains(p, "..") {
		return File{}, fmt.Errorf("%q is no file of the configuration", p)
	}
	for _, in := range c.dirs() {
		if path.Clean(dir) == path.Clean(in.dir) {
			return File{Path: clean, Kind: in.kind, Name: name}, nil
		}
	}
	return File{}, fmt.Errorf("%q is in none of the folders of the configuration", p)
}

// dir is a folder with items.
type dir struct {
	kind Kind // "" for servers
	dir  string
}

func (c Config) dirs() []dir {
	return []dir{{PDU, c.PDUDir}, {Controller, c.ControllerDir}, {Tester, c.TesterDir}, {"", c.ServerDir}}
}

// aside reports whether a file is what editors and package systems leave beside
// another one.
func aside(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") {
		return true
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".bak", ".swp", ".swo", ".swx", ".orig", ".old", ".rej", ".tmp", ".example",
		".dpkg-old", ".dpkg-new", ".dpkg-dist", ".rpmsave", ".rpmnew", ".rpmorig":
		return true
	}
	return false
}
