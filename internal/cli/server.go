package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/secret"
)

// server says how a daemon elsewhere is reached: what the flags say, otherwise the
// environment, otherwise the file of credentials.
type server struct {
	address string // --server
	token   string // --token, a reference
	ca      string // --ca
}

// remote says whether a daemon elsewhere is meant, and where.
func (p *program) remote() (address string, is bool) {
	switch {
	case p.server.address != "":
		return p.server.address, true
	case p.socket != "": // said here, which goes before the environment
		return "", false
	}
	address = os.Getenv("MILLWRIGHT_SERVER")
	return address, address != ""
}

// client gives the way to the daemon. Where that is not clear, every question to
// it is answered with why.
func (p *program) client() *client.Client {
	address, elsewhere := p.remote()
	if p.server.address != "" && p.socket != "" {
		return client.Refusing(usagef("--server and --socket are two ways to say the same; say one of them"))
	}
	if !elsewhere {
		address = p.socketPath()
	}
	o, err := p.server.options(address)
	if err != nil {
		return client.Refusing(err)
	}
	c, err := client.Open(o)
	if err != nil {
		return client.Refusing(err)
	}
	return c
}

// options gathers what a daemon at an address is to be shown.
func (s server) options(address string) (client.Options, error) {
	o := client.Options{Server: address, CA: s.ca}
	if o.CA == "" {
		o.CA = os.Getenv("MILLWRIGHT_CA")
	}
	var err error
	switch {
	case s.token != "":
		o.Token, err = tokenOf(s.token)
	case os.Getenv("MILLWRIGHT_TOKEN") != "":
		o.Token = secret.NewValue(os.Getenv("MILLWRIGHT_TOKEN"))
	case strings.Contains(address, "://"):
		o, err = remembered(o)
	}
	return o, err
}

// tokenOf reads the token that a reference leads to.
func tokenOf(text string) (secret.Value, error) {
	ref, err := secret.Parse(text)
	if err != nil {
		return secret.Value{}, usagef("--token: %w; a token itself is not written here, where others can see it", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	v, err := ref.Resolve(ctx, secret.Places{Dir: "."})
	if err != nil {
		return secret.Value{}, fmt.Errorf("read the token: %w", err)
	}
	return v, nil
}

// credentials is the file of tokens: a line for each server, with its address, the
// token and, where it is needed, whom to believe that it is that server.
func credentials() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "millwright", "credentials"), nil
}

// remembered adds what the file of credentials knows of a server. That there is no
// file, or no line, is no error: the daemon will say what it misses.
func remembered(o client.Options) (client.Options, error) {
	path, err := credentials()
	if err != nil {
		return o, nil //nolint:nilerr // who has no home has no such file
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("read the credentials: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Mode().Perm()&0o077 != 0 {
		return o, fmt.Errorf("%s can be read by others; nothing in it is used before that is mended: chmod 600 %s", path, path)
	}
	const most = 1 << 20
	lines := bufio.NewScanner(io.LimitReader(f, most))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 2 || len(words) > 3 {
			return o, fmt.Errorf("%s, line %d: it takes an address, a token and, if need be, an authority", path, n)
		}
		if strings.TrimSuffix(words[0], "/") != strings.TrimSuffix(o.Server, "/") {
			continue
		}
		o.Token = secret.NewValue(words[1])
		if len(words) == 3 && o.CA == "" {
			o.CA = words[2]
		}
		return o, nil
	}
	return o, lines.Err()
}
