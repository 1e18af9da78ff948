package transport

import (
	"math/rand/v2"
	"time"
)

// jitter is the largest part of a delay by which it is lengthened, so that the
// devices behind one switch that came back do not all knock at once.
const jitter = 0.1

// Backoff says how long to wait between attempts to reach a device: 1, 2, 4, 8,
// 15, 30 and then always 60 seconds (PowerMan 2.4 behaviour), each up to a tenth
// longer. It belongs to the goroutine that owns the device.
type Backoff struct {
	random  *rand.Rand
	attempt int
}

// NewBackoff returns a Backoff at its first delay. A nil random means no jitter.
func NewBackoff(random *rand.Rand) *Backoff { return &Backoff{random: random} }

// Next returns the delay to wait after the attempt just made, counted from that
// attempt, and moves on to the next.
func (b *Backoff) Next() time.Duration {
	steps := [...]time.Duration{1, 2, 4, 8, 15, 30, 60}
	d := steps[min(b.attempt, len(steps)-1)] * time.Second
	b.attempt++
	if b.random != nil {
		d += time.Duration(b.random.Float64() * jitter * float64(d))
	}
	return d
}

// Reset goes back to the first delay: somebody wants the device now, so the
// owner tries at once and counts anew.
func (b *Backoff) Reset() { b.attempt = 0 }

// Attempts is how many delays were handed out since the last Reset.
func (b *Backoff) Attempts() int { return b.attempt }
