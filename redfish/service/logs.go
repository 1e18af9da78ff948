package service

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// logName is the id of a machine's one log.
const logName = "Log"

func (s *Service) logRoutes(at func(string, *resource)) {
	at("/Systems/{}/LogServices", &resource{get: (*call).logList, collection: true})
	at("/Systems/{}/LogServices/"+logName, &resource{get: (*call).machineLog})
	at("/Systems/{}/LogServices/"+logName+"/Entries", &resource{get: (*call).entryList, collection: true})
	at("/Systems/{}/LogServices/"+logName+"/Entries/{}", &resource{get: (*call).oneEntry})
	at("/Systems/{}/LogServices/"+logName+"/Actions/LogService.ClearLog", &resource{post: (*call).clearLog, write: configureComponents})
}

// logged gives the machine of the path, which must have a log.
func (c *call) logged() (Machine, error) {
	m, err := c.machine()
	if err == nil && !m.Log {
		err = failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	}
	return m, err
}

func (c *call) logList() (object, error) {
	if _, err := c.logged(); err != nil {
		return nil, err
	}
	return c.listOf("LogServiceCollection", "Logs", []string{c.path + "/" + logName}), nil
}

// machineLog is a machine's log (LogService).
func (c *call) machineLog() (object, error) {
	m, err := c.logged()
	if err != nil {
		return nil, err
	}
	return object{
		"@odata.id": c.path, "@odata.type": "#LogService.v1_9_0.LogService", "Id": logName, "Name": "Log of " + m.Name,
		"Description": "The machine's own log of events.", "ServiceEnabled": true, "Status": enabled(), "LogEntryType": "Event", "OverWritePolicy": "Unknown",
		"DateTime": clock(time.Now()), "DateTimeLocalOffset": "+00:00", "Entries": link(c.path + "/Entries"),
		"Actions": object{"#LogService.ClearLog": object{"target": c.path + "/Actions/LogService.ClearLog"}},
	}, nil
}

// entries asks the log of the machine of the path.
func (c *call) entries() ([]LogEntry, error) {
	m, err := c.logged()
	if err != nil {
		return nil, err
	}
	return memoise(c, "log", m.ID, func() ([]LogEntry, error) {
		ctx, cancel := context.WithTimeout(c.ctx, readWithin)
		defer cancel()
		return c.opts.Backend.Log(ctx, c.user, m.ID)
	})
}

// entryList is the collection of entries. They stand in it whole, so that nobody has
// to ask for thousands one by one.
func (c *call) entryList() (object, error) {
	list, err := c.entries()
	if err != nil {
		return nil, err
	}
	return c.list("LogEntryCollection", "Entries", len(list), func(i int) object { return list[i].object(c.path) }), nil
}

func (c *call) oneEntry() (object, error) {
	list, err := c.entries()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(e LogEntry) bool { return e.ID == c.ids[1] })
	if i < 0 {
		return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	}
	return list[i].object(root + "/Systems/" + pathPart(c.ids[0]) + "/LogServices/" + logName + "/Entries"), nil
}

func pathPart(id string) string { return join("", id)[1:] }

// object is one entry (LogEntry).
func (e LogEntry) object(under string) object {
	o := object{
		"@odata.id": join(under, e.ID), "@odata.type": "#LogEntry.v1_21_0.LogEntry", "Id": e.ID, "Name": "Log entry " + e.ID,
		"EntryType": "Event", "Message": e.Text, "Severity": orNull(string(e.Health)),
	}
	if e.Source != "" {
		o["Description"] = "Of " + e.Source + "."
	}
	if !e.At.IsZero() {
		o["Created"], o["EventTimestamp"] = clock(e.At), clock(e.At)
	}
	return o
}

// clearLog is the action that empties a log.
func (c *call) clearLog() error {
	if c.r.ContentLength != 0 && c.r.Body != http.NoBody {
		body, err := c.body(maxBody)
		if err != nil {
			return err
		}
		f := fieldsOf(body, "#LogService.ClearLog")
		if etag, ok := f.text("LogEntriesETag", false); ok {
			if err := c.sameEntries(etag); err != nil {
				return err
			}
		}
		f.rest(nil)
		if err := f.err(); err != nil {
			return err
		}
	}
	m, err := c.logged()
	if err != nil {
		return err
	}
	if err := c.opts.Backend.ClearLog(c.ctx, c.user, m.ID); err != nil {
		return err
	}
	c.acted()
	return nil
}

// sameEntries holds that the log is as the client has read it, so that no entry is
// cleared that nobody has seen.
func (c *call) sameEntries(etag string) error {
	o, err := c.fetch(root + "/Systems/" + pathPart(c.ids[0]) + "/LogServices/" + logName + "/Entries")
	if err != nil {
		return err
	}
	delete(o, "@odata.etag")
	if !matches([]string{etag}, etagOf(o)) {
		return failed(http.StatusPreconditionFailed, say("PreconditionFailed"))
	}
	return nil
}
