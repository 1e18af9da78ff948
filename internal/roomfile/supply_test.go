package roomfile_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/calendar"
	"millwright.dev/millwright/internal/room"
)

const supplied = `
credentials: {nut: {user: mill, password: "env:NUT"}}
feeds: {a: {}, b: {}}
calendars:
  closed: {days: [12-24..01-06, easter], weekdays: sat-sun}
ups:
  rack-a: {address: "ups.example:3500", ups: eaton, feeds: a, credential: nut, tls: yes, pin: "sha256:` + sum + `"}
  rack-b: {address: 127.0.0.1, feeds: [b], poll: 1s, hold: 2s}
battery:
  margin: 2m
  back-charge: 30
  start: ask
  stages:
    - {name: spare, nodes: "n[3-4]", immediately: yes}
    - {name: work, nodes: ["n[2-3]"], after: 3m, charge: 60}
    - {name: core, nodes: "@all", low: yes}
schedules:
  night: {do: down, nodes: "n[3-4]", days: weekdays, at: "22:00", zone: Europe/Berlin, holidays: closed, catch-up: 1h}
  all: {do: up, cron: "0 6 * * 1-5", enabled: no}
nodes:
  n[1-4]: {}
`

const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestSupply(t *testing.T) {
	r, err := loadOrder(t, supplied)
	if err != nil {
		t.Fatal(err)
	}
	a, b := &r.UPSes[0], &r.UPSes[1]
	if a.Name != "rack-a" || a.UPS != "eaton" || !a.Secure || a.Insecure || !slices.Equal(a.Pins, []string{sum}) || !slices.Equal(a.Feeds, []string{"a"}) || a.Settle != time.Minute {
		t.Errorf("%+v", a)
	}
	if b.Secure || b.Hold != 2*time.Second || b.Poll != time.Second || b.Assumed != 5*time.Minute {
		t.Errorf("%+v", b)
	}
	bat := r.Battery
	var stages []string
	for _, s := range bat.Stages {
		stages = append(stages, s.Name+" "+r.Fold(s.Nodes))
	}
	if got := strings.Join(stages, "; "); got != "spare n[3-4]; work n2; core n1" {
		t.Error(got)
	}
	if bat.Margin != 2*time.Minute || bat.BackCharge != 30 || bat.BackAfter != 5*time.Minute || bat.Start != room.AskOne || bat.Back != room.Auto || bat.Stages[1].Charge != 60 {
		t.Errorf("%+v", bat)
	}
	night, found := r.Schedule("night")
	if !found || night.Do != "down" || r.Fold(night.Nodes) != "n[3-4]" || !night.Enabled || night.Said != "weekdays at 22:00 Europe/Berlin not on closed" {
		t.Errorf("%+v", night)
	}
	when, _ := night.When.(*calendar.Schedule)
	at, ok := when.Next(time.Date(2026, 12, 23, 23, 0, 0, 0, time.UTC))
	if !ok || at.Format("2006-01-02 15:04 MST") != "2027-01-07 22:00 CET" {
		t.Error(at, ok)
	}
	if all, _ := r.Schedule("all"); all.Enabled || all.Nodes != nil {
		t.Errorf("%+v", all)
	}
}

func TestSupplyProblems(t *testing.T) {
	for text, want := range map[string]string{
		"ups: {u: {feeds: a}}\nfeeds: {a: {}}":                                               "room.yaml:1:10: address is missing",
		"ups: {u: {address: h, feeds: x}}":                                                   `there is no feed "x"`,
		"ups: {u: {address: h, feeds: a, credential: c}}\nfeeds: {a: {}}":                    `there is no credential "c"`,
		"ups: {u: {address: h, feeds: a, hold: 0s}}\nfeeds: {a: {}}":                         "hold is more than nothing",
		"ups: {u: {address: h, feeds: a, tls: maybe}}\nfeeds: {a: {}}":                       "is not one of no, yes, insecure",
		"ups: {u: {address: h, feeds: a, pin: \"sha256:00\"}}\nfeeds: {a: {}}":               "pin is for tls: yes",
		"battery: {margin: 1m}":                                                              "stages are missing",
		"battery: {stages: [{name: s, nodes: x}]}":                                           `room.yaml:1:37: stage s: there is no node "x"`,
		"battery: {stages: [{name: s, nodes: n1}, {name: s, nodes: n2}]}":                    "stage s: is defined twice",
		"battery: {stages: [{name: s, nodes: n1}, {name: t, nodes: n1}]}":                    "all its nodes stand in earlier stages",
		"battery: {back-charge: 101, stages: []}":                                            "between 0 and 100",
		"battery: {start: perhaps, stages: []}":                                              "is not one of auto, ask, never",
		"schedules: {s: {do: jump, at: \"22:00\"}}":                                          "is not one of up, down, cycle, restart",
		"schedules: {s: {do: up, at: [\"22:00\", \"25:00\"]}}":                               "room.yaml:1:39: at: ",
		"schedules: {s: {do: up, at: \"22:00\", zone: Nowhere/At}}":                          "there is no time zone",
		"schedules: {s: {do: up, at: \"22:00\", holidays: h}}":                               "holidays: ",
		"schedules: {s: {do: up, at: \"22:00\", nodes: x}}":                                  `schedule s: there is no node "x"`,
		"calendars: {c: {days: 13-45}}":                                                      "room.yaml:1:23: days: ",
		"calendars: {c: {days: 13-45}}\nschedules: {s: {do: up, at: \"2:00\", holidays: c}}": "days: ",
	} {
		_, err := loadOrder(t, text+"\nnodes: {n1: {}, n2: {}}")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v", text, err)
		}
	}
}
