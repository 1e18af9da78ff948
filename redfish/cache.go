package redfish

import (
	"sync"
	"time"
)

// cache keeps what was read. It is bounded in entries and in bytes.
type cache struct {
	mu      sync.Mutex
	entries map[string]*entry
	size    int
	swept   time.Time // when what is too old was last thrown away
}

// entry is one resource as it was.
type entry struct {
	doc   Document
	at    time.Time // when it was read; zero if something may have changed it since
	kept  time.Time // since when it is here
	bytes int
}

// The bounds of a cache.
const (
	maxEntries = 512
	maxCached  = 4 << 20 // of text; in memory it is several times that
	keptFor    = 10 * time.Minute
)

// get gives what is kept of a path, and whether it is younger than ttl.
func (k *cache) get(path string, ttl time.Duration) (doc Document, kept, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.entries[path]
	if e == nil {
		return Document{}, false, false
	}
	return e.doc, true, !e.at.IsZero() && time.Since(e.at) < ttl
}

// put keeps a document.
func (k *cache) put(path string, doc Document, bytes int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if old := k.entries[path]; old != nil {
		if bytes == 0 { // it is as it was
			bytes = old.bytes
		}
		k.size -= old.bytes
		delete(k.entries, path)
	}
	if bytes > maxCached/4 {
		return
	}
	k.sweep()
	for len(k.entries) >= maxEntries || k.size+bytes > maxCached {
		k.drop()
	}
	k.entries[path] = &entry{doc, time.Now(), time.Now(), bytes}
	k.size += bytes
}

// sweep throws away, now and then, what nobody has asked for in a long time: a process
// may have thousands of clients.
func (k *cache) sweep() {
	if time.Since(k.swept) < time.Minute {
		return
	}
	k.swept = time.Now()
	for path, e := range k.entries {
		if time.Since(e.kept) > keptFor {
			k.size -= e.bytes
			delete(k.entries, path)
		}
	}
}

// drop takes out the oldest entry.
func (k *cache) drop() {
	oldest := ""
	for path, e := range k.entries {
		if oldest == "" || e.kept.Before(k.entries[oldest].kept) {
			oldest = path
		}
	}
	k.size -= k.entries[oldest].bytes
	delete(k.entries, oldest)
}

// expire has all be asked for again: a change may change what is far from it.
func (k *cache) expire() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.entries {
		e.at = time.Time{}
	}
}
