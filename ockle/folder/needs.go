package folder

import (
	"fmt"
	"slices"
	"strings"
)

// setAside sets aside the servers that need one that is not there or is set aside,
// and those that need these.
func (r *reader) setAside() {
	servers := r.folder.Servers
	at := r.places()
	needed := make([][]int, len(servers)) // by which servers each is
	var broken []int
	for i := range servers {
		s := &servers[i]
		for _, need := range s.Needs {
			j, found := at[need]
			if found {
				needed[j] = append(needed[j], i)
				continue
			}
			r.breaker(s)(r.needsLine(i), "it needs "+quote(need)+", and there is no such server")
		}
		if s.Broken != "" {
			broken = append(broken, i)
		}
	}
	aside := make(map[int]bool) // because of others
	for len(broken) > 0 {
		i := broken[0]
		broken = broken[1:]
		for _, j := range needed[i] {
			if servers[j].Broken == "" && !aside[j] {
				aside[j] = true
				broken = append(broken, j)
			}
		}
	}
	for i := range servers {
		if !aside[i] {
			continue
		}
		// The first that is named, so that the reason is always the same.
		for _, need := range servers[i].Needs {
			if j := at[need]; servers[j].Broken != "" || aside[j] {
				r.breaker(&servers[i])(r.needsLine(i), "it needs "+quote(need)+", which is set aside")
				break
			}
		}
	}
}

func (r *reader) places() map[string]int {
	at := make(map[string]int, len(r.folder.Servers))
	for i, s := range r.folder.Servers {
		at[s.Name] = i
	}
	return at
}

func (r *reader) needsLine(i int) int { return r.drafts[i].doc.Line("server", "dependencies") }

// breakCircles finds dependencies that go round among the servers that are not set
// aside, and takes one from each circle: walking from what is first by name to what
// it needs, in the order of names, it is the one that leads back. So it is always
// the same one, whatever the order of the files.
func (r *reader) breakCircles() {
	w := walk{reader: r, at: r.places(), done: make([]bool, len(r.folder.Servers)), on: make([]bool, len(r.folder.Servers))}
	for i, s := range r.folder.Servers {
		if s.Broken == "" {
			w.from(i)
		}
	}
}

// walk is a walk along dependencies.
type walk struct {
	*reader
	at       map[string]int
	done, on []bool // seen to the end; on the way that is walked
	way      []int
}

func (w *walk) from(i int) {
	if w.done[i] {
		return
	}
	w.on[i] = true
	w.way = append(w.way, i)
	s := &w.folder.Servers[i]
	for _, need := range slices.Sorted(slices.Values(s.Needs)) {
		j := w.at[need]
		if w.on[j] {
			w.cut(i, j)
			continue
		}
		w.from(j)
	}
	w.way = w.way[:len(w.way)-1]
	w.on[i], w.done[i] = false, true
}

// cut takes from i the need of j, which is on the way to it.
func (w *walk) cut(i, j int) {
	s, back := &w.folder.Servers[i], w.folder.Servers[j].Name
	const most = 200 // of a circle that is named
	circle := w.way[slices.Index(w.way, j):]
	var names []string
	for n, k := range circle {
		if n == most {
			names = append(names, fmt.Sprintf("%d more, of which the last", len(circle)-n))
			break
		}
		names = append(names, quote(w.folder.Servers[k].Name))
	}
	names = append(names, quote(back))
	s.Needs = slices.DeleteFunc(s.Needs, func(need string) bool { return need == back })
	s.Cut = append(s.Cut, back)
	w.fail(s.File, w.needsLine(i), "", "the dependencies go round: %s; that %s needs %s is left out",
		strings.Join(names, " needs "), quote(s.Name), quote(back))
}
