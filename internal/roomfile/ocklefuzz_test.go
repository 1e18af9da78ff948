package roomfile_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"testing"
	"time"

	checks "millwright.dev/millwright/internal/check/standard"
	controls "millwright.dev/millwright/internal/control/standard"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/roomfile"
)

func ockleOptions(files map[string][]byte) roomfile.Options {
	o := roomfile.Options{Drivers: standard.Drivers(script.Options{}), Checks: checks.Kinds(), Controls: controls.Kinds()}
	o.Open, o.Glob = roomfile.Replay(files)
	return o
}

// exampleFiles gives the example's files, as if they were in the folder etc.
func exampleFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, name := range []string{"config.ini", "outlets/strip.ini", "testers/says.ini", "controllers/soft.ini", "servers/switch.ini", "servers/storage.ini", "servers/web.ini", "servers/db.ini"} {
		text, err := os.ReadFile("../../examples/ockle/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files["etc/"+name] = text
	}
	return files
}

// FuzzOckle holds that whatever stands in the files of Ockle, the rest of the room is read,
// or it is said what is wrong, and that it is the same again the second time.
func FuzzOckle(f *testing.F) {
	base := exampleFiles(f)
	f.Add("config.ini", string(base["etc/config.ini"]))
	f.Add("servers/web.ini", string(base["etc/servers/web.ini"]))
	f.Add("servers/[a]:b.ini", "[server]\noutlets = [\"a,b\", \"@x\"]\ndependencies = [\"web\", \"-db\"]\n[a,b]\npdu = strip\n[@x]\npdu = strip\nplug = a:b[1-3]\n")
	f.Add("outlets/strip.ini", "[pdu]\ntype = snmp\naddress = ::\nretries = [1, [2]]\n")
	f.Add("controllers/soft.ini", "[controller]\ntype = exec\noff = x\ncredential = none\ntimeout = -5\n")
	f.Add("testers/says.ini", "[tester]\ntype = tcp\nport = 99999\nevery = never\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		files := maps.Clone(base)
		files["etc/"+name] = []byte(text)
		res, err := roomfile.Load(t.Context(), "etc", ockleOptions(files))
		again, err2 := roomfile.Load(t.Context(), "etc", ockleOptions(files))
		var problems roomfile.Problems
		switch {
		case fmt.Sprint(err) != fmt.Sprint(err2):
			t.Fatalf("it is %v, and then %v", err, err2)
		case err != nil && !errors.As(err, &problems):
			t.Fatal(err)
		case err != nil:
			return
		case len(res.Room.Nodes) == 0:
			t.Fatal("a room without nodes")
		case res.Warnings.Error() != again.Warnings.Error():
			t.Fatalf("it says\n%s\nand then\n%s", res.Warnings, again.Warnings)
		}
	})
}

// A large folder is read in a time that goes with its size.
func TestLargeOckleFolder(t *testing.T) {
	files := exampleFiles(t)
	const many = 500
	for i := range many {
		files[fmt.Sprintf("etc/servers/n%d.ini", i)] = fmt.Appendf(nil, "[server]\noutlets = [\"o\"]\ntests = [\"t\"]\ndependencies = [\"web\"]\n[o]\npdu = strip\n[t]\ntester = says\n")
	}
	begin := time.Now()
	res, err := roomfile.Load(t.Context(), "etc", ockleOptions(files))
	if err != nil || len(res.Room.Nodes) != many+4 || len(res.Warnings) > 0 {
		t.Fatalf("%v, %v", err, res)
	}
	t.Logf("%d servers in %v", many, time.Since(begin))
}
