package doctor

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listening is the state of a socket that listens, in /proc/net/tcp.
const listening = "0A"

// holder gives the process that listens on a port, 0 if that cannot be seen: a user
// sees their own processes only.
func (v *visit) holder(ctx context.Context, at string) (pid int, name string) {
	_, text, err := net.SplitHostPort(at)
	if err != nil {
		return 0, ""
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", text)
	if err != nil {
		return 0, ""
	}
	inodes := make(map[string]bool)
	for _, table := range []string{"tcp", "tcp6"} {
		v.listeners(filepath.Join(v.Proc, "net", table), port, inodes)
	}
	links, _ := filepath.Glob(filepath.Join(v.Proc, "[0-9]*", "fd", "*"))
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || !inodes[to] {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		pid, _ = strconv.Atoi(filepath.Base(process))
		comm, _ := os.ReadFile(filepath.Join(process, "comm"))
		return pid, strings.TrimSpace(string(comm))
	}
	return 0, ""
}

// listeners adds those that listen on a port, as their descriptors' links name them.
func (v *visit) listeners(table string, port int, to map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	want := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) > 9 && strings.HasSuffix(words[1], want) && words[3] == listening {
			to["socket:["+words[9]+"]"] = true
		}
	}
}

// openFiles gives how many files a process may have open, 0 if that cannot be seen.
func (v *visit) openFiles(pid int) int {
	data, err := os.ReadFile(filepath.Join(v.Proc, strconv.Itoa(pid), "limits"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, is := strings.CutPrefix(line, "Max open files"); is {
			words := strings.Fields(rest)
			if len(words) < 2 {
				return 0
			}
			n, _ := strconv.Atoi(words[1]) // the hard one: the program raises itself to it
			return n
		}
	}
	return 0
}
