package roomfile

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/room"
)

// ipmiPart is the section `ipmi:`.
type ipmiPart struct {
	Users  map[string]ipmiUserPart `yaml:"users" doc:"Who may log in, by name of at most 16 bytes. IPMI wants passwords themselves at both ends, so these users are the door's own."`
	Kg     reference               `yaml:"kg" doc:"Where the BMCs' key Kg is, if they shall have one: env:NAME, file:PATH or secret:NAME."`
	Suites string                  `yaml:"suites" doc:"The cipher suites that are taken, of 3, 8, 12 and 17 (with encryption) and 1, 2, 6, 7, 11, 15 and 16 (without)." default:"17,3"`
	V15    bool                    `yaml:"ipmi15" doc:"Whether IPMI 1.5 is let in too, which encrypts nothing." default:"no"`
	Nodes  map[string]string       `yaml:"nodes" doc:"Where each node is a BMC: node or range of nodes, and a UDP address and port, of which ranges of as many members are walked along: \"web[1-40]\": \"127.0.0.1:[16230-16269]\". A port alone is one of this host's own, which nobody else reaches."`
}

type ipmiUserPart struct {
	Password  reference `yaml:"password" doc:"Where the password is, of at most 20 bytes (16 with IPMI 1.5): env:NAME, file:PATH or secret:NAME." required:"true"`
	Privilege string    `yaml:"privilege" doc:"The most that the user may do here: user looks, operator switches, administrator also resets the BMC. What the room lets the user do bounds it further." enum:"user,operator,administrator" default:"operator"`
	As        string    `yaml:"as" doc:"The room's user whose rights count." default:"the same name"`
}

// ipmiPort is where IPMI usually is.
const ipmiPort = 623

// ipmi takes the part `ipmi:`.
func (l *loader) ipmi(v *value) {
	var part ipmiPart
	l.decode(v, &part)
	door := &l.draft.Settings.IPMI
	door.Kg, door.V15 = part.Kg.String(), part.V15
	if part.Suites != "" {
		l.ipmiSuites(v.get("suites").at, part.Suites)
	}
	if users := v.get("users"); users != nil {
		l.entries(users, l.ipmiUser)
	}
	l.ipmiNodes = v.get("nodes") // looked at when all nodes are known
	if len(part.Nodes) > 0 && len(part.Users) == 0 {
		l.fail(v.at, "nobody could log in: users: {NAME: {password: …}}")
	}
}

func (l *loader) ipmiSuites(at place, text string) {
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' }) {
		n, err := strconv.ParseUint(word, 10, 8)
		switch {
		case err == nil && n == 0:
			l.fail(at, "suite 0 would let anybody in who knows a user's name; this door never takes it")
		case err != nil || n > 17 || n == 4 || n == 5 || n == 9 || n == 10 || n == 13 || n == 14:
			l.fail(at, "%q is no cipher suite that this door has; it has 1, 2, 3, 6, 7, 8, 11, 12, 15, 16 and 17", word)
		default:
			l.draft.Settings.IPMI.Suites = append(l.draft.Settings.IPMI.Suites, uint8(n))
		}
	}
}

func (l *loader) ipmiUser(f field) {
	var part ipmiUserPart
	l.decode(f.value, &part)
	if f.key == "" || len(f.key) > 16 {
		l.fail(f.at, "an IPMI user's name has 1 to 16 bytes")
	}
	door := &l.draft.Settings.IPMI
	const most = 63
	if len(door.Users) == most {
		l.fail(f.at, "a BMC has at most %d users", most)
	}
	door.Users = append(door.Users, room.IPMIUser{
		Name: f.key, Password: part.Password.String(), Privilege: cmp.Or(part.Privilege, "operator"), As: cmp.Or(part.As, f.key),
	})
}

// placeIPMI says where each node is a BMC, when all nodes are known.
func (l *loader) placeIPMI() {
	if l.ipmiNodes == nil || l.ipmiNodes.shape != mapping {
		return
	}
	at, taken := make(map[string]string), make(map[string]string)
	for _, f := range l.ipmiNodes.fields {
		list, err := limits.Parse(f.key)
		if err != nil {
			l.fail(f.at, "%s", listError(f.key, err))
			continue
		}
		walk, n := deviceEntry{}, list.Len()
		for i, name := range list.Names() {
			listen, why := ipmiAddress(walk.walk(f.value, i, n).text)
			other := taken[listen]
			switch _, found := l.nodeAt[name]; {
			case !found:
				l.fail(f.at, "there is no node %q", name)
			case at[name] != "":
				l.fail(f.at, "node %s is a BMC already, at %s", name, at[name])
			case why != "":
				l.fail(f.value.at, "%q is no address for a BMC: %s", f.value.text, why)
			case other != "" && !strings.HasSuffix(listen, ":0"):
				l.fail(f.value.at, "%s is the BMC of node %s already; a range has one address for each node", listen, other)
			default:
				at[name], taken[listen] = listen, name
				l.draft.Settings.IPMI.Nodes = append(l.draft.Settings.IPMI.Nodes, room.IPMINode{Node: name, Listen: listen})
				continue
			}
			break // what is wrong with one of a range is so with all
		}
	}
}

// ipmiAddress completes what is written as a BMC's address, or says what is wrong with it.
func ipmiAddress(text string) (at, why string) {
	if port, err := strconv.ParseUint(strings.TrimPrefix(text, ":"), 10, 16); err == nil {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)).String(), ""
	}
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(addr, ipmiPort).String(), ""
	}
	full, err := netip.ParseAddrPort(text)
	if err != nil {
		return "", "write ADDRESS:PORT, an ADDRESS (port 623) or a PORT (of this host); names are not looked up"
	}
	return full.String(), ""
}
