package revision_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/revision"
)

// newOckle is a bench with a folder of Ockle's.
func newOckle(t *testing.T) *bench {
	b := newBench(t)
	if err := os.CopyFS(b.dir, os.DirFS("../../examples/ockle")); err != nil {
		t.Fatal(err)
	}
	b.put("servers/secret.ini", "[server]\ndependencies =\n\n[spare]\ncontroller = soft\npassword = hush1\n")
	b.accept(1)
	return b
}

func TestOckleFolder(t *testing.T) {
	b := newOckle(t)
	web := b.get("servers/web.ini")
	nothing := "[server]\ndependencies = [\"web\"]\n"
	done, err := b.book.Apply(t.Context(), revision.Change{Base: 2, Files: files("servers/new.ini", nothing, "outlets/other.ini", "[pdu]\ntype = Dummy\n")})
	if err != nil || done.Revision != 3 || b.get("servers/new.ini") != nothing {
		t.Fatalf("%+v, %v", done, err)
	}
	if r := b.used[len(b.used)-1]; len(r.Nodes) != 4+8 {
		t.Errorf("there are %d nodes", len(r.Nodes))
	}
	for n := range int64(2) { // twice: what is set aside is not overwritten
		c := revision.Change{Base: 3 + 2*n, Aside: "serversBack", Files: map[string][]byte{"servers/new.ini": nil}}
		if done, err := b.book.Apply(t.Context(), c); err != nil || b.get("servers/new.ini") != "" {
			t.Fatalf("%+v, %v", done, err)
		}
		if done, err := b.book.Apply(t.Context(), revision.Change{Base: 4 + 2*n, Files: files("servers/new.ini", nothing)}); err != nil {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	if b.get("serversBack/new.ini") != nothing || b.get("serversBack/new.2.ini") != nothing {
		t.Error("what was taken away is not set aside")
	}
	if done, err := b.book.RollBack(t.Context(), 2, revision.Change{Base: 7}); err != nil || b.get("servers/new.ini") != "" || b.get("outlets/other.ini") != "" || b.get("servers/web.ini") != web {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := b.book.Apply(t.Context(), revision.Change{Base: 8, Files: files("servers/deep/er.ini", nothing)}); err == nil {
		t.Error("a file is written that is not read")
	}
	b.put("servers/byhand.ini", nothing) // it is seen that the disk has moved on
	if _, err := b.book.Apply(t.Context(), revision.Change{Base: 8, Files: files("servers/new.ini", nothing)}); err == nil || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("a new file on the disk is not seen: %v", err)
	}
	b.accept(8)
	if done, err := b.book.Apply(t.Context(), revision.Change{Base: 9, Files: files("testers/more.ini", "[tester]\ntype = Dummy\n")}); err != nil {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestOckleFolderIsMade(t *testing.T) {
	b := newOckle(t)
	if err := os.RemoveAll(b.dir + "/controllers"); err != nil {
		t.Fatal(err)
	}
	b.accept(2)
	if done, err := b.book.Apply(t.Context(), revision.Change{Base: 3, Files: files("controllers/c.ini", "[controller]\ntype = Dummy\n")}); err != nil || b.get("controllers/c.ini") == "" {
		t.Errorf("%+v, %v", done, err)
	}
}

// Passwords in files of Ockle's are in no difference, but that they differ is.
func TestDifferencesHideSecrets(t *testing.T) {
	b := newOckle(t)
	rev, err := b.book.Show(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	text := string(rev.Files["servers/secret.ini"])
	done, err := b.book.Apply(t.Context(), revision.Change{Base: 2, Files: files("servers/secret.ini", strings.Replace(text, "hush1", "hush2", 1))})
	diff := string(done.Diff)
	if err != nil || strings.Contains(diff, "hush") || !strings.Contains(diff, "-password = ****") || !strings.Contains(diff, "+password = ****") {
		t.Errorf("%v:\n%s", err, diff)
	}
	if len(slices.Collect(maps.Keys(rev.Files))) != 12 {
		t.Errorf("the revision has %v", slices.Sorted(maps.Keys(rev.Files)))
	}
}
