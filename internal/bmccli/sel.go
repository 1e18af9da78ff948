package bmccli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/pet"
	"millwright.dev/millwright/ipmi/sel"
	"millwright.dev/millwright/ipmi/sensor"
	"millwright.dev/millwright/redfish"
)

func (c *caller) logVerbs() []*cobra.Command {
	var last int
	var clears bool
	list := c.verb("list", "Read the event log", "Reads the event log, oldest first. Times are this host's: a wrong clock of the BMC is corrected as far as the log proves by how much. With --clear it is emptied once all of it was read.",
		"bmc7 sel list\nbmc[1-40] sel list --last 5\nbmc7 sel list --clear --json", cobra.NoArgs, func([]string) (job, error) { return selList(last, clears), nil })
	list.Flags().IntVar(&last, "last", 0, "only the latest `N`")
	list.Flags().BoolVar(&clears, "clear", false, "empty the log when it has been read")
	return []*cobra.Command{
		c.family("sel", "Read and keep the event log", "bmc[1-40] sel --last 3\nbmc7 sel save bmc7.sel",
			list,
			c.verb("info", "Show the state of the log", "", "bmc[1-40] sel info", cobra.NoArgs, noArgs(job{doer: selInfo})),
			c.verb("clear", "Empty the log", "Empties the log, whatever came in since it was last read; sel list --clear loses nothing.", "bmc[1-40] sel clear", cobra.NoArgs, noArgs(quietly(job{
				danger: "sel clear",
				host:   func(ctx context.Context, h *host.Host) (answer, error) { return said("cleared"), h.ClearLog(ctx) },
				web:    webClear,
			}))),
			c.verb("get ID…", "Show entries with their bytes", "", "bmc7 sel get 0x0001", cobra.MinimumNArgs(1), selGet),
			c.verb("save FILE", "Keep the log in a file of text", "Writes the log into a file as lines that sel decode reads, and people too; - is stdout. With several hosts, {} in the name is the host.", "bmc[1-40] sel save {}.sel", cobra.ExactArgs(1), selSave),
			c.verb("writeraw FILE", "Keep the log in a file of bytes", "Writes the records of 16 bytes into a file, one after another; - is stdout.", "bmc7 sel writeraw bmc7.raw", cobra.ExactArgs(1), func(args []string) (job, error) { return selKeep(args[0], true), nil }),
			c.decodeVerb(),
			c.verb("add HEX…", "Write a record into the log", "Writes a record of 16 bytes into the log. The BMC gives it its number, and its time.", "bmc7 sel add 0000 02 00000000 2000 04 01 30 01 59 5a 5f", cobra.MinimumNArgs(1), selAdd),
			c.injectVerb(),
			c.verb("delete ID…", "Take records out of the log", "", "bmc7 sel delete 0x0007", cobra.MinimumNArgs(1), selDelete),
			c.selTimeVerb(),
			c.followVerb(),
		),
		c.petVerb(),
	}
}

func entryTime(e sel.Entry) string {
	switch e.When.Quality {
	case sel.Corrected:
		return e.When.Time.Local().Format(time.DateTime)
	case sel.AsRecorded:
		return e.When.Time.Local().Format(time.DateTime) + "?"
	case sel.TimeUnknown:
	}
	return "-"
}

func selTable(entries []sel.Entry) answer {
	a := answer{head: []string{"ID", "TIME", "SEVERITY", "WHAT"}}
	type record struct {
		sel.Entry
		Text  string `json:"text"`
		Bytes []byte `json:"bytes"`
	}
	list := make([]record, 0, len(entries))
	for _, e := range entries {
		a.rows = append(a.rows, []Cell{cell(fmt.Sprintf("%04x", e.ID)), cell(entryTime(e)), toned(toneOf(e.Severity), e.Severity.String()), cell(e.Text())})
		list = append(list, record{e, e.Text(), e.Record.Append(nil)})
	}
	a.value = list
	return a
}

func selList(last int, clears bool) job {
	j := job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			entries, err := h.Log(ctx, clears)
			if last > 0 && len(entries) > last && !clears {
				entries = entries[len(entries)-last:]
			}
			return selTable(entries), err
		},
		web: func(ctx context.Context, c *redfish.Client, s *redfish.System) (answer, error) {
			entries, err := s.Entries(ctx)
			if last > 0 && len(entries) > last {
				entries = entries[len(entries)-last:]
			}
			a := answer{head: []string{"ID", "TIME", "SEVERITY", "WHAT"}}
			list := []map[string]any{}
			for _, e := range entries {
				at := "-"
				if !e.At.IsZero() {
					at = e.At.Local().Format(time.DateTime)
				}
				a.rows = append(a.rows, []Cell{cell(e.ID), cell(at), webHealth(e.Severity), cell(e.Text)})
				list = append(list, map[string]any{"id": e.ID, "time": e.At, "severity": webHealth(e.Severity).Text, "text": e.Text, "log": e.Log})
			}
			a.value = list
			if err == nil && clears {
				_, err = webClear(ctx, c, s)
			}
			return a, err
		},
	}
	if clears {
		j.danger = "sel list --clear"
	}
	return j
}

func webClear(ctx context.Context, c *redfish.Client, s *redfish.System) (answer, error) {
	logs, err := s.Logs(ctx)
	for _, l := range logs {
		if err == nil {
			err = c.ClearLog(ctx, l)
		}
	}
	return said("cleared"), err
}

func selInfo(ctx context.Context, d ipmi.Doer) (answer, error) {
	i, err := sel.GetInfo(ctx, d)
	if err != nil {
		return answer{}, err
	}
	a := pairs(i, "version", fmt.Sprintf("%d.%d", i.Version&0x0f, i.Version>>4), "entries", i.Entries, "free", fmt.Sprint(i.Free, " bytes"),
		"last addition", i.Added, "last erasure", i.Erased, "events were lost", yesNo(i.Overflow))
	if t, err := sel.GetTime(ctx, d); err == nil {
		a.rows = append(a.rows, []Cell{cell("clock"), cell(t)})
	}
	return a, nil
}

func selGet(args []string) (job, error) {
	ids, err := recordIDs(args)
	return job{peer: func(ctx context.Context, p *peer) (answer, error) {
		set, d, err := p.records(ctx)
		if d == nil {
			return answer{}, err
		}
		var lookup sel.Lookup
		if err == nil {
			lookup = sel.FromSensors(set.Sensors())
		}
		a := answer{}
		var list []sel.Entry
		for _, id := range ids {
			r, _, err := sel.Get(ctx, d, id)
			if err != nil {
				return a, err
			}
			e := sel.Describe(r, lookup)
			list = append(list, e)
			a.rows = append(a.rows, pairs(nil, "record", fmt.Sprintf("%04x", r.ID), "type", hex8(r.Type), "recorded at", r.Time, "sensor", cmp.Or(e.Sensor, "not known"),
				"kind", e.Kind, "of", e.Entity, "what", toned(toneOf(e.Severity), e.Text()), "details", strings.Join(e.Details, "; "), "noticed by", e.Source,
				"bytes", fmt.Sprintf("% x", r.Append(nil))).rows...)
		}
		a.value = list
		return a, nil
	}}, err
}

func recordIDs(args []string) ([]uint16, error) {
	var ids []uint16
	for _, a := range args {
		n, err := number(a, 0, 0xffff)
		if err != nil {
			return nil, err
		}
		ids = append(ids, uint16(n))
	}
	return ids, nil
}

func selSave(args []string) (job, error) { return selKeep(args[0], false), nil }

func selKeep(name string, raw bool) job {
	return job{peer: func(ctx context.Context, p *peer) (answer, error) {
		d, err := p.doer(ctx)
		if err != nil {
			return answer{}, err
		}
		log, err := sel.Read(ctx, d, sel.Options{Ahead: p.set.Pipeline})
		if err != nil {
			return answer{}, err
		}
		var b bytes.Buffer
		if raw {
			for _, r := range log.Records {
				b.Write(r.Append(nil))
			}
		} else if err := sel.Save(&b, log); err != nil {
			return answer{}, err
		}
		return p.keep(name, b.Bytes(), fmt.Sprintf("%d records", len(log.Records)))
	}}
}

func (c *caller) decodeVerb() *cobra.Command {
	return c.verb("decode FILE|HEX…", "Put kept records into words", "Puts records into words that are in a file of sel save or sel writeraw, or are written as 16 bytes. The machine is asked for the names of its sensors.",
		"bmc7 sel decode bmc7.sel\nbmc7 sel decode 0100 02 00ca9a65 2000 04 01 30 01 59 5a 5f", cobra.MinimumNArgs(1), func(args []string) (job, error) {
			log, err := readLog(args)
			return job{peer: func(ctx context.Context, p *peer) (answer, error) {
				set, _, err := p.records(ctx)
				if err != nil {
					return answer{}, err
				}
				return selTable(log.Entries(sel.FromSensors(set.Sensors()))), nil
			}}, err
		})
}

// readLog reads a log from a file, or a record from the words themselves.
func readLog(args []string) (sel.Log, error) {
	text, err := os.ReadFile(args[0])
	if err != nil {
		b, bad := hexBytes(args)
		if bad != nil || len(b) != sel.Size {
			return sel.Log{}, usagef("read the log: %w", err)
		}
		r, err := sel.ParseRecord(b)
		return sel.Log{Records: []sel.Record{r}}, err
	}
	if log, err := sel.Load(bytes.NewReader(text)); err == nil {
		return log, nil
	} else if len(text) == 0 || len(text)%sel.Size != 0 || bytes.HasPrefix(text, []byte("#")) {
		return sel.Log{}, usagef("%s: %w", args[0], err)
	}
	var log sel.Log
	for record := range slices.Chunk(text, sel.Size) {
		r, err := sel.ParseRecord(record)
		if err != nil {
			return sel.Log{}, usagef("%s: %w", args[0], err)
		}
		log.Records = append(log.Records, r)
	}
	return log, nil
}

func selAdd(args []string) (job, error) {
	b, err := hexBytes(args)
	if err != nil {
		return job{}, err
	}
	if len(b) != sel.Size {
		return job{}, usagef("sel add: a record has %d bytes, not %d", sel.Size, len(b))
	}
	r, err := sel.ParseRecord(b)
	if err != nil {
		return job{}, &UsageError{err}
	}
	return job{danger: "sel add", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		id, err := sel.Add(ctx, d, r)
		return unlessFailed(said("record %04x", id), err)
	}}, nil
}

func (c *caller) injectVerb() *cobra.Command {
	return c.verb("inject HEX…", "Have the BMC take an event as if a sensor had sent it", "Sends a platform event: revision of the message, sensor type, sensor number, event type (bit 7: it ended) and three bytes of data. It is logged, filtered and may set off alerts and what PEF does.",
		"bmc7 sel inject 04 01 30 01 59 5a 5f", cobra.MinimumNArgs(1), func(args []string) (job, error) {
			b, err := hexBytes(args)
			if err != nil {
				return job{}, err
			}
			e, err := sensor.ParseEvent(b)
			if err != nil {
				return job{}, &UsageError{err}
			}
			return job{danger: "sel inject", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				return unlessFailed(said("taken"), sensor.Send(ctx, d, e))
			}}, nil
		})
}

func selDelete(args []string) (job, error) {
	ids, err := recordIDs(args)
	return job{danger: "sel delete", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		for _, id := range ids {
			if err := sel.Delete(ctx, d, id); err != nil {
				return answer{}, err
			}
		}
		return said("deleted"), nil
	}}, err
}

func (c *caller) selTimeVerb() *cobra.Command {
	return c.verb("time [now|TIME]", "Read or set the log's clock", "Reads the log's clock, sets it to this host's, or to a time such as 2026-11-21T15:00:00Z.", "bmc[1-40] sel time\nbmc[1-40] sel time now", cobra.MaximumNArgs(1), func(args []string) (job, error) {
		var fixed time.Time
		if len(args) == 1 && args[0] != "now" {
			var err error
			if fixed, err = time.Parse(time.RFC3339, args[0]); err != nil {
				return job{}, usagef("sel time: %q is neither now nor a time as 2026-11-21T15:00:00Z", args[0])
			}
		}
		return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			if len(args) == 1 {
				to := fixed
				if to.IsZero() {
					to = time.Now()
				}
				return unlessFailed(said("set"), sel.SetTime(ctx, d, sel.Stamp(to.Unix())))
			}
			ours := time.Now()
			t, err := sel.GetTime(ctx, d)
			a := said("%v", t)
			if err == nil && t.Wall() {
				off := t.Time().Sub(ours.UTC()).Round(time.Second)
				a = said("%s (%+d s from here)", t.Time().Format(time.RFC3339), int(off.Seconds()))
				a.value = map[string]any{"time": t.Time(), "offset": int(off.Seconds())}
			}
			return unlessFailed(a, err)
		}}, nil
	})
}

func (c *caller) followVerb() *cobra.Command {
	var every time.Duration
	var all bool
	v := c.verb("follow", "Tell of entries as they come", "Tells of new entries until it is interrupted, one in a line; with --all it begins with those that are there.", "bmc[1-40] sel follow", cobra.NoArgs, func([]string) (job, error) {
		return job{follows: true, peer: func(ctx context.Context, p *peer) (answer, error) {
			h, err := p.machine(ctx)
			if err != nil {
				return answer{}, err
			}
			first := !all
			return answer{}, h.FollowLog(ctx, new(sel.Follower), every, func(entries []sel.Entry, u sel.Update) error {
				if first {
					first = false
					return nil
				}
				if u.Cleared {
					p.tell("the log was cleared")
				}
				for _, e := range entries {
					p.tell("%s  %-8s  %s", entryTime(e), e.Severity, p.run.frame.Clean(e.Text()))
				}
				return nil
			})
		}}, nil
	})
	v.Flags().DurationVar(&every, "every", 5*time.Second, "how often to look")
	v.Flags().BoolVar(&all, "all", false, "begin with the entries that are there")
	return v
}

func (c *caller) petVerb() *cobra.Command {
	var ack bool
	decode := c.verb("decode SPECIFIC HEX…", "Put a platform event trap into words", "Puts an SNMP trap of a BMC into words, with the names of the machine's sensors: its specific number, and the octets of its one variable.",
		"bmc7 pet decode 0x00010102 44454c4c…", cobra.MinimumNArgs(2), func(args []string) (job, error) {
			specific, err := number(args[0], 0, 0xffffffff)
			if err != nil {
				return job{}, err
			}
			octets, err := hexBytes(args[1:])
			if err != nil {
				return job{}, err
			}
			if _, err := pet.Parse(uint32(specific), octets); err != nil {
				return job{}, &UsageError{err}
			}
			return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
				t, e, err := h.Trap(ctx, uint32(specific), octets)
				if err == nil && ack {
					err = h.AcknowledgeTrap(ctx, t)
				}
				if err != nil {
					return answer{}, err
				}
				at := "not told"
				if when, _ := t.Time(); !when.IsZero() {
					at = when.Format(time.RFC3339)
				}
				return pairs(e, "what", toned(toneOf(e.Severity), e.Text()), "severity", e.Severity, "sensor", e.Sensor, "kind", e.Kind, "of", e.Entity, "time", at,
					"sent by", pet.Source(t.TrapSource), "noticed by", pet.Source(t.EventSource)), nil
			}}, nil
		})
	decode.Flags().BoolVar(&ack, "acknowledge", false, "tell the BMC that the trap has arrived")
	return c.family("pet", "Read traps that BMCs send", "bmc7 pet decode 0x00010102 44454c4c…", decode)
}

// severityWord is for tables that have severities as numbers.
func severityWord(s uint8) string {
	switch s {
	case 0:
		return "-"
	case 1:
		return "monitor"
	case 2:
		return "information"
	case 4:
		return event.OK.String()
	case 8:
		return event.Warning.String()
	case 16:
		return event.Critical.String()
	case 32:
		return event.Failed.String()
	}
	return hex8(s)
}
