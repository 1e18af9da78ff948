package series

import (
	"cmp"
	"sort"
	"time"

	"millwright.dev/millwright/internal/promtext"
)

// stale is the age from which a value is not shown as a metric any more: whoever reads
// metrics takes them for what is now.
const stale = 5 * time.Minute

// WriteMetrics writes the newest value of each series that is not older than five
// minutes, and how the book is doing.
func (b *Book) WriteMetrics(w *promtext.Writer) {
	list := b.Latest(nil)
	sort.SliceStable(list, func(i, j int) bool { return list[i].Key.Quantity < list[j].Key.Quantity })
	now, family := time.Now(), Quantity("")
	var labels []string
	for _, s := range list {
		if age := now.Sub(s.At); age > stale || age < -stale {
			continue
		}
		q := s.Key.Quantity
		if q != family {
			family = q
			kind := promtext.Gauge
			if q.traits().counter {
				kind = promtext.Counter
			}
			w.Family(q.Metric(), kind, cmp.Or(q.traits().help, "Measured "+string(q)+"."))
		}
		labels = labels[:0]
		for _, l := range Labels() {
			if v := s.Key.Get(l); v != "" && l != LabelQuantity {
				labels = append(labels, string(l), v)
			}
		}
		w.Sample(s.Value, labels...)
	}
	st := b.Stats()
	w.One("millwright_samples_accepted_total", promtext.Counter, "Samples taken.", float64(st.Accepted))
	w.One("millwright_samples_refused_total", promtext.Counter, "Samples that made no sense.", float64(st.Refused))
	w.One("millwright_samples_lost_total", promtext.Counter, "Samples that there was no room for.", float64(st.Lost))
	w.One("millwright_samples_series", promtext.Gauge, "Series of samples.", float64(st.Series))
	w.One("millwright_samples_bytes", promtext.Gauge, "Size of the samples on the disk.", float64(st.Bytes))
}
