package rmcp

import (
	"crypto/md5"  //nolint:gosec // suites 6 to 12 are made of it; nobody gets them unasked
	"crypto/sha1" //nolint:gosec // suite 3 is all that many BMCs have
	"crypto/sha256"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// Algorithm numbers (section 13.28).
const (
	AuthAlgNone   uint8 = 0
	AuthAlgSHA1   uint8 = 1
	AuthAlgMD5    uint8 = 2
	AuthAlgSHA256 uint8 = 3

	IntegrityNone   uint8 = 0
	IntegritySHA1   uint8 = 1 // HMAC-SHA1-96
	IntegrityHMAC5  uint8 = 2 // HMAC-MD5-128
	IntegrityMD5    uint8 = 3 // MD5-128
	IntegritySHA256 uint8 = 4 // HMAC-SHA256-128

	ConfidentialityNone uint8 = 0
	ConfidentialityAES  uint8 = 1 // AES-CBC-128
	ConfidentialityRC4  uint8 = 2 // xRC4-128, which we do not have
	ConfidentialityRC40 uint8 = 3 // xRC4-40, which we do not have

	// AnyAlgorithm leaves the choice to the BMC, in an Open Session request.
	AnyAlgorithm uint8 = 0xff
)

// Algorithms is what a session's packets are protected with.
type Algorithms struct {
	Auth            uint8
	Integrity       uint8
	Confidentiality uint8
}

// Suite is a cipher suite by its number (section 22.15.2).
type Suite uint8

// Suites are those that we have, the strongest first: encryption before a better hash,
// since a clear console tells passwords.
func Suites() []Suite { return []Suite{17, 3, 12, 8, 16, 2, 11, 7, 15, 1, 6, 0} }

// Algorithms gives what the suite is made of, and whether we have it.
func (s Suite) Algorithms() (Algorithms, bool) {
	switch s {
	case 0:
		return Algorithms{}, true
	case 1, 2, 3:
		return Algorithms{AuthAlgSHA1, min(uint8(s)-1, 1) * IntegritySHA1, uint8(s) / 3}, true
	case 6, 7, 8:
		return Algorithms{AuthAlgMD5, min(uint8(s)-6, 1) * IntegrityHMAC5, uint8(s) / 8}, true
	case 11, 12:
		return Algorithms{AuthAlgMD5, IntegrityMD5, uint8(s) - 11}, true
	case 15, 16, 17:
		return Algorithms{AuthAlgSHA256, min(uint8(s)-15, 1) * IntegritySHA256, uint8(s) / 17}, true
	}
	return Algorithms{}, false
}

// Suite gives the number of the suite that is made of these algorithms.
func (a Algorithms) Suite() (Suite, bool) {
	for _, s := range [...]Suite{0, 1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17} {
		if have, _ := s.Algorithms(); have == a {
			return s, true
		}
	}
	return 0, false
}

// Encrypts tells whether what is said under the suite stays secret.
func (s Suite) Encrypts() bool {
	a, ok := s.Algorithms()
	return ok && a.Confidentiality != ConfidentialityNone
}

// Signs tells whether nobody else can make or change packets under the suite.
func (s Suite) Signs() bool {
	a, ok := s.Algorithms()
	return ok && a.Integrity != IntegrityNone
}

// Strength ranks suites: higher is better, 0 (for suite 0 and those that we do not
// have) protects nothing.
func (s Suite) Strength() int {
	all := Suites()
	for i, one := range all {
		if one == s {
			return len(all) - 1 - i
		}
	}
	return 0
}

// String gives the number and the algorithms.
func (s Suite) String() string {
	a, ok := s.Algorithms()
	if !ok {
		return fmt.Sprintf("suite %d", uint8(s))
	}
	return fmt.Sprintf("suite %d (%s)", uint8(s), a)
}

// String names the three algorithms.
func (a Algorithms) String() string {
	return authName(a.Auth) + "/" + integrityName(a.Integrity) + "/" + confidentialityName(a.Confidentiality)
}

func authName(n uint8) string {
	switch n {
	case AuthAlgNone:
		return "none"
	case AuthAlgSHA1:
		return "HMAC-SHA1"
	case AuthAlgMD5:
		return "HMAC-MD5"
	case AuthAlgSHA256:
		return "HMAC-SHA256"
	}
	return fmt.Sprintf("authentication %d", n)
}

func integrityName(n uint8) string {
	switch n {
	case IntegrityNone:
		return "none"
	case IntegritySHA1:
		return "HMAC-SHA1-96"
	case IntegrityHMAC5:
		return "HMAC-MD5-128"
	case IntegrityMD5:
		return "MD5-128"
	case IntegritySHA256:
		return "HMAC-SHA256-128"
	}
	return fmt.Sprintf("integrity %d", n)
}

func confidentialityName(n uint8) string {
	switch n {
	case ConfidentialityNone:
		return "none"
	case ConfidentialityAES:
		return "AES-CBC-128"
	case ConfidentialityRC4:
		return "xRC4-128"
	case ConfidentialityRC40:
		return "xRC4-40"
	}
	return fmt.Sprintf("confidentiality %d", n)
}

// hasher is the hash of an authentication algorithm; nil for none.
func hasher(auth uint8) func() hash.Hash {
	switch auth {
	case AuthAlgSHA1:
		return sha1.New
	case AuthAlgMD5:
		return md5.New
	case AuthAlgSHA256:
		return sha256.New
	}
	return nil
}

// codeSize is the length of an RAKP code in messages 2 and 3.
func codeSize(auth uint8) int {
	switch auth {
	case AuthAlgSHA1:
		return sha1.Size
	case AuthAlgMD5:
		return md5.Size
	case AuthAlgSHA256:
		return sha256.Size
	}
	return 0
}

// checkSize is the length of the integrity check value in RAKP message 4.
func checkSize(auth uint8) int {
	switch auth {
	case AuthAlgSHA1:
		return 12
	case AuthAlgMD5, AuthAlgSHA256:
		return 16
	}
	return 0
}

// integritySize is the length of the code at the end of a packet.
func integritySize(integrity uint8) int {
	switch integrity {
	case IntegritySHA1:
		return 12
	case IntegrityHMAC5, IntegrityMD5, IntegritySHA256:
		return 16
	}
	return 0
}

// ParseSuiteNumbers reads numbers of suites with commas between them, such as "17,3";
// nothing, and "auto", are none.
func ParseSuiteNumbers(text string) ([]Suite, error) {
	if text == "" || text == "auto" {
		return nil, nil
	}
	var list []Suite
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(word), 10, 8)
		if err != nil {
			return nil, fmt.Errorf("%q is not the number of a cipher suite", word)
		}
		if _, ok := Suite(n).Algorithms(); !ok {
			return nil, fmt.Errorf("cipher suite %d is none that is spoken here", n)
		}
		list = append(list, Suite(n))
	}
	return list, nil
}
