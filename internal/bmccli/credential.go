package bmccli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"millwright.dev/millwright/internal/secret"
)

// credential is who logs in.
type credential struct {
	user     string
	password secret.Value
	kg       secret.Value
}

// credentials finds out who logs in where. Each place is looked at once.
type credentials struct {
	frame *Frame
	flags *flags
	file  *fileCredential // of --credential-file
	env   secret.Value    // $IPMIPASSWORD
	envKg secret.Value    // $IPMI_KGKEY
	asked *secret.Value   // what was typed
	known map[string]secret.Value
	store secret.Store
}

// fileCredential is what a credential file says.
type fileCredential struct {
	user, password, kg *string
}

// newCredentials reads what is the same for all hosts. The variables are gone afterwards,
// so that programs that are started later do not see them.
func newCredentials(frame *Frame, f *flags) (*credentials, error) {
	c := &credentials{frame: frame, flags: f, known: make(map[string]secret.Value)}
	for name, to := range map[string]*secret.Value{"IPMIPASSWORD": &c.env, "IPMI_KGKEY": &c.envKg} {
		if text, set := os.LookupEnv(name); set {
			*to = secret.NewValue(text)
			if err := os.Unsetenv(name); err != nil {
				return nil, fmt.Errorf("forget %s: %w", name, err)
			}
		}
	}
	if f.file != "" {
		var err error
		if c.file, err = readCredential(f.file); err != nil {
			return nil, &UsageError{err}
		}
	}
	return c, nil
}

// readCredential reads lines of user, password and kg, each with what it is behind a
// colon, as it is but for blanks around it.
func readCredential(name string) (*fileCredential, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the credentials: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the credentials: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s can be read by others: chmod 600 %s, and then change the password", name, name)
	}
	c := new(fileCredential)
	at := map[string]**string{"user": &c.user, "password": &c.password, "kg": &c.kg}
	lines := bufio.NewScanner(io.LimitReader(file, secret.MaxSize))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		word, text, found := strings.Cut(line, ":")
		to := at[strings.TrimSpace(word)]
		if !found || to == nil {
			return nil, fmt.Errorf("%s: line %d is not user:, password: or kg: and what it is", name, n)
		}
		text = strings.TrimSpace(text)
		*to = &text
	}
	return c, lines.Err()
}

// of gives who logs in at a host.
func (c *credentials) of(ctx context.Context, s settings) (credential, error) {
	var who credential
	switch {
	case c.flags.given("user"):
		who.user = c.flags.user
	case c.file != nil && c.file.user != nil:
		who.user = *c.file.user
	case s.User != nil:
		who.user = *s.User
	default:
		return who, usagef("say who logs in: --user NAME, or user: in the settings of BMCs")
	}
	var err error
	if who.kg, err = c.key(ctx, s); err != nil {
		return who, err
	}
	who.password, err = c.password(ctx, s)
	return who, err
}

func (c *credentials) key(ctx context.Context, s settings) (secret.Value, error) {
	switch {
	case c.flags.Kg == "" && c.file != nil && c.file.kg != nil:
		return secret.NewValue(*c.file.kg), nil
	case c.flags.Kg == "" && !c.envKg.IsZero():
		return c.envKg, nil
	case s.Kg == "":
		return secret.Value{}, nil
	}
	return c.resolve(ctx, "--kg", s.Kg)
}

func (c *credentials) password(ctx context.Context, s settings) (secret.Value, error) {
	switch {
	case c.flags.noPassword:
		return secret.Value{}, nil
	case c.flags.Secret != "":
		return c.resolve(ctx, "--secret", c.flags.Secret)
	case c.file != nil && c.file.password != nil:
		return secret.NewValue(*c.file.password), nil
	case !c.env.IsZero():
		return c.env, nil
	case s.Secret != "":
		return c.resolve(ctx, "secret", s.Secret)
	case c.asked != nil:
		return *c.asked, nil
	}
	text, asked, err := c.frame.Password(ctx, "Password: ")
	switch {
	case err != nil:
		return secret.Value{}, err
	case !asked:
		return secret.Value{}, usagef("no password: give --secret REF or --credential-file FILE, or set IPMIPASSWORD; --no-password is without one")
	}
	v := secret.NewValue(text)
	c.asked = &v
	return v, nil
}

// resolve fetches what a reference leads to, once.
func (c *credentials) resolve(ctx context.Context, what, text string) (secret.Value, error) {
	if v, ok := c.known[text]; ok {
		return v, nil
	}
	ref, err := secret.Parse(text)
	if err != nil {
		return secret.Value{}, usagef("%s: %w", what, err)
	}
	places := secret.Places{Dir: "."}
	if _, stored := ref.Stored(); stored {
		if c.store == nil {
			c.store = c.frame.Store(ctx)
		}
		places.Store = c.store
	}
	v, err := ref.Resolve(ctx, places)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return v, err
		}
		return v, usagef("%s: %w", what, err)
	}
	c.known[text] = v
	return v, nil
}

// secretFor asks for a password that is to be set: at a reference if there is one, else of
// the person, twice.
func (c *credentials) secretFor(ctx context.Context, ref, who string, twice bool) (secret.Value, error) {
	if ref != "" {
		return c.resolve(ctx, "--new-secret", ref)
	}
	first, asked, err := c.frame.Password(ctx, "Password of "+who+": ")
	switch {
	case err != nil:
		return secret.Value{}, err
	case !asked:
		return secret.Value{}, usagef("say where the password is: --new-secret env:NAME, file:PATH or secret:NAME")
	case !twice:
		return secret.NewValue(first), nil
	}
	second, _, err := c.frame.Password(ctx, "Once more: ")
	switch {
	case err != nil:
		return secret.Value{}, err
	case first != second:
		return secret.Value{}, usagef("the two are not the same; nothing was done")
	}
	return secret.NewValue(first), nil
}
