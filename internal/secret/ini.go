package secret

import (
	"fmt"
	"strings"

	"millwright.dev/millwright/ockle/ini"
)

// iniScheme marks what stands in a file of Ockle's configuration. Those files are used
// as they are, and so is their mode: Ockle left them readable by everyone.
const iniScheme = "ini"

// cutINI takes PATH#SECTION/KEY apart. A section's name may hold what it likes but "#".
func cutINI(name string) (path, section, key string, ok bool) {
	path, rest, found := cutLast(name, "#")
	section, key, has := cutLast(rest, "/")
	return path, section, key, found && has && path != "" && section != "" && key != ""
}

func cutLast(text, at string) (before, after string, found bool) {
	i := strings.LastIndex(text, at)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(at):], true
}

func fromINI(from Places, name string) (string, error) {
	path, section, key, ok := cutINI(name)
	if !ok {
		return "", ErrSyntax
	}
	text, err := fromFile(from.path(path), true)
	if err != nil {
		return "", err
	}
	doc, _ := ini.Parse([]byte(text)) // what is wrong elsewhere in it does not matter here
	if doc == nil {
		return "", fmt.Errorf("%s is too long", path)
	}
	value, found := doc.Get(section, key)
	if !found {
		return "", fmt.Errorf("%w: %s has no %s in [%s]", ErrMissing, path, key, section)
	}
	return value, nil
}
