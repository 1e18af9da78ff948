package auth

import (
	"crypto/x509"
	"errors"
	"fmt"
)

// NameIn says which part of a client certificate is the user's name.
type NameIn string

// The parts.
const (
	InCommonName NameIn = "cn"    // the subject's common name; the default
	InEmail      NameIn = "email" // the first e-mail address of the alternative names
	InURI        NameIn = "uri"   // the first URI of the alternative names
)

// name gives the user's name of a certificate.
func (n NameIn) name(c *x509.Certificate) (string, error) {
	switch n {
	case "", InCommonName:
		if c.Subject.CommonName == "" {
			return "", errors.New("the certificate has no common name")
		}
		return c.Subject.CommonName, nil
	case InEmail:
		if len(c.EmailAddresses) == 0 {
			return "", errors.New("the certificate has no e-mail address among its alternative names")
		}
		return c.EmailAddresses[0], nil
	case InURI:
		if len(c.URIs) == 0 {
			return "", errors.New("the certificate has no URI among its alternative names")
		}
		return c.URIs[0].String(), nil
	}
	return "", fmt.Errorf("there is no part %q of a certificate", string(n))
}
