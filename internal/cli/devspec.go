package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/devspec"
)

func devspecCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "devspec list|show|export|check|trace|record|replay", GroupID: groupDaemon, Short: "Write and try device specifications",
		Long: `Helps with device specifications, in PowerMan's device language: list, show and
export are for those that come with Millwright, check finds what is wrong in one of
your own, trace tries one on a device and shows the conversation, record keeps that as
a file, and replay plays the device from such a file, as a test. Where a file is
wanted, the name of a shipped one will do.`,
		Example: "  millwright devspec list\n  millwright devspec check my-pdu.dev\n  millwright devspec trace my-pdu.dev telnet://10.0.0.5 status",
	}, p.devspecList(), p.devspecShow(), p.devspecExport(), p.devspecCheck(), p.devspecTrace(), p.devspecRecord(), p.devspecReplay())
}

func (p *program) devspecCheck() *cobra.Command {
	var strict bool
	c := &cobra.Command{
		Use: "check FILE...", Short: "Find mistakes in device files", Args: cobra.MinimumNArgs(1),
		Long: `Reads device files (or whole powerman.confs), shows all that is wrong in them with
its place, and warns of what would fail or mislead when it runs.`,
		Example: "  millwright devspec check /etc/powerman/*.dev",
		RunE: func(_ *cobra.Command, args []string) error {
			wrong, warned := 0, 0
			for _, path := range args {
				n, m := p.checkSpec(path)
				wrong, warned = wrong+n, warned+m
			}
			p.printf("%s: %s, %s\n", counted(len(args), "file"), counted(wrong, "mistake"), counted(warned, "warning"))
			if wrong > 0 || strict && warned > 0 {
				return exit(ExitFailed)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "warnings count as mistakes")
	return c
}

// checkSpec shows what is wrong with one file and counts it.
func (p *program) checkSpec(path string) (wrong, warned int) {
	config, err := devspec.ParseConfig(path, openSpec)
	if err != nil {
		var list devspec.ErrorList
		if !errors.As(err, &list) {
			_, _ = fmt.Fprintln(p.stderr, clean(err.Error()))
			return 1, 0
		}
		for _, e := range list {
			_, _ = fmt.Fprintln(p.stderr, e.Caret())
		}
		return len(list), 0
	}
	for _, w := range devspec.Check(config) {
		_, _ = fmt.Fprintln(p.stderr, w.Caret())
		warned++
	}
	return 0, warned
}
