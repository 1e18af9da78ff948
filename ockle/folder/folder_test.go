package folder_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"millwright.dev/millwright/ockle/folder"
)

// source gives files in memory.
func source(files map[string]string) folder.Source {
	m := make(fstest.MapFS)
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return folder.Source{
		Open: m.ReadFile,
		Glob: m.Glob,
	}
}

func read(t *testing.T, files map[string]string) *folder.Folder {
	t.Helper()
	f, err := folder.Read(t.Context(), "etc", source(files))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// told gives problems line by line, warnings behind a question mark.
func told(f *folder.Folder) string {
	var b strings.Builder
	for _, p := range f.Problems {
		if p.Warning {
			b.WriteString("? ")
		}
		fmt.Fprintf(&b, "%s", p.Error())
		if p.Item != "" {
			fmt.Fprintf(&b, " (%s)", p.Item)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// room is one that has all there can be, and nothing wrong.
func room() map[string]string {
	return map[string]string{
		"etc/config.ini": "[main]\nserver_dir = machines\n[plugins]\npluginlist = [\"AutoControl\", \"Logger\"]\n" +
			"[servers]\nmax_startup_time = 2\nmax_attempts: 0\n[plugins.SocketListener]\nlistener_port=9000\n" +
			"[plugins.AutoControl]\nwait_time = 2\nmax_start_attepmts = 7\n[plugins.Logger]\nlog_db = sqlite:////~~HOME~~logger.db\n",
		"etc/outlets/left.ini":     "[pdu]\ntype = Raritan\ncomment = the left one\npdu_ip = 10.0.0.1\nname = ignored\n",
		"etc/outlets/dummy.ini":    "[pdu]\ntype = Dummy\n",
		"etc/controllers/ssh.ini":  "[controller]\ntype = SSHController\n",
		"etc/testers/ping.ini":     "[tester]\ntype = Ping\n",
		"etc/machines/switch.ini":  "[server]\noutlets = o1\ndependencies =\ncomment =\n[o1]\npdu = dummy\n",
		"etc/machines/storage.ini": "[server]\noutlets = [\"b\", \"a\"]\ncontrols = [\"c\"]\ntests = [\"t\"]\ndependencies = [\"switch\"]\ncomment = 5%% more\n" + "[a]\npdu = left\nsocket = 3\n[b]\npdu = left\n[c]\ncontroller = ssh\npassword = s3cret\ntimeout = 5\n[t]\ntester = ping\nhostname = storage\n[spare]\npdu = dummy\n",
	}
}

func TestReading(t *testing.T) {
	f := read(t, room())
	if got := told(f); got != "" {
		t.Errorf("problems:\n%s", got)
	}
	c := f.Config
	if !slices.Equal(c.Plugins, []string{"AutoControl", "Logger"}) || c.ServerDir != "machines" || c.PDUDir != "outlets" || c.Settle != 2*time.Second ||
		c.MaxAttempts != 0 || c.Listener.Port != 9000 || c.Listener.Timeout != 5*time.Second || c.AutoControl != (folder.AutoControl{Wait: 2 * time.Second, IdlePasses: 7}) ||
		c.Logger.Database != "sqlite:////~~HOME~~logger.db" || c.Logger.Resolution != 10*time.Second {
		t.Errorf("%+v", c)
	}
	if left := f.PDUs[1]; left.Name != "left" || left.Comment != "the left one" || !reflect.DeepEqual(left.Settings, map[string]string{
		"pdu_ip": "10.0.0.1", "pdu_port": "161", "read_community": "", "write_community": "", "agent_name": "Ockle",
	}) {
		t.Errorf("%+v", left)
	}
	s := f.Server("storage")
	if s == nil || s.Broken != "" || s.Comment != "5% more" || !slices.Equal(s.Needs, []string{"switch"}) || names(s.Outlets) != "b a" ||
		names(s.Controls) != "c" || names(s.Tests) != "t" || names(s.Disabled) != "spare" {
		t.Fatalf("%+v", s)
	}
	if s.Outlets[0].Settings["socket"] != "1" || s.Outlets[1].Settings["socket"] != "3" || s.Outlets[1].From != "left" || s.Outlets[1].Kind != folder.PDU {
		t.Errorf("%+v", s.Outlets)
	}
	if got := s.Controls[0].Settings; got["timeout"] != "5" || got["host"] != "localhost" || got["compress"] != "true" || got["password"] != "s3cret" {
		t.Errorf("%+v", got)
	}
	if len(f.Files) != 7 || len(f.Order) != 7 || f.Order[0] != "etc/config.ini" {
		t.Errorf("files: %q", f.Order)
	}
}

func names(objects []folder.Object) string {
	var all []string
	for _, o := range objects {
		all = append(all, o.Name)
	}
	return strings.Join(all, " ")
}

// TestWhatIsWrong changes one file of the room, and says what is told then, and
// which servers are set aside.
func TestWhatIsWrong(t *testing.T) {
	const storage, sw = "etc/machines/storage.ini", "etc/machines/switch.ini"
	for _, c := range []struct {
		name, file, text string
		told, aside      string
	}{
		{"no config", "etc/config.ini", "", "", ""},
		{"a wrong number", "etc/config.ini", "[main]\nserver_dir=machines\n[servers]\nmax_attempts = many\n", `config.ini:4: [servers] max_attempts is not a whole number, and is taken as "3"`, ""},
		{"a way out", "etc/config.ini", "[main]\nserver_dir=machines\noutlet_dir = ../outlets\n", "config.ini:3: outlet_dir leads out of the folder, and outlets is taken instead", ""},
		{"a broken line", "etc/config.ini", "[main]\nserver_dir=machines\nwhat\n", `config.ini:3: "what" is neither a section nor "key = value"`, ""},
		{"an unknown type", "etc/outlets/dummy.ini", "[pdu]\ntype = APC\n", "dummy.ini:2: there is no type APC of pdu, but Dummy, DummyWithCPU, Raritan (pdu dummy)", "storage switch"},
		{"no type", "etc/outlets/left.ini", "[pdu]\n", "left.ini:1: there is no type (pdu left)", "storage"},
		{"no section", "etc/testers/ping.ini", "[test]\n", "ping.ini: there is no section [tester] (tester ping)", "storage"},
		{"a wrong setting", "etc/outlets/left.ini", "[pdu]\ntype=Raritan\npdu_port=x\n", "left.ini:3: [pdu] pdu_port is not a whole number (pdu left)", "storage"},
		{"a strange setting", "etc/outlets/left.ini", "[pdu]\ntype=Raritan\npdu_ports=1\n", "? etc/outlets/left.ini:3: [pdu] pdu_ports is not a setting of this type", ""},
		{"a socket too far", storage, "[server]\noutlets=o\n[o]\npdu=left\nsocket=9\n", `storage.ini:3: outlet o: [o] socket is not from 1 to 8 (server storage)`, "storage"},
		{"no PDU", storage, "[server]\noutlets=o\n[o]\npdu=right\n", `storage.ini:3: outlet o: there is no pdu right (server storage)`, "storage"},
		{"no object", storage, "[server]\noutlets=[\"o\"]\n", `storage.ini:2: there is no section for the outlet o (server storage)`, "storage"},
		{"another kind", storage, "[server]\noutlets=t\n[t]\ntester=ping\n", `storage.ini:2: t is not an outlet but a test (server storage)`, "storage"},
		{"two kinds", storage, "[server]\noutlets=t\n[t]\ntester=ping\npdu=left\n", `storage.ini:3: outlet t: it has both a pdu and a tester (server storage)`, "storage"},
		{"what is not in use", storage, "[server]\n[t]\nx=1\n", `? etc/machines/storage.ini:2: [t] is not in use, and could not be: it has neither`, ""},
		{"a broken list", storage, "[server]\noutlets=[\"o\n", `storage.ini:2: [server] outlets is not a list in JSON`, "storage"},
		{"twice", storage, "[server]\ndependencies=[\"switch\", \"switch\"]\n", `? etc/machines/storage.ini:2: dependencies has switch more than once`, ""},
		{"a stranger", storage, "[server]\ndependencies=nobody\n", `storage.ini:2: it needs nobody, and there is no such server (server storage)`, "storage"},
		{"one that is set aside", sw, "[server]\noutlets=none\n", `storage.ini:5: it needs switch, which is set aside (server storage)`, "storage switch"},
		{"itself", sw, "[server]\ndependencies=switch\n", `switch.ini:2: the dependencies go round: switch needs switch; that switch needs switch is left out`, ""},
		{"a circle", sw, "[server]\ndependencies=storage\n", `switch.ini:2: the dependencies go round: storage needs switch needs storage; that switch needs storage is left out`, ""},
		{"a backup", "etc/machines/switch.ini~", "[x", "? etc/machines/switch.ini~: is left beside another file, and not read", ""},
		{"two files", "etc/machines/switch.conf", "", "machines/switch.ini: there is another file for \"switch\", and this one is not read", "storage switch"},
		{"a strange name", "etc/machines/a\nb.ini", "[server]\n", "a name cannot hold a slash or a control character", ""},
		{"not UTF-8", sw, "[server]\ncomment=\xff\n", "switch.ini:2: is not UTF-8 (server switch)", "storage switch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := room()
			files[c.file] = c.text
			if c.name == "no config" {
				delete(files, c.file)
				for name, text := range files {
					files[strings.Replace(name, "machines", "servers", 1)] = text
				}
			}
			f := read(t, files)
			if got := told(f); !strings.Contains(got, c.told) {
				t.Errorf("told\n%s, not\n%s", got, c.told)
			}
			var aside []string
			for _, s := range f.Servers {
				if s.Broken != "" {
					aside = append(aside, s.Name)
				}
			}
			if got := strings.Join(aside, " "); got != c.aside {
				t.Errorf("set aside: %q, not %q\n%s", got, c.aside, told(f))
			}
			if strings.Contains(told(f), "s3cret") {
				t.Error("a password is told")
			}
		})
	}
}

func TestCirclesAreAlwaysBrokenAlike(t *testing.T) {
	files := map[string]string{"etc/config.ini": ""}
	for name, needs := range map[string]string{"a": `["c", "b"]`, "b": `["c"]`, "c": `["a", "d"]`, "d": `["e"]`, "e": `["d"]`} {
		files["etc/servers/"+name+".ini"] = "[server]\ndependencies = " + needs
	}
	want := ""
	for range 20 {
		f := read(t, files)
		got := told(f) + fmt.Sprint(f.Server("c").Cut, f.Server("e").Cut)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("%s and then\n%s", want, got)
		}
	}
	for _, says := range []string{"a needs b needs c needs a; that c needs a is left out", "d needs e needs d; that e needs d is left out", "[a] [d]"} {
		if !strings.Contains(want, says) {
			t.Errorf("not told: %s\n%s", says, want)
		}
	}
}

func TestThereMayBeNoFolder(t *testing.T) {
	if _, err := folder.Read(t.Context(), "etc", source(nil)); !errors.Is(err, folder.ErrNone) {
		t.Error(err)
	}
	src := source(room())
	open := src.Open
	src.Open = func(path string) ([]byte, error) {
		if filepath.Base(path) == "switch.ini" {
			return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EACCES}
		}
		return open(path)
	}
	f, err := folder.Read(t.Context(), "etc", src)
	if err != nil || !strings.Contains(told(f), "switch.ini: cannot be read: permission denied (server switch)") {
		t.Errorf("%v\n%s", err, told(f))
	}
}

func TestPaths(t *testing.T) {
	c := folder.Config{ServerDir: "servers", PDUDir: "outlets", TesterDir: "testers", ControllerDir: "controllers"}
	for path, want := range map[string]folder.File{
		"config.ini":            {Path: "config.ini"},
		"./servers//web.ini":    {Path: "servers/web.ini", Name: "web"},
		"outlets/left.ini":      {Path: "outlets/left.ini", Kind: folder.PDU, Name: "left"},
		"testers/p.ini":         {Path: "testers/p.ini", Kind: folder.Tester, Name: "p"},
		"controllers/é 1.ini":   {Path: "controllers/é 1.ini", Kind: folder.Controller, Name: "é 1"},
		"":                      {},
		"../config.ini":         {},
		"servers/../config.ini": {},
		"/etc/passwd":           {},
		"/servers/web.ini":      {},
		"servers/web.ini/":      {Path: "servers/web.ini", Name: "web"},
		"servers/a/web.ini":     {},
		"servers/.ini":          {},
		"servers/.web.ini":      {},
		"servers/web":           {},
		"servers/web.ini~":      {},
		"servers/w\x00b.ini":    {},
		`servers/..\..\web.ini`: {},
		"serversBack/web.ini":   {},
		"servers/" + strings.Repeat("a", 300) + ".ini": {},
	} {
		got, err := c.CheckPath(path)
		if got != want || (err == nil) != (want != folder.File{}) {
			t.Errorf("%q is %+v, %v", path, got, err)
		}
	}
}

func TestWhereTheLogIs(t *testing.T) {
	for url, want := range map[string]string{
		"sqlite:////~~HOME~~logger.db":    "/opt/ockle/logger.db",
		"sqlite:////var/lib/ockle/log.db": "/var/lib/ockle/log.db",
		"sqlite:///log.db":                "log.db",
		"sqlite://":                       "",
		"postgresql://x/y":                "",
	} {
		got, found := folder.Logger{Database: url}.Path("/opt/ockle")
		if got != want || found != (want != "") {
			t.Errorf("%s is %q, %v", url, got, found)
		}
	}
}

func TestDefaultsAreRight(t *testing.T) {
	check := func(where string, fields []folder.Field) {
		for _, f := range fields {
			if err := f.Check(f.Default); err != nil {
				t.Errorf("%s %s: the default %q %v", where, f.Key, f.Default, err)
			}
		}
	}
	for _, tmpl := range folder.Templates() {
		check(string(tmpl.Kind)+" "+tmpl.Type, slices.Concat(tmpl.Generator, tmpl.PerServer))
	}
	for _, s := range folder.ConfigSections() {
		check(s.Name, s.Fields)
	}
	check("server", folder.ServerFields())
	check("generator", folder.GeneratorFields())
}

func FuzzServer(f *testing.F) {
	f.Add(room()["etc/machines/storage.ini"], room()["etc/outlets/left.ini"])
	f.Fuzz(func(t *testing.T, server, pdu string) {
		files := room()
		files["etc/machines/storage.ini"], files["etc/outlets/left.ini"] = server, pdu
		got := read(t, files)
		for _, s := range got.Servers {
			if s.Broken != "" {
				continue
			}
			for _, need := range s.Needs {
				if other := got.Server(need); other == nil || other.Broken != "" {
					t.Fatalf("%s needs %q, which is not there", s.Name, need)
				}
			}
			for _, o := range slices.Concat(s.Outlets, s.Controls, s.Tests) {
				if o.Broken != "" || o.From == "" {
					t.Fatalf("%s has %+v", s.Name, o)
				}
			}
		}
	})
}
