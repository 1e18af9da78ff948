package powerman

import (
	"net"
	"strings"
)

// SplitAddress reads the address of a server: "host", "host:port", "[::1]",
// "[::1]:10101" or a bare IPv6 address; what is missing is [DefaultHost] and
// [DefaultPort]. The port may be a service name.
func SplitAddress(s string) (host, port string) {
	host, port = s, ""
	switch {
	case strings.HasPrefix(s, "["):
		if end := strings.IndexByte(s, ']'); end > 0 {
			host, port = s[1:end], strings.TrimPrefix(s[end+1:], ":")
		}
	case strings.Count(s, ":") == 1:
		host, port, _ = strings.Cut(s, ":")
	case strings.Count(s, ":") > 1 && net.ParseIP(zoneless(s)) == nil:
		host, port, _ = strings.Cut(s, ":") // not IPv6: as the reference, at the first colon
	}
	if host == "" {
		host = DefaultHost
	}
	if port == "" {
		port = DefaultPort
	}
	return host, port
}

func zoneless(s string) string {
	addr, _, _ := strings.Cut(s, "%")
	return addr
}
