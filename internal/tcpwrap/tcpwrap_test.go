package tcpwrap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// names is a name service that knows what the test says.
type names map[string][]string

func (n names) LookupAddr(_ context.Context, addr string) ([]string, error) { return n.get(addr) }
func (n names) LookupHost(_ context.Context, host string) ([]string, error) { return n.get(host) }
func (n names) get(key string) ([]string, error) {
	if v := n[key]; v != nil {
		return v, nil
	}
	return nil, errors.New("no such host")
}

var service = names{
	"127.0.0.1": {"localhost"}, "localhost": {"127.0.0.1", "::1"},
	"10.1.2.3": {"Pdu.Example.org."}, "Pdu.Example.org": {"10.1.2.3"},
	"10.6.6.6": {"pdu.example.org"}, // claims a name that is not its own
	"10.7.7.7": {"nowhere.example.org"},
}

// guard puts tables into a folder and reads them.
func guard(t *testing.T, allow, deny string) (*Guard, error) {
	t.Helper()
	dir := t.TempDir()
	o := Options{AllowFile: filepath.Join(dir, "hosts.allow"), DenyFile: filepath.Join(dir, "hosts.deny")}
	for name, text := range map[string]string{o.AllowFile: allow, o.DenyFile: deny} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g, err := Open("powermand", o)
	if g != nil {
		g.dns = service
	}
	return g, err
}

func (g *Guard) lets(addr string) bool {
	allowed, _ := g.Allow(context.Background(), netip.MustParseAddr(addr))
	return allowed
}

// clients of TestSameAsTcpdmatch. Without a name in the name service an address
// is "unknown" there as well as here; localhost has one.
var clients = []string{"127.0.0.1", "10.1.2.4", "10.1.3.4", "131.155.72.9", "131.155.73.9", "131.155.74.9", "::1", "3ffe:505:2:1::9", "3ffe:505:2:2::9"}

// TestSameAsTcpdmatch asks Debian's tcpdmatch about each list for each client.
func TestSameAsTcpdmatch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "friends")
	if err := os.WriteFile(file, []byte("10.1.2.\n 127.0.0.1 [::1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lists := []string{
		"ALL", "all", "10.1.2.4", "10.1.2.4,131.155.72.9", "10.1.2.4 , 127.0.0.1\t[::1]", "10.", "10.1.", "10.1.2.", "1.", "10.1",
		"131.155.72.0/255.255.254.0", "131.155.72.0/23", "131.155.72.9/32", "10.1.2.0/24", "10.0.0.0/255.0.0.0",
		"[::1]", "[3ffe:505:2:1::]/64", "[3ffe:505:2::]/48", "[::]/0", "[3ffe:505:2:1::9]", "[::1]/128",
		"10.1.?.4", "10.*", "*", "*.4", "?0.1.2.4", "ALL EXCEPT 10.", "10. EXCEPT 10.1.2.", "ALL EXCEPT 10. EXCEPT 10.1.2.",
		"ALL@ALL", "ALL@10.", "LOCAL", "UNKNOWN", "KNOWN", "PARANOID", "ALL EXCEPT UNKNOWN", "localhost", "LocalHost", "local.", ".host", "*host", file,
		"ALL EXCEPT " + file,
	}
	var rules []string
	for _, l := range lists {
		rules = append(rules, "powermand: "+l)
	}
	for _, d := range []string{"ALL", "all", "PowerManD", "sshd powermand", "sshd, in.ftpd", "ALL EXCEPT powermand", "ALL EXCEPT sshd", "power*", "power.", "*d", "?owermand", "sshd"} {
		rules = append(rules, d+": 10.")
	}
	rules = append(rules, "powermand: 10. : deny", "powermand: 10. : ALLOW", "powermand : 10.1.2.4 : deny\npowermand: 10.1.",
		"# powermand: ALL", "powermand: \\\n 10. \\\n 131.", "\n\npowermand:10.\n", "sshd: ALL: spawn (echo %h)\npowermand: 10.")
	for _, rule := range rules {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			g, err := guard(t, rule+"\n", "ALL: ALL\n")
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range clients {
				cmd := exec.Command("tcpdmatch", "-d", "powermand", c)
				cmd.Dir = filepath.Dir(g.files[0])
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), "access:") {
					t.Fatalf("tcpdmatch %s: %v\n%s", c, err, out)
				}
				g.dns = names{} // given an address, tcpdmatch asks for no name
				if got, want := g.lets(c), strings.Contains(string(out), "granted"); got != want {
					t.Errorf("%s: %v, tcpdmatch: %v\n%s", c, got, want, out)
				}
			}
		})
	}
}

// TestNames: what depends on a client's name.
func TestNames(t *testing.T) {
	for list, want := range map[string]string{ // the addresses that are let in
		".example.org":        "10.1.2.3",
		".EXAMPLE.org":        "10.1.2.3",
		"pdu.example.org":     "10.1.2.3",
		"*.example.*":         "10.1.2.3",
		"example.org":         "",
		"LOCAL":               "127.0.0.1",
		"KNOWN":               "10.1.2.3 127.0.0.1",
		"UNKNOWN":             "10.6.6.6 10.7.7.7 10.9.9.9",
		"PARANOID":            "10.6.6.6 10.7.7.7",
		"ALL EXCEPT PARANOID": "10.1.2.3 10.9.9.9 127.0.0.1",
		"ALL@localhost":       "127.0.0.1",
	} {
		g, err := guard(t, "powermand: "+list, "ALL: ALL")
		if err != nil {
			t.Fatal(err)
		}
		var in []string
		for _, addr := range []string{"10.1.2.3", "10.6.6.6", "10.7.7.7", "10.9.9.9", "127.0.0.1"} {
			if g.lets(addr) {
				in = append(in, addr)
			}
		}
		if got := strings.Join(in, " "); got != want {
			t.Errorf("%s lets in %q, want %q", list, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for rule, want := range map[string]string{
		"powermand ALL":                       "hosts.allow:1: a \":\" is missing",
		"\n\nALL: ALL: spawn (mail root)":     "hosts.allow:3: \"spawn (mail root)\": shell commands",
		"ALL: ALL: twist /bin/echo":           "shell commands and options",
		"ALL: 10. : deny : banners /x":        "must be the last",
		"ALL: @friends":                       "netgroups",
		"ALL: root@10.":                       "user names",
		"powermand@127.0.0.1: ALL":            "endpoints",
		"ALL: /no/such/file":                  "no such file",
		"ALL: 10.0.0.0/255.0.255.0":           "holes",
		"ALL: 10.0.0.1/8":                     "outside of its mask",
		"ALL: 10.0.0.0/33":                    "not a mask",
		"ALL: [::1":                           "not closed",
		"ALL: [10.0.0.0]/8":                   "not a network",
		"ALL: ::1":                            "no client is named",
		"ALL: 0.0.0.0/0":                      "write ALL",
		"ALL:":                                "no client is named",
		": ALL":                               "no daemon is named",
		"ALL: ALL EXCEPT root@x\nALL: @group": "hosts.allow:2:",
	} {
		if _, err := guard(t, rule, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", rule, err, want)
		}
	}
	// What concerns other daemons does not concern us.
	for _, rule := range []string{"sshd: @friends : spawn x", "sshd@10.0.0.1: root@ALL", "ALL EXCEPT powermand: /no/such/file"} {
		if _, err := guard(t, rule, ""); err != nil {
			t.Errorf("%q: %v", rule, err)
		}
	}
	if _, err := Open("powermand", Options{AllowFile: t.TempDir()}); err == nil {
		t.Error("a table that cannot be read was taken")
	}
	g, err := Open("powermand", Options{AllowFile: "/no/such/table", DenyFile: "/no/such/table"})
	if err != nil || !g.lets("10.0.0.1") {
		t.Errorf("without tables: %v", err)
	}
}

// TestReread: changed tables count from the next client on, broken ones never.
func TestReread(t *testing.T) {
	friends := filepath.Join(t.TempDir(), "friends")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(friends, "10.1.1.1")
	g, err := guard(t, "ALL: "+friends, "ALL: ALL")
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		file, text string
		lets       string
	}{
		{"", "", "10.1.1.1"},
		{friends, "10.1.1.1 10.2.2.2", "10.1.1.1 10.2.2.2"},
		{g.files[0], "ALL: ALL: twist", "10.1.1.1 10.2.2.2"}, // broken
		{g.files[0], "powermand: 10.2.2.2", "10.2.2.2"},
		{g.files[1], "", "10.1.1.1 10.2.2.2"},
	} {
		if step.file != "" {
			write(step.file, step.text)
		}
		var in []string
		for _, a := range []string{"10.1.1.1", "10.2.2.2"} {
			if g.lets(a) {
				in = append(in, a)
			}
		}
		if got := strings.Join(in, " "); got != step.lets {
			t.Errorf("step %d: lets in %q, want %q", i, got, step.lets)
		}
	}
	if _, by := g.Allow(t.Context(), netip.MustParseAddr("::ffff:10.2.2.2")); by != g.files[0]+":1" {
		t.Errorf("by %q", by)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"ALL: ALL", "powermand: [::1]/64, 10. EXCEPT LOCAL : deny", "a b\\\n: *?[x", "ALL:10.0.0.0/255.0.0.0\\:x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "/") {
			return // would read files
		}
		var r reader
		rules, err := r.parse("f", text, "powermand", true)
		c := &client{addr: netip.MustParseAddr("10.1.2.3"), name: func() string { return "a.b" }}
		for _, rule := range rules {
			rule.clients.matches(func(p hostPattern) bool { return p(c) })
		}
		if again, err2 := r.parse("f", text, "powermand", true); len(again) != len(rules) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Errorf("read twice: %v, %v", err, err2)
		}
	})
}
