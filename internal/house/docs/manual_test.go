package docs

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/applet/httppower"
	"millwright.dev/millwright/internal/applet/plmpower"
	"millwright.dev/millwright/internal/applet/powermancli"
	"millwright.dev/millwright/internal/applet/powermand"
	"millwright.dev/millwright/internal/applet/redfishpower"
	"millwright.dev/millwright/internal/applet/snmppower"
	"millwright.dev/millwright/internal/applet/vbmc"
	"millwright.dev/millwright/internal/applet/virshbmc"
	"millwright.dev/millwright/internal/applet/vpcd"
	"millwright.dev/millwright/internal/cli"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/roomfile"
)

type program func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int

// usage is what a program says of its options.
func usage(run program) string {
	var said bytes.Buffer
	run(context.Background(), []string{"--help"}, strings.NewReader(""), &said, &said)
	text := said.String()
	return text[max(strings.Index(text, "Usage:"), 0):]
}

func applets() []Applet {
	const helper = "It is a helper program, which powermand or a script driver starts as a coprocess and talks to by lines behind a prompt. docs/helpers.md tells more."
	daemon := func(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
		read, write, err := os.Pipe()
		if err != nil {
			return 1
		}
		defer read.Close()
		status := powermand.Run(ctx, args, nil, write, stderr)
		write.Close()
		_, _ = io.Copy(stdout, read)
		return status
	}
	return []Applet{
		{Name: "powerman", Section: 1, Short: "PowerMan's command, asking Millwright or a powermand", Long: "The command of PowerMan, with the same options, words and exit statuses. docs/compatibility.md lists what is different.", Usage: usage(powermancli.Run)},
		{Name: "powermand", Section: 8, Short: "PowerMan's daemon, with Millwright behind it", Long: "The daemon of PowerMan: it reads a powerman.conf and serves PowerMan's clients. docs/compatibility.md lists what is different.", Usage: usage(daemon)},
		{Name: "httppower", Section: 8, Short: "Power control by HTTP requests, as a coprocess", Long: helper, Usage: usage(httppower.Run)},
		{Name: "plmpower", Section: 8, Short: "Insteon and X10 switches by a modem, as a coprocess", Long: helper, Usage: usage(plmpower.Run)},
		{Name: "redfishpower", Section: 8, Short: "Many Redfish controllers at once, as a coprocess", Long: helper, Usage: usage(redfishpower.Run)},
		{Name: "snmppower", Section: 8, Short: "Power control by SNMP, as a coprocess", Long: helper, Usage: usage(snmppower.Run)},
		{Name: "vbmc", Section: 1, Short: "BMCs for guests of libvirt: add, start, stop, list", Long: "The command of VirtualBMC, asking our vbmcd. docs/libvirt.md tells more.", Usage: usage(vbmc.Run)},
		{Name: "vbmcd", Section: 8, Short: "Serves the BMCs of vbmc", Long: "The daemon behind vbmc, in the foreground. docs/libvirt.md tells more.", Usage: usage(vbmc.RunDaemon)},
		{Name: "virshbmc", Section: 8, Short: "A BMC for one guest of libvirt", Long: "A BMC for as long as it runs, as pyghmi has it. docs/libvirt.md tells more.", Usage: usage(virshbmc.Run)},
		{Name: "vpcd", Section: 8, Short: "PowerMan's simulated power controller", Long: "A device that does not exist, with sixteen plugs, to try a daemon on.", Usage: usage(vpcd.Run)},
	}
}

const manFolder = root + "docs/man/"

// TestGeneratedManuals holds that the manual pages are those of this code, and that
// they are all there is.
func TestGeneratedManuals(t *testing.T) {
	described, err := roomfile.Schema(app.ReadOptions(standard.Drivers(script.Options{}), false))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := Manuals(cli.Tree(), applets(), described)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		if have, err := os.ReadFile(manFolder + name); err == nil && string(have) == want {
			continue
		}
		if !*update {
			t.Errorf("docs/man/%s is not what the code says: run go generate ./internal/house/docs", name)
		} else if err := os.WriteFile(manFolder+name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, _ := filepath.Glob(manFolder + "*")
	for _, path := range there {
		if _, is := pages[filepath.Base(path)]; is {
			continue
		}
		if !*update {
			t.Errorf("%s is the page of nothing any more", path)
		} else if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestManualsAreSound has mandoc read every page: it finds no mistake in one.
func TestManualsAreSound(t *testing.T) {
	pages, _ := filepath.Glob(manFolder + "*.[1-8]")
	if len(pages) < 30 {
		t.Fatalf("there are only %d pages", len(pages))
	}
	out, err := exec.Command("mandoc", append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") { // a page is of a version, not of a day
			t.Errorf("%s", line)
		}
	}
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
}
