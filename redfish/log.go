package redfish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"time"
)

// LogEntry is one line of one of a machine's logs (the LogEntry schema).
type LogEntry struct {
	Path      string
	ID        string
	Log       string    // the id of the log that it is of
	At        time.Time // by our clock, as far as the service's can be compared with it; zero if it is not known
	Corrected bool      // At differs from what is written, because the service's clock is wrong
	Severity  Health
	Text      string
	MessageID string
	Args      []string
	Source    string // the sensor or part that it is of
	Code      string // EntryCode: "Assert", "Deassert"…
	Raw       Document
}

// Log is one of a machine's logs (the LogService schema).
type Log struct {
	Path string
	ID   string
	Name string

	doc Document
}

// Logs gives the logs of the machine, of the managers that manage it and of the
// enclosures that it is in, each once.
func (s *System) Logs(ctx context.Context) ([]Log, error) {
	d, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	owners := []Document{d}
	managers, err := s.linked(ctx, "ManagedBy", "Managers")
	chassis, err2 := s.Chassis(ctx)
	wrong := []error{err, err2}
	var logs []Log
	seen := make(map[string]bool)
	for _, o := range append(append(owners, managers...), chassis...) {
		l := o.Link("LogServices")
		if l == "" || seen[l] {
			continue
		}
		seen[l] = true
		docs, err := s.client.Members(ctx, l)
		wrong = append(wrong, err)
		for _, d := range docs {
			if path := d.Link(); path != "" && !seen[path] {
				seen[path] = true
				logs = append(logs, Log{Path: path, ID: d.String("Id"), Name: d.String("Name"), doc: d})
			}
		}
	}
	return logs, errors.Join(wrong...)
}

// Entries gives the entries of all logs of the machine, oldest first. Logs that cannot
// be read are in the error. Entries without a time stand at the beginning.
func (s *System) Entries(ctx context.Context) ([]LogEntry, error) {
	logs, err := s.Logs(ctx)
	wrong := []error{err}
	var all []LogEntry
	shift, known := s.clockShift(ctx)
	for _, l := range logs {
		list, err := s.client.entries(ctx, l, shift, known)
		all, wrong = append(all, list...), append(wrong, err)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].At.Before(all[j].At) })
	return all, errors.Join(wrong...)
}

// LogEntries gives the entries of one log, oldest first.
func (s *System) LogEntries(ctx context.Context, l Log) ([]LogEntry, error) {
	shift, known := s.clockShift(ctx)
	list, err := s.client.entries(ctx, l, shift, known)
	sort.SliceStable(list, func(i, j int) bool { return list[i].At.Before(list[j].At) })
	return list, err
}

// closeEnough is how far a service's clock may be from ours to be called right: a
// second lies between what it can write, and the network has its share.
const closeEnough = 5 * time.Second

// clockShift gives what must be added to the times of the machine's manager.
func (s *System) clockShift(ctx context.Context) (shift time.Duration, known bool) {
	managers, err := s.linked(ctx, "ManagedBy", "Managers")
	if err != nil && len(managers) == 0 {
		return 0, false
	}
	for _, m := range managers {
		if shift, known = s.client.clock(ctx, m.Link()); known {
			if shift.Abs() < closeEnough {
				return 0, true
			}
			return shift.Round(time.Second), true
		}
	}
	return 0, false
}

func (c *Client) entries(ctx context.Context, l Log, shift time.Duration, known bool) ([]LogEntry, error) {
	path := l.doc.Link("Entries")
	if path == "" {
		d, err := c.Get(ctx, l.Path)
		if err != nil {
			return nil, err
		}
		if path = d.Link("Entries"); path == "" {
			return nil, nil
		}
	}
	docs, err := c.fresh(ctx, path)
	list := make([]LogEntry, 0, len(docs))
	for _, d := range docs {
		e := readEntry(d, shift, known)
		e.Log = cmp.Or(l.ID, l.Path)
		list = append(list, e)
	}
	return list, err
}

// readEntry reads an entry. A time before this century is of a clock that had not been
// set, and shifting it would make it look like one that was.
func readEntry(d Document, shift time.Duration, known bool) LogEntry {
	e := LogEntry{
		Path: d.Link(), ID: d.String("Id"), Severity: max(healthOf(d.String("Severity")), healthOf(d.String("EntrySeverity"))),
		Text: d.String("Message"), MessageID: d.String("MessageId"), Args: d.Strings("MessageArgs"), Raw: d,
		Source: cmp.Or(d.String("SensorType"), d.Link("Links", "OriginOfCondition"), d.String("OriginOfCondition")), Code: d.String("EntryCode"),
	}
	if n := d.String("SensorName"); n != "" {
		e.Source = n
	}
	for _, member := range []string{"EventTimestamp", "Created", "Modified"} {
		if t := d.Time(member); t.Year() > 2000 {
			e.At = t
			break
		}
	}
	if !e.At.IsZero() && known && shift != 0 {
		e.At, e.Corrected = e.At.Add(shift), true
	}
	if e.Text == "" {
		e.Text = strings.TrimSpace(e.MessageID + " " + strings.Join(e.Args, " "))
	}
	return e
}

// ClearLog empties a log. When something was written to it meanwhile, it is read anew
// and cleared then.
func (c *Client) ClearLog(ctx context.Context, l Log) error {
	for try := 1; ; try++ {
		d, err := c.Read(ctx, l.Path)
		if err != nil {
			return err
		}
		a, ok := c.Action(d, "LogService.ClearLog")
		if !ok {
			return &UnsupportedError{What: "clearing the log " + cmp.Or(l.Name, l.ID, l.Path)}
		}
		body := map[string]string{}
		if d.etag != "" && a.doc.Has("LogEntriesETag@Redfish.AllowableValues") {
			body["LogEntriesETag"] = d.etag
		}
		_, err = c.change(ctx, http.MethodPost, a.Target, body, d.etag)
		var no *Error
		if errors.As(err, &no) && no.Status == http.StatusPreconditionFailed && try < maxConflicts {
			continue
		}
		if err != nil {
			return fmt.Errorf("clearing the log %s: %w", cmp.Or(l.ID, l.Path), err)
		}
		return nil
	}
}
