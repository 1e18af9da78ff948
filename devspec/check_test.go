package devspec

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	const good = "timeout 5 script login { send \"x\" expect \"y\" } "
	for name, c := range map[string]struct {
		spec string
		want string // line:col code ...
	}{
		"in order":             {good + `script status { send "%s%%\n" expect "(.)(.)" setplugstate $1 $2 on="1" }`, ""},
		"no login, no timeout": {`script status { delay 1 }`, "no-login no-timeout"},
		"ping":                 {good + `pingperiod 5`, "no-ping"},
		"format":               {good + `script status { send "%d" expect "x" }`, "bad-format"},
		"extension":            {good + `script status { send "%{password}" expect "x" }`, "extension"},
		"argument":             {good + `script status_all { send "%s" expect "x" }`, "no-argument"},
		"argument in foreach":  {good + `script status_all { foreachplug { send "%s" expect "x" } }`, ""},
		"no expect":            {good + `script status { send "a" send "b" }`, "no-expect no-expect"},
		"group":                {good + `script status { setplugstate $1 on="x" expect "(a)" setplugstate $2 on="x" }`, "no-group no-group"},
		"ifon":                 {good + `script status { ifon { delay 1 } }`, "unknown-state"},
		"dollar":               {good + `script status { expect "a$" }`, "dollar"},
		"dollar quoted":        {good + `script status { expect "a\\$" }`, ""},
		"empty":                {good + `script status { expect "a*" }`, "empty-match"},
		"plug":                 {good + `plug name { "1" } script status { expect "(.)" setplugstate "2" $1 on="1" }`, "unknown-plug"},
		"delay":                {good + `script status { delay 5 }`, "long-delay"},
		"families":             {good + `script on_all { delay 1 }`, "half-family no-status only-all"},
		"old names":            {good + `script status { delay 1 } script off { delay 1 } script on_range { delay 1 } script status_soft { delay 1 }`, "old-name old-name"},
	} {
		t.Run(name, func(t *testing.T) {
			conf, err := parseText(`specification "s" { ` + c.spec + ` }`)
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, w := range Check(conf) {
				codes = append(codes, w.Code)
				if w.Pos.Line != 1 || w.Pos.Col < 1 || !strings.HasSuffix(w.Caret(), "^") {
					t.Errorf("no place: %s", w.Caret())
				}
			}
			slices.Sort(codes)
			if got := strings.Join(codes, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCheckDevices(t *testing.T) {
	conf, err := parseText(`specification "s" { timeout 1 script login { delay 0 } } specification "s" { timeout 1 script login { delay 0 } }
		device "d" "s" "/dev/ttyS0" device "d" "s" "vpcd |&"
		tcpwrappers device "e" "s" "[::1]:23"`)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, w := range Check(conf) {
		codes = append(codes, w.Code)
	}
	if got := strings.Join(codes, " "); got != "duplicate-spec serial-flags duplicate-device command-path bare-tcpwrappers extension" {
		t.Error(got)
	}
}

// TestShippedFilesAreSound: the packaged files work, so lint must not cry over
// them: none of these codes may come up.
func TestShippedFilesAreSound(t *testing.T) {
	names, _ := filepath.Glob(filepath.Join(deviceFiles, "*.dev"))
	total := 0
	for _, name := range names {
		c, err := ParseConfig(name, OSOpen)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range Check(c) {
			total++
			switch w.Code {
			case "no-login", "no-timeout", "bad-format", "extension", "dollar", "duplicate-spec", "old-name":
				t.Error(w)
			}
		}
	}
	if total > 3*len(names) {
		t.Errorf("%d warnings for %d files that work", total, len(names))
	}
}
