package httpdoor

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
)

// keepKeys is how long a key is good for.
const keepKeys = 24 * time.Hour

// keys sees to it that a wish with a key is carried out once.
//
// Nothing is kept for that but the log. The id of a keyed request is made from
// who asks, the key and the day, so whoever comes again finds the intent of the
// first time, also after a restart; what was asked stands in it as a mark. In
// memory are only the keys whose first request has not been put on record yet:
// those who come meanwhile wait for it.
type keys struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

// turn is the right to carry out what a key names, or what became of it before.
type turn struct {
	id, mark string
	before   *event.Event // the intent of the first time
	leave    func()       // lets the next one look; may be called twice
}

// turn waits until nobody else is about to begin the same wish, and gives the
// turn. kind says what is asked for, and body all that matters of it.
func (d *Door) turn(ctx context.Context, who desk.Actor, key, kind string, body any) (*turn, error) {
	mark, err := markOf(kind, body)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	today, yesterday := requestOf(who, key, now), requestOf(who, key, now.Add(-keepKeys))
	t := &turn{id: today, mark: mark}
	if t.leave, err = d.keys.enter(ctx, whose(who)+"\x00"+key); err != nil {
		return nil, err
	}
	for _, id := range []string{today, yesterday} {
		if t.before, err = d.intentOf(ctx, id); err != nil || t.before != nil {
			break
		}
	}
	switch {
	case err != nil:
	case t.before == nil || now.Sub(t.before.Time) >= keepKeys:
		t.before = nil
		return t, nil
	case markIn(t.before) != mark:
		err = withStatus(http.StatusUnprocessableEntity, &room.Error{
			Code: room.CodeInvalid, Op: kind, Subject: shorten(key), Said: "this key has been used for something else within the last 24 hours",
		})
	default:
		return t, nil
	}
	t.leave()
	return nil, err
}

// enter waits until the key is free and takes it.
func (k *keys) enter(ctx context.Context, key string) (leave func(), err error) {
	for {
		k.mu.Lock()
		other, busy := k.busy[key]
		if !busy {
			mine := make(chan struct{})
			k.busy[key] = mine
			k.mu.Unlock()
			return sync.OnceFunc(func() {
				k.mu.Lock()
				delete(k.busy, key)
				k.mu.Unlock()
				close(mine)
			}), nil
		}
		k.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, &room.Error{Code: room.CodeTimeout, Op: "wait for the first request with this key", Said: "given up", Err: ctx.Err()}
		}
	}
}

// whose tells askers apart: what one names does not concern another.
func whose(a desk.Actor) string {
	if a.Name != "" {
		return a.Name
	}
	return a.Door + " " + a.Remote
}

// requestOf gives the id of the request that a key names on a day.
func requestOf(who desk.Actor, key string, at time.Time) string {
	sum := sha256.Sum256([]byte("millwright idempotency key\x00" + whose(who) + "\x00" + key + "\x00" + at.Format(time.DateOnly)))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// markOf gives the mark by which a wish is known again.
func markOf(kind string, body any) (string, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(kind+"\x00"), data...))
	return hex.EncodeToString(sum[:16]), nil
}

func markIn(intent *event.Event) string {
	var m event.Marked
	_ = json.Unmarshal(intent.Data, &m) // none is another mark
	return m.Mark
}

// intentOf gives the intent of a request, nil if there is none.
func (d *Door) intentOf(ctx context.Context, id string) (*event.Event, error) {
	found, err := d.opts.Desk.Events().Read(ctx, event.Filter{Request: id, Kinds: []event.Kind{event.Intent}, Limit: 1})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}
