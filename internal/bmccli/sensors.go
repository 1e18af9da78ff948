package bmccli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/sdr"
	"millwright.dev/millwright/ipmi/sensor"
	"millwright.dev/millwright/redfish"
)

func (c *caller) readingVerbs() []*cobra.Command {
	var kinds []string
	var bad bool
	list := func([]string) (job, error) { return sensorList(kinds, bad), nil }
	flags := func(v *cobra.Command) *cobra.Command {
		v.Flags().StringSliceVarP(&kinds, "type", "t", nil, "only sensors of these `TYPES`, such as temperature,fan")
		v.Flags().BoolVar(&bad, "bad", false, "only sensors that are not well")
		return v
	}
	const long = `Reads all sensors: their values, with the unit, and what states they are in. Sensor records
are kept in ~/.cache/millwright/sdr, so that the second time is quicker; they are read
again when the BMC says that they changed.`
	sensors := c.family("sensors", "Read what is measured", "bmc7 sensors\nbmc[1-40] sensors -t temperature --bad\nbmc7 sensors --watch 5s",
		flags(c.verb("list", "Read all sensors", long, "bmc7 sensors list --csv", cobra.NoArgs, list)),
		c.verb("get NAME…", "Read some sensors, with all that is known of them", "", "bmc7 sensors get 'CPU Temp'", cobra.MinimumNArgs(1), sensorGet),
		c.thresholdVerb(),
		c.verb("health NAME…", "Read only whether some sensors are well", "", "bmc[1-40] sensors health 'CPU Temp'", cobra.MinimumNArgs(1), func(args []string) (job, error) {
			return job{host: func(ctx context.Context, h *host.Host) (answer, error) {
				worst := event.OK
				for _, name := range args {
					r, err := h.Sensor(ctx, name)
					if err != nil {
						return answer{}, err
					}
					worst = max(worst, r.Health)
				}
				return healthLine(worst), nil
			}}, nil
		}),
	)
	return []*cobra.Command{sensors, c.healthVerb(), c.sdrVerb()}
}

func toneOf(s event.Severity) Tone {
	switch s {
	case event.OK:
		return Plain
	case event.Warning:
		return Warn
	case event.Critical, event.Failed:
	}
	return Bad
}

func sensorList(kinds []string, bad bool) job {
	return job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			list, err := h.Sensors(ctx)
			list = slices.DeleteFunc(list, func(r sensor.Reading) bool { return !ofKind(r.Type, kinds) || bad && r.Health == event.OK })
			return sensorTable(list), err
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			list, err := s.Sensors(ctx)
			list = slices.DeleteFunc(list, func(r redfish.Sensor) bool {
				return !ofKind(r.Kind, kinds) || bad && r.Health <= redfish.HealthOK
			})
			a := answer{head: []string{"SENSOR", "TYPE", "VALUE", "STATE"}, value: list}
			for _, r := range list {
				value := "-"
				if r.Valid {
					value = strings.TrimSpace(tidy(r.Value, 0) + " " + r.Unit)
				}
				a.rows = append(a.rows, []Cell{cell(r.Name), cell(r.Kind), numeric(value), webHealth(r.Health)})
			}
			return a, err
		},
	}
}

func ofKind(kind string, kinds []string) bool {
	return len(kinds) == 0 || slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(strings.ToLower(kind), strings.ToLower(k)) })
}

// webHealth is a health in small letters, as elsewhere.
func webHealth(h redfish.Health) Cell { return toned(webTone(h), strings.ToLower(h.String())) }

func webTone(h redfish.Health) Tone {
	switch h {
	case redfish.HealthWarning:
		return Warn
	case redfish.HealthCritical:
		return Bad
	case redfish.HealthOK, redfish.HealthUnknown:
	}
	return Plain
}

func sensorTable(list []sensor.Reading) answer {
	a := answer{head: []string{"SENSOR", "TYPE", "VALUE", "STATE"}, value: list}
	if list == nil {
		a.value = []sensor.Reading{}
	}
	for _, r := range list {
		a.rows = append(a.rows, []Cell{cell(r.Name), cell(r.Type), numeric(valueOf(r)), toned(toneOf(r.Health), stateOf(r))})
	}
	return a
}

func valueOf(r sensor.Reading) string {
	if r.Value == nil {
		return "-"
	}
	return strings.TrimSpace(tidy(*r.Value, r.Imprecision) + " " + r.Units)
}

// tidy writes a value with as many digits as it is good for.
func tidy(v, imprecision float64) string {
	digits := 2
	if imprecision >= 0.5 {
		digits = 0
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func stateOf(r sensor.Reading) string {
	var words []string
	for _, s := range r.States {
		words = append(words, s.String())
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, ", ")
	case r.Unavailable || r.Note != "":
		return cmp.Or(r.Note, "no reading")
	}
	return r.Health.String()
}

// findSensor gives the sensor of a name.
func findSensor(list []sdr.Sensor, name string) (*sdr.Sensor, error) {
	for i := range list {
		if strings.EqualFold(list[i].Name, name) {
			return &list[i], nil
		}
	}
	var near []string
	for _, s := range list {
		if strings.Contains(strings.ToLower(s.Name), strings.ToLower(name)) {
			near = append(near, strconv.Quote(s.Name))
		}
	}
	text := ""
	if len(near) > 0 {
		text = "; there is " + strings.Join(near, ", ")
	}
	return nil, fmt.Errorf("no sensor %q%s", name, text)
}

func sensorGet(args []string) (job, error) {
	return job{peer: func(ctx context.Context, p *peer) (answer, error) {
		set, d, err := p.records(ctx)
		if err != nil {
			return answer{}, err
		}
		list := set.Sensors()
		all := answer{}
		var values []map[string]any
		for _, name := range args {
			s, err := findSensor(list, name)
			if err != nil {
				return all, err
			}
			r, err := sensor.Read(ctx, d, s)
			if err != nil {
				return all, err
			}
			one := pairs(nil, "sensor", Cell{Text: r.Name, Tone: Strong}, "number", hex8(s.Number), "owner", hex8(s.Owner), "type", r.Type, "entity", r.Entity,
				"value", valueOf(r), "state", toned(toneOf(r.Health), stateOf(r)))
			value := map[string]any{"reading": r, "number": s.Number, "owner": s.Owner}
			if t, err := sensor.GetThresholds(ctx, d, s); err == nil {
				for i := range sdr.LevelCount {
					if level := sdr.Levels(1) << i; t.Which.Has(level) {
						one.rows = append(one.rows, []Cell{cell(level.Name()), cell(tidy(t.At[i], 0) + " " + r.Units)})
					}
				}
				value["thresholds"] = thresholdMap(t)
			}
			if h, err := sensor.GetHysteresis(ctx, d, s.Key); err == nil && s.Analog() && (h.Positive > 0 || h.Negative > 0) {
				one.rows = append(one.rows, []Cell{cell("hysteresis"), cell(fmt.Sprintf("+%d -%d counts", h.Positive, h.Negative))})
			}
			all.rows = append(all.rows, one.rows...)
			values = append(values, value)
		}
		all.value = values
		return all, nil
	}}, nil
}

func thresholdMap(t sensor.Thresholds) map[string]float64 {
	m := make(map[string]float64)
	for i := range sdr.LevelCount {
		if level := sdr.Levels(1) << i; t.Which.Has(level) {
			m[level.Name()] = t.At[i]
		}
	}
	return m
}

// levelShort are the short names of thresholds, in the order of their bits.
func levelShort() []string { return []string{"lnc", "lcr", "lnr", "unc", "ucr", "unr"} }

const thresholdLong = `Reads the thresholds of sensors, or sets some of one sensor, in its own units:

  lnc, lcr, lnr   lower: not critical, critical, not recoverable
  unc, ucr, unr   upper: not critical, critical, not recoverable

Others stay as they are. Beyond what the sensor can have nothing is set.`

func (c *caller) thresholdVerb() *cobra.Command {
	return c.verb("thresholds [NAME [LEVEL=VALUE…]]", "Read or set thresholds", thresholdLong,
		"bmc7 sensors thresholds\nbmc7 sensors thresholds 'CPU Temp' unc=85 ucr=95", cobra.ArbitraryArgs, func(args []string) (job, error) {
			want := sensor.Thresholds{}
			if len(args) > 1 {
				for _, a := range args[1:] {
					name, text, _ := strings.Cut(a, "=")
					i := slices.Index(levelShort(), strings.ToLower(name))
					v, err := strconv.ParseFloat(text, 64)
					if i < 0 || err != nil {
						return job{}, usagef("%q is not LEVEL=VALUE, as in unc=85; the levels are %s", a, strings.Join(levelShort(), ", "))
					}
					want.Which |= sdr.Levels(1) << i
					want.At[i] = v
				}
			}
			return job{peer: func(ctx context.Context, p *peer) (answer, error) {
				set, d, err := p.records(ctx)
				if err != nil {
					return answer{}, err
				}
				list := set.Sensors()
				if len(args) > 0 {
					s, err := findSensor(list, args[0])
					if err != nil {
						return answer{}, err
					}
					if want.Which != 0 {
						return unlessFailed(said("set"), sensor.SetThresholds(ctx, d, s, want))
					}
					list = []sdr.Sensor{*s}
				}
				a := answer{head: append([]string{"SENSOR"}, strings.Split(strings.ToUpper("lnr lcr lnc unc ucr unr unit"), " ")...)}
				for i := range list {
					if !list[i].Analog() {
						continue
					}
					t, err := sensor.GetThresholds(ctx, d, &list[i])
					if err != nil {
						if len(args) > 0 {
							return answer{}, err
						}
						continue
					}
					row := []Cell{cell(list[i].Name)}
					for _, n := range []int{2, 1, 0, 3, 4, 5} {
						text := "-"
						if t.Which.Has(sdr.Levels(1) << n) {
							text = tidy(t.At[n], 0)
						}
						row = append(row, numeric(text))
					}
					a.rows = append(a.rows, append(row, cell(list[i].Units.String())))
				}
				return a, nil
			}}, nil
		})
}

func healthLine(s event.Severity) answer {
	t := toneOf(s)
	if t == Plain {
		t = Good
	}
	return answer{line: s.String(), tone: t}
}

func (c *caller) healthVerb() *cobra.Command {
	return c.verb("health", "Tell how a machine does", "Reads all sensors, tells the worst of them and lists those that are not well.", "bmc[1-40] health", cobra.NoArgs, noArgs(job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			health, err := h.Health(ctx)
			if err != nil {
				return answer{}, err
			}
			a := healthLine(health.Worst)
			bad := sensorTable(health.Bad)
			if len(bad.rows) > 0 {
				a.head, a.rows = bad.head, bad.rows
			}
			a.value = map[string]any{"health": health.Worst, "bad": bad.value}
			return a, nil
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			health, troubles, err := s.Health(ctx, false)
			a := answer{line: webHealth(health).Text, tone: webTone(health), value: map[string]any{"health": webHealth(health).Text, "bad": troubles}}
			for _, t := range troubles {
				a.head = []string{"PART", "KIND", "HEALTH", "WHAT"}
				a.rows = append(a.rows, []Cell{cell(t.Name), cell(t.Kind), webHealth(t.Health), cell(strings.TrimSpace(t.State + " " + t.Text))})
			}
			return a, err
		},
	}))
}
