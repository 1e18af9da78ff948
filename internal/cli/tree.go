package cli

import (
	"io"

	"github.com/spf13/cobra"
)

// Tree gives the commands with their help, for the pages of the manual. It is
// not for running them: see [Run].
func Tree() *cobra.Command {
	p := &program{stdin: eof{}, stdout: io.Discard, stderr: io.Discard}
	return p.root()
}

// Find gives the command of [Tree] that a call means, and what follows its name.
func Find(args []string) (*cobra.Command, []string, error) {
	root := Tree()
	return root.Find(arrange(root, args))
}

// eof is an input with nothing in it.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
