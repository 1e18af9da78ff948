package ockle_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/ockle"
)

// Any room can have the door: its nodes are servers.
func TestPlainRoom(t *testing.T) {
	h := open(t, t.TempDir(), files{"room.yaml": `room: plain
ockle: {listen: "127.0.0.1:0"}
powerman: {off: yes}
devices: {d: {driver: dummy}}
checks: {fine: {kind: dummy, nodes: web}}
controls: {soft: {kind: dummy, nodes: web}}
nodes:
  sw: {cords: "d:1"}
  web: {cords: ["d:2", "d:3"], needs: sw}
`})
	c, ctx := h.client, t.Context()
	h.switched(true)
	h.want("sw=OK; web=OK")
	v, _, err := c.ServerView(ctx, "web")
	if err != nil || !bool(v.Outlets["outletd:2"].State) || len(v.Outlets) != 2 || v.Controls["controlsoft"].Name != "soft" || v.Tests["testfine"].OpState != ockle.Succeeded {
		t.Errorf("web is %+v, %v", v, err)
	}
	if got, err := c.SwitchOutlet(ctx, "web", "d:3", false); got != ockle.ForcedOff || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if v, _, err := c.ServerView(ctx, "web"); err != nil || bool(v.Outlets["outletd:3"].State) || !bool(v.Outlets["outletd:2"].State) {
		t.Errorf("web is %+v, %v", v, err)
	}
	all, err := c.Servers(ctx)
	if err != nil || all["web"][0].Keys.Text("dependencies") != `["sw"]` || all["web"][0].Keys.Text("controls") != `["soft"]` {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := c.PDUs(ctx); err != nil || len(all) != 1 || all["d"][0].Keys.Text("type") != "dummy" {
		t.Errorf("%+v, %v", all, err)
	}
	if list, err := c.ServerOutlets(ctx, "web"); err != nil || len(list) != 2 || list[0].Name != "d:2" {
		t.Errorf("%+v, %v", list, err)
	}
	h.grant("configure")
	if _, err := c.INIFile(ctx, "config.ini"); code(err) != ockle.CodeRefused || !strings.Contains(err.Error(), "not made of Ockle's files") {
		t.Errorf("files of a room without such: %v", err)
	}
	if err := c.SetINIFile(ctx, "servers/x.ini", nil); code(err) != ockle.CodeRefused {
		t.Errorf("files of a room without such: %v", err)
	}
}

// A Raritan as Ockle has it: by SNMP, with the communities where they stand in its file,
// and the current of each outlet.
func TestRaritan(t *testing.T) {
	p, _ := profile.Builtin("raritan-px1")
	a, err := agent.New(agent.Config{Profile: p, Community: "may-write", ReadOnly: "may-read"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	at, done, err := a.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); <-done })
	host, port, _ := net.SplitHostPort(at)
	h := openN1(t, false, files{
		"room.yaml":       strings.Replace(quick["room.yaml"], "300ms", "20s", 1),
		"outlets/px.ini":  fmt.Sprintf("[pdu]\ntype = Raritan\npdu_ip = %s\npdu_port = %s\nread_community = may-read\nwrite_community = may-write\n", host, port),
		"servers/two.ini": "[server]\noutlets = [\"left\", \"right\"]\ndependencies =\n[left]\npdu = px\nsocket = 3\n[right]\npdu = px\nsocket = 4\n",
	})
	a.Set("3", false)
	a.Set("4", false)
	if got, err := h.client.SwitchOutlet(t.Context(), "two", "right", true); got != ockle.ForcedOn || err != nil || !a.On("4") || a.On("3") {
		t.Fatalf("%q, %v; the outlets are %t and %t", got, err, a.On("3"), a.On("4"))
	}
	v, _, err := h.client.ServerView(t.Context(), "two")
	if err != nil || !bool(v.Outlets["outletright"].State) || bool(v.Outlets["outletleft"].State) {
		t.Errorf("%+v, %v", v, err)
	}
	if mA, is := v.Outlets["outletright"].Data["current"].(float64); !is || mA <= 0 {
		t.Errorf("it measures %v", slices.Collect(maps.Keys(v.Outlets["outletright"].Data)))
	}
}

// raw sends bytes as they are and gives what comes back until the door closes.
func (h *house) raw(pieces ...string) string {
	h.Helper()
	conn, err := net.DialTimeout("tcp", h.addr, patience)
	h.no(err)
	defer conn.Close()
	h.no(conn.SetDeadline(time.Now().Add(patience)))
	for _, p := range pieces {
		if _, err := io.WriteString(conn, p); err != nil {
			break // it has had enough of us
		}
	}
	if c, is := conn.(*net.TCPConn); is {
		_ = c.CloseWrite()
	}
	got, _ := io.ReadAll(conn) // it may be reset
	return string(got)
}

func frame(payload string) string { return fmt.Sprintf("%d:%s", len(payload), payload) }

// A hostile client harms nobody: the daemon answers others as before.
func TestHostileClients(t *testing.T) {
	h := openN1(t, false, nil)
	const view = `<MessageType name="MessageClientSend"><MessageAttr Command="ServerView"><data><server>web</server></data></MessageAttr></MessageType>`
	whole := frame(view)
	if got := h.raw(whole[:2], whole[2:50], whole[50:]); !strings.Contains(got, `Reply="ServerView"`) {
		t.Errorf("a frame in pieces gets %q", got)
	}
	entity := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>` + strings.Replace(view, "web", "&b;", 1)
	for name, bytes := range map[string]string{
		"no number": "abc:" + view, "negative": "-5:" + view, "huge": "99999999999999999999:" + view, "too large": "1073741824:x", "nothing": "0:",
		"too short": "10:" + view, "no XML": frame("hello"), "not closed": frame(view[:60]), "not UTF-8": frame(strings.Replace(view, "web", "w\xff\xfe", 1)),
		"entities": frame(entity), "a reply": frame(strings.ReplaceAll(strings.Replace(view, "ClientSend", "ServerSend", 1), "Command", "Reply")),
		"deep": frame(strings.Repeat("<a>", 50_000)), "colons": strings.Repeat(":", 1000), "digits": strings.Repeat("1", 100_000), "NUL": "\x00\x00\x00",
		"traversal": frame(strings.NewReplacer("ServerView", "getINIFile", "<server>web</server>", "<Path>../../../etc/passwd</Path>").Replace(view)),
		"name":      frame(strings.Replace(view, "web", "../web", 1)), "long name": frame(strings.Replace(view, "web", strings.Repeat("w", 900_000), 1)),
	} {
		got := h.raw(bytes)
		if strings.Contains(got, "root:") || name != "name" && name != "long name" && strings.Contains(got, "MessageServerSend") {
			t.Errorf("%s gets %.200q", name, got)
		}
		if got != "" && !strings.Contains(got[:min(len(got), 12)], ":<") {
			t.Errorf("%s gets what is no frame: %.60q", name, got)
		}
	}
	if got := h.raw(frame(strings.Replace(view, "web", "w&#252;b", 1))); !strings.Contains(got, `Reply="ServerView"`) {
		t.Errorf("a name that is not ASCII gets %q", got)
	}
	h.flood()
	if _, known, err := h.client.ServerView(t.Context(), "web"); !known || err != nil {
		t.Errorf("after all that: %t, %v", known, err)
	}
}

// flood opens thousands of connections that never end their requests, more of them at a
// time than there are seats, and leaves them open.
func (h *house) flood() {
	h.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var held []net.Conn
			for range 300 {
				conn, err := net.DialTimeout("tcp", h.addr, patience)
				if err != nil {
					continue // this machine has no more ports
				}
				_, _ = io.WriteString(conn, "100:<Mess")
				if held = append(held, conn); len(held) > 75 {
					held[0].Close()
					held = held[1:]
				}
			}
			for _, conn := range held {
				h.Cleanup(func() { conn.Close() })
			}
		})
	}
	wg.Wait()
	if _, known, err := h.client.ServerView(h.Context(), "web"); !known || err != nil {
		h.Errorf("while 2400 others do not end: %t, %v", known, err)
	}
}
