package roomfile_test

import (
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/room"
)

func TestVetoes(t *testing.T) {
	res, err := load(t, "room.yaml", "room.yaml", head+`
nodes: {"n[1-4]": }
groups: {compute: "n[1-3]"}
vetoes:
  slurm: {exec: [vetoes/slurm, --all], nodes: "@compute,-n2"}
  boss:
    http: https://boss.example/veto
    bearer: secret:boss
    pin: SHA256:`+strings.Repeat("AB:", 31)+`AB
    ops: [reset, on, on]
    timeout: 1m
    on-failure: allow
secrets: {file: /srv/s, identity: id.txt, recipients: [age1x]}
`)
	if err != nil {
		t.Fatal(err)
	}
	r := res.Room
	if len(r.Vetoes) != 2 || r.Vetoes[0].Name != "boss" {
		t.Fatalf("%+v", r.Vetoes)
	}
	boss, slurm := r.Vetoes[0], r.Vetoes[1]
	if boss.URL != "https://boss.example/veto" || boss.Bearer != "secret:boss" || boss.Pins[0] != strings.Repeat("ab", 32) ||
		!boss.FailOpen || boss.Timeout != time.Minute || !boss.Hears(room.On) || !boss.Hears(room.Reset) || boss.Hears(room.Off) || !boss.Covers(3) {
		t.Errorf("boss: %+v", boss)
	}
	var covered []bool
	for id := range r.Nodes {
		covered = append(covered, slurm.Covers(room.NodeID(id)))
	}
	if !(covered[0] && !covered[1] && covered[2] && !covered[3]) || slurm.FailOpen || slurm.Timeout != 10*time.Second ||
		!slurm.Hears(room.Off) || !slurm.Hears(room.Cycle) || !slurm.Hears(room.Reset) || slurm.Hears(room.On) || slurm.Argv[1] != "--all" {
		t.Errorf("slurm: %v, %+v", covered, slurm)
	}
	if s := r.Settings.Secrets; s.File != "/srv/s" || s.Identity != "id.txt" || len(s.Recipients) != 1 {
		t.Errorf("secrets: %+v", s)
	}
}

func TestWrongVetoesAreToldWithTheirPlace(t *testing.T) {
	const before = "nodes: {a: }\nvetoes:\n  v: {"
	for entry, want := range map[string]string{
		``:                                        "3:3: a veto is a program",
		`exec: x, http: "http://h"`:               "3:3: a veto is a program",
		`exec: x, bearer: env:T`:                  "bearer is for vetoes that are asked by http",
		`exec: []`:                                "3:13: the program is missing",
		`exec: x, nodes: [a, b]`:                  `3:27: veto v: there is no node "b"`,
		`exec: x, nodes: []`:                      "no node is named",
		`exec: x, ops: [off, status]`:             `3:27: "status" is nothing that a veto is asked about`,
		`exec: x, timeout: 6m`:                    "at most 5m",
		`exec: x, on-failure: perhaps`:            "is not one of refuse, allow",
		`exec: x, nods: a`:                        "did you mean nodes",
		`http: ftp://h`:                           "this is no address",
		`http: "https://u:canary@h/"`:             "no name or password",
		`http: "http://h", bearer: env:T`:         "not sent over plain http",
		`http: "http://h", bearer: canary`:        "secrets do not stand in a room file",
		`http: "https://h", pin: md5:12`:          "a pin is sha256:",
		`http: "https://h", insecure: yes, ca: x`: "insecure trusts anybody",
		`http: "http://h", ca: x`:                 "ca is for https",
	} {
		_, err := load(t, "room.yaml", "room.yaml", before+entry+"}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", entry, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error repeats a secret: %v", entry, err)
		}
	}
	if _, err := load(t, "room.yaml", "room.yaml", "nodes: {a: }\nsecrets: {key: k, identity: i}\n"); err == nil || !strings.Contains(err.Error(), "not both") {
		t.Errorf("%v", err)
	}
}
