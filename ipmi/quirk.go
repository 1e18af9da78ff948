package ipmi

import (
	"fmt"
	"strings"
)

// Quirks are ways in which BMCs are known to differ from the specification, as a set.
// The names are those that FreeIPMI's users know, where it has them.
type Quirks uint16

// The quirks.
const (
	QuirkAuthCap         Quirks = 1 << iota // authcap: its authentication capabilities lie
	QuirkOpenPrivilege                      // opensesspriv: codes are made of the privilege of the Open Session request
	QuirkIntel20                            // intel20: names are padded to 16 bytes, passwords cut to 16
	QuirkSupermicro20                       // supermicro20: codes have the wrong length
	QuirkSun20                              // sun20: both of opensesspriv and supermicro20
	QuirkIntegrityCheck                     // integritycheckvalue: RAKP message 4 has a code where suite 0 has none
	QuirkRAKP3Role                          // rakp3role: the code of RAKP message 3 leaves out the kind of look-up
	QuirkPreSessionID                       // presessionid: packets before a session have a session id
	QuirkNoChecksum                         // nochecksumcheck: the checksums of its messages are wrong
	QuirkForcePerMessage                    // forcepermsg: IPMI 1.5 says that messages need no code, and they do
	quirks               = iota
)

func quirkNames() [quirks]string {
	return [quirks]string{
		"authcap", "opensesspriv", "intel20", "supermicro20", "sun20", "integritycheckvalue",
		"rakp3role", "presessionid", "nochecksumcheck", "forcepermsg",
	}
}

// String gives the names, with commas.
func (q Quirks) String() string {
	var names []string
	for i, name := range quirkNames() {
		if q&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// ParseQuirks reads names with commas between them.
func ParseQuirks(text string) (Quirks, error) {
	var q Quirks
	names := quirkNames()
next:
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if word == "" || word == "none" {
			continue
		}
		for i, name := range names {
			if strings.EqualFold(word, name) {
				q |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("%q is no quirk; there are %s", word, strings.Join(names[:], ", "))
	}
	return q, nil
}

func (q Quirks) has(any Quirks) bool { return q&any != 0 }
