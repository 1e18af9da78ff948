package folder_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"millwright.dev/millwright/ockle/folder"
)

// One server's file is wrong; it and what needs it are set aside, and the rest can
// be used.
func ExampleRead() {
	files := fstest.MapFS{
		"etc/config.ini":         {Data: []byte("[servers]\nmax_attempts = 5\n")},
		"etc/outlets/left.ini":   {Data: []byte("[pdu]\ntype = Dummy\n")},
		"etc/servers/switch.ini": {Data: []byte("[server]\noutlets = o1\n[o1]\npdu = left\n")},
		"etc/servers/db.ini":     {Data: []byte("[server]\noutlets = o1\ndependencies = switch\n")},
		"etc/servers/web.ini":    {Data: []byte("[server]\ndependencies = db\n")},
	}
	f, err := folder.Read(context.Background(), "etc", folder.Source{Open: files.ReadFile, Glob: files.Glob})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range f.Servers {
		fmt.Printf("%s: %d outlets, broken: %q\n", s.Name, len(s.Outlets), s.Broken)
	}
	for _, p := range f.Problems {
		fmt.Println(p)
	}
	// Output:
	// db: 0 outlets, broken: "there is no section for the outlet o1"
	// switch: 1 outlets, broken: ""
	// web: 0 outlets, broken: "it needs db, which is set aside"
	// etc/servers/db.ini:2: there is no section for the outlet o1
	// etc/servers/web.ini:2: it needs db, which is set aside
}
