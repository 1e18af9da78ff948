package ipmi

import "fmt"

// LoginKind is why there is no session.
type LoginKind uint8

// The kinds.
const (
	LoginNoAnswer      LoginKind = 1 + iota // nothing came back
	LoginUnresolved                         // the name has no address, or the address cannot be sent to
	LoginNotBMC                             // something answers, but not by what we speak
	LoginSuiteRefused                       // none of the cipher suites was accepted
	LoginSuiteChanged                       // the answer named algorithms that were not proposed
	LoginWrongName                          // there is no such user, or not at this privilege
	LoginWrongPassword                      // the BMC has another password
	LoginWrongKey                           // the BMC has another key Kg
	LoginPrivilege                          // the user may not have this privilege
	LoginNoSession                          // all sessions of the BMC are taken
	LoginWrongGUID                          // it is another BMC than expected
	LoginRefused                            // for another reason, which the error tells
)

// String gives the kind in a few words.
func (k LoginKind) String() string {
	switch k {
	case LoginNoAnswer:
		return "no answer"
	case LoginUnresolved:
		return "it cannot be reached"
	case LoginNotBMC:
		return "it does not speak IPMI 2.0"
	case LoginSuiteRefused:
		return "it accepts none of the cipher suites"
	case LoginSuiteChanged:
		return "it answered with another cipher suite than was proposed"
	case LoginWrongName:
		return "it does not let this user in"
	case LoginWrongPassword:
		return "the password is wrong"
	case LoginWrongKey:
		return "the key Kg is wrong"
	case LoginPrivilege:
		return "the user may not have this privilege"
	case LoginNoSession:
		return "all its sessions are taken"
	case LoginWrongGUID:
		return "it is another BMC than expected"
	case LoginRefused:
		return "it refused"
	}
	return "unknown"
}

// LoginError says that there is no session with a BMC, and why.
type LoginError struct {
	Address string
	Kind    LoginKind
	Err     error // the BMC's status, an expired context...; may be nil
}

func (e *LoginError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("log in to the BMC at %s: %v", e.Address, e.Kind)
	}
	return fmt.Sprintf("log in to the BMC at %s: %v: %v", e.Address, e.Kind, e.Err)
}

// Unwrap gives the cause.
func (e *LoginError) Unwrap() error { return e.Err }
