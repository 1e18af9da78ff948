package httppower_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/applet/httppower"
	"millwright.dev/millwright/internal/applet/powermand"
)

// TestMain makes the test binary the programs themselves when it is called
// under their names: powermand starts it as its coprocess.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "httppower":
		os.Exit(httppower.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	case "powermand":
		os.Exit(powermand.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// run gives the program its whole input at once.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = httppower.Run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return out.String(), errs.String(), code
}
