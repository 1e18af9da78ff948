package service_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/redfish/service"
)

const (
	m1       = root + "/Systems/m1"
	resetM1  = m1 + "/Actions/ComputerSystem.Reset"
	sessions = root + "/SessionService/Sessions"
	accounts = root + "/AccountService/Accounts"
	cd       = root + "/Managers/m1/VirtualMedia/Cd"
)

// TestAnswers is the protocol, request by request. Each starts from a fresh service.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ask     ask
		status  int
		message string // one of those in the error
		holds   string // in the body
	}{
		{"the version is for strangers", ask{path: "/redfish", user: "-"}, 200, "", `"v1":"/redfish/v1/"`},
		{"so is the root", ask{path: root, user: "-"}, 200, "", `"@odata.id":"/redfish/v1/"`},
		{"and with its slash", ask{path: root + "/", user: "-"}, 200, "", `"RedfishVersion"`},
		{"and by HEAD", ask{method: "HEAD", path: root, user: "-"}, 200, "", ""},
		{"and the service document", ask{path: root + "/odata", user: "-"}, 200, "", `"kind":"Singleton"`},
		{"and the metadata", ask{path: root + "/$metadata", user: "-"}, 200, "", "ComputerSystem.v1_27_0"},
		{"nothing else is", ask{path: root + "/Systems", user: "-"}, 401, "NoValidSession", ""},
		{"not even what there is", ask{path: root + "/Nothing", user: "-"}, 401, "NoValidSession", ""},
		{"a wrong password", ask{path: root + "/Systems", password: "guess"}, 401, "NoValidSession", ""},
		{"a wrong token", ask{path: root + "/Systems", user: "-", header: map[string]string{"X-Auth-Token": "x"}}, 401, "NoValidSession", ""},
		{"a bearer where there are none", ask{path: root + "/Systems", user: "-", header: map[string]string{"Authorization": "Bearer x"}}, 401, "NoValidSession", ""},
		{"no such resource", ask{path: root + "/Nothing"}, 404, "ResourceMissingAtURI", ""},
		{"no such machine", ask{path: root + "/Systems/m9"}, 404, "ResourceMissingAtURI", ""},
		{"no path tricks", ask{path: root + "/Systems/../Systems"}, 404, "ResourceMissingAtURI", ""},
		{"an id with a slash", ask{path: root + "/Systems/a%20b%2Fc"}, 200, "", `"Id":"a b/c"`},
		{"another OData version", ask{path: root, header: map[string]string{"OData-Version": "3.0"}}, 412, "HeaderInvalid", ""},
		{"no JSON wanted", ask{path: m1, header: map[string]string{"Accept": "text/html"}}, 406, "HeaderInvalid", ""},
		{"anything wanted", ask{path: m1, header: map[string]string{"Accept": "text/html, */*;q=0.1"}}, 200, "", "PowerState"},
		{"a page of another site", ask{method: "POST", path: resetM1, body: `{"ResetType":"On"}`, header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403, "GeneralError", ""},
		{"methods", ask{method: "OPTIONS", path: m1}, 204, "", ""},
		{"a method that there is not", ask{method: "DELETE", path: m1}, 405, "OperationNotAllowed", ""},
		{"a PUT", ask{method: "PUT", path: m1, body: "{}"}, 405, "OperationNotAllowed", ""},
		{"a GET of an action", ask{path: resetM1}, 405, "OperationNotAllowed", ""},

		{"power on", ask{path: resetM1, body: `{"ResetType":"On"}`}, 204, "", ""},
		{"by an operator", ask{path: resetM1, body: `{"ResetType":"On"}`, user: "op"}, 204, "", ""},
		{"not by who may look", ask{path: resetM1, body: `{"ResetType":"On"}`, user: "ro"}, 403, "InsufficientPrivilege", ""},
		{"a reset that it cannot do", ask{path: resetM1, body: `{"ResetType":"PushPowerButton"}`}, 400, "ActionParameterValueNotInList", "GracefulShutdown"},
		{"a machine without resets", ask{path: root + "/Systems/bare/Actions/ComputerSystem.Reset", body: `{"ResetType":"On"}`}, 400, "ActionParameterValueNotInList", ""},
		{"no type of reset", ask{path: resetM1, body: `{}`}, 400, "ActionParameterMissing", ""},
		{"another parameter", ask{path: resetM1, body: `{"ResetType":"On","Hurry":true}`}, 400, "ActionParameterUnknown", ""},
		{"a number for a type", ask{path: resetM1, body: `{"ResetType":1}`}, 400, "ActionParameterValueTypeError", ""},
		{"no JSON", ask{path: resetM1, body: `{"ResetType"`}, 400, "MalformedJSON", ""},
		{"two bodies", ask{path: resetM1, body: `{} {}`}, 400, "MalformedJSON", ""},
		{"an array", ask{path: resetM1, body: `[]`}, 400, "UnrecognizedRequestBody", ""},
		{"too deep", ask{path: resetM1, body: strings.Repeat("[", 17) + strings.Repeat("]", 17)}, 400, "MalformedJSON", ""},
		{"too large", ask{path: resetM1, body: `{"x":"` + strings.Repeat("x", 70<<10) + `"}`}, 413, "GeneralError", ""},
		{"a form", ask{path: resetM1, body: "ResetType=On", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, "HeaderInvalid", ""},
		{"a query with a change", ask{method: "POST", path: resetM1 + "?$select=Id", body: `{"ResetType":"On"}`}, 400, "QueryNotSupportedOnOperation", ""},

		{"boot once from the network", ask{method: "PATCH", path: m1, body: `{"Boot":{"BootSourceOverrideTarget":"Pxe","BootSourceOverrideEnabled":"Once"}}`}, 200, "", `"BootSourceOverrideTarget":"Pxe"`},
		{"from what there is not", ask{method: "PATCH", path: m1, body: `{"Boot":{"BootSourceOverrideTarget":"Usb"}}`}, 400, "PropertyValueNotInList", ""},
		{"one right and one wrong", ask{method: "PATCH", path: m1, body: `{"IndicatorLED":"Lit","PowerState":"On","Colour":1}`}, 200, "", `"PowerState@Message.ExtendedInfo"`},
		{"what cannot be written", ask{method: "PATCH", path: m1, body: `{"SerialNumber":"x"}`}, 400, "PropertyNotWritable", ""},
		{"what there is not", ask{method: "PATCH", path: m1, body: `{"Colour":"red"}`}, 400, "PropertyUnknown", ""},
		{"nothing", ask{method: "PATCH", path: m1, body: `{}`}, 400, "EmptyJSON", ""},
		{"not by who may look either", ask{method: "PATCH", path: m1, body: `{"IndicatorLED":"Lit"}`, user: "ro"}, 403, "InsufficientPrivilege", ""},
		{"of an old state", ask{method: "PATCH", path: m1, body: `{"IndicatorLED":"Lit"}`, header: map[string]string{"If-Match": `"old"`}}, 412, "PreconditionFailed", ""},
		{"of any state", ask{method: "PATCH", path: m1, body: `{"IndicatorLED":"Lit"}`, header: map[string]string{"If-Match": "*"}}, 200, "", `"IndicatorLED":"Lit"`},

		{"a page", ask{path: root + "/Systems?$top=2"}, 200, "", `"Members@odata.count":3`},
		{"past the end", ask{path: root + "/Systems?$skip=9"}, 200, "", `"Members":[]`},
		{"before the start", ask{path: root + "/Systems?$skip=-1"}, 400, "QueryParameterOutOfRange", ""},
		{"no number", ask{path: root + "/Systems?$top=x"}, 400, "QueryParameterValueTypeError", ""},
		{"a page of one", ask{path: m1 + "?$top=1"}, 400, "QueryNotSupportedOnResource", ""},
		{"a filter", ask{path: root + "/Systems?$filter=x"}, 501, "QueryNotSupported", ""},
		{"whatever it is", ask{path: root + "/Systems?colour=red"}, 200, "", "Members"},
		{"too many levels", ask{path: root + "/Systems?$expand=.($levels=9)"}, 400, "QueryParameterOutOfRange", ""},
		{"no way to expand", ask{path: root + "/Systems?$expand=Members"}, 400, "QueryParameterValueFormatError", ""},
		{"only with others", ask{path: root + "/Systems?only&$top=1"}, 400, "QueryCombinationInvalid", ""},

		{"a manager is started anew", ask{path: root + "/Managers/m1/Actions/Manager.Reset", body: `{"ResetType":"GracefulRestart"}`}, 204, "", ""},
		{"not by an operator", ask{path: root + "/Managers/m1/Actions/Manager.Reset", body: `{"ResetType":"GracefulRestart"}`, user: "op"}, 403, "InsufficientPrivilege", ""},
		{"nor switched off", ask{path: root + "/Managers/m1/Actions/Manager.Reset", body: `{"ResetType":"ForceOff"}`}, 400, "ActionParameterValueNotInList", ""},
		{"a medium", ask{path: cd + "/Actions/VirtualMedia.InsertMedia", body: `{"Image":"http://x.example/boot.iso"}`}, 204, "", ""},
		{"a file of the host", ask{path: cd + "/Actions/VirtualMedia.InsertMedia", body: `{"Image":"file:///etc/shadow"}`}, 400, "ActionParameterValueFormatError", ""},
		{"no image", ask{path: cd + "/Actions/VirtualMedia.InsertMedia", body: `{}`}, 400, "ActionParameterMissing", ""},
		{"out again, without a body", ask{method: "POST", path: cd + "/Actions/VirtualMedia.EjectMedia"}, 204, "", ""},
		{"by PATCH", ask{method: "PATCH", path: cd, body: `{"Image":"http://x.example/boot.iso","Inserted":true}`}, 200, "", `"ImageName":"boot.iso"`},
		{"the log is cleared", ask{path: m1 + "/LogServices/Log/Actions/LogService.ClearLog", body: `{}`}, 204, "", ""},
		{"not a log that was not read", ask{path: m1 + "/LogServices/Log/Actions/LogService.ClearLog", body: `{"LogEntriesETag":"x"}`}, 412, "PreconditionFailed", ""},
		{"no log", ask{path: root + "/Systems/bare/LogServices"}, 404, "ResourceMissingAtURI", ""},

		{"a user", ask{path: accounts, body: `{"UserName":"new","Password":"long enough","RoleId":"Operator"}`}, 201, "", `"Password":null`},
		{"a user that there is", ask{path: accounts, body: `{"UserName":"op","Password":"x","RoleId":"Operator"}`}, 409, "ResourceAlreadyExists", ""},
		{"a role that there is not", ask{path: accounts, body: `{"UserName":"new","Password":"x","RoleId":"King"}`}, 400, "PropertyValueNotInList", ""},
		{"a user by an operator", ask{path: accounts, body: `{}`, user: "op"}, 403, "InsufficientPrivilege", ""},
		{"another's password", ask{method: "PATCH", path: accounts + "/root", body: `{"Password":"x"}`, user: "op"}, 404, "ResourceMissingAtURI", ""},
		{"one's own", ask{method: "PATCH", path: accounts + "/op", body: `{"Password":"other"}`, user: "op"}, 200, "", `"UserName":"op"`},
		{"one's own role", ask{method: "PATCH", path: accounts + "/op", body: `{"RoleId":"Administrator"}`, user: "op"}, 400, "PropertyNotWritable", ""},
		{"oneself away", ask{method: "DELETE", path: accounts + "/root"}, 409, "ResourceCannotBeDeleted", ""},
		{"another away", ask{method: "DELETE", path: accounts + "/op"}, 204, "", ""},
		{"another, seen by who may not", ask{path: accounts + "/root", user: "op"}, 404, "ResourceMissingAtURI", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStand(t, nil)
			r := s.ask(tt.ask)
			if r.status != tt.status || tt.message != "" && !slices.Contains(r.messages(), tt.message) || !strings.Contains(r.text, tt.holds) {
				t.Errorf("got %d %v, want %d %s and %s\n%s", r.status, r.messages(), tt.status, tt.message, tt.holds, r.text)
			}
			if v := r.header.Get("OData-Version"); v != "4.0" {
				t.Errorf("OData-Version is %q", v)
			}
			if (r.status == 401) != (r.header.Get("WWW-Authenticate") != "") {
				t.Errorf("status %d with WWW-Authenticate %q", r.status, r.header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestETags(t *testing.T) {
	s := newStand(t, nil)
	r := s.ask(ask{path: m1})
	etag := r.header.Get("ETag")
	if etag == "" || r.body["@odata.etag"] != etag {
		t.Fatalf("ETag %q beside %v", etag, r.body["@odata.etag"])
	}
	if r := s.ask(ask{path: m1, header: map[string]string{"If-None-Match": etag}}); r.status != 304 || r.text != "" {
		t.Errorf("unchanged: %d %s", r.status, r.text)
	}
	change := ask{method: "PATCH", path: m1, body: `{"LocationIndicatorActive":true}`, header: map[string]string{"If-Match": etag}}
	if r := s.ask(change); r.status != 200 {
		t.Errorf("first change: %d %s", r.status, r.text)
	}
	if r := s.ask(change); r.status != 412 {
		t.Errorf("second change by the same ETag: %d %s", r.status, r.text)
	}
}

// TestClocksAreNoChange: a document with a clock in it keeps its ETag.
func TestClocksAreNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := service.NewMemory("root", "secret")
		b.Add(aMachine("m1"))
		s := service.New(service.Options{Backend: b, PlainLoopback: true})
		defer s.Close()
		before := serve(s, ask{path: root + "/Managers/m1"})
		time.Sleep(time.Hour)
		after := serve(s, ask{path: root + "/Managers/m1"})
		if before.body["DateTime"] == after.body["DateTime"] || before.header.Get("ETag") != after.header.Get("ETag") {
			t.Errorf("from %v %s to %v %s", before.body["DateTime"], before.header.Get("ETag"), after.body["DateTime"], after.header.Get("ETag"))
		}
	})
}

func TestSessions(t *testing.T) {
	s := newStand(t, nil)
	in := s.ask(ask{path: sessions, body: `{"UserName":"op","Password":"secret"}`, user: "-"})
	token := in.header.Get("X-Auth-Token")
	if in.status != 201 || len(token) < 22 || in.header.Get("Location") != in.body["@odata.id"] || strings.Contains(in.text, token) {
		t.Fatalf("log-in: %d %v %s", in.status, in.header, in.text)
	}
	as := func(token string) map[string]string { return map[string]string{"X-Auth-Token": token} }
	if r := s.ask(ask{path: m1, user: "-", header: as(token)}); r.status != 200 {
		t.Errorf("with the token: %d", r.status)
	}
	if r := s.ask(ask{path: in.header.Get("Location")}); r.status != 200 {
		t.Errorf("an administrator reads it: %d", r.status)
	}
	if r := s.ask(ask{path: in.header.Get("Location"), user: "ro"}); r.status != 404 {
		t.Errorf("another user reads it: %d", r.status)
	}
	if r := s.ask(ask{method: "DELETE", path: in.header.Get("Location"), user: "-", header: as(token)}); r.status != 204 {
		t.Errorf("log-out: %d", r.status)
	}
	if r := s.ask(ask{path: m1, user: "-", header: as(token)}); r.status != 401 {
		t.Errorf("after it: %d", r.status)
	}
	// A POST to Members is one to the collection. A changed password ends sessions.
	in = s.ask(ask{path: sessions + "/Members", body: `{"UserName":"op","Password":"secret"}`, user: "-"})
	token = in.header.Get("X-Auth-Token")
	s.ask(ask{method: "PATCH", path: accounts + "/op", body: `{"Password":"another"}`})
	if r := s.ask(ask{path: m1, user: "-", header: as(token)}); r.status != 401 {
		t.Errorf("after the password was changed: %d", r.status)
	}
	if r := s.ask(ask{path: sessions, body: `{"UserName":"op","Password":"secret"}`, user: "-"}); r.status != 401 || r.header.Get("X-Auth-Token") != "" {
		t.Errorf("by the old password: %d", r.status)
	}
	if r := s.ask(ask{path: sessions, body: `{"UserName":"` + strings.Repeat("x", 5<<10) + `"}`, user: "-"}); r.status != 413 {
		t.Errorf("a large log-in: %d", r.status)
	}
}

// TestSessionLimits: a user's next session ends their oldest, never somebody else's.
func TestSessionLimits(t *testing.T) {
	s := newStand(t, func(o *service.Options) { o.UserSessions, o.Sessions = 2, 3 })
	login := func(user string) (string, int) {
		r := s.ask(ask{path: sessions, body: `{"UserName":"` + user + `","Password":"secret"}`, user: "-"})
		return r.header.Get("X-Auth-Token"), r.status
	}
	alive := func(token string) bool {
		return s.ask(ask{path: m1, user: "-", header: map[string]string{"X-Auth-Token": token}}).status == 200
	}
	first, _ := login("op")
	second, _ := login("op")
	third, _ := login("op")
	if alive(first) || !alive(second) || !alive(third) {
		t.Error("not the oldest has ended")
	}
	other, _ := login("ro")
	if _, status := login("root"); status != 503 || !alive(other) || !alive(second) {
		t.Errorf("another user, with all seats taken: %d", status)
	}
}

func TestIdleSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := service.NewMemory("root", "secret")
		s := service.New(service.Options{Backend: b, Idle: time.Minute, PlainLoopback: true})
		defer s.Close()
		in := serve(s, ask{path: sessions, body: `{"UserName":"root","Password":"secret"}`, user: "-"})
		token := map[string]string{"X-Auth-Token": in.header.Get("X-Auth-Token")}
		for i, want := range []int{200, 200, 401} {
			time.Sleep([]time.Duration{50 * time.Second, 50 * time.Second, 61 * time.Second}[i])
			if r := serve(s, ask{path: root + "/Systems", user: "-", header: token}); r.status != want {
				t.Errorf("%d: got %d, want %d", i, r.status, want)
			}
		}
	})
}

// TestGuessing: who fails is slowed down, and others are not.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := service.NewMemory("root", "secret")
		s := service.New(service.Options{Backend: b, PlainLoopback: true})
		defer s.Close()
		guess := func(password string) reply { return serve(s, ask{path: root + "/Systems", password: password}) }
		for range 5 {
			if r := guess("x"); r.status != 401 {
				t.Fatalf("a guess: %d", r.status)
			}
		}
		if r := guess("secret"); r.status != 429 || r.header.Get("Retry-After") == "" {
			t.Errorf("the right one behind five guesses: %d %v", r.status, r.header)
		}
		time.Sleep(2 * time.Second)
		if r := guess("secret"); r.status != 200 {
			t.Errorf("after the wait: %d", r.status)
		}
	})
}

// TestOthersLockNobodyOut: who fails in the name of somebody else keeps them waiting, and not for long.
func TestOthersLockNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service.New(service.Options{Backend: service.NewMemory("root", "secret"), PlainLoopback: true})
		defer s.Close()
		for range 15 {
			serveFrom(s, ask{path: root + "/Systems", password: "x"}, "127.0.0.66:1")
			time.Sleep(6 * time.Minute)
		}
		serveFrom(s, ask{path: root + "/Systems", password: "x"}, "127.0.0.66:1")
		time.Sleep(31 * time.Second)
		if r := serve(s, ask{path: root + "/Systems"}); r.status != 200 {
			t.Errorf("root, from elsewhere: %d", r.status)
		}
	})
}

func TestPlainHTTPIsRefused(t *testing.T) {
	s := service.New(service.Options{Backend: service.NewMemory("root", "secret")})
	defer s.Close()
	if r := serve(s, ask{path: root}); r.status != http.StatusForbidden {
		t.Errorf("got %d", r.status)
	}
	local := service.New(service.Options{Backend: service.NewMemory("root", "secret"), PlainLoopback: true})
	defer local.Close()
	if r := serveFrom(local, ask{path: root}, "192.0.2.1:1234"); r.status != http.StatusForbidden {
		t.Errorf("from elsewhere: got %d", r.status)
	}
}

func TestQueries(t *testing.T) {
	s := newStand(t, nil)
	o := s.get(root + "/Systems?$expand=.&$select=PowerState,Boot/BootSourceOverrideTarget")
	m := at(o, "Members", 2)
	if at(m, "PowerState") != "Off" || at(m, "Boot", "BootSourceOverrideTarget") != "None" || at(m, "Name") != nil || at(m, "Boot", "BootSourceOverrideMode") != nil {
		t.Errorf("selected: %v", m)
	}
	if o = s.get(m1 + "?$expand=~"); at(o, "Links", "Chassis", 0, "ChassisType") == nil || at(o, "LogServices", "Name") != nil {
		t.Errorf("links expanded: %v", o)
	}
	if o = s.get(m1 + "?$expand=*($levels=3)"); at(o, "LogServices", "Members", 0, "Entries", "Members", 0, "Message") != "Power supply failed" {
		t.Errorf("all expanded: %v", at(o, "LogServices"))
	}
	if o = s.get(m1 + "/LogServices?only"); at(o, "Id") != "Log" {
		t.Errorf("only: %v", o)
	}
	if o = s.get(root + "/Systems?only"); at(o, "Members@odata.count") != 3.0 {
		t.Errorf("only of many: %v", o)
	}
}

// TestThousands: a room of thousands is walked page by page, each machine once.
func TestThousands(t *testing.T) {
	s := newStand(t, nil)
	const n = 2500
	for i := range n {
		s.backend.Add(service.Machine{ID: fmt.Sprintf("n%04d", i), Power: service.PowerOn})
	}
	for _, start := range []string{root + "/Systems", root + "/Systems?$expand=.&$skip=1000", root + "/Systems?$top=2400"} {
		seen, last := make(map[any]bool), 0
		for next := start; next != ""; {
			o := s.get(next)
			next, _ = o["Members@odata.nextLink"].(string)
			members, _ := o["Members"].([]any)
			if last = len(members); last > 2000 {
				t.Fatalf("%s: a page of %d", start, last)
			}
			for _, m := range members {
				if seen[at(m, "@odata.id")] {
					t.Fatalf("%s: %v twice", start, at(m, "@odata.id"))
				}
				seen[at(m, "@odata.id")] = true
			}
		}
		if want := map[bool]int{true: n + 3, false: 2400}[!strings.Contains(start, "$top")]; !strings.Contains(start, "$skip") && len(seen) != want {
			t.Errorf("%s: %d machines, want %d", start, len(seen), want)
		} else if strings.Contains(start, "$skip") && len(seen) != n+3-1000 {
			t.Errorf("%s: %d machines", start, len(seen))
		}
	}
}

// TestLongResets are answered with a task, which goes on by itself.
func TestLongResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := service.NewMemory("root", "secret")
		b.SetUser(service.Account{Name: "op", Role: service.Operator, Enabled: true}, "secret")
		b.Slow = time.Minute
		b.Add(aMachine("m1"))
		s := service.New(service.Options{Backend: b, PlainLoopback: true, Patience: 5 * time.Second})
		defer s.Close()
		r := serve(s, ask{path: resetM1, body: `{"ResetType":"On"}`, user: "op"})
		monitor := r.header.Get("Location")
		if r.status != 202 || monitor == "" || r.body["TaskState"] != "Running" || r.body["TaskMonitor"] != monitor {
			t.Fatalf("got %d %v %s", r.status, r.header, r.text)
		}
		task, _ := r.body["@odata.id"].(string)
		for _, tt := range []struct {
			ask  ask
			want int
		}{
			{ask{path: monitor, user: "op"}, 202},
			{ask{path: task, user: "op"}, 200},
			{ask{path: task}, 200},
			{ask{method: "DELETE", path: task, user: "op"}, 409},
		} {
			if r := serve(s, tt.ask); r.status != tt.want {
				t.Errorf("under way: %s %s: %d, want %d", tt.ask.method, tt.ask.path, r.status, tt.want)
			}
		}
		time.Sleep(2 * time.Minute)
		if r := serve(s, ask{path: monitor, user: "op"}); r.status != 204 {
			t.Errorf("the monitor when it is over: %d", r.status)
		}
		if r := serve(s, ask{path: task, user: "op"}); r.body["TaskState"] != "Completed" {
			t.Errorf("the task when it is over: %v", r.body)
		}
		if r := serve(s, ask{path: m1}); r.body["PowerState"] != "On" {
			t.Errorf("the machine: %v", r.body["PowerState"])
		}
		if r := serve(s, ask{method: "DELETE", path: task, user: "op"}); r.status != 204 {
			t.Errorf("to forget it: %d", r.status)
		}
	})
}

// TestWhatIsPutTogetherIsNeverAsItWas holds that the ETag of a collection, in which its
// members' states have no part, tells nobody that its members are as they were.
func TestWhatIsPutTogetherIsNeverAsItWas(t *testing.T) {
	s := newStand(t, nil)
	for _, query := range []string{"", "?$expand=.", "?$expand=*($levels=2)", "?$select=Members"} {
		plain := s.ask(ask{path: root + "/Systems"})
		tag := plain.header.Get("ETag")
		want := http.StatusOK
		if !strings.Contains(query, "expand") {
			want = http.StatusNotModified
		}
		if r := s.ask(ask{path: root + "/Systems" + query, header: map[string]string{"If-None-Match": tag}}); r.status != want {
			t.Errorf("%q with %s: %d, not %d", query, tag, r.status, want)
		}
	}
}
