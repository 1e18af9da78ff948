package bmccli

import (
	"fmt"
	"net/netip"
	"strings"

	"millwright.dev/millwright/hostlist"
)

// maxHosts is how many hosts a call has at most.
const maxHosts = 1 << 16

// parseHosts reads a list of hosts: ranges such as bmc[1-40], each with a port if need be,
// IP addresses (of IPv6 in brackets where a port follows), https URLs, and networks such as
// 192.0.2.0/28. Each host is given once, in the order of the list.
func parseHosts(text string) ([]string, error) {
	var hosts []string
	seen := make(map[string]bool)
	for _, item := range cutList(text) {
		names, err := expand(item)
		if err != nil {
			return nil, usagef("hosts: %q: %w", item, err)
		}
		for _, n := range names {
			if !seen[n] {
				seen[n] = true
				hosts = append(hosts, n)
			}
		}
		if len(hosts) > maxHosts {
			return nil, usagef("hosts: %q are more than %d", text, maxHosts)
		}
	}
	if len(hosts) == 0 {
		return nil, usagef("say which BMC: millwright bmc HOST VERB")
	}
	return hosts, nil
}

// cutList cuts at commas and blanks that are in no brackets.
func cutList(text string) []string {
	depth := 0
	return strings.FieldsFunc(text, func(r rune) bool {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		case ',', ' ', '\t':
			return depth <= 0
		}
		return false
	})
}

// expand reads one item of a list.
func expand(item string) ([]string, error) {
	if _, err := netip.ParseAddr(item); err == nil {
		return []string{item}, nil
	}
	if inside, rest, found := strings.Cut(strings.TrimPrefix(item, "["), "]"); found && item[0] == '[' {
		if _, err := netip.ParseAddr(inside); err == nil && (rest == "" || rest[0] == ':') {
			return []string{item}, nil
		}
	}
	if network, err := netip.ParsePrefix(item); err == nil {
		return addresses(network)
	}
	return hostlist.Expand(item)
}

// addresses lists those of a network, without its first and last where these are no hosts'.
func addresses(network netip.Prefix) ([]string, error) {
	free := network.Addr().BitLen() - network.Bits()
	if free > 16 {
		return nil, fmt.Errorf("has more than %d addresses", maxHosts)
	}
	var list []string
	network = network.Masked()
	for a := network.Addr(); network.Contains(a); a = a.Next() {
		list = append(list, a.String())
	}
	if network.Addr().Is4() && free > 1 {
		list = list[1 : len(list)-1]
	}
	return list, nil
}

// fold writes hosts as a list, ranges together, those of the same ports with these behind
// them: bmc[1-40], bmc[1-40]:6230, 127.0.0.1:[6230-6269].
func fold(hosts []string) string {
	var bare, odd, names, ports, words []string
	ofName, ofPorts := make(map[string][]string), make(map[string][]string)
	for _, h := range hosts {
		if strings.ContainsAny(h, "[],/") || strings.Count(h, ":") > 1 {
			odd = append(odd, h)
			continue
		}
		name, port, found := strings.Cut(h, ":")
		switch {
		case !found:
			bare = append(bare, name)
			continue
		case ofName[name] == nil:
			names = append(names, name)
		}
		ofName[name] = append(ofName[name], ":"+port)
	}
	for _, name := range names {
		port := hostlist.Fold(ofName[name])
		if ofPorts[port] == nil {
			ports = append(ports, port)
		}
		ofPorts[port] = append(ofPorts[port], name)
	}
	if len(bare) > 0 {
		words = append(words, hostlist.Fold(bare))
	}
	for _, port := range ports {
		for _, item := range cutList(hostlist.Fold(ofPorts[port])) {
			words = append(words, item+port)
		}
	}
	return strings.Join(append(words, odd...), ",")
}
