package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
)

// maxKeys bounds a file of recipients or identities, in bytes.
const maxKeys = 1 << 20

// Recipients reads who may read an archive: public keys of age (age1…), or files
// with one on each line.
func Recipients(said []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, text := range said {
		var from io.Reader = strings.NewReader(text)
		if !strings.HasPrefix(text, "age1") {
			f, err := os.Open(text)
			if err != nil {
				return nil, fmt.Errorf("a recipient is a public key of age (age1…), or a file of such keys: %w", err)
			}
			defer f.Close()
			from = io.LimitReader(f, maxKeys)
		}
		found, err := age.ParseRecipients(from)
		if err != nil {
			return nil, fmt.Errorf("recipient %s: %w", clean(text), err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// Identities reads a file of age's private keys, as age-keygen makes it. No error
// repeats what is in it.
func Identities(path string) ([]age.Identity, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	defer f.Close()
	found, err := age.ParseIdentities(io.LimitReader(f, maxKeys))
	if err != nil {
		return nil, errors.New("read the identity: " + path + " is no file of age's private keys, as age-keygen makes it")
	}
	return found, nil
}
