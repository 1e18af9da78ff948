package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"millwright.dev/millwright/internal/store"
)

func openSamples(t testing.TB, s *store.Store) *store.Samples {
	t.Helper()
	p, err := s.OpenSamples(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestSamplesComeBack(t *testing.T) {
	for name, s := range map[string]*store.Store{"folder": open(t, t.TempDir()), "memory": openMemory(t)} {
		t.Run(name, func(t *testing.T) {
			p := openSamples(t, s)
			err := p.Write(t.Context(), func(tx *store.SampleTx) error {
				return errors.Join(
					tx.AddSeries(store.SampleSeries{ID: 1, Labels: "node=a"}),
					tx.Seal(store.SampleSeries{ID: 1, Sealed: 7, LastAt: 5, Last: 2.5}),
					tx.PutChunk(store.SampleChunk{Level: 1, Series: 1, First: 10, Last: 20, Data: []byte("old")}),
					tx.PutChunk(store.SampleChunk{Level: 1, Series: 1, First: 10, Last: 25, Data: []byte("new")}),
					tx.PutChunk(store.SampleChunk{Level: 1, Series: 1, First: 100, Last: 200, Data: []byte("later")}),
					tx.PutChunk(store.SampleChunk{Level: 1, Series: 2, First: 10, Last: 20, Data: []byte("other")}),
					tx.AppendJournal(store.SampleEntry{Number: 1, Data: []byte("1")}),
					tx.AppendJournal(store.SampleEntry{Number: 2, Data: []byte("2")}),
					tx.TrimJournal(2), tx.SetImported("x", 3), tx.SetImported("x", 4),
				)
			})
			if err != nil {
				t.Fatal(err)
			}
			failed := errors.New("no")
			err = p.Write(t.Context(), func(tx *store.SampleTx) error {
				return errors.Join(tx.SetImported("x", 99), failed)
			})
			if !errors.Is(err, failed) {
				t.Error(err)
			}
			var series []store.SampleSeries
			var entries []store.SampleEntry
			err = errors.Join(
				p.Series(t.Context(), func(s store.SampleSeries) { series = append(series, s) }),
				p.Journal(t.Context(), func(e store.SampleEntry) { entries = append(entries, e) }),
			)
			if err != nil || len(series) != 1 || series[0] != (store.SampleSeries{ID: 1, Labels: "node=a", Sealed: 7, LastAt: 5, Last: 2.5}) {
				t.Errorf("series: %+v, %v", series, err)
			}
			if len(entries) != 1 || string(entries[0].Data) != "2" {
				t.Errorf("journal: %+v", entries)
			}
			chunks, err := p.Chunks(t.Context(), store.SampleRange{Level: 1, Series: []int64{1}, From: 22, To: 99, Span: 50})
			if err != nil || len(chunks) != 1 || !bytes.Equal(chunks[0].Data, []byte("new")) {
				t.Errorf("chunks: %+v, %v", chunks, err)
			}
			chunks, err = p.Chunks(t.Context(), store.SampleRange{Level: 1, Series: []int64{2, 1, 3}, From: 15, To: 150, Span: 50})
			if err != nil || len(chunks) != 3 || string(chunks[1].Data) != "later" || string(chunks[2].Data) != "other" {
				t.Errorf("chunks of several series: %+v, %v", chunks, err)
			}
			if upto, err := p.Imported(t.Context(), "x"); err != nil || upto != 4 {
				t.Errorf("imported up to %d, %v", upto, err)
			}
			err = p.Forget(t.Context(), func(tx *store.SampleTx) error {
				n, err := tx.Prune(1, 1, 150)
				if n != 1 {
					t.Errorf("%d chunks were pruned", n)
				}
				return err
			})
			page, e := p.ChunkPage(t.Context(), 1, 1, store.SampleChunk{First: -1}, 1000, 10)
			if err = errors.Join(err, e, p.Shrink(t.Context(), 10)); err != nil || len(page) != 1 || page[0].First != 100 {
				t.Errorf("left: %+v, %v", page, err)
			}
		})
	}
}

// TestDamagedSamplesAreSetAside holds that they keep nobody from starting.
func TestDamagedSamplesAreSetAside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "samples.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	p := openSamples(t, open(t, dir))
	if _, err := os.Stat(p.SetAside()); err != nil {
		t.Errorf("set aside: %q, %v", p.SetAside(), err)
	}
	if err := p.Write(t.Context(), func(tx *store.SampleTx) error { return tx.SetImported("x", 1) }); err != nil {
		t.Error(err)
	}
	copied := filepath.Join(dir, "copy")
	if err := store.SnapshotSamples(t.Context(), dir, copied); err != nil {
		t.Error(err)
	}
	if !slices.Contains(store.Files(), "samples.db") {
		t.Error("samples are not among the store's files")
	}
}

// TestDamageAnywhere damages one page of the samples after the other: whichever it is,
// the next daemon starts, and, at the latest after it has met the damage, the one behind
// it can write again.
func TestDamageAnywhere(t *testing.T) {
	const page, series = 4096, 60
	put := func(p *store.Samples, first int64) error {
		return p.Write(t.Context(), func(tx *store.SampleTx) error {
			for id := range int64(series) {
				chunk := store.SampleChunk{Level: 1, Series: id + 1, First: first, Last: first + 1, Data: bytes.Repeat([]byte("x"), 700)}
				if err := tx.PutChunk(chunk); err != nil {
					return err
				}
			}
			return tx.AppendJournal(store.SampleEntry{Number: first, Data: bytes.Repeat([]byte("x"), 3*page)})
		})
	}
	dir := t.TempDir()
	// visit opens the samples in a store of their own, and closes both.
	visit := func(do func(p *store.Samples)) {
		t.Helper()
		s, err := store.Open(t.Context(), dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p, err := s.OpenSamples(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		do(p)
	}
	visit(func(p *store.Samples) {
		err := p.Write(t.Context(), func(tx *store.SampleTx) (err error) {
			for id := range int64(series) {
				err = errors.Join(err, tx.AddSeries(store.SampleSeries{ID: id + 1, Labels: "node=" + string(bytes.Repeat([]byte{byte('A' + id)}, 200))}))
			}
			return err
		})
		if err = errors.Join(err, put(p, 1)); err != nil {
			t.Fatal(err)
		}
	})
	path := filepath.Join(dir, "samples.db")
	whole, err := os.ReadFile(path)
	if err != nil || len(whole) < 20*page {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	aside := 0
	for at := 0; at < len(whole); at += page {
		hurt := slices.Clone(whole)
		copy(hurt[at:], bytes.Repeat([]byte{0xa5}, page))
		if err := os.WriteFile(path, hurt, 0o600); err != nil {
			t.Fatal(err)
		}
		var met error
		visit(func(p *store.Samples) {
			met = put(p, 2)
			if p.SetAside() != "" {
				aside++
			}
		})
		visit(func(p *store.Samples) {
			if err := put(p, 3); err != nil && met != nil {
				t.Errorf("page %d: %v, and again %v", at/page, met, err)
			}
			if met != nil && p.SetAside() == "" {
				t.Errorf("page %d: %v, and it is still in its place", at/page, met)
			}
		})
	}
	if aside == 0 {
		t.Error("nothing was set aside")
	}
}

// BenchmarkEventBesideSamples measures what one event waits for while samples are
// written as fast as they can be: into the room's own database, by its writer, and
// into theirs.
func BenchmarkEventBesideSamples(b *testing.B) {
	data := bytes.Repeat([]byte("x"), 900)
	for _, where := range []string{"no samples", "the same file", "a file of their own"} {
		b.Run(where, func(b *testing.B) {
			s := open(b, b.TempDir())
			p := openSamples(b, s)
			ctx, stop := context.WithCancel(b.Context())
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				for n := int64(0); ctx.Err() == nil; n++ {
					switch where {
					case "the same file":
						_ = s.Write(ctx, func(tx *store.Tx) error {
							for i := range 500 {
								_ = tx.SetMark(string(rune('a'+i%26))+time.Duration(i).String(), string(data))
							}
							return nil
						})
					case "a file of their own":
						_ = p.Write(ctx, func(tx *store.SampleTx) error {
							for i := range int64(500) {
								_ = tx.PutChunk(store.SampleChunk{Level: 1, Series: i, First: n, Last: n, Data: data})
							}
							return nil
						})
					default:
						<-ctx.Done()
					}
				}
			}()
			var took []time.Duration
			for b.Loop() {
				begin := time.Now()
				if err := s.Write(ctx, func(tx *store.Tx) error { return tx.AppendEvents(event("on")) }); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begin))
			}
			stop()
			<-gone
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
		})
	}
}
