package command

import "os"

// Environ makes the environment of a user's own program: of the daemon's it gets what
// every program needs and what pass names, for in the rest may be secrets; and what
// is given beside that, each NAME=value.
func Environ(pass []string, beside ...string) []string {
	var env []string
	for _, names := range [][]string{{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"}, pass} {
		for _, name := range names {
			if v, set := os.LookupEnv(name); set {
				env = append(env, name+"="+v)
			}
		}
	}
	return append(env, beside...)
}
