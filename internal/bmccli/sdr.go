package bmccli

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/sdr"
)

func (c *caller) sdrVerb() *cobra.Command {
	return c.family("sdr", "Read sensor data records", "bmc7 sdr\nbmc7 sdr dump bmc7.sdr",
		c.verb("list", "List all records", "", "bmc7 sdr list", cobra.NoArgs, noArgs(job{peer: sdrList})),
		c.verb("info", "Show the state of the repository", "", "bmc7 sdr info", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			i, err := sdr.GetInfo(ctx, d)
			return unlessFailed(pairs(i, "version", fmt.Sprintf("%d.%d", i.Version&0x0f, i.Version>>4), "records", i.Records, "free", fmt.Sprint(i.Free, " bytes"),
				"last addition", stamp(i.Added), "last erasure", stamp(i.Erased)), err)
		}})),
		c.verb("dump FILE", "Keep the records in a file", "Writes all records to a file, one after another as the BMC has them; - is stdout. With several hosts, {} in the name is the host.", "bmc7 sdr dump bmc7.sdr\nbmc[1-40] sdr dump {}.sdr", cobra.ExactArgs(1), func(args []string) (job, error) {
			return job{peer: func(ctx context.Context, p *peer) (answer, error) {
				set, _, err := p.records(ctx)
				if err != nil {
					return answer{}, err
				}
				var b []byte
				for _, r := range set.Records {
					b = r.Append(b)
				}
				return p.keep(args[0], b, fmt.Sprintf("%d records", len(set.Records)))
			}}, nil
		}),
		c.verb("add FILE", "Put records of a file into the repository", "Adds the records of a file that sdr dump has written. What is there stays.", "bmc7 sdr add bmc7.sdr", cobra.ExactArgs(1), sdrAdd),
		c.verb("remove ID", "Take one record out of the repository", "", "bmc7 sdr remove 0x0007", cobra.ExactArgs(1), func(args []string) (job, error) {
			n, err := number(args[0], 0, 0xfffe)
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				return unlessFailed(said("record %04x removed", n), sdr.Remove(ctx, d, sdr.ID(n)))
			}}, err
		}),
		c.eraseVerb(),
		c.sdrTimeVerb(),
	)
}

func (c *caller) eraseVerb() *cobra.Command {
	return c.verb("erase", "Empty the repository", "Empties the repository of sensor data records, after which the machine has no sensors until they are written again: keep them first by sdr dump. It takes --yes.", "bmc7 sdr dump bmc7.sdr && millwright bmc bmc7 sdr erase --yes", cobra.NoArgs, func([]string) (job, error) {
		if !c.flags.yes {
			return job{}, usagef("sdr erase takes the sensors of the machine away; if that is meant, say --yes")
		}
		return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			return unlessFailed(said("erased"), sdr.Erase(ctx, d))
		}}, nil
	})
}

func (c *caller) sdrTimeVerb() *cobra.Command {
	return c.verb("time [now]", "Read or set the repository's clock", "", "bmc7 sdr time\nbmc7 sdr time now", cobra.MaximumNArgs(1), func(args []string) (job, error) {
		if len(args) == 1 && args[0] != "now" {
			return job{}, usagef("sdr time: %q is not now", args[0])
		}
		return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			if len(args) == 1 {
				return unlessFailed(said("set"), sdr.SetTime(ctx, d, time.Now()))
			}
			t, err := sdr.GetTime(ctx, d)
			return unlessFailed(said("%s", t.UTC().Format(time.RFC3339)), err)
		}}, nil
	})
}

func stamp(s sdr.Stamp) string {
	if s == 0xffffffff || s == 0 {
		return "not told"
	}
	return time.Unix(int64(s), 0).UTC().Format(time.RFC3339)
}

func sdrList(ctx context.Context, p *peer) (answer, error) {
	set, _, err := p.records(ctx)
	if err != nil {
		return answer{}, err
	}
	a := answer{head: []string{"RECORD", "TYPE", "NAME", "OF", "AT"}}
	for _, r := range set.Records {
		kind, name, of, at := described(r)
		a.rows = append(a.rows, []Cell{cell(fmt.Sprintf("%04x", r.RecordID())), cell(kind), cell(name), cell(of), cell(at)})
	}
	for _, f := range set.Faults {
		a.notes = append(a.notes, f.Error())
	}
	return a, nil
}

func described(r sdr.Record) (kind, name, of, at string) {
	key := func(k sdr.Key) string { return fmt.Sprintf("%02x/%d/%02x", k.Owner, k.LUN, k.Number) }
	switch r := r.(type) {
	case *sdr.Full:
		return "full sensor", r.Name, r.Entity.String(), key(r.Key)
	case *sdr.Compact:
		return "compact sensor", r.Name, r.Entity.String(), key(r.Key)
	case *sdr.EventOnly:
		return "event-only sensor", r.Name, r.Entity.String(), key(r.Key)
	case *sdr.FRU:
		return "inventory", r.Name, r.Entity.String(), fmt.Sprintf("%02x/%02x", r.Access, r.Device)
	case *sdr.Controller:
		return "controller", r.Name, r.Entity.String(), fmt.Sprintf("%02x", r.Address)
	case *sdr.Device:
		return "device", r.Name, r.Entity.String(), fmt.Sprintf("%02x/%02x", r.Access, r.Address)
	case *sdr.Association:
		var parts []string
		for _, e := range r.Contents() {
			parts = append(parts, e.String())
		}
		return "entity association", strings.Join(parts, ", "), "", ""
	case *sdr.OEM:
		return "OEM", hex.EncodeToString(r.Data), fmt.Sprintf("maker %d", r.Maker), ""
	}
	return fmt.Sprintf("type %02x", uint8(r.RecordType())), "", "", ""
}

func sdrAdd(args []string) (job, error) {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return job{}, &UsageError{err}
	}
	var records []sdr.Record
	for len(text) > 0 {
		r, err := sdr.Parse(text)
		if err != nil {
			return job{}, usagef("%s: record %d: %w", args[0], len(records)+1, err)
		}
		records = append(records, r)
		text = text[min(len(text), 5+int(text[4])):]
	}
	return job{danger: "sdr add", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		for i, r := range records {
			if _, err := sdr.Add(ctx, d, r); err != nil {
				return said("%d of %d records added", i, len(records)), err
			}
		}
		return said("%d records added", len(records)), nil
	}}, nil
}

// keep writes what was read into a file, for the host; - is stdout.
func (p *peer) keep(name string, b []byte, what string) (answer, error) {
	if name == "-" {
		if len(p.run.peers) > 1 {
			return answer{}, usagef("stdout is for one host; several take a name with {}")
		}
		_, err := p.run.frame.Stdout.Write(b)
		return answer{}, err
	}
	if len(p.run.peers) > 1 && !strings.Contains(name, "{}") {
		return answer{}, usagef("several hosts need {} in the name of the file, for their own")
	}
	name = strings.ReplaceAll(name, "{}", strings.ReplaceAll(p.name, "/", "_"))
	if err := os.WriteFile(name, b, 0o600); err != nil {
		return answer{}, &UsageError{err}
	}
	return said("%s kept in %s", what, name), nil
}
