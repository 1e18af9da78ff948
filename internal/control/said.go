package control

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"

	"millwright.dev/millwright/internal/driver"
)

// Field is the error of a setting that is wrong.
func Field(name, format string, args ...any) error {
	return &driver.FieldError{Field: name, Err: fmt.Errorf(format, args...)}
}

// FillURL is [Env.Fill] for a URL: an IPv6 address gets its brackets, and a name what
// makes it fit for a path.
func (e *Env) FillURL(text string) string {
	fit := func(s string) string {
		if strings.Contains(s, ":") && net.ParseIP(s) != nil {
			return "[" + s + "]"
		}
		return url.PathEscape(s)
	}
	return strings.NewReplacer("{node}", fit(e.Node), "{address}", fit(e.Address)).Replace(text)
}

// Meter is what a control can be that measures the nodes that it controls.
type Meter interface {
	// Measure reads what there is and tells it, value by value; Plug is driver.NoPlug.
	Measure(ctx context.Context, env Env, tell func(driver.Reading)) error
}
