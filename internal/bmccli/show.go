package bmccli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// answer is what one host says. A table without head is of names and what they are.
type answer struct {
	value any // what --json has; nil: made of the rest
	line  string
	tone  Tone // of line
	head  []string
	rows  [][]Cell
	text  string // several lines, as they are
	notes []string
}

func said(format string, args ...any) answer { return answer{line: fmt.Sprintf(format, args...)} }

// pairs makes a table of names and what they are; those that are nothing are left out.
func pairs(value any, cells ...any) answer {
	a := answer{value: value}
	for i := 0; i+1 < len(cells); i += 2 {
		text := fmt.Sprint(cells[i+1])
		if c, ok := cells[i+1].(Cell); ok {
			a.rows = append(a.rows, []Cell{cell(cells[i]), c})
			continue
		}
		if text != "" {
			a.rows = append(a.rows, []Cell{cell(cells[i]), cell(text)})
		}
	}
	return a
}

// document is what --json has of an answer.
func (a answer) document() any {
	switch {
	case a.value != nil:
		return plainly(a.value)
	case a.line != "":
		return a.line
	case len(a.rows) > 0 && len(a.head) == 0:
		m := make(map[string]string)
		for _, row := range a.rows {
			m[row[0].Text] = row[1].Text
		}
		return m
	case len(a.head) > 0:
		list := make([]map[string]string, 0, len(a.rows))
		for _, row := range a.rows {
			m := make(map[string]string)
			for i, c := range row {
				if i < len(a.head) && c.Text != "" {
					m[strings.ToLower(a.head[i])] = c.Text
				}
			}
			list = append(list, m)
		}
		return list
	case a.text != "":
		return strings.Split(strings.TrimRight(a.text, "\n"), "\n")
	}
	return nil
}

// empty says whether there is nothing to show.
func (a answer) empty() bool {
	return a.line == "" && a.text == "" && len(a.rows) == 0 && len(a.head) == 0
}

// show writes what came of a round.
func (r *run) show(outcomes []outcome) error {
	r.notes(outcomes)
	var err error
	switch {
	case r.flags.json:
		return r.showJSON(outcomes)
	case r.flags.csv:
		err = r.showCSV(outcomes)
	case r.flags.each:
		err = r.showEach(outcomes)
	case len(outcomes) == 1:
		err = r.plain(r.frame.Stdout, outcomes[0].answer)
	default:
		err = r.folded(outcomes)
	}
	r.failures(outcomes)
	return err
}

// plain writes one answer for people.
func (r *run) plain(w io.Writer, a answer) error {
	var err error
	if a.line != "" {
		_, err = fmt.Fprintln(w, r.frame.Paint(a.tone, r.frame.Clean(a.line)))
	}
	if err != nil {
		return err
	}
	switch {
	case len(a.head) > 0 && len(a.rows) == 0:
		_, err = fmt.Fprintln(w, "none")
	case len(a.rows) > 0:
		err = r.frame.Table(w, a.head, a.rows)
	}
	if err == nil && a.text != "" {
		_, err = io.WriteString(w, a.text)
	}
	return err
}

// group is hosts that say the same.
type group struct {
	hosts []string
	text  string
	line  bool
}

// folded writes what hosts say once for all that say it.
func (r *run) folded(outcomes []outcome) error {
	var groups []*group
	at := make(map[string]*group)
	for _, o := range outcomes {
		if o.answer.empty() {
			continue
		}
		var b bytes.Buffer
		if err := r.plain(&b, o.answer); err != nil {
			return err
		}
		g := at[b.String()]
		if g == nil {
			g = &group{text: b.String(), line: len(o.answer.rows) == 0 && strings.Count(b.String(), "\n") == 1}
			at[g.text] = g
			groups = append(groups, g)
		}
		g.hosts = append(g.hosts, o.host)
	}
	for _, g := range groups {
		names := r.frame.Clean(fold(g.hosts))
		head := fmt.Sprintf("%s: ", names)
		if !g.line {
			head = fmt.Sprintf("%s\n", r.frame.Paint(Strong, "---- "+names+" ----"))
		}
		if _, err := io.WriteString(r.frame.Stdout, head+g.text); err != nil {
			return err
		}
	}
	return nil
}

// showEach writes each host's lines with its name before them.
func (r *run) showEach(outcomes []outcome) error {
	for _, o := range outcomes {
		var b bytes.Buffer
		if err := r.plain(&b, o.answer); err != nil {
			return err
		}
		for line := range strings.Lines(b.String()) {
			if _, err := fmt.Fprintf(r.frame.Stdout, "%s: %s\n", r.frame.Clean(o.host), strings.TrimRight(line, "\n")); err != nil {
				return err
			}
		}
	}
	return nil
}

// failures says what went wrong, once for all hosts to which it happened.
func (r *run) failures(outcomes []outcome) {
	var order []string
	hosts := make(map[string][]string)
	advices := make(map[string]bool)
	for _, o := range outcomes {
		var said Status
		if o.err == nil || errors.As(o.err, &said) {
			continue
		}
		text := worded(o.err)
		if hosts[text] == nil {
			order = append(order, text)
		}
		hosts[text] = append(hosts[text], o.host)
	}
	for _, text := range order {
		_, _ = fmt.Fprintf(r.frame.Stderr, "%s %s: %s\n", r.frame.Paint(Bad, "millwright:"), r.frame.Clean(fold(hosts[text])), r.frame.Clean(text))
	}
	for _, o := range outcomes {
		if a := advice(o.err); a != "" && !advices[a] {
			advices[a] = true
			r.hint(a)
		}
	}
}

// notes says what else there is to say, beside what was asked for.
func (r *run) notes(outcomes []outcome) {
	for _, o := range outcomes {
		for _, n := range o.answer.notes {
			if len(outcomes) > 1 {
				n = o.host + ": " + n
			}
			r.hint(n)
		}
	}
}

// showJSON writes one document of all.
func (r *run) showJSON(outcomes []outcome) error {
	type failure struct {
		Kind    string `json:"kind"`
		Status  int    `json:"status"`
		Message string `json:"message"`
	}
	type entry struct {
		Host   string   `json:"host"`
		Result any      `json:"result,omitempty"`
		Error  *failure `json:"error,omitempty"`
	}
	list := make([]entry, 0, len(outcomes))
	for _, o := range outcomes {
		e := entry{Host: o.host, Result: o.answer.document()}
		if o.err != nil {
			status, kind := kindOf(o.err)
			e.Error = &failure{kind, int(status), worded(o.err)}
		}
		list = append(list, e)
	}
	enc := json.NewEncoder(r.frame.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(list)
}

// showCSV writes a line for each row of each host, with the host first.
func (r *run) showCSV(outcomes []outcome) error {
	w := csv.NewWriter(r.frame.Stdout)
	headed := false
	for _, o := range outcomes {
		a := o.answer
		if !headed && !a.empty() {
			headed = true
			head := []string{"host"}
			switch {
			case len(a.head) > 0:
				for _, h := range a.head {
					head = append(head, strings.ToLower(h))
				}
			case len(a.rows) > 0:
				head = append(head, "name", "value")
			default:
				head = append(head, "value")
			}
			_ = w.Write(head)
		}
		for _, row := range a.rows {
			record := []string{o.host}
			for _, c := range row {
				record = append(record, c.Text)
			}
			_ = w.Write(record)
		}
		if a.line != "" {
			_ = w.Write([]string{o.host, a.line})
		}
		for line := range strings.Lines(a.text) {
			_ = w.Write([]string{o.host, strings.TrimRight(line, "\n")})
		}
	}
	w.Flush()
	return w.Error()
}

// begin starts the next round of --watch: on a terminal the last one is wiped away.
func (r *run) begin() {
	if r.flags.json || r.flags.csv {
		return
	}
	at := time.Now().Format("15:04:05")
	if r.frame.Terminal() {
		r.say("\x1b[H\x1b[2J" + at)
		return
	}
	r.say(at)
}

// say writes a line while others may too.
func (r *run) say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintln(r.frame.Stdout, text) // the frame keeps the error
}

func (r *run) hint(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintln(r.frame.Stderr, r.frame.Clean(text))
}
