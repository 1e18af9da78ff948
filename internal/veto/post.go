package veto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// post asks a hook by HTTP: one POST on a connection of its own, through no proxy,
// and no redirect is followed. The answer is that of status 200.
func (p *Panel) post(ctx context.Context, v *room.Veto, question []byte) ([]byte, error) {
	u, err := url.Parse(v.URL)
	if err != nil {
		return nil, errors.New("its address cannot be read")
	}
	tlsOptions := transport.TLSOptions{CA: v.CA, Pins: v.Pins, Insecure: v.Insecure}
	if v.CA != "" && !filepath.IsAbs(v.CA) {
		tlsOptions.CA = filepath.Join(p.o.Dir, v.CA)
	}
	config, err := tlsOptions.Config(u.Hostname())
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.URL, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	token, err := p.token(ctx, v.Bearer)
	if err != nil {
		return nil, err
	}
	if !token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	way := &http.Transport{
		DialContext: p.o.Dial, TLSClientConfig: config, DisableKeepAlives: true, DisableCompression: true,
		MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}
	defer way.CloseIdleConnections()
	client := &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	text, err := exchange(ctx, client, req)
	masked := secret.NewMasker(token)
	if err != nil {
		return nil, errors.New(masked.String(clean(err.Error())))
	}
	return masked.Bytes(text), nil
}

func exchange(ctx context.Context, client *http.Client, req *http.Request) ([]byte, error) {
	resp, err := client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return text, err
}

// token fetches what the hook is shown of us.
func (p *Panel) token(ctx context.Context, ref string) (secret.Value, error) {
	if ref == "" {
		return secret.Value{}, nil
	}
	if p.o.Secret == nil {
		return secret.Value{}, errors.New("its token cannot be fetched here")
	}
	v, err := p.o.Secret(ctx, ref)
	if err != nil {
		return secret.Value{}, fmt.Errorf("its token: %w", err)
	}
	return v, nil
}
