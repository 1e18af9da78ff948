package bmccli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/redfish"
)

// makerVerbs are those of what only makers' commands, or Redfish, can do.
func (c *caller) makerVerbs() []*cobra.Command {
	return []*cobra.Command{
		c.family("config", "Read and set the settings of firmware", "bmc7 config system\nbmc7 config system 'Boot*'\nbmc7 config bmc Power.Policy=on",
			c.configVerb("system", "Read or set the settings of the machine's own firmware (BIOS, UEFI)"),
			c.configVerb("bmc", "Read or set the settings of the controller")),
		c.storageVerb(), c.updateVerb(), c.diagnosticsVerb(), c.mediaVerb(), c.licenceVerb(),
		c.verb("reseat BAY", "Take a bay of the enclosure off its power and put it back", "", "bmc7 reseat 3", cobra.ExactArgs(1), func(args []string) (job, error) {
			n, err := number(args[0], 1, 255)
			return job{danger: "reseat", host: func(ctx context.Context, h *host.Host) (answer, error) {
				return unlessFailed(said("bay %d was off its power", n), h.ReseatBay(ctx, int(n)))
			}}, err
		}),
	}
}

const configLong = `Lists settings, all or those whose names match a pattern (with * and ?), or changes those
that are written NAME=VALUE; --clear goes back to the maker's own. Most changes count from
the next start on. IPMI knows them only by makers' commands; Redfish has those of the
machine.`

// configurable is what both kinds of settings can do.
type configurable struct {
	list  func() ([]oem.Setting, error)
	set   func(map[string]string) error
	clear func() error
}

func (c *caller) configVerb(which, short string) *cobra.Command {
	var clears, extended bool
	v := c.verb(which+" [PATTERN…|NAME=VALUE…]", short, configLong, "bmc7 config "+which+"\nbmc[1-40] config "+which+" Name=Value", cobra.ArbitraryArgs, func(args []string) (job, error) {
		changes := make(map[string]string)
		for _, a := range args {
			if name, value, is := strings.Cut(a, "="); is {
				changes[name] = value
			}
		}
		if len(changes) > 0 && (len(changes) < len(args) || clears) {
			return job{}, usagef("config %s: either look or change", which)
		}
		j := job{host: func(ctx context.Context, h *host.Host) (answer, error) {
			s, err := settingsOf(ctx, h, which, extended)
			if err != nil {
				return answer{}, err
			}
			return configure(s, args, changes, clears)
		}}
		if which == "system" {
			j.web = func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
				b, err := s.BIOS(ctx)
				if err != nil {
					return answer{}, err
				}
				return configure(webSettings(ctx, b), args, changes, clears)
			}
		}
		if len(changes) > 0 || clears {
			j.danger = "config " + which
		}
		return j, nil
	})
	v.Flags().BoolVar(&clears, "clear", false, "go back to the maker's own settings")
	v.Flags().BoolVar(&extended, "extended", false, "of the controller: also those that people seldom want")
	return v
}

func settingsOf(ctx context.Context, h *host.Host, which string, extended bool) (configurable, error) {
	if which == "system" {
		k, err := h.SystemConfig(ctx)
		if err != nil {
			return configurable{}, err
		}
		return configurable{
			func() ([]oem.Setting, error) { return k.SystemConfig(ctx) },
			func(m map[string]string) error { return k.SetSystemConfig(ctx, m) },
			func() error { return k.ClearSystemConfig(ctx) },
		}, nil
	}
	k, err := h.BMCConfig(ctx)
	if err != nil {
		return configurable{}, err
	}
	return configurable{
		func() ([]oem.Setting, error) { return k.BMCConfig(ctx, extended) },
		func(m map[string]string) error { return k.SetBMCConfig(ctx, m) },
		func() error { return k.ClearBMCConfig(ctx) },
	}, nil
}

func webSettings(ctx context.Context, b *redfish.BIOS) configurable {
	return configurable{
		list: func() ([]oem.Setting, error) {
			var list []oem.Setting
			for _, a := range b.Attributes {
				s := oem.Setting{Name: a.Name, Value: a.Value, Default: a.Default, Help: a.Help, ReadOnly: a.ReadOnly}
				if a.Pending != a.Value {
					s.Value += " (then " + a.Pending + ")"
				}
				for _, c := range a.Choices {
					s.Possible = append(s.Possible, c.Value)
				}
				list = append(list, s)
			}
			return list, nil
		},
		set: func(m map[string]string) error {
			var changes []redfish.Change
			for name, value := range m {
				changes = append(changes, redfish.Change{Name: name, Value: value})
			}
			return b.Set(ctx, changes...)
		},
		clear: func() error { return b.Reset(ctx) },
	}
}

func configure(s configurable, patterns []string, changes map[string]string, clears bool) (answer, error) {
	switch {
	case clears:
		return unlessFailed(said("the maker's own settings come back"), s.clear())
	case len(changes) > 0:
		return unlessFailed(said("set"), s.set(changes))
	}
	list, err := s.list()
	a := answer{head: []string{"NAME", "VALUE", "DEFAULT", "POSSIBLE"}}
	for _, x := range list {
		wanted := len(patterns) == 0
		for _, p := range patterns {
			ok, _ := path.Match(p, x.Name)
			wanted = wanted || ok
		}
		if wanted {
			a.rows = append(a.rows, []Cell{cell(x.Name), cell(x.Value), cell(x.Default), cell(strings.Join(x.Possible, ", "))})
		}
	}
	return a, err
}

const storageLong = `Shows drives and what is made of them. With IPMI, a layout can be checked, applied or
removed that is written in a JSON file as --json shows it; clear destroys all arrays.
These three change data on drives, and take --yes.`

func (c *caller) storageVerb() *cobra.Command {
	return c.verb("storage [check FILE|apply FILE|remove FILE|clear]", "Read and set the arrays of drives", storageLong, "bmc7 storage\nbmc7 storage check raid1.json\nbmc7 storage apply raid1.json --yes", cobra.MaximumNArgs(2), func(args []string) (job, error) {
		if len(args) == 0 {
			return storageList(), nil
		}
		var layout oem.StorageConfig
		switch {
		case args[0] == "clear" && len(args) == 1:
		case (args[0] == "check" || args[0] == "apply" || args[0] == "remove") && len(args) == 2:
			text, err := os.ReadFile(args[1])
			if err == nil {
				err = json.Unmarshal(text, &layout)
			}
			if err != nil {
				return job{}, usagef("read the layout: %w", err)
			}
		default:
			return job{}, usagef("storage: say check FILE, apply FILE, remove FILE or clear")
		}
		if args[0] != "check" && !c.flags.yes {
			return job{}, usagef("storage %s destroys data on drives; if that is meant, say --yes", args[0])
		}
		return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
			s, err := h.Storage(ctx)
			if err != nil {
				return answer{}, err
			}
			do := map[string]func(context.Context, oem.StorageConfig) error{"check": s.CheckStorage, "apply": s.ApplyStorage, "remove": s.RemoveStorage}[args[0]]
			if do == nil {
				return unlessFailed(said("cleared"), s.ClearArrays(ctx))
			}
			return unlessFailed(said("done"), do(ctx, layout))
		}}, nil
	})
}

func storageList() job {
	head := []string{"WHAT", "NAME", "KIND", "SIZE", "STATE"}
	return job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			s, err := h.Storage(ctx)
			if err != nil {
				return answer{}, err
			}
			k, err := s.Storage(ctx)
			a := answer{head: head, value: k}
			for _, x := range k.Arrays {
				a.rows = append(a.rows, []Cell{cell("array"), cell(""), cell("RAID " + x.RAID), numeric(fmt.Sprint(x.CapacityMB, " MB")), cell("")})
				for _, v := range x.Volumes {
					a.rows = append(a.rows, []Cell{cell("volume"), cell(v.Name), cell(""), numeric(fmt.Sprint(v.SizeMB, " MB")), cell(v.Status)})
				}
			}
			for _, d := range k.Disks {
				a.rows = append(a.rows, []Cell{cell("disk"), cell(d.Name), cell(d.Description), cell(""), cell(d.Status)})
			}
			return a, err
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			list, err := s.Storage(ctx)
			a := answer{head: head, value: list}
			for _, x := range list {
				for _, v := range x.Volumes {
					a.rows = append(a.rows, []Cell{cell("volume"), cell(v.Name), cell(v.RAID), numeric(gigabytes(v.Bytes)), webHealth(v.Health)})
				}
				for _, d := range x.Drives {
					a.rows = append(a.rows, []Cell{cell("drive"), cell(d.Name), cell(strings.TrimSpace(d.Protocol + " " + d.Media)), numeric(gigabytes(d.Bytes)), webHealth(d.Health)})
				}
			}
			return a, err
		},
	}
}

func gigabytes(n int64) string { return strconv.FormatInt(n/1_000_000_000, 10) + " GB" }

func (c *caller) updateVerb() *cobra.Command {
	var bank string
	v := c.verb("update FILE", "Write new firmware", "Writes new firmware from a file, and tells how far it is.", "bmc7 update bmc-2.31.bin", cobra.ExactArgs(1), func(args []string) (job, error) {
		if _, err := os.Stat(args[0]); err != nil {
			return job{}, &UsageError{err}
		}
		return job{danger: "update", peer: func(ctx context.Context, p *peer) (answer, error) {
			return p.withFile(args[0], func(image io.Reader) (answer, error) {
				h, err := p.machine(ctx)
				if err != nil {
					return answer{}, err
				}
				return unlessFailed(said("written"), h.UpdateFirmware(ctx, image, bank, p.progress()))
			})
		}, web: func(ctx context.Context, c *redfish.Client, _ *redfish.System) (answer, error) {
			image, err := os.Open(args[0])
			if err != nil {
				return answer{}, err
			}
			defer image.Close()
			r, err := c.Push(ctx, redfish.Update{Name: filepath.Base(args[0]), Image: image})
			if err == nil && r.Task != nil {
				_, err = r.Task.Wait(ctx, nil)
			}
			return unlessFailed(said("written"), err)
		}}, nil
	})
	v.Flags().StringVar(&bank, "bank", "", "into this `BANK`, where there are several")
	return v
}

func (p *peer) withFile(name string, do func(io.Reader) (answer, error)) (answer, error) {
	f, err := os.Open(name)
	if err != nil {
		return answer{}, &UsageError{err}
	}
	defer f.Close()
	return do(f)
}

// progress tells how far something is, on stderr, at each tenth.
func (p *peer) progress() func(phase string, percent float64) {
	last := ""
	return func(phase string, percent float64) {
		text := fmt.Sprintf("%s: %s %d %%", p.name, phase, int(percent)/10*10)
		if text != last {
			last = text
			p.run.hint(text)
		}
	}
}

func (c *caller) diagnosticsVerb() *cobra.Command {
	return c.verb("diagnostics FILE", "Gather what the maker's support wants to see", "Writes what the maker's support wants to see into a file; with several hosts, {} in the name is the host.", "bmc7 diagnostics bmc7.bin", cobra.ExactArgs(1), func(args []string) (job, error) {
		return job{peer: func(ctx context.Context, p *peer) (answer, error) {
			h, err := p.machine(ctx)
			if err != nil {
				return answer{}, err
			}
			var b bytes.Buffer
			if err := h.Diagnostics(ctx, &b, p.progress()); err != nil {
				return answer{}, err
			}
			return p.keep(args[0], b.Bytes(), fmt.Sprintf("%d bytes", b.Len()))
		}}, nil
	})
}

func (c *caller) mediaVerb() *cobra.Command {
	return c.family("media", "Show, attach and detach images that a machine sees as drives", "bmc7 media\nbmc7 media attach https://files.example/debian.iso",
		c.verb("list", "List the images", "", "bmc7 media list", cobra.NoArgs, noArgs(job{
			host: func(ctx context.Context, h *host.Host) (answer, error) {
				m, err := h.Media(ctx)
				if err != nil {
					return answer{}, err
				}
				list, err := m.Media(ctx)
				a := answer{head: []string{"NAME", "IMAGE"}, value: list}
				for _, x := range list {
					a.rows = append(a.rows, []Cell{cell(x.Name), cell(x.URL)})
				}
				return a, err
			},
			web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
				list, err := s.Media(ctx)
				a := answer{head: []string{"DRIVE", "KINDS", "IMAGE"}, value: list}
				for _, x := range list {
					a.rows = append(a.rows, []Cell{cell(x.ID), cell(strings.Join(x.Kinds, ", ")), cell(x.Image)})
				}
				return a, err
			},
		})),
		c.verb("attach URL", "Attach an image", "", "bmc7 media attach https://files.example/debian.iso", cobra.ExactArgs(1), func(args []string) (job, error) {
			return c.mediaJob("attached", func(ctx context.Context, m oem.Media) error { return m.AttachMedia(ctx, args[0], "", "") },
				func(ctx context.Context, c *redfish.Client, m redfish.Media) error {
					return c.Insert(ctx, m, args[0], "", "")
				}), nil
		}),
		c.verb("detach", "Detach the images", "", "bmc7 media detach", cobra.NoArgs, noArgs(c.mediaJob("detached", func(ctx context.Context, m oem.Media) error { return m.DetachMedia(ctx) },
			func(ctx context.Context, c *redfish.Client, m redfish.Media) error { return c.Eject(ctx, m) }))),
		c.verb("upload FILE", "Put an image into the controller's own memory", "", "bmc7 media upload debian.iso", cobra.ExactArgs(1), func(args []string) (job, error) {
			return job{peer: func(ctx context.Context, p *peer) (answer, error) {
				return p.withFile(args[0], func(image io.Reader) (answer, error) {
					h, err := p.machine(ctx)
					if err != nil {
						return answer{}, err
					}
					m, err := h.Media(ctx)
					if err != nil {
						return answer{}, err
					}
					return unlessFailed(said("uploaded"), m.UploadMedia(ctx, filepath.Base(args[0]), image))
				})
			}}, nil
		}),
	)
}

// mediaJob does something with the machine's images; by Redfish with its virtual CD.
func (c *caller) mediaJob(done string, do func(context.Context, oem.Media) error, web func(context.Context, *redfish.Client, redfish.Media) error) job {
	return job{
		danger: "media",
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			m, err := h.Media(ctx)
			if err != nil {
				return answer{}, err
			}
			return unlessFailed(said("%s", done), do(ctx, m))
		},
		web: func(ctx context.Context, c *redfish.Client, s *redfish.System) (answer, error) {
			m, err := s.MediaFor(ctx, "CD")
			if err != nil {
				return answer{}, err
			}
			return unlessFailed(said("%s", done), web(ctx, c, m))
		},
	}
}

func (c *caller) licenceVerb() *cobra.Command {
	with := func(do func(context.Context, oem.Licences) (answer, error)) job {
		return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
			l, err := h.Licences(ctx)
			if err != nil {
				return answer{}, err
			}
			return do(ctx, l)
		}}
	}
	list := with(func(ctx context.Context, l oem.Licences) (answer, error) {
		names, err := l.Licences(ctx)
		a := answer{head: []string{"LICENCE"}, value: names}
		for _, n := range names {
			a.rows = append(a.rows, []Cell{cell(n)})
		}
		return a, err
	})
	list.web = func(ctx context.Context, c *redfish.Client, _ *redfish.System) (answer, error) {
		all, err := c.Licenses(ctx)
		a := answer{head: []string{"LICENCE", "STATE"}, value: all}
		for _, l := range all {
			a.rows = append(a.rows, []Cell{cell(l.Name), cell(l.State)})
		}
		return a, err
	}
	return c.family("licence", "Keep what was paid for", "bmc[1-40] licence",
		c.verb("list", "List the licences", "", "bmc[1-40] licence list", cobra.NoArgs, noArgs(list)),
		c.verb("apply FILE", "Put a licence in", "", "bmc7 licence apply bmc7.key", cobra.ExactArgs(1), func(args []string) (job, error) {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return job{}, &UsageError{err}
			}
			return with(func(ctx context.Context, l oem.Licences) (answer, error) {
				return unlessFailed(said("applied"), l.ApplyLicence(ctx, bytes.NewReader(text)))
			}), nil
		}),
		c.verb("delete NAME", "Take a licence out", "", "bmc7 licence delete NAME", cobra.ExactArgs(1), func(args []string) (job, error) {
			return with(func(ctx context.Context, l oem.Licences) (answer, error) {
				return unlessFailed(said("deleted"), l.DeleteLicence(ctx, args[0]))
			}), nil
		}),
		c.verb("save FOLDER", "Keep the licences in a folder", "", "bmc7 licence save licences", cobra.ExactArgs(1), func(args []string) (job, error) {
			return with(func(ctx context.Context, l oem.Licences) (answer, error) {
				return unlessFailed(said("kept in %s", args[0]), l.SaveLicences(ctx, args[0]))
			}), nil
		}),
	)
}
