package series

// maxHold is for how long, in milliseconds, a reading of power is taken to hold until
// the next one; over a longer gap nobody knows what was used.
const maxHold = 10 * 60_000

// carry is what has to be known of the sample before to say what a new one adds.
type carry struct {
	at  int64
	v   float64
	has bool
	// dropped is the value that a counter had before it last fell, 0 if it has not.
	dropped float64
}

// next takes a sample, and gives what it adds: to a counter what it grew by, to power
// the energy in Wh.
func (c *carry) next(q Quantity, at int64, v float64) (inc float64) {
	if c.has {
		switch q {
		case Energy:
			inc = c.grown(v)
		case Power:
			if gap := at - c.at; gap > 0 && gap <= maxHold {
				inc = max(0, (c.v+v)/2) * float64(gap) / 3_600_000
			}
		}
	}
	c.at, c.v, c.has = at, v, true
	return inc
}

// grown says by what a counter grew. One that fell was reset, and began again at zero;
// but when the next value is no less than that from before, it was a slip of the meter.
func (c *carry) grown(v float64) float64 {
	was, dropped := c.v, c.dropped
	c.dropped = 0
	switch {
	case v < was:
		c.dropped = was
		return max(0, v)
	case dropped > 0 && v >= dropped:
		return max(0, v-dropped-was) // the slip's own value was counted when it came
	}
	return v - was
}

// roll puts samples into minutes. A sample's share of what a counter grew by is that of
// the minute in which it was read.
type roll struct {
	q    Quantity
	c    carry
	list []bucket
}

func (r *roll) add(at int64, v float64) {
	inc := r.c.next(r.q, at, v)
	one := bucket{at: floor(at, resolution(levelMinutes)), count: 1, min: v, max: v, sum: v, last: v, inc: inc}
	if n := len(r.list); n > 0 && r.list[n-1].at == one.at {
		r.list[n-1].merge(one)
		return
	}
	r.list = append(r.list, one)
}
