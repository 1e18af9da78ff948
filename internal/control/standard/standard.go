// Package standard names the kinds of control that are built in. Adding one means
// adding a line here.
//
// Windows is reached by ssh, which it brings. There is no kind for WinRM: no library
// for it is kept up, versioned and free of Kerberos at the same time.
package standard

import (
	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/control/dummy"
	"millwright.dev/millwright/internal/control/exec"
	"millwright.dev/millwright/internal/control/guestagent"
	httphook "millwright.dev/millwright/internal/control/http"
	plugincontrol "millwright.dev/millwright/internal/control/plugin"
	"millwright.dev/millwright/internal/control/softoff"
	"millwright.dev/millwright/internal/control/ssh"
)

// Kinds gives the built-in kinds, in the order in which docs list them.
func Kinds() []control.Kind {
	return []control.Kind{
		ssh.New(),
		softoff.New(),
		httphook.New(),
		guestagent.New(),
		exec.New(),
		plugincontrol.New(nil), // who has plugins gives it a host: plugincontrol.WithHost
		dummy.New(),
	}
}
