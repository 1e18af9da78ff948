// Package channel knows the channels of a BMC: what each is, who may come in by it and
// with which cipher suites, which sessions there are, and which payloads a session may
// carry beside commands, such as the serial console.
//
// Each message can be both appended to bytes and parsed from bytes, so a client and a
// BMC use the same code. Start at [GetInfo].
package channel

// Present is the number that stands for the channel by which a request comes.
const Present = 0x0e

// The commands of this package, all of network function App.
const (
	CmdAuthCapabilities   = 0x38
	CmdSetPrivilege       = 0x3b
	CmdCloseSession       = 0x3c
	CmdSessionInfo        = 0x3d
	CmdSetAccess          = 0x40
	CmdGetAccess          = 0x41
	CmdInfo               = 0x42
	CmdActivatePayload    = 0x48
	CmdDeactivatePayload  = 0x49
	CmdPayloadStatus      = 0x4a
	CmdPayloadInstance    = 0x4b
	CmdSetUserPayload     = 0x4c
	CmdGetUserPayload     = 0x4d
	CmdPayloadSupport     = 0x4e
	CmdPayloadVersion     = 0x4f
	CmdCipherSuites       = 0x54
	CmdPayloadEncryption  = 0x55
	CmdSetSecurityKeys    = 0x56
	maxChannel            = 0x0f
	recordStandard        = 0xc0
	recordOEM             = 0xc1
	cipherChunk           = 16
	cipherMaxChunks       = 64
	cipherListBySuite     = 0x80
	authCapabilitiesIPMI2 = 0x80
)

func bit(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}

func u32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func appendU32(b []byte, x uint32) []byte {
	return append(b, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
}
