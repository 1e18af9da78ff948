package cli

import (
	"context"
	"strings"
	"time"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
)

// warnBroken says on stderr that the daemon does not run what the files say, if that
// is so. It is asked beside something else, so no answer is no news.
func (p *program) warnBroken(ctx context.Context, cl *client.Client) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if v, err := cl.Version(ctx); err == nil {
		p.tellBroken(v)
	}
}

func (p *program) tellBroken(v wire.Version) {
	if v.Broken == "" {
		return
	}
	what, _, _ := strings.Cut(v.Broken, ":")
	p.errorf("warning: %s; see: millwright validate %s", clean(what), clean(v.Config))
}
