package local

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/door/local/wire"
	"millwright.dev/millwright/internal/event"
)

// events answers GET /v0/events: those that match, oldest first, a line each.
// With follow=yes it goes on with those to come.
func (d *Door) events(w http.ResponseWriter, r *http.Request) {
	f, follow, err := filterOf(r.URL.Query())
	if err != nil {
		refuse(w, err)
		return
	}
	if follow {
		s := newFollow(w)
		defer s.end()
		s.now() // the client shall know that it is heard, even while nothing happens
		for e, err := range d.opts.Desk.FollowEvents(r.Context(), actorOf(r.Context()), f) {
			if err != nil {
				s.fail(err, wire.Failed{Problem: problemOf(err)})
				return
			}
			if s.line(e) != nil {
				return
			}
		}
		return
	}
	s := newStream(w, false)
	defer s.end()
	found, err := d.opts.Desk.ReadEvents(r.Context(), actorOf(r.Context()), f)
	if err != nil {
		s.fail(err, wire.Failed{Problem: problemOf(err)})
		return
	}
	for i := range found {
		if s.line(&found[i]) != nil {
			return
		}
	}
}

// filterOf reads a filter: since and until (RFC 3339), node, kind (repeated),
// request, after (a position), limit, newest and follow.
func filterOf(q url.Values) (f event.Filter, follow bool, err error) {
	for name, values := range q {
		for _, v := range values {
			switch name {
			case "since":
				f.Since, err = time.Parse(time.RFC3339Nano, v)
			case "until":
				f.Until, err = time.Parse(time.RFC3339Nano, v)
			case "node":
				f.Node = v
			case "kind":
				f.Kinds, err = append(f.Kinds, event.Kind(v)), knownKind(v)
			case "request":
				f.Request = v
			case "after":
				f.AfterSeq, err = strconv.ParseInt(v, 10, 64)
			case "limit":
				f.Limit, err = strconv.Atoi(v)
			case "newest":
				f.Newest = v == "yes"
			case "follow":
				follow = v == "yes"
			default:
				err = fmt.Errorf("events cannot be chosen by it")
			}
			if err != nil {
				return f, false, invalid(shorten(name) + ": " + err.Error())
			}
		}
	}
	if f.Limit < 0 || f.AfterSeq < 0 || len(f.Kinds) > 20 {
		return f, false, invalid("a number is out of range")
	}
	return f, follow, nil
}

// knownKind says what is wrong with the name of a kind.
func knownKind(name string) error {
	if slices.Contains(event.Kinds(), event.Kind(name)) {
		return nil
	}
	return errors.New("there is no kind \"" + shorten(name) + "\"")
}
