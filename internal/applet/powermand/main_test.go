package powermand_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/applet/powermancli"
	"millwright.dev/millwright/internal/applet/powermand"
	"millwright.dev/millwright/internal/applet/vpcd"
)

// TestMain makes the test binary the programs themselves when it is called
// under their names, as main does: the tests start it through symbolic links.
func TestMain(m *testing.M) {
	run := map[string]func(context.Context, []string, io.Reader, io.Writer, io.Writer) int{
		"powerman": powermancli.Run,
		"pm":       powermancli.Run,
		"vpcd":     vpcd.Run,
		"powermand": func(ctx context.Context, args []string, _ io.Reader, _, stderr io.Writer) int {
			return powermand.Run(ctx, args, os.Stdin, os.Stdout, stderr)
		},
	}[filepath.Base(os.Args[0])]
	if run != nil {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}
