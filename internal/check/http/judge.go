package http

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/theory/jsonpath"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver/web"
)

// verdict judges a whole answer.
func (c *asker) verdict(env *check.Env, resp *http.Response, body []byte, took time.Duration) check.Result {
	r := check.Result{Verdict: check.OK, Took: took}
	r.Said = fmt.Sprintf("%d %s in %s", resp.StatusCode, http.StatusText(resp.StatusCode), check.Took(took))
	if err := c.wrong(env, resp.StatusCode, body, took); err != nil {
		r.Verdict = check.Bad
		r.Said += ": " + err.Error()
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		c.certificate(&r, resp.TLS.PeerCertificates[0])
	}
	return r
}

// wrong says what is not as it should be; nil if all is.
func (c *asker) wrong(env *check.Env, status int, body []byte, took time.Duration) error {
	allowed := false
	for _, s := range c.status {
		allowed = allowed || s.low <= status && status <= s.high
	}
	if !allowed {
		return fmt.Errorf("the status is not one of %s", strings.Join(c.Status, ", "))
	}
	if c.Slowest > 0 && took > c.Slowest {
		return fmt.Errorf("slower than %v", c.Slowest)
	}
	wants := c.Contains != "" || c.path != nil || !c.Empty()
	if wants && len(body) > maxBody {
		return fmt.Errorf("the body is longer than %d bytes, and is not looked through", maxBody)
	}
	if text := env.Fill(c.Contains); !bytes.Contains(body, []byte(text)) {
		return fmt.Errorf("%q is not in the body", env.Line(text, 60))
	}
	value, where := string(body), "the body"
	if c.path != nil {
		var err error
		if value, err = pick(c.path, body); err != nil {
			return err
		}
		where = c.JSON
	}
	if c.Empty() {
		return nil
	}
	if err := c.judge.Look(env, value); err != nil {
		return fmt.Errorf("%s is %w", where, err)
	}
	return nil
}

// pick gives the one value that a path leads to.
func pick(path *jsonpath.Path, body []byte) (string, error) {
	all, err := web.ReadJSON(body)
	if err != nil {
		return "", fmt.Errorf("the body: %w", err)
	}
	nodes := path.Select(all)
	if len(nodes) != 1 {
		return "", fmt.Errorf("%s is there %d times", path, len(nodes))
	}
	if text, plain := web.PlainJSON(nodes[0]); plain {
		return text, nil
	}
	return "", fmt.Errorf("%s is neither a text nor a number nor a boolean", path)
}

// certificate adds how long a certificate is still good for.
func (c *asker) certificate(r *check.Result, cert *x509.Certificate) {
	days := time.Until(cert.NotAfter).Hours() / 24
	r.Values = append(r.Values, check.Value{Quantity: check.Days, Value: days})
	if c.Days == 0 {
		return
	}
	r.Said += fmt.Sprintf("; the certificate ends in %.0f days", days)
	if days < float64(c.Days) && r.Verdict == check.OK {
		r.Verdict = check.Bad
		r.Said += fmt.Sprintf(", fewer than %d", c.Days)
	}
}
