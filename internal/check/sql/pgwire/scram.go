package pgwire

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxIterations bounds the work that a server may ask of us. PostgreSQL asks for 4096
// unless it is told otherwise; a million takes half a second, on a small board several.
const maxIterations = 1_000_000

// scram is a client's side of one exchange of RFC 5802, with SHA-256 (RFC 7677). The user
// is left empty, as PostgreSQL knows it from the start-up message.
type scram struct {
	password string
	nonce    string
	gs2      string // the header that says whether the channel is bound
	binding  []byte // what it is bound to

	signature []byte // what the server has to answer in the end
	proven    bool   // it did
}

// bare is client-first-message-bare.
func (s *scram) bare() string { return "n=,r=" + s.nonce }

// prove answers server-first-message with client-final-message.
func (s *scram) prove(serverFirst string) (string, error) {
	nonce, salt, iterations, err := s.challenge(serverFirst)
	if err != nil {
		return "", err
	}
	salted, err := pbkdf2.Key(sha256.New, s.password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("deriving the key of the password: %w", err)
	}
	header := base64.StdEncoding.EncodeToString(append([]byte(s.gs2), s.binding...))
	withoutProof := "c=" + header + ",r=" + nonce
	message := s.bare() + "," + serverFirst + "," + withoutProof

	clientKey := sign(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	proof := make([]byte, sha256.Size)
	subtle.XORBytes(proof, clientKey, sign(stored[:], message))
	s.signature = sign(sign(salted, "Server Key"), message)
	return withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

// challenge reads server-first-message.
func (s *scram) challenge(text string) (nonce string, salt []byte, iterations int, err error) {
	parts := strings.SplitN(text, ",", 4) // what follows are extensions, which may be left
	if len(parts) < 3 || !strings.HasPrefix(parts[0], "r=") || !strings.HasPrefix(parts[1], "s=") || !strings.HasPrefix(parts[2], "i=") {
		return "", nil, 0, errGarbled
	}
	nonce = parts[0][2:]
	if !strings.HasPrefix(nonce, s.nonce) || len(nonce) == len(s.nonce) {
		return "", nil, 0, errors.New("it answers a question that was not ours")
	}
	salt, err = base64.StdEncoding.DecodeString(parts[1][2:])
	if err != nil || len(salt) == 0 {
		return "", nil, 0, errGarbled
	}
	iterations, err = strconv.Atoi(parts[2][2:])
	switch {
	case err != nil || iterations < 1:
		return "", nil, 0, errGarbled
	case iterations > maxIterations:
		return "", nil, 0, &RefusedError{fmt.Sprintf("it asks for %d iterations of SCRAM, more than %d", iterations, maxIterations)}
	}
	return nonce, salt, iterations, nil
}

// final reads server-final-message, by which the server proves itself.
func (s *scram) final(text string) error {
	encoded, found := strings.CutPrefix(text, "v=")
	encoded, _, _ = strings.Cut(encoded, ",")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || !hmac.Equal(signature, s.signature) {
		return errUnproven
	}
	s.proven = true
	return nil
}

func sign(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// endPoint is what tls-server-end-point binds to, RFC 5929 section 4.1: the hash of the
// server's certificate, by the hash of its signature. It is nil without TLS, and where
// the signature has no hash of its own or PostgreSQL does not find it.
func endPoint(state *tls.ConnectionState) []byte {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	certificate := state.PeerCertificates[0]
	switch certificate.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.SHA256WithRSA, x509.ECDSAWithSHA256:
		sum := sha256.Sum256(certificate.Raw)
		return sum[:]
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384:
		sum := sha512.Sum384(certificate.Raw)
		return sum[:]
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512:
		sum := sha512.Sum512(certificate.Raw)
		return sum[:]
	}
	return nil
}
