package rmcp

// Fault says what is wrong with a packet, or with what it carries.
type Fault uint8

// The faults.
const (
	FaultShort     Fault = 1 + iota // it ends too early
	FaultHeader                     // not RMCP, or of a class or version unknown to us
	FaultLength                     // a length inside does not fit
	FaultChecksum                   // of the message
	FaultFormat                     // a field has a value that it cannot have
	FaultSession                    // of another session
	FaultClear                      // neither authenticated nor encrypted where it must be
	FaultCode                       // the authentication code is wrong
	FaultSequence                   // seen before, too old, or too far ahead
	FaultPadding                    // of the encrypted payload
	FaultAlgorithm                  // an algorithm that we do not have
	faults
)

// Faults is one more than the highest fault, for tables of them.
const Faults = int(faults)

// String gives the fault in words.
func (f Fault) String() string {
	switch f {
	case FaultShort:
		return "it ends too early"
	case FaultHeader:
		return "it is not an RMCP packet of ours"
	case FaultLength:
		return "a length inside it does not fit"
	case FaultChecksum:
		return "its checksum is wrong"
	case FaultFormat:
		return "a field in it has an impossible value"
	case FaultSession:
		return "it is of another session"
	case FaultClear:
		return "it is neither authenticated nor encrypted as agreed"
	case FaultCode:
		return "its authentication code is wrong"
	case FaultSequence:
		return "its sequence number was seen or is out of the window"
	case FaultPadding:
		return "its padding is wrong"
	case FaultAlgorithm:
		return "it needs an algorithm that we do not have"
	case faults:
	}
	return "unknown fault"
}

func (f Fault) Error() string { return f.String() }
