package app_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
	orders "millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/standing"
)

// orderly is a room in which bad never comes up: its check says so.
const orderly = `
order: {start-attempts: 2, retry-after: 10ms, witness: 0s, grace: 100ms, stop-attempts: 1}
feeds: {a: {amps: 16}}
samples: {every: 1s}
devices:
  strip: {driver: dummy, feed: a, settings: {watts: 120}}
checks:
  good: {kind: dummy, nodes: ["@all", -bad, -shop], every: 0s}
  broken: {kind: dummy, settings: {says: bad}, nodes: bad, every: 0s, retries: 0}
controls:
  os: {kind: dummy, nodes: storage}
  deaf: {kind: dummy, nodes: db, settings: {simulate-shutdown-fail: yes}}
nodes:
  switch: {cords: "strip:1"}
  storage: {cords: "strip:2", needs: [switch]}
  db: {cords: "strip:3", needs: [storage]}
  web: {cords: "strip:4", needs: [db, storage]}
  bad: {cords: "strip:5", needs: [switch], order: {start-within: 50ms}}
  afterbad: {cords: "strip:6", needs: [bad]}
  shop: {needs: [web], wants: [bad]}
`

// within runs an order to its end and gives what it came to.
func within(t *testing.T, cl *client.Client, o wire.Order) wire.RunReport {
	t.Helper()
	planned, err := cl.Order(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for u, err := range cl.Updates(t.Context(), planned.Run, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if u.Kind == orders.Ended {
			break
		}
	}
	report, err := cl.RunReport(t.Context(), planned.Run)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// stands waits until a node stands as wanted: standings are told, not awaited.
func stands(t *testing.T, cl *client.Client, node string, want standing.State) wire.Standing {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		list, err := cl.Standings(t.Context(), node, false)
		if err != nil {
			t.Fatal(err)
		}
		if now := list[0].Items[0]; now.State == want || time.Now().After(end) {
			if now.State != want {
				t.Errorf("%s: %+v, want %s", node, now, want)
			}
			return now
		}
	}
}

// TestOrderThroughTheAPI brings a room up and down, and asks why it stands as it does.
func TestOrderThroughTheAPI(t *testing.T) {
	cl, _ := hallOf(t, orderly)
	report := within(t, cl, wire.Order{Goal: "up"})
	if report.Run.State != orders.Partial || !strings.Contains(report.Run.Said, "blocked: afterbad") {
		t.Errorf("%+v", report.Run)
	}
	if !slices.ContainsFunc(report.Updates, func(u wire.Update) bool { return u.Kind == orders.Retrying && u.Nodes == "bad" && u.Attempt == 2 }) {
		t.Error("bad was not tried again")
	}
	if !slices.ContainsFunc(report.Updates, func(u wire.Update) bool { return u.Kind == orders.Awaiting && u.Nodes == "afterbad" && u.By == "bad" }) {
		t.Error("that afterbad waits for bad was not told")
	}
	stands(t, cl, "web", standing.OK)
	stands(t, cl, "shop", standing.OK)
	if now := stands(t, cl, "bad", standing.NeverStarted); now.Starts != 2 || !strings.Contains(now.Reason, "check broken") {
		t.Errorf("%+v", now)
	}
	why, err := cl.Why(t.Context(), "afterbad")
	if err != nil || !slices.ContainsFunc(why.Because, func(w wire.Why) bool { return w.Subject == "bad" && w.State == string(standing.NeverStarted) }) {
		t.Errorf("%+v, %v", why, err)
	}

	if _, err := cl.Clear(t.Context(), "bad"); err != nil {
		t.Fatal(err)
	}
	stands(t, cl, "bad", standing.Initial)

	// What cannot be shut down keeps its power, and so does what it needs.
	report = within(t, cl, wire.Order{Goal: "down"})
	if report.Run.State != orders.Partial {
		t.Errorf("%+v", report.Run)
	}
	stands(t, cl, "web", standing.Off)
	stands(t, cl, "db", standing.NeverStopped)
	stands(t, cl, "switch", standing.OK)
}

func TestHeldNodesAreLeftAlone(t *testing.T) {
	cl, _ := hallOf(t, orderly)
	if _, err := cl.Hold(t.Context(), wire.NewHold{Targets: "storage", Kind: "hold", Reason: "new disks"}); err != nil {
		t.Fatal(err)
	}
	planned, err := cl.Plan(t.Context(), wire.Order{Goal: "up", Targets: "web"})
	if err != nil || !strings.Contains(planned.Text, "new disks") || planned.Plan.Totals.Blocked == 0 {
		t.Errorf("%s, %v", planned.Text, err)
	}
	holds, err := cl.Holds(t.Context())
	if err != nil || len(holds) != 1 || holds[0].Node != "storage" {
		t.Errorf("%+v, %v", holds, err)
	}
	if freed, err := cl.Release(t.Context(), wire.EndHold{Targets: "@all", Kind: "hold"}); err != nil || freed != "storage" {
		t.Errorf("%s, %v", freed, err)
	}
	if report := within(t, cl, wire.Order{Goal: "up", Targets: "web"}); report.Run.State != orders.Done {
		t.Errorf("%+v", report.Run)
	}
	_, err = cl.Hold(t.Context(), wire.NewHold{Targets: "web", Kind: "hold", Until: time.Now().Add(-time.Hour)})
	if room.CodeOf(err) != room.CodeInvalid {
		t.Errorf("a hold that has ended: %v", err)
	}
}

func TestImpactTiesAndGraph(t *testing.T) {
	cl, _ := hallOf(t, orderly)
	hit, err := cl.Impact(t.Context(), "storage", nil, nil)
	if err != nil || len(hit.Fallen) != 4 || len(hit.Worse) != 0 {
		t.Errorf("%+v, %v", hit, err)
	}
	if hit, err = cl.Impact(t.Context(), "", nil, []string{"a"}); err != nil || len(hit.Fallen) != 7 || len(hit.Devices) != 1 {
		t.Errorf("%+v, %v", hit, err)
	}
	ties, err := cl.Ties(t.Context(), "shop", false, true)
	if err != nil || len(ties) != 5 || ties[0].Node != "bad" || ties[0].How != "wants" {
		t.Errorf("%+v, %v", ties, err)
	}
	g, err := cl.Graph(t.Context(), client.Picture{Targets: "web", Power: true})
	if err != nil || g.Layers < 4 {
		t.Fatalf("%+v, %v", g, err)
	}
	at := make(map[string]wire.GraphNode)
	for _, n := range g.Nodes {
		at[n.Label] = n
	}
	if at["switch"].Layer >= at["db"].Layer || at["db"].Layer >= at["web"].Layer || at["strip"].Kind != "device" || at["a"].Kind != "feed" || at["afterbad"].Kind != "" {
		t.Errorf("%+v", at)
	}
}

func TestChecksControlsAndSamples(t *testing.T) {
	cl, _ := hallOf(t, orderly)
	list, err := cl.Look(t.Context(), "web,bad", nil)
	if err != nil || len(list) != 2 || list[0].Node != "bad" || list[0].Last != check.Bad || list[1].Last != check.OK {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := cl.Look(t.Context(), "web", []string{"nosuch"}); room.CodeOf(err) != room.CodeNotFound {
		t.Errorf("%v", err)
	}
	controls, err := cl.Controls(t.Context(), "storage")
	if err != nil || len(controls) != 1 || controls[0].Name != "os" {
		t.Errorf("%+v, %v", controls, err)
	}
	if now, err := cl.Control(t.Context(), "storage", "os", "off"); err != nil || now.State != room.StateOff {
		t.Errorf("%+v, %v", now, err)
	}
	if _, err := cl.Control(t.Context(), "storage", "deaf", "off"); room.CodeOf(err) != room.CodeNotFound {
		t.Errorf("%v", err)
	}

	within(t, cl, wire.Order{Goal: "up", Targets: "web"})
	q := url.Values{"targets": {"web"}, "quantity": {"power"}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for { // the strip is asked once a second
		newest, err := cl.Samples(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if len(newest) == 1 && newest[0].Value == 120 && newest[0].Unit == "W" {
			break
		}
	}
	chart, err := cl.Chart(ctx, q)
	if err != nil || len(chart.Lines) != 1 {
		t.Fatalf("%+v, %v", chart, err)
	}
	body, err := cl.ExportSamples(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(text), ",120,") || !strings.HasPrefix(string(text), "time,") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestWhatWasAgreedToIsDone(t *testing.T) {
	cl, _ := hallOf(t, orderly)
	agreed, err := cl.Plan(t.Context(), wire.Order{Goal: "up", Targets: "db"})
	if err != nil {
		t.Fatal(err)
	}
	within(t, cl, wire.Order{Goal: "up", Targets: "switch"})
	if _, err := cl.Order(t.Context(), wire.Order{Goal: "up", Targets: "db", Shown: agreed.Digest}); room.CodeOf(err) != room.CodeBusy {
		t.Errorf("another plan than was shown: %v", err)
	}
	if agreed, err = cl.Plan(t.Context(), wire.Order{Goal: "up", Targets: "db"}); err != nil {
		t.Fatal(err)
	}
	if report := within(t, cl, wire.Order{Goal: "up", Targets: "db", Shown: agreed.Digest}); report.Run.State != orders.Done {
		t.Errorf("%+v", report.Run)
	}
}

func TestStandingsAreFollowed(t *testing.T) {
	cl, dir := hallOf(t, orderly)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	socket := filepath.Join(dir, "s")
	h := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	defer h.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://daemon/v1/standings/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	hear := func(parts ...string) { // lines that hold these, in this order
		t.Helper()
		for len(parts) > 0 && lines.Scan() {
			if strings.Contains(lines.Text(), parts[0]) {
				parts = parts[1:]
			}
		}
		if len(parts) > 0 {
			t.Fatalf("never heard %q: %v", parts[0], lines.Err())
		}
	}
	hear("event: anew", `"node":"switch"`, `"node":"shop"`)
	if _, err := cl.Hold(ctx, wire.NewHold{Targets: "db", Kind: "maintenance"}); err != nil {
		t.Fatal(err)
	}
	hear("event: node", `"maintenance"`)
	within(t, cl, wire.Order{Goal: "up", Targets: "switch"})
	hear("event: standing", `"state":"Switching on"`, `"state":"OK"`)
	if err := os.WriteFile(filepath.Join(dir, "room.yaml"), []byte(orderly+"  late: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	hear("event: anew", `"node":"late"`)
}
