package ockle_test

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ockle"
)

// says has a server that reads a request and then says something, and closes.
func says(t *testing.T, text string) *ockle.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = ockle.ReadFrame(conn, 1<<20)
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}
	}()
	return &ockle.Client{Addr: l.Addr().String(), Timeout: 30 * time.Second, Limit: 1000}
}

func TestClientTakesErrorsWithAndWithoutAFrame(t *testing.T) {
	failed := ockle.Message{Class: ockle.ServerError, Name: "null"}
	for name, text := range map[string]string{
		"framed": string(ockle.AppendFrame(nil, failed.Encode())),
		"bare":   string(failed.Encode()),
	} {
		_, err := says(t, text).Call(t.Context(), "ServerView", nil)
		var told *ockle.Error
		if !errors.As(err, &told) || !strings.Contains(err.Error(), "gave no reason") || told.Code != ockle.CodeNone {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := says(t, request(ockle.ServerError, "no", ockle.Value{Key: "code", Text: "busy"}, ockle.Value{Key: "message", Text: "later"})).Call(t.Context(), "x", nil)
	if !errors.Is(err, &ockle.Error{Code: ockle.CodeBusy}) || !strings.Contains(err.Error(), "x: later") {
		t.Error(err)
	}
	_, err = says(t, request(ockle.ServerError, "Unknown Command")).Call(t.Context(), "x", nil)
	if !errors.Is(err, ockle.ErrUnknownCommand) {
		t.Error(err)
	}
}

func TestClientRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"", "without an answer"},
		"half":               {"100:<x", "without an answer"},
		"too much":           {"1001:", "too large"},
		"too much, unframed": {strings.Repeat(" ", 2000), "too large"},
		"nonsense":           {"hello", "XML"},
		"a request":          {request(ockle.ClientSend, "x"), "class"},
	} {
		if _, err := says(t, c.text).Call(t.Context(), "x", nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	addr := serve(t, &ockle.Server{Handler: ockle.HandlerFunc(func(ctx context.Context, _ ockle.Request) (ockle.Values, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})})
	c := ockle.Client{Addr: addr, Timeout: 30 * time.Second}
	if _, err := c.Call(ctx, "hang", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was given up: %v", err)
	}
}

// canned is what a daemon answers to each command, and what it wants to be asked.
var canned = map[string]struct{ want, answer ockle.Values }{
	"listCommands":                {nil, ockle.Values{{"restart", ""}}},
	"getAvailablePluginsList":     {nil, ockle.Values{{"Logger", "logs"}}},
	"getAvailablePDUsList":        {nil, ockle.Values{{"PDUs", `{"Dummy": "a dummy"}`}}},
	"getAvailableTestersList":     {nil, ockle.Values{{"Testers", `{"Ping": "pings"}`}}},
	"getAvailableControllersList": {nil, ockle.Values{{"Controllers", `{"Dummy": null}`}}},
	"dotgraph":                    {nil, ockle.Values{{"Dot", `digraph graphname {"a" -> "b"}`}}},
	"getPDUDict":                  {nil, ockle.Values{{"pdus", `{"left": {"pdu": {"type": "Dummy", "n": 3}}}`}}},
	"getTesterDict":               {nil, ockle.Values{{"testers", `{}`}}},
	"getControllerDict":           {nil, ockle.Values{{"controllers", `null`}}},
	"getServerDict":               {nil, ockle.Values{{"servers", `{"web": {"server": {"outlets": ["o1"]}, "o1": {"pdu": "left"}}}`}}},
	"setServer":                   {ockle.Values{{"server", "web"}, {"state", "on"}}, ockle.Values{{"status", "Forced on"}}},
	"switchOutlet":                {ockle.Values{{"server", "web"}, {"obj", "o1"}, {"state", "off"}}, ockle.Values{{"status", "Forced off"}}},
	"switchControl":               {ockle.Values{{"server", "web"}, {"obj", "c1"}, {"state", "on"}}, ockle.Values{{"status", "Failed to start"}}},
	"runTest":                     {ockle.Values{{"server", "web"}, {"obj", "t1"}}, ockle.Values{{"status", "SUCCEEDED"}}},
	"getAvailableServerOutlets":   {ockle.Values{{"server", "web"}}, ockle.Values{{"serverOutlets", `{"z": {}, "a": {"pdu": "left"}}`}}},
	"getAvailableServerTesters":   {ockle.Values{{"server", "web"}}, ockle.Values{{"serverTesters", `{"t": {}}`}}},
	"getAvailableServerControls":  {ockle.Values{{"server", "web"}}, ockle.Values{{"serverControls", `{"c": {}}`}}},
	"getServerDependencyMap":      {ockle.Values{{"server", "web"}}, ockle.Values{{"dependencyMap", `{"available": {"bad": "x"}, "disabled": {"db": ["db", "web"]}, "existing": {"sw": ""}}`}}},
	"updateNetwork":               {nil, ockle.Values{{"status", "done"}}},
	"getINIFile":                  {ockle.Values{{"Path", "config.ini"}}, ockle.Values{{"File", "[main]\nserver_dir = machines\n"}}},
	"setINIFile":                  {ockle.Values{{"Path", "servers/wéb.ini"}, {"iniDict", `{"server":{"comment":"é"}}`}}, ockle.Values{{"succeeded", "True"}}},
	"deleteINIFile":               {ockle.Values{{"Path", "x"}}, ockle.Values{{"succeeded", "False"}, {"error", "it is needed"}}},
	"deleteINISection":            {ockle.Values{{"Path", "x"}, {"Section", "s"}}, ockle.Values{{"succeeded", "True"}}},
	"getAutoControlStatus":        {nil, ockle.Values{{"status", "on"}}},
	"setAutoControlStatus":        {ockle.Values{{"state", "True"}}, ockle.Values{{"succeeded", "True"}, {"state", "True"}}},
	"switchNetwork":               {ockle.Values{{"state", "false"}}, ockle.Values{{"status", "OK, switching off"}}},
	"restart":                     {nil, nil},
	"ServerView": {ockle.Values{{"server", "web"}}, ockle.Values{
		{"Name", "web"},
		{"OpState", "Permanently failed to Stop"},
		{"StartAttempts", "2"},
		{"outlets", `{"outleto1": {"name": "o1", "OpState": -1, "state": 1, "data": {"current": 12.5, "name": "o1"}}}`},
		{"controls", `{"controlc1": {"name": "c1", "OpState": "OK", "state": true, "data": {}}}`},
		{"tests", `{"testt1": {"name": "t1", "OpState": "FAILED"}}`},
	}},
}

func TestEveryCommand(t *testing.T) {
	var asked []string
	addr := serve(t, &ockle.Server{Handler: ockle.HandlerFunc(func(_ context.Context, r ockle.Request) (ockle.Values, error) {
		asked = append(asked, r.Command)
		c, known := canned[r.Command]
		switch {
		case !known:
			return nil, ockle.ErrUnknownCommand
		case len(r.Values) != len(c.want) || len(c.want) > 0 && !reflect.DeepEqual(r.Values, c.want):
			return nil, ockle.Errorf(ockle.CodeInvalid, "asked with %q", r.Values)
		case r.Command == ockle.Restart:
			return nil, ockle.ErrNoAnswer
		}
		return c.answer, nil
	})})
	ctx, c := t.Context(), &ockle.Client{Addr: addr, Timeout: 30 * time.Second}
	check := func(want any) func(got any, err error) {
		return func(got any, err error) {
			t.Helper()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v", asked[len(asked)-1], got, err)
			}
		}
	}
	view, known, err := c.ServerView(ctx, "web")
	if !known {
		t.Error("the server is not known")
	}
	check(ockle.ServerView{
		Name: "web", OpState: ockle.PermanentlyFailedToStop, StartAttempts: 2,
		Outlets:  map[string]ockle.Object{"outleto1": {Name: "o1", OpState: ockle.ObjectNotInitiated, State: true, Data: map[string]any{"current": 12.5, "name": "o1"}}},
		Controls: map[string]ockle.Object{"controlc1": {Name: "c1", OpState: ockle.OK, State: true, Data: map[string]any{}}},
		Tests:    map[string]ockle.Test{"testt1": {Name: "t1", OpState: ockle.Failed}},
	})(view, err)
	if again, _, err := ockle.ParseServerView(view.Values()); err != nil || !reflect.DeepEqual(again, view) {
		t.Errorf("the view came back as %+v, %v", again, err)
	}
	check(ockle.Values{{"restart", ""}})(both(c.ListCommands(ctx)))
	check(ockle.Values{{"Logger", "logs"}})(both(c.Plugins(ctx)))
	check(map[string]string{"Dummy": "a dummy"})(both(c.PDUTypes(ctx)))
	check(map[string]string{"Ping": "pings"})(both(c.TesterTypes(ctx)))
	check(map[string]string{"Dummy": ""})(both(c.ControllerTypes(ctx)))
	check(`digraph graphname {"a" -> "b"}`)(both(c.Graph(ctx)))
	check(ockle.Configuration{"left": {{"pdu", ockle.Values{{"type", "Dummy"}, {"n", "3"}}}}})(both(c.PDUs(ctx)))
	check(ockle.Configuration{})(both(c.Testers(ctx)))
	check(ockle.Configuration(nil))(both(c.Controllers(ctx)))
	check(ockle.Configuration{"web": {{"server", ockle.Values{{"outlets", `["o1"]`}}}, {"o1", ockle.Values{{"pdu", "left"}}}}})(both(c.Servers(ctx)))
	check(ockle.ForcedOn)(both(c.SetServer(ctx, "web", true)))
	check(ockle.ForcedOff)(both(c.SwitchOutlet(ctx, "web", "o1", false)))
	check(ockle.FailedToStart)(both(c.SwitchControl(ctx, "web", "c1", true)))
	check(ockle.Succeeded)(both(c.RunTest(ctx, "web", "t1")))
	check(ockle.Sections{{Name: "z"}, {"a", ockle.Values{{"pdu", "left"}}}})(both(c.ServerOutlets(ctx, "web")))
	check(ockle.Sections{{Name: "t"}})(both(c.ServerTests(ctx, "web")))
	check(ockle.Sections{{Name: "c"}})(both(c.ServerControls(ctx, "web")))
	check(ockle.DependencyMap{
		Available: map[string]string{"bad": "x"}, Disabled: map[string][]string{"db": {"db", "web"}}, Existing: map[string]string{"sw": ""},
	})(both(c.DependencyMap(ctx, "web")))
	check(ockle.Done)(both(c.UpdateNetwork(ctx)))
	check("[main]\nserver_dir = machines\n")(both(c.INIFile(ctx, "config.ini")))
	check(ockle.Folders{PDUs: "outlets", Testers: "testers", Controllers: "controllers", Servers: "machines"})(both(c.Folders(ctx)))
	check(nil)(nil, c.SetINIFile(ctx, "servers/wéb.ini", ockle.Sections{{"server", ockle.Values{{"comment", "é"}}}}))
	if err := c.DeleteINIFile(ctx, "x"); err == nil || !strings.Contains(err.Error(), "it is needed") {
		t.Errorf("deleteINIFile: %v", err)
	}
	check(nil)(nil, c.DeleteINISection(ctx, "x", "s"))
	check(true)(both(c.AutoControl(ctx)))
	check(nil)(nil, c.SetAutoControl(ctx, true))
	check(ockle.NetworkOff)(both(c.SwitchNetwork(ctx, false)))
	check(nil)(nil, c.Restart(ctx))
	for _, command := range ockle.Commands() {
		if _, known := canned[command]; !known {
			t.Errorf("%s is not tested", command)
		}
	}
	if n := len(ockle.Commands()); n != 28 || n != len(canned) {
		t.Errorf("there are %d commands", n)
	}
}

func both[T any](got T, err error) (any, error) { return got, err }

func TestAnUnknownServerHasNoView(t *testing.T) {
	_, known, err := says(t, request(ockle.ServerSend, "ServerView")).ServerView(t.Context(), "none")
	if known || err != nil {
		t.Errorf("%v, %v", known, err)
	}
}

func TestDot(t *testing.T) {
	got := ockle.Dot([]ockle.DotNode{{Name: "sw", State: ockle.OK}, {Name: `a "b"`, State: ockle.ForcedOff, Needs: []string{"sw"}}})
	want := "digraph graphname {\n\"sw\" [color=\"green\"];\n\"a \\\"b\\\"\" [color=\"#660066\"];\n\"sw\" -> \"a \\\"b\\\"\";\n}\n"
	if got != want {
		t.Errorf("%s", got)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(request(ockle.ServerError, "no")))
	f.Fuzz(func(t *testing.T, says []byte) {
		theirs, ours := net.Pipe()
		go func() {
			_, _ = ockle.ReadFrame(theirs, 1<<20)
			_, _ = theirs.Write(says)
			_ = theirs.Close()
		}()
		c := ockle.Client{Addr: "x", Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}
		_, _, _ = c.ServerView(t.Context(), "x")
		_ = theirs.Close()
	})
}
