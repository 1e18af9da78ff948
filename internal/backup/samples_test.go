package backup_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"millwright.dev/millwright/internal/backup"
	"millwright.dev/millwright/internal/store"
)

// measured opens the samples of a place, and gives the labels of the series there.
func (p place) measured(t *testing.T, add ...string) (labels []string) {
	t.Helper()
	s, err := store.Open(t.Context(), p.state, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.OpenSamples(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = file.Write(t.Context(), func(tx *store.SampleTx) error {
		for i, l := range add {
			if err := tx.AddSeries(store.SampleSeries{ID: int64(i + 1), Labels: l}); err != nil {
				return err
			}
		}
		return nil
	})
	err = errors.Join(err, file.Series(t.Context(), func(one store.SampleSeries) { labels = append(labels, one.Labels) }), file.Close(), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	return labels
}

func TestSamplesAreBackedUp(t *testing.T) {
	for name, without := range map[string]bool{"with": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			from, to := newPlace(t), elsewhere(t)
			want := from.measured(t, "node=web1 quantity=power")
			var archive bytes.Buffer
			_, err := backup.Write(t.Context(), &archive, backup.Source{State: from.state, Program: "1.2.3", Time: noon, WithoutSamples: without})
			if err != nil {
				t.Fatal(err)
			}
			if without {
				want = nil
			}
			to.config = ""
			if _, err := to.restore(t, archive.Bytes(), false); err != nil {
				t.Fatal(err)
			}
			if got := to.measured(t); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
