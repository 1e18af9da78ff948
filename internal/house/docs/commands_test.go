package docs

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"millwright.dev/millwright/internal/cli"
)

// TestCommandLines holds that every call of millwright in a page is one that the
// program takes: the command is there, with those flags.
func TestCommandLines(t *testing.T) {
	seen := 0
	for _, page := range pages(t) {
		for _, line := range calls(read(t, page)) {
			seen++
			args := words(line)
			if len(args) > 1 && slices.Contains(programs(t), args[1]) {
				continue // a program that we behave as: its own tests hold its options
			}
			c, rest, err := cli.Find(args[1:])
			if err != nil || c == c.Root() && len(args) > 1 && !strings.HasPrefix(args[1], "-") {
				t.Errorf("%s: there is no such command: %s", page, line)
				continue
			}
			if err := c.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
				t.Errorf("%s: %s: %v", page, line, err)
				continue
			}
			if err := arguments(c); err != nil {
				t.Errorf("%s: %s: %v", page, line, err)
			}
		}
	}
	if seen < 40 {
		t.Errorf("found only %d calls of millwright in the pages: has their form changed?", seen)
	}
}

// programs gives the names of the programs that millwright behaves as, also when they stand
// behind its own.
func programs(t *testing.T) []string {
	var names []string
	for line := range strings.Lines(read(t, "packaging/names")) {
		if f := strings.Fields(line); len(f) == 2 {
			names = append(names, f[0])
		}
	}
	return names
}

func arguments(c *cobra.Command) error {
	if c.Args == nil {
		return nil
	}
	return c.Args(c, c.Flags().Args())
}

// calls gives the calls of millwright in a page's blocks of commands, and those
// in the text that are more than a name.
func calls(text string) []string {
	block := regexp.MustCompile("(?s)```(?:sh|console)[^\n]*\n(.*?)```")
	call := regexp.MustCompile(`^(?:\$ )?(?:sudo )?(?:bin/)?(millwright [^|>#;&]*[^|>#;& ])`)
	inline := regexp.MustCompile("`(millwright [a-z]+ [^`]*)`")
	var found []string
	for _, b := range block.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(b[1]) {
			for part := range strings.SplitSeq(line, "&& ") {
				if m := call.FindStringSubmatch(strings.TrimSpace(part)); m != nil {
					found = append(found, m[1])
				}
			}
		}
	}
	for _, m := range inline.FindAllStringSubmatch(text, -1) {
		if !strings.ContainsAny(m[1], "…") && !strings.Contains(m[1], "|") {
			found = append(found, m[1])
		}
	}
	return found
}

// words splits a line as a shell does, as far as the pages need it.
func words(line string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		list = append(list, m[1]+m[2]+m[3])
	}
	return list
}
