// Package genders reads a genders file and answers genders queries: the list
// of a cluster's nodes with their attributes that LLNL tools share, by default
// in /etc/genders.
//
// It exists for one option, powerman -g, and holds no more than that needs: it
// is not a genders library. The source for both notations is nodeattr(1) and
// the tutorial of genders 1.22, and how its nodeattr behaves. Start with
// [Parse] and [DB.Query].
//
// A line of the file is a host list, blanks, and attributes:
//
//	slci,slc[0-15]  eth2=e%n,cluster=slc,all    # a comment
//
// where %n in a value stands for the node and %% for a percent sign. A query
// combines attributes ("login", "cpus=4") with || (or), && (and), -- (but not)
// and ~ (not). The three infix operators bind alike and from the left;
// parentheses group.
package genders

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"millwright.dev/millwright/hostlist"
)

// DefaultFile is where a genders file is expected.
const DefaultFile = "/etc/genders"

// Bounds on a file: a longer line or more entries are refused.
const (
	maxLine    = 1 << 20
	maxEntries = 1 << 20 // nodes times attributes
)

// ErrParse: the file is not a genders file.
var ErrParse = errors.New("genders file parse error")

// DB is a genders file in memory.
type DB struct {
	nodes []string                     // sorted, each once
	attrs map[string]map[string]string // node → attribute → value
}

// Load reads the file at path.
func Load(path string) (*DB, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("error opening genders file: %w", err)
	}
	defer f.Close()
	return Parse(f)
}

// Parse reads a genders file. Errors wrap [ErrParse] and name the line.
func Parse(r io.Reader) (*DB, error) {
	db := &DB{attrs: map[string]map[string]string{}}
	entries := 0
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for n = 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if err := db.line(text, &entries); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrParse, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: line %d: %w", ErrParse, n, err)
	}
	var list hostlist.List
	for node := range db.attrs {
		list.Append(node)
	}
	list.Sort()
	db.nodes = list.Names()
	return db, nil
}

func (db *DB) line(text string, entries *int) error {
	fields := strings.Fields(text)
	switch {
	case len(fields) == 0:
		return nil
	case len(fields) > 2:
		return fmt.Errorf("blank among the attributes: %q", fields[2])
	}
	list, err := hostlist.Parse(fields[0])
	if err != nil {
		return err
	}
	var attrs []string
	if len(fields) == 2 {
		attrs = strings.Split(fields[1], ",")
	}
	for node := range list.All() {
		if *entries += 1 + len(attrs); *entries > maxEntries {
			return fmt.Errorf("more than %d entries", maxEntries)
		}
		if err := db.add(node, attrs); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) add(node string, attrs []string) error {
	if strings.Contains(node, ".") {
		return fmt.Errorf("node %q is not a short host name", node)
	}
	have := db.attrs[node]
	if have == nil {
		have = map[string]string{}
		db.attrs[node] = have
	}
	for _, attr := range attrs {
		name, value, valued := strings.Cut(attr, "=")
		if name == "" || valued && value == "" {
			return fmt.Errorf("bad attribute %q", attr)
		}
		if _, twice := have[name]; twice {
			return fmt.Errorf("node %q has attribute %q twice", node, name)
		}
		have[name] = expand(value, node)
	}
	return nil
}

// expand puts the node for %n and a percent sign for %%.
func expand(value, node string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch {
		case strings.HasPrefix(value[i:], "%n"):
			b.WriteString(node)
			i++
		case strings.HasPrefix(value[i:], "%%"):
			b.WriteByte('%')
			i++
		default:
			b.WriteByte(value[i])
		}
	}
	return b.String()
}

// has says whether a node has what a query's word asks: attr, or attr=val. An
// empty value and * stand for any.
func (db *DB) has(node, word string) bool {
	name, want, valued := strings.Cut(word, "=")
	value, ok := db.attrs[node][name]
	return ok && (!valued || want == "" || want == "*" || want == value)
}
