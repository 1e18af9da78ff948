package house

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// What the desk lets anybody ask: it says of itself what the asker may see.
var openToAll = []string{"View", "WhoAmI"}

// What the desk does for the house, and not for somebody: no door passes a wish of a
// client on to these.
var forNobody = []string{"Beliefs", "Changes", "Close", "Device", "Events", "Files", "Foresee", "NotLetIn", "Ready", "Recover", "Replan", "Room", "Running", "StandingChanges", "Stop", "Tally", "WriteSamples"}

// checks are what package auth refuses by.
var checks = []string{"Need", "NeedAll", "NeedAny", "Refuse"}

// TestTheDeskAsksWhoMay holds that whatever the desk does for somebody comes by one of
// the checks of package auth.
func TestTheDeskAsksWhoMay(t *testing.T) {
	// By function of the desk's: the names that it calls. Those of exported methods are
	// names of other packages' too, and only those of a View are known to ask.
	calls := make(map[string][]string)
	var methods []*ast.FuncDecl
	for _, s := range sources(t) {
		if s.test || s.pkg.path() != "internal/desk" {
			continue
		}
		for _, d := range s.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				if !fn.Name.IsExported() || receiver(fn) == "View" {
					calls[fn.Name.Name] = append(calls[fn.Name.Name], called(fn)...)
				}
				if fn.Name.IsExported() && receiver(fn) == "Desk" {
					methods = append(methods, fn)
				}
			}
		}
	}
	if len(methods) < 20 {
		t.Fatalf("only %d methods of the desk were found", len(methods))
	}
	for _, fn := range methods {
		name := fn.Name.Name
		switch {
		case slices.Contains(openToAll, name):
		case !forSomebody(fn):
			if !slices.Contains(forNobody, name) {
				t.Errorf("desk.%s does not say for whom: give it an Actor and ask what they may, or put it into forNobody", name)
			}
		case !reaches(calls, called(fn), checks):
			t.Errorf("desk.%s is for somebody, and never asks what they may: see internal/desk/access.go", name)
		}
	}
}

// receiver gives the name of a method's type.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	kind := fn.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	id, _ := kind.(*ast.Ident)
	if id == nil {
		return ""
	}
	return id.Name
}

// forSomebody says whether a method is told who asks.
func forSomebody(fn *ast.FuncDecl) bool {
	return slices.ContainsFunc(fn.Type.Params.List, func(f *ast.Field) bool {
		id, ok := f.Type.(*ast.Ident)
		return ok && slices.Contains([]string{"Actor", "Request", "Order", "Chart", "HoldWish"}, id.Name)
	})
}

// called gives the names of what a function calls.
func called(fn *ast.FuncDecl) (names []string) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch f := call.Fun.(type) {
			case *ast.Ident:
				names = append(names, f.Name)
			case *ast.SelectorExpr:
				names = append(names, f.Sel.Name)
			}
		}
		return true
	})
	return names
}

// reaches says whether one of the names, or what it calls in turn, is one of the others.
func reaches(calls map[string][]string, names, to []string) bool {
	seen := make(map[string]bool)
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if slices.Contains(to, name) {
			return true
		}
		if !seen[name] {
			seen[name] = true
			names = append(slices.Clip(names), calls[name]...)
		}
	}
	return false
}

// TestEveryDriverPassesTheSuite holds that each built-in driver is tried by the suite
// that they have in common.
func TestEveryDriverPassesTheSuite(t *testing.T) {
	tried := make(map[string]bool)
	for _, s := range sources(t) {
		for _, sel := range s.selectors() {
			if sel.pkg == "drivertest" && sel.name == "Run" {
				tried[s.pkg.path()] = true
			}
		}
	}
	for _, p := range packages(t) {
		if p.path() != "internal/driver/standard" {
			continue
		}
		for _, imported := range p.Imports {
			own := strings.TrimPrefix(imported, module+"/")
			if path.Dir(own) == "internal/driver" && !tried[own] {
				t.Errorf("%s is a driver that never runs drivertest.Run", own)
			}
		}
	}
}
