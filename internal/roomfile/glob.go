package roomfile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLooked is how many names one pattern may have looked at. A slip such as
// "/*/*/*/*" would have the whole disk looked at.
const maxLooked = 100_000

// glob is [filepath.Glob], but it ends with ctx, and when it has looked at too much.
func glob(ctx context.Context, pattern string) ([]string, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, err
	}
	g := globber{ctx: ctx, left: maxLooked}
	return g.find(pattern)
}

// globber is one search for files.
type globber struct {
	ctx  context.Context
	left int // how many names it may still look at
}

func (g *globber) find(pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, `*?[\`) {
		if _, err := os.Lstat(pattern); err != nil {
			return nil, g.ctx.Err()
		}
		return []string{pattern}, nil
	}
	dir, file := filepath.Split(pattern)
	switch dir {
	case "":
		dir = "."
	case "/":
	default:
		dir = strings.TrimSuffix(dir, "/")
	}
	if dir == pattern {
		return nil, filepath.ErrBadPattern
	}
	dirs := []string{dir}
	if strings.ContainsAny(dir, `*?[\`) {
		var err error
		if dirs, err = g.find(dir); err != nil {
			return nil, err
		}
	}
	var found []string
	for _, dir := range dirs {
		names, err := g.in(dir, file)
		if err != nil {
			return nil, err
		}
		found = append(found, names...)
	}
	return found, nil
}

// in finds the names in a folder that match. What cannot be read has none.
func (g *globber) in(dir, pattern string) ([]string, error) {
	if err := g.ctx.Err(); err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	var found []string
	for {
		const some = 1000
		names, err := f.Readdirnames(some)
		for _, name := range names {
			matched, err := filepath.Match(pattern, name)
			if err != nil {
				return nil, err
			}
			if matched {
				found = append(found, filepath.Join(dir, name))
			}
		}
		if g.left -= len(names); g.left < 0 {
			return nil, fmt.Errorf("more than %d files would have to be looked at", maxLooked)
		}
		if err != nil || g.ctx.Err() != nil {
			slices.Sort(found)
			return found, g.ctx.Err()
		}
	}
}
