package rmcp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // IPMI 1.5 and suites 11 and 12 have nothing better
	"crypto/rand"
	"crypto/subtle"
	"hash"
)

// Channel is one end's view of a session: it makes packets that the other end will believe,
// and believes only packets that the other end made. Client and server use the
// same; only which id is whose differs. It is not for use by two goroutines at a time.
type Channel struct {
	local, remote uint32 // the ids in packets that we get, and that we send
	seq           uint32 // of the packet sent last
	window        Window

	algorithms Algorithms
	mac        hash.Hash // keyed with K1; nil without integrity, with MD5-128 and in 1.5
	block      cipher.Block
	auth       AuthType // of packets of 1.5; AuthRMCPPlus otherwise
	password   Key      // of MD5-128 and of 1.5

	sum [64]byte // room for codes, so that a packet costs no allocation
}

// NewChannel begins to use the keys of a session: local is our id of it, remote
// the other end's.
func NewChannel(k *Keys, local, remote uint32) (*Channel, error) {
	c := &Channel{local: local, remote: remote, window: newWindow(), algorithms: k.algorithms, auth: AuthRMCPPlus}
	key := k.k1[:k.size]
	switch k.algorithms.Integrity {
	case IntegrityNone:
	case IntegritySHA1:
		c.mac = hmac.New(hasher(AuthAlgSHA1), key)
	case IntegrityHMAC5:
		c.mac = hmac.New(hasher(AuthAlgMD5), key)
	case IntegritySHA256:
		c.mac = hmac.New(hasher(AuthAlgSHA256), key)
	case IntegrityMD5:
		c.password = k.user
	default:
		return nil, FaultAlgorithm
	}
	switch k.algorithms.Confidentiality {
	case ConfidentialityNone:
	case ConfidentialityAES:
		block, err := aes.NewCipher(k.k2[:16])
		if err != nil {
			return nil, err
		}
		c.block = block
	default:
		return nil, FaultAlgorithm
	}
	return c, nil
}

// NewChannel15 is a session of IPMI 1.5: it has one id; seq is the number of the first packet
// that we send, expect that of the first that we get.
func NewChannel15(auth AuthType, password *Key, id, seq, expect uint32) (*Channel, error) {
	switch auth {
	case AuthNone, AuthMD5, AuthPassword:
	default:
		return nil, FaultAlgorithm
	}
	return &Channel{local: id, remote: id, seq: seq - 1, window: newWindow15(expect), auth: auth, password: *password}, nil
}

// Zero forgets the secrets. The channel opens and seals nothing any more.
func (c *Channel) Zero() {
	*c = Channel{}
}

// Local is our id of the session.
func (c *Channel) Local() uint32 { return c.local }

// Remote is the other end's id of it.
func (c *Channel) Remote() uint32 { return c.remote }

// Seal adds a whole datagram with the payload in it. Each has a sequence number of its own.
func (c *Channel) Seal(b []byte, t PayloadType, payload []byte) []byte {
	c.seq++
	if c.seq == 0 {
		c.seq = 1
	}
	if c.auth != AuthRMCPPlus {
		return c.seal15(b, payload)
	}
	flags, n := uint8(t), len(payload)
	if c.integrity() > 0 {
		flags |= flagAuthenticated
	}
	if c.block != nil {
		flags |= flagEncrypted
		n = sealedSize(n)
	}
	start := len(b) + headerSize
	b = appendPlusHeader(b, flags, c.remote, c.seq, n)
	if c.block == nil {
		b = append(b, payload...)
	} else {
		b = c.encrypt(b, payload)
	}
	if c.integrity() > 0 {
		b = c.sign(b, start)
	}
	return b
}

func (c *Channel) integrity() int { return integritySize(c.algorithms.Integrity) }

// sign adds the session trailer (section 13.6): the code covers a multiple of four bytes.
func (c *Channel) sign(b []byte, start int) []byte {
	pad := -(len(b) - start + 2) & 3
	for range pad {
		b = append(b, 0xff)
	}
	b = append(b, uint8(pad), nextHeader)
	return append(b, c.code(b[start:], nil)...)
}

const nextHeader = 0x07

// code is the authentication code of two pieces, one after the other. It is
// good until the next.
func (c *Channel) code(b, more []byte) []byte {
	if c.algorithms.Integrity == IntegrityMD5 {
		h := md5.New() //nolint:gosec // this suite is made of it
		h.Write(c.password[:])
		h.Write(b)
		h.Write(more)
		h.Write(c.password[:])
		return h.Sum(c.sum[:0])
	}
	c.mac.Reset()
	c.mac.Write(b)
	c.mac.Write(more)
	return c.mac.Sum(c.sum[:0])[:c.integrity()]
}

// Open verifies a packet and gives its payload, decrypted in place. The order is such
// that nothing of it is believed, or costs much, before the code was found right.
func (c *Channel) Open(p *Packet) ([]byte, error) {
	if c.auth != AuthRMCPPlus || !p.IsPlus() {
		return c.open15(p)
	}
	if p.ID != c.local || c.local == 0 {
		return nil, FaultSession
	}
	if p.Authenticated != (c.integrity() > 0) || p.Encrypted != (c.block != nil) {
		return nil, FaultClear
	}
	if err := c.verify(p); err != nil {
		return nil, err
	}
	if !c.window.Accept(p.Seq) {
		return nil, FaultSequence
	}
	if c.block == nil {
		return p.Payload, nil
	}
	return c.decrypt(p.Payload)
}

func (c *Channel) verify(p *Packet) error {
	size := c.integrity()
	if size == 0 {
		return nil
	}
	n := len(p.trailer) - size
	if n < 2 || n > 2+15 || int(p.trailer[n-2]) != n-2 || p.trailer[n-1] != nextHeader {
		return FaultLength
	}
	if !Equal(c.code(p.signed, p.trailer[:n]), p.trailer[n:]) {
		return FaultCode
	}
	return nil
}

// sealedSize is how long n bytes are once encrypted: IV, payload, padding, its length.
func sealedSize(n int) int {
	return aes.BlockSize + (n+aes.BlockSize)/aes.BlockSize*aes.BlockSize
}

// encrypt adds an IV and the payload, padded, in AES-CBC (section 13.29).
func (c *Channel) encrypt(b, payload []byte) []byte {
	var iv [aes.BlockSize]byte
	start := len(b)
	b = append(b, iv[:]...)
	_, _ = rand.Read(b[start:]) // it never fails
	b = append(b, payload...)
	pad := -(len(payload) + 1) & (aes.BlockSize - 1)
	for i := range pad {
		b = append(b, uint8(i+1))
	}
	b = append(b, uint8(pad))
	// Block by block and not by cipher.NewCBCEncrypter, which would be made anew for each packet.
	for at := start + aes.BlockSize; at < len(b); at += aes.BlockSize {
		block := b[at : at+aes.BlockSize]
		subtle.XORBytes(block, block, b[at-aes.BlockSize:at])
		c.block.Encrypt(block, block)
	}
	return b
}

// decrypt undoes it in place.
func (c *Channel) decrypt(b []byte) ([]byte, error) {
	if len(b) < 2*aes.BlockSize || len(b)%aes.BlockSize != 0 {
		return nil, FaultLength
	}
	for at := len(b) - aes.BlockSize; at > 0; at -= aes.BlockSize {
		block := b[at : at+aes.BlockSize]
		c.block.Decrypt(block, block)
		subtle.XORBytes(block, block, b[at-aes.BlockSize:at])
	}
	b = b[aes.BlockSize:]
	last := len(b) - 1
	pad := int(b[last])
	if pad >= aes.BlockSize || pad > last {
		return nil, FaultPadding
	}
	for i, v := range b[last-pad : last] {
		if int(v) != i+1 {
			return nil, FaultPadding
		}
	}
	return b[:last-pad], nil
}

// seal15 adds a packet of IPMI 1.5 (section 13.6).
func (c *Channel) seal15(b, payload []byte) []byte {
	if c.auth == AuthNone {
		return AppendPlain15(b, c.remote, c.seq, payload)
	}
	return AppendSigned15(b, c.auth, &c.password, c.remote, c.seq, payload)
}

func (c *Channel) open15(p *Packet) ([]byte, error) {
	if p.IsPlus() != (c.auth == AuthRMCPPlus) {
		return nil, FaultClear
	}
	if p.ID != c.local || c.local == 0 {
		return nil, FaultSession
	}
	if p.Auth != c.auth {
		return nil, FaultClear
	}
	if err := p.Verify15(&c.password); err != nil {
		return nil, err
	}
	if !c.window.Accept(p.Seq) {
		return nil, FaultSequence
	}
	return p.Payload, nil
}
