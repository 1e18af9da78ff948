package cli

import (
	"strings"
	"testing"

	"millwright.dev/millwright/internal/run"
)

func TestARunThatAsksSaysInAPipeHowToAnswer(t *testing.T) {
	var out strings.Builder
	d := &plainDisplay{p: &program{stdout: &out}}
	d.take(run.Update{Kind: run.Asking, Nodes: "old1", Said: "it has not halted"})
	if got := out.String(); got != "old1: it has not halted; to answer: millwright questions\n" {
		t.Errorf("it says %q", got)
	}
}
