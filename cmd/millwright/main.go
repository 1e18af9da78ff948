// Command millwright runs a machine room with nobody in it. Called under the
// name of a program that it stands in for (powerman, pm, powermand and its
// helpers), it behaves as that program.
package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"millwright.dev/millwright/internal/applet/fakebmc"
	"millwright.dev/millwright/internal/applet/httppower"
	"millwright.dev/millwright/internal/applet/ipmipower"
	"millwright.dev/millwright/internal/applet/plmpower"
	"millwright.dev/millwright/internal/applet/powermancli"
	"millwright.dev/millwright/internal/applet/powermand"
	"millwright.dev/millwright/internal/applet/pyghmicons"
	"millwright.dev/millwright/internal/applet/pyghmiutil"
	"millwright.dev/millwright/internal/applet/redfishpower"
	"millwright.dev/millwright/internal/applet/snmppower"
	"millwright.dev/millwright/internal/applet/vbmc"
	"millwright.dev/millwright/internal/applet/virshbmc"
	"millwright.dev/millwright/internal/applet/vpcd"
	"millwright.dev/millwright/internal/cli"
)

// applet is a program under its own name.
type applet func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int

func main() {
	ctx := context.Background()
	applets := map[string]applet{
		"powerman": powermancli.Run,
		"pm":       powermancli.Run,
		"vpcd":     vpcd.Run,

		"httppower":    httppower.Run,
		"ipmipower":    ipmipower.Run,
		"plmpower":     plmpower.Run,
		"redfishpower": redfishpower.Run,
		"snmppower":    snmppower.Run,

		"fakebmc":    fakebmc.Run,
		"pyghmicons": pyghmicons.Run,
		"pyghmiutil": pyghmiutil.Run,

		"vbmc":     vbmc.Run,
		"vbmcd":    vbmc.RunDaemon,
		"virshbmc": virshbmc.Run,

		"powermand": func(ctx context.Context, args []string, _ io.Reader, _, stderr io.Writer) int {
			return powermand.Run(ctx, args, os.Stdin, os.Stdout, stderr)
		},
	}
	run := applets[filepath.Base(os.Args[0])]
	args := os.Args[1:]
	if run == nil && len(args) > 0 {
		run, args = applets[args[0]], args[1:]
	}
	if run == nil {
		run, args = cli.Run, os.Args[1:]
	}
	os.Exit(run(ctx, args, os.Stdin, os.Stdout, os.Stderr))
}
