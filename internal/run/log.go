package run

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"millwright.dev/millwright/internal/store"
)

// The first byte of a page of the log says what follows: lines of JSON, packed or not.
const (
	plainPage  = 0
	packedPage = 1
	packFrom   = 1 << 10 // bytes: below that it is not worth it
	maxPage    = 1 << 30
)

var errLog = errors.New("the log of the run is mangled")

// encodeLog writes updates as one page of a run's log; nil for none.
func encodeLog(list []Update) []byte {
	if len(list) == 0 {
		return nil
	}
	var plain bytes.Buffer
	plain.WriteByte(plainPage)
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	for i := range list {
		_ = enc.Encode(&list[i]) // what it is made of can be written
	}
	if plain.Len() < packFrom {
		return plain.Bytes()
	}
	var packed bytes.Buffer
	packed.WriteByte(packedPage)
	w, _ := flate.NewWriter(&packed, flate.BestSpeed) // the level is one that there is
	_, _ = w.Write(plain.Bytes()[1:])
	_ = w.Close()
	return packed.Bytes()
}

// decodeLog reads a whole log and holds that nothing is missing.
func decodeLog(parts []store.RunPart) ([]Update, error) {
	var list []Update
	for _, part := range parts {
		if len(part.Body) == 0 {
			return nil, errLog
		}
		var from io.Reader = bytes.NewReader(part.Body[1:])
		if part.Body[0] == packedPage {
			from = flate.NewReader(from)
		}
		dec := json.NewDecoder(io.LimitReader(from, maxPage))
		for {
			var u Update
			if err := dec.Decode(&u); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%w: %w", errLog, err)
			}
			if u.N != len(list)+1 {
				return nil, fmt.Errorf("%w: update %d follows update %d", errLog, u.N, len(list))
			}
			list = append(list, u)
		}
	}
	return list, nil
}

// report is what the store keeps of a run besides its plan and its log: how it stands,
// and what a next daemon cannot know otherwise.
type kept struct {
	Info  Info    `json:"info"`
	Mark  string  `json:"mark,omitempty"`
	Times []timed `json:"times,omitempty"` // how long its steps took
}

// encodeHead is what is kept of a run while it has not ended.
func (r *run) encodeHead() []byte { return encode(kept{Info: r.info(), Mark: r.sub.Mark}) }

// endedRun makes a run of what is in the store, without its updates.
func endedRun(row *store.Run) *run {
	var k kept
	_ = json.Unmarshal(row.Report, &k) // what cannot be read is empty
	it := &run{id: row.ID, seq: row.Seq, now: k.Info, concerned: row.Concerned, dropped: true, grown: make(chan struct{})}
	it.now.ID = row.ID
	return it
}
