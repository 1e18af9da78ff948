package sel

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
)

// The text that Save writes: a first line that says what it is, a line with both clocks if
// they are known, and for each record its 16 bytes in hexadecimal, then the same in
// words as a comment. Empty lines and all from # on are left out at reading.
const (
	fileHead  = "# event log, one record a line"
	fileClock = "clock"
)

// Save writes a log as text that [Load] reads, and that people can read and edit.
func Save(w io.Writer, l Log) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, fileHead)
	if l.BMC != NoStamp && !l.Host.IsZero() {
		fmt.Fprintf(out, "%s %08x %s\n", fileClock, uint32(l.BMC), l.Host.UTC().Format(time.RFC3339))
	}
	for _, r := range l.Records {
		fmt.Fprintf(out, "%x # %s\n", r.Append(nil), Describe(r, nil).Text())
	}
	return out.Flush()
}

// Load reads what Save writes. Errors name the line.
func Load(r io.Reader) (Log, error) {
	l := Log{BMC: NoStamp}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if err := l.line(words); err != nil {
			return Log{}, fmt.Errorf("line %d of the event log: %w", n, err)
		}
		if len(l.Records) > MaxRecords {
			return Log{}, fmt.Errorf("line %d of the event log: more than %d records", n, MaxRecords)
		}
	}
	if err := lines.Err(); err != nil {
		return Log{}, fmt.Errorf("the event log: %w", err)
	}
	return l, nil
}

func (l *Log) line(words []string) error {
	if words[0] == fileClock {
		if len(words) != 3 {
			return fmt.Errorf("a clock is two times, the BMC's and ours")
		}
		var bmc uint32
		if _, err := fmt.Sscanf(words[1], "%08x", &bmc); err != nil {
			return fmt.Errorf("the BMC's time: %w", err)
		}
		host, err := time.Parse(time.RFC3339, words[2])
		if err != nil {
			return fmt.Errorf("our time: %w", err)
		}
		l.BMC, l.Host = Stamp(bmc), host
		return nil
	}
	b, err := hex.DecodeString(strings.Join(words, ""))
	if err != nil {
		return err
	}
	if len(b) != Size {
		return fmt.Errorf("a record of %d bytes, not %d", len(b), Size)
	}
	record, err := ParseRecord(b)
	l.Records = append(l.Records, record)
	return err
}
