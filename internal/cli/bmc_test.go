package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/cli"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/redfish/service"
)

var updateBMC = flag.Bool("update-bmc", false, "write testdata/bmc anew")

// runBMC runs the program within the test and gives what it says and its exit status.
func runBMC(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	password := os.Getenv("IPMIPASSWORD")
	defer t.Setenv("IPMIPASSWORD", password) // the program has taken it away
	var out, errs bytes.Buffer
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	status = cli.Run(ctx, append([]string{"bmc"}, args...), strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), status
}

// atHome lets nothing of the person who runs the tests come in.
func atHome(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{
		"HOME": dir, "XDG_CONFIG_HOME": filepath.Join(dir, "config"), "XDG_CACHE_HOME": filepath.Join(dir, "cache"), "LANG": "C.UTF-8", "LC_ALL": "",
		"COLUMNS": "", "NO_COLOR": "1", "IPMIPASSWORD": "password", "IPMI_KGKEY": "",
		"NEWPASSWORD": "freshly-made", "OTHERPASSWORD": "quite-other", "WATCHPASSWORD": "watching",
	} {
		t.Setenv(name, value)
	}
	zone := time.Local
	time.Local = time.UTC //nolint:gosmopolitan // what is printed must be the same everywhere
	t.Cleanup(func() { time.Local = zone })
}

// TestBMCVerbs replays the calls of testdata/bmc, each file with machines of its own, and
// compares what they say.
func TestBMCVerbs(t *testing.T) {
	files, err := filepath.Glob("testdata/bmc/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			atHome(t)
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			machines := startBMCs(t, 3)
			t.Chdir(t.TempDir())
			var got strings.Builder
			for line := range strings.Lines(string(want)) {
				if strings.HasPrefix(line, "# ") {
					got.WriteString(line)
				}
				if call, is := strings.CutPrefix(line, "$ "); is {
					got.WriteString(line + replay(t, machines, strings.TrimSpace(call)))
				}
			}
			if *updateBMC {
				if err := os.WriteFile(filepath.Join(sourceDir, file), []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got.String() != string(want) {
				t.Errorf("%s has changed; -update-bmc writes it anew:\n%s", file, firstDifference(got.String(), string(want)))
			}
		})
	}
}

// sourceDir is where the tests are.
var sourceDir = func() string { dir, _ := os.Getwd(); return dir }()

func replay(t *testing.T, machines *bmcs, call string) string {
	t.Helper()
	out, errs, status := runBMC(t, append([]string{"--bmc-config", machines.file}, shellWords(call)...)...)
	text := out + errs
	if status != 0 {
		text += fmt.Sprintf("(exit status %d)\n", status)
	}
	year := time.Now().UTC().Format("2006")
	text = regexp.MustCompile(year+`-\d\d-\d\d[ T]\d\d:\d\d:\d\d`).ReplaceAllString(text, "NNNN-NN-NN NN:NN:NN")
	text = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "127.0.0.1:623")
	text = regexp.MustCompile(`(over,)\d+(\.\d+)?m?s`).ReplaceAllString(text, "${1}TIME")
	text = regexp.MustCompile(`\d+ h \d\d min`).ReplaceAllString(text, "0 h 00 min")
	text = regexp.MustCompile(`(port\W+)\d{4,5}`).ReplaceAllString(text, "${1}PORT")
	text = regexp.MustCompile(`\(\d+(\.\d+)?(µs|ms)\)`).ReplaceAllString(text, "(TIME)")
	return text
}

// shellWords cuts a line at blanks that are in no quotes.
func shellWords(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2])
	}
	return words
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d\ngot  %s\nwant %s", i+1, a[i], strings.Join(b[min(i, len(b)):min(i+1, len(b))], ""))
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(a), len(b))
}

// TestBMCJSON holds the form that programs read.
func TestBMCJSON(t *testing.T) {
	atHome(t)
	b := startBMCs(t, 2)
	out, _, status := runBMC(t, "--bmc-config", b.file, "--host", "bmc[1-2],stranger", "power", "--json")
	var list []struct {
		Host   string
		Result any
		Error  *struct {
			Kind   string
			Status int
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	if list[0].Result != "on" || list[1].Result != "off" || list[2].Error == nil || list[2].Error.Kind != "login" || list[2].Error.Status != 6 || status != 7 {
		t.Errorf("status %d: %s", status, out)
	}
}

// TestBMCLogsOut: no call leaves a session behind.
func TestBMCLogsOut(t *testing.T) {
	atHome(t)
	b := startBMCs(t, 3)
	if out, errs, status := runBMC(t, "bmc[1-3]", "--bmc-config", b.file, "sensors"); status != 0 {
		t.Fatalf("%d: %s%s", status, out, errs)
	}
	for i, m := range b.machines {
		if n := m.Sessions(); n != 0 {
			t.Errorf("bmc%d has %d sessions", i+1, n)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "millwright", "sdr")); err != nil || len(entries) == 0 {
		t.Errorf("no sensor records are kept: %v", err)
	}
}

// TestBMCCredentials: all ways to say who logs in, and those that must not work.
func TestBMCCredentials(t *testing.T) {
	atHome(t)
	b := startBMCs(t, 1)
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, open := write("good", "user: admin\npassword: password\n", 0o600), write("open", "user: admin\npassword: password\n", 0o644)
	pw, junk := write("pw", "password\n", 0o600), write("junk", "password=x\n", 0o600)
	t.Setenv("THE_PASSWORD", "password")
	for name, c := range map[string]struct {
		env    string
		args   []string
		status int
		says   string
	}{
		"variable":            {"password", nil, 0, "on"},
		"wrong variable":      {"nonsense", nil, 6, "the password is wrong"},
		"credential file":     {"", []string{"-f", good}, 0, "on"},
		"file read by others": {"", []string{"-f", open}, 1, "can be read by others"},
		"no credential file":  {"", []string{"-f", junk}, 1, "line 1"},
		"reference to a file": {"", []string{"--secret", "file:" + pw}, 0, "on"},
		"reference, variable": {"", []string{"--secret", "env:THE_PASSWORD"}, 0, "on"},
		"not a reference":     {"", []string{"--secret", "password"}, 1, "not a secret reference"},
		"before the variable": {"nonsense", []string{"--secret", "file:" + pw}, 0, "on"},
		"nothing":             {"", nil, 1, "no password"},
		"another user":        {"watching", []string{"-u", "watch"}, 0, "on"},
		"nobody":              {"password", []string{"-u", "nobody"}, 6, "log in"},
		"too much privilege":  {"watching", []string{"-u", "watch", "-L", "administrator"}, 6, "privilege"},
		"suite 0 by number":   {"password", []string{"-C", "0"}, 1, "--insecure-suite-0"},
		"suite 0 by name":     {"password", []string{"--insecure-suite-0"}, 6, "cipher suites"},
		"suite 3":             {"password", []string{"-C", "3"}, 0, "on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("IPMIPASSWORD", c.env)
			if c.env == "" {
				if err := os.Unsetenv("IPMIPASSWORD"); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			status := cli.Run(t.Context(), append([]string{"bmc", "bmc1", "--bmc-config", b.file, "power", "-T", "30s"}, c.args...), strings.NewReader(""), &out, &out)
			if status != c.status || !strings.Contains(out.String(), c.says) {
				t.Errorf("status %d, want %d; it says %q, want %q", status, c.status, out.String(), c.says)
			}
			if text, is := os.LookupEnv("IPMIPASSWORD"); is {
				t.Errorf("IPMIPASSWORD is still there: %q", text)
			}
		})
	}
}

// TestBMCOnTerminal: the password is asked for and not shown, and many machines are not
// switched off without a question.
func TestBMCOnTerminal(t *testing.T) {
	atHome(t)
	b := startBMCs(t, 2)
	if err := os.Unsetenv("IPMIPASSWORD"); err != nil {
		t.Fatal(err)
	}
	term := onTerminal(t, 80, 24, exec.Command("millwright", "bmc", "bmc[1-2]", "power", "off", "--bmc-config", b.file))
	term.await("Password: ")
	term.send("password\n")
	term.await("power off: 2 machines, bmc[1-2].", "Go on? [y/N] ")
	term.send("n\n")
	term.await("Nothing was done.")
	if status := term.end(); status != 4 || strings.Contains(term.text(), "password\r") {
		t.Errorf("status %d: %s", status, term.text())
	}
	t.Setenv("IPMIPASSWORD", "password")
	term = onTerminal(t, 80, 24, exec.Command("millwright", "bmc", "bmc[1-2]", "power", "off", "--bmc-config", b.file))
	term.await("Go on? [y/N] ")
	term.send("y\n")
	term.await("bmc[1-2]: power off")
	if status := term.end(); status != 0 {
		t.Errorf("status %d", status)
	}
}

// TestBMCConsole: the serial console on a terminal, with its escapes, and in a pipe.
func TestBMCConsole(t *testing.T) {
	atHome(t)
	b := startBMCs(t, 1)
	term := onTerminal(t, 80, 24, exec.Command("millwright", "bmc", "bmc1", "sol", "activate", "--bmc-config", b.file))
	term.await("[bmc1: at the beginning of a line ~. ends")
	term.send("hello console\r")
	term.await("hello console")
	term.send("~.")
	term.await("[bmc1: left]")
	if status := term.end(); status != 0 {
		t.Errorf("status %d: %s", status, term.text())
	}
	var out, errs bytes.Buffer
	if status := cli.Run(t.Context(), []string{"bmc", "bmc1", "--bmc-config", b.file, "sol", "activate"}, strings.NewReader("typed\n"), &out, &errs); status != 0 || !strings.Contains(out.String(), "typed") {
		t.Errorf("status %d: %q %s", status, out.String(), errs.String())
	}
	if n := b.machines[0].Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// TestBMCSimulator talks to OpenIPMI's simulator.
func TestBMCSimulator(t *testing.T) {
	atHome(t)
	at := ipmitest.Sim(t, "")
	t.Setenv("IPMIPASSWORD", ipmitest.SimPassword)
	for _, c := range []struct {
		call, says string
	}{
		{"mc info", "9.08"},
		{"sel info", "entries"},
		{"sel add 0000 02 00000000 2000 04 01 30 01 59 5a 5f", "record "},
		{"sel list", "Temperature Sensor 48: Upper Critical - going high"},
		{"sel list --clear", "Temperature"},
		{"sel list", "none"},
		{"user list", "admin"},
		{"channel ciphers", "HMAC"},
		{"session info", "administrator"},
		{"raw app 1", "09 08 02"},
		{"net print", "channel"},
		{"discover", "2.0"},
	} {
		out, errs, status := runBMC(t, append([]string{at, "-u", ipmitest.SimUser}, shellWords(c.call)...)...)
		if status != 0 || !strings.Contains(out, c.says) {
			t.Errorf("%s: status %d, %q is not in\n%s%s", c.call, status, c.says, out, errs)
		}
	}
}

// TestBMCRedfish: the same verbs by Redfish.
func TestBMCRedfish(t *testing.T) {
	atHome(t)
	machines := service.NewMemory("admin", "password")
	machines.Add(service.Machine{
		ID: "1", Name: "web1", Power: service.PowerOff, Resets: []service.ResetType{service.ResetOn, service.ForceOff, service.ForceRestart},
		Boot: &service.BootAbility{Sources: []service.BootSource{service.BootPxe, service.BootHdd}}, Health: service.OK, Indicator: service.Dark,
		Sensors: true, Log: true, Media: []service.Medium{{ID: "Cd", Types: []string{"CD"}}},
	}, service.Reading{Name: "Inlet", Kind: service.Temperature, Value: new(float64)})
	machines.Write("1", service.LogEntry{ID: "1", Text: "it was tested"})
	s := service.New(service.Options{Backend: machines})
	t.Cleanup(s.Close)
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	out, errs, status := runBMC(t, server.URL, "power", "-u", "admin")
	pin := regexp.MustCompile(`--pin (sha256:\w+)`).FindStringSubmatch(errs)
	if status != 5 || pin == nil {
		t.Fatalf("a certificate that nobody knows: status %d, %s%s", status, out, errs)
	}
	for _, c := range []struct {
		call, says string
		status     int
	}{
		{"power", "off", 0},
		{"power on --wait 20s", "on", 0},
		{"power", "on", 0},
		{"bootdev network", "starts from network, once", 0},
		{"bootdev", "Pxe, Once", 0},
		{"user list", "admin", 0},
		{"inventory", "PART", 0},
		{"mc info", "MANAGER", 0},
		{"chassis hours", "it takes IPMI", 4},
		{"identify on", "light on", 0},
		{"leds", "identify", 0},
		{"sensors", "Inlet", 0},
		{"health", "ok", 0},
		{"sel", "tested", 0},
		{"sel clear", "cleared", 0},
		{"firmware", "does not offer", 4},
		{"media", "IMAGE", 0},
		{"media attach https://files.example/x.iso", "attached", 0},
		{"media detach", "detached", 0},
		{"storage", "none", 0},
		{"licence", "does not offer", 4},
		{"user create two --new-secret env:NEWPASSWORD", "user ", 0},
		{"user disable two", "done", 0},
		{"user delete two", "done", 0},
		{"power off", "power off", 0},
		{"power frobnicate", "is none of", 1},
	} {
		out, errs, status := runBMC(t, append([]string{server.URL, "--pin", pin[1], "-u", "admin"}, shellWords(c.call)...)...)
		if status != c.status || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: status %d, %q is not in\n%s%s", c.call, status, c.says, out, errs)
		}
	}
}
