package ockle_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/ockle"
)

// odd has a server with two outlets on a strip that misbehaves, and an outlet that is not
// in use.
var odd = files{
	"outlets/faulty.ini": "[pdu]\ntype = dummy\nrefuse = [\"two.refuses\"]\nstick = [\"two.sticks\"]\n",
	"outlets/cpu.ini":    "[pdu]\ntype = DummyWithCPU\n",
	"servers/two.ini": `[server]
outlets = ["cpu", "refuses", "sticks"]
tests = ["good", "bad"]
dependencies =
comment = ünïcode
[refuses]
pdu = faulty
[sticks]
pdu = faulty
[cpu]
pdu = cpu
[spare]
pdu = strip
[good]
tester = says
[bad]
tester = says
succeed = false
`,
}

func TestServersAreSwitchedByHand(t *testing.T) {
	h := openN1(t, false, odd)
	c, ctx := h.client, t.Context()
	for _, tt := range []struct {
		on   bool
		want ockle.State
	}{{true, ockle.ForcedOn}, {false, ockle.ForcedOff}} {
		if got, err := c.SetServer(ctx, "web", tt.on); got != tt.want || err != nil { // whatever it needs
			t.Errorf("setServer %t says %q, %v", tt.on, got, err)
		}
		h.until("web is as it was forced", func() bool { return h.state("web") == tt.want })
		if got, err := c.SwitchOutlet(ctx, "two", "cpu", tt.on); got != tt.want || err != nil {
			t.Errorf("switchOutlet %t says %q, %v", tt.on, got, err)
		}
		if v, _, err := c.ServerView(ctx, "two"); err != nil || v.Outlets["outletcpu"].OpState != tt.want || bool(v.Outlets["outletcpu"].State) != tt.on {
			t.Errorf("the view says %+v, %v", v.Outlets["outletcpu"], err)
		}
	}
	for object, want := range map[string]string{"refuses": "refused, as its settings say", "sticks": "the plug is still off"} {
		values, err := c.Call(ctx, ockle.SwitchOutlet, ockle.Values{{Key: "server", Text: "two"}, {Key: "obj", Text: object}, {Key: "state", Text: "on"}})
		if err != nil || values.Text("status") != string(ockle.FailedToStart) || !strings.Contains(values.Text("error"), want) {
			t.Errorf("%s: %v, %v", object, values, err)
		}
	}
	values, err := c.Call(ctx, ockle.SetServer, ockle.Values{{Key: "server", Text: "two"}, {Key: "state", Text: "on"}})
	if err != nil || values.Text("status") != string(ockle.FailedToStart) || values.Text("error") == "" {
		t.Errorf("a server whose device refuses: %v, %v", values, err)
	}
}

func TestTestsAreRun(t *testing.T) {
	h := openN1(t, false, odd)
	for test, want := range map[string]ockle.State{"good": ockle.Succeeded, "bad": ockle.Failed} {
		if got, err := h.client.RunTest(t.Context(), "two", test); got != want || err != nil {
			t.Errorf("%s: %q, %v", test, got, err)
		}
	}
	if v, _, err := h.client.ServerView(t.Context(), "two"); err != nil || v.Tests["testgood"].OpState != ockle.Succeeded {
		t.Errorf("%+v, %v", v.Tests, err)
	}
}

func TestControlsAreSwitchedByHand(t *testing.T) {
	h := openN1(t, false, files{
		"servers/storage.ini": strings.Replace(control, "%", "false", 1),
		"servers/db.ini":      strings.Replace(control, "%", "true", 1),
	})
	for _, tt := range []struct {
		server string
		on     bool
		want   ockle.State
	}{
		{"storage", false, ockle.ForcedOff},
		{"storage", true, ockle.ForcedOn},
		{"db", false, ockle.SwitchingOff},
		{"db", true, ockle.ForcedOn}, // it takes the request, and stays on
	} {
		if got, err := h.client.SwitchControl(t.Context(), tt.server, "soft1", tt.on); got != tt.want || err != nil {
			t.Errorf("%s %t: %q, %v", tt.server, tt.on, got, err)
		}
	}
}

func TestServerView(t *testing.T) {
	h := openN1(t, false, odd)
	v, known, err := h.client.ServerView(t.Context(), "two")
	if err != nil || !known || v.Name != "two" || len(v.Outlets) != 3 || len(v.Tests) != 2 || len(v.Controls) != 0 {
		t.Fatalf("%+v, %t, %v", v, known, err)
	}
	if o := v.Outlets["outletcpu"]; o.Name != "cpu" || o.OpState != ockle.ObjectNotInitiated || bool(o.State) || o.Data == nil {
		t.Errorf("its outlet is %+v", o)
	}
	h.until("the load is measured", func() bool {
		v, _, err := h.client.ServerView(t.Context(), "two")
		h.no(err)
		percent, is := v.Outlets["outletcpu"].Data["CPU"].(float64)
		return is && percent >= 0 && percent <= 100
	})
	if v, known, err := h.client.ServerView(t.Context(), "nobody"); known || err != nil {
		t.Errorf("a server that is not there: %+v, %v", v, err)
	}
}

func TestUpdateNetwork(t *testing.T) {
	h := openN1(t, false, nil)
	if said, err := h.client.UpdateNetwork(t.Context()); said != ockle.Done || err != nil {
		t.Errorf("%q, %v", said, err)
	}
	h.until("what was read is known", func() bool { return h.state("web") == ockle.Off })
}

func TestLists(t *testing.T) {
	h := openN1(t, false, odd)
	c, ctx := h.client, t.Context()
	if all, err := c.ListCommands(ctx); len(all) != 28 || err != nil {
		t.Errorf("there are %d commands, %v", len(all), err)
	}
	if all, err := c.Plugins(ctx); all.Text("AutoControl") == "" || err != nil {
		t.Errorf("plugins: %v, %v", all, err)
	}
	for what, list := range map[string]func() (map[string]string, error){
		"Dummy DummyWithCPU Raritan":       func() (map[string]string, error) { return c.PDUTypes(ctx) },
		"Dummy Ping":                       func() (map[string]string, error) { return c.TesterTypes(ctx) },
		"Dummy DummyWithCPU SSHController": func() (map[string]string, error) { return c.ControllerTypes(ctx) },
	} {
		if all, err := list(); strings.Join(slices.Sorted(maps.Keys(all)), " ") != what || err != nil {
			t.Errorf("got %v, %v, want %s", all, err, what)
		}
	}
	if _, err := c.Servers(ctx); code(err) != ockle.CodeRefused {
		t.Errorf("files with passwords are shown to everybody: %v", err)
	}
	h.grant("configure")
	for what, list := range map[string]func() (ockle.Configuration, error){
		"cpu faulty strip":          func() (ockle.Configuration, error) { return c.PDUs(ctx) },
		"says":                      func() (ockle.Configuration, error) { return c.Testers(ctx) },
		"soft":                      func() (ockle.Configuration, error) { return c.Controllers(ctx) },
		"db storage switch two web": func() (ockle.Configuration, error) { return c.Servers(ctx) },
	} {
		if all, err := list(); strings.Join(slices.Sorted(maps.Keys(all)), " ") != what || err != nil {
			t.Errorf("got %v, %v, want %s", all, err, what)
		}
	}
	all, err := c.Servers(ctx)
	if err != nil || all["two"][0].Name != "server" || all["two"][0].Keys.Text("comment") != "ünïcode" {
		t.Errorf("two is %v, %v", all["two"], err)
	}
	for what, list := range map[string]func() (ockle.Sections, error){
		"cpu refuses sticks spare": func() (ockle.Sections, error) { return c.ServerOutlets(ctx, "two") },
		"good bad":                 func() (ockle.Sections, error) { return c.ServerTests(ctx, "two") },
		"":                         func() (ockle.Sections, error) { return c.ServerControls(ctx, "two") },
	} {
		list, err := list()
		var names []string
		for _, s := range list {
			names = append(names, s.Name)
		}
		if strings.Join(names, " ") != what || err != nil {
			t.Errorf("got %v, %v, want %s", names, err, what)
		}
	}
	if f, err := c.Folders(ctx); f != (ockle.Folders{PDUs: "outlets", Testers: "testers", Controllers: "controllers", Servers: "servers"}) || err != nil {
		t.Errorf("folders: %+v, %v", f, err)
	}
}

func TestFilesAreEdited(t *testing.T) {
	h := openN1(t, false, odd)
	c, ctx := h.client, t.Context()
	h.grant("configure")
	before := h.get("servers/web.ini")
	if text, err := c.INIFile(ctx, "servers/web.ini"); text != strings.TrimSpace(before) && text != before || err != nil {
		t.Errorf("the file is %q, %v", text, err)
	}
	if text, err := c.INIFile(ctx, "servers/none.ini"); strings.TrimSpace(text) != "" || err != nil {
		t.Errorf("a file that is not there is %q, %v", text, err)
	}
	// Keys are set, comments and order stay, a section that is not named goes.
	h.put("servers/two.ini", "# by hand\n"+h.get("servers/two.ini")) // and nobody has told the daemon
	sections := ockle.Sections{
		{Name: "server", Keys: ockle.Values{{Key: "outlets", Text: `["cpu"]`}, {Key: "tests", Text: `["good"]`}, {Key: "dependencies", Text: `["switch"]`}, {Key: "comment", Text: "größer — 大"}}},
		{Name: "cpu", Keys: ockle.Values{{Key: "pdu", Text: "cpu"}}},
		{Name: "good"},
	}
	h.no(c.SetINIFile(ctx, "servers/two.ini", sections))
	want := "# by hand\n[server]\noutlets = [\"cpu\"]\ntests = [\"good\"]\ndependencies = [\"switch\"]\ncomment = größer — 大\n[cpu]\npdu = cpu\n[good]\ntester = says\n"
	if got := h.get("servers/two.ini"); got != want {
		t.Errorf("the file is\n%s", got)
	}
	// It counts at once.
	if m, err := c.DependencyMap(ctx, "two"); err != nil || m.Existing["switch"] == "" {
		t.Errorf("%+v, %v", m, err)
	}
	h.no(c.SetINIFile(ctx, "servers/fresh.ini", ockle.Sections{{Name: "server", Keys: ockle.Values{{Key: "dependencies", Text: `["two"]`}}}}))
	if m, err := c.DependencyMap(ctx, "web"); err != nil || m.Available["two"] != "größer — 大" {
		t.Errorf("%+v, %v", m, err)
	}
	values, err := c.Call(ctx, ockle.DeleteINISection, ockle.Values{{Key: "Path", Text: "servers/two.ini"}, {Key: "Section", Text: "good"}})
	if err != nil || values.Text("succeeded") != "True" || !strings.Contains(values.Text("warnings"), "server two is set aside: there is no section for the test good") {
		t.Errorf("a section that is in use is deleted: %v, %v", values, err)
	}
	if strings.Contains(h.get("servers/two.ini"), "[good]") {
		t.Error("the section is still there")
	}
	if err := c.DeleteINISection(ctx, "servers/two.ini", "good"); err == nil {
		t.Error("a section that is not there is deleted")
	}
	fresh := h.get("servers/fresh.ini")
	h.no(c.DeleteINIFile(ctx, "servers/fresh.ini"))
	if h.get("servers/fresh.ini") != "" || h.get("serversBack/fresh.ini") != fresh {
		t.Error("the file is still there, or not set aside")
	}
	if err := c.DeleteINIFile(ctx, "servers/fresh.ini"); err == nil {
		t.Error("a file that is not there is deleted")
	}
	// Each is a revision, and can be gone back to.
	list, err := h.local.Revisions(ctx, 100)
	h.no(err)
	if len(list) < 6 || list[0].Author != "ockle" {
		t.Errorf("the revisions are %+v", list)
	}
}

func TestFilesAreContained(t *testing.T) {
	h := openN1(t, false, files{"secret.txt": "hush\n", "servers/../private.ini": "[x]\n"})
	h.grant("configure")
	outside := "../" + strings.TrimPrefix(t.TempDir(), "/") + "/x.ini"
	paths := []string{
		"../../../../etc/passwd", "/etc/passwd", "servers/../../x.ini", "secret.txt", "room.yaml", "private.ini", "servers/../config.ini", outside,
		"servers/.hidden.ini", "servers/deep/er.ini", "servers/", "", "servers/x.ini\x00", "other/x.ini", "servers/web.ini~",
	}
	for _, path := range paths {
		if text, err := h.client.INIFile(t.Context(), path); err == nil || strings.Contains(text, "hush") {
			t.Errorf("%q is read: %q", path, text)
		}
		if err := h.client.SetINIFile(t.Context(), path, ockle.Sections{{Name: "x"}}); err == nil {
			t.Errorf("%q is written", path)
		}
		if err := h.client.DeleteINIFile(t.Context(), path); err == nil {
			t.Errorf("%q is deleted", path)
		}
		if err := h.client.DeleteINISection(t.Context(), path, "x"); err == nil {
			t.Errorf("a section of %q is deleted", path)
		}
	}
	if _, err := os.Stat(h.dir + "/serversBack"); err == nil {
		t.Error("something was set aside")
	}
}

// Who may only operate edits nothing, and who may only see switches nothing.
func TestRights(t *testing.T) {
	h := openN1(t, false, nil)
	c, ctx := h.client, t.Context()
	if err := c.SetINIFile(ctx, "servers/web.ini", nil); code(err) != ockle.CodeRefused {
		t.Errorf("a file is edited without a grant: %v", err)
	}
	h.grant("view")
	if _, err := c.SetServer(ctx, "web", true); code(err) != ockle.CodeRefused {
		t.Errorf("a server is switched: %v", err)
	}
	if _, err := c.SwitchNetwork(ctx, true); code(err) != ockle.CodeRefused {
		t.Errorf("the network is switched: %v", err)
	}
	if _, err := c.SwitchOutlet(ctx, "web", "outlet1", true); code(err) != ockle.CodeRefused {
		t.Errorf("an outlet is switched: %v", err)
	}
	h.want("web=Did not initiate yet")
	h.until("it is written down that somebody was turned away", func() bool {
		return h.happened(func(e wire.Event) bool { return e.Door == "ockle" && e.Kind == event.Refusal })
	})
}

func TestRestart(t *testing.T) {
	h := openN1(t, false, nil)
	h.grant("configure")
	h.put("servers/later.ini", "[server]\ndependencies = web\n")
	h.no(h.client.Restart(t.Context()))
	h.until("the new server is known", func() bool {
		_, known, err := h.client.ServerView(t.Context(), "later")
		h.no(err)
		return known
	})
}

// A second client does not wait for the first's device.
func TestNobodyWaits(t *testing.T) {
	h := openN1(t, false, files{
		"outlets/slow.ini": "[pdu]\ntype = dummy\ndelay = 9s\n", "servers/slow.ini": "[server]\noutlets = o\ndependencies =\n[o]\npdu = slow\n",
	})
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		defer close(over)
		_, _ = h.client.SetServer(t.Context(), "slow", true) // the daemon ends before it is done
	})
	h.until("the first is under way", func() bool {
		return h.happened(func(e wire.Event) bool { return e.Kind == event.Intent && e.Targets == "slow" })
	})
	if got, err := h.client.SetServer(t.Context(), "web", true); got != ockle.ForcedOn || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	select {
	case <-over:
		t.Error("the second waited for the first")
	default:
	}
	h.stop()
	wg.Wait()
}

// What makes no sense is answered, in a frame.
func TestMistakes(t *testing.T) {
	h := openN1(t, false, odd)
	for _, tt := range []struct {
		command string
		values  string // key=text, by blanks
		want    ockle.Code
	}{
		{"nosuch", "", ockle.CodeUnknownCommand},
		{"listcommands", "", ockle.CodeUnknownCommand},
		{ockle.GetServerView, "", ockle.CodeInvalid},
		{ockle.SetServer, "server=web", ockle.CodeInvalid},
		{ockle.SetServer, "server=web state=maybe", ockle.CodeInvalid},
		{ockle.SetServer, "server=nobody state=on", ockle.CodeNotFound},
		{ockle.SetServer, "server=web,db state=on", ockle.CodeNotFound},
		{ockle.SetServer, "server=@all state=on", ockle.CodeNotFound},
		{ockle.SwitchOutlet, "server=web state=on", ockle.CodeInvalid},
		{ockle.SwitchOutlet, "server=web obj=none state=on", ockle.CodeNotFound},
		{ockle.SwitchOutlet, "server=two obj=spare state=on", ockle.CodeNotFound},
		{ockle.SwitchControl, "server=web obj=none state=on", ockle.CodeNotFound},
		{ockle.RunTest, "server=web obj=none", ockle.CodeNotFound},
		{ockle.GetServerDependencyMap, "server=nobody", ockle.CodeNotFound},
		{ockle.SetAutoControlStatus, "state=", ockle.CodeInvalid},
	} {
		var values ockle.Values
		for _, pair := range strings.Fields(tt.values) {
			key, text, _ := strings.Cut(pair, "=")
			values = append(values, ockle.Value{Key: key, Text: text})
		}
		if got, err := h.client.Call(t.Context(), tt.command, values); code(err) != tt.want {
			t.Errorf("%s %s: %v, %v, want %s", tt.command, tt.values, got, err, tt.want)
		}
	}
}
