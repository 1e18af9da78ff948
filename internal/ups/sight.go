package ups

import (
	"fmt"
	"slices"
	"sort"
	"time"
)

// sight is a situation with what follows from it: which UPSes feed which feed.
type sight struct {
	Situation
	policy  Policy
	sources map[string][]int // by feed, places in Standings
	all     []int
}

func look(p Policy, s Situation) *sight {
	v := &sight{Situation: s, policy: p, sources: map[string][]int{}}
	v.Standings = slices.Clone(s.Standings)
	sort.Slice(v.Standings, func(i, j int) bool { return v.Standings[i].Source < v.Standings[j].Source })
	for i, st := range v.Standings {
		v.all = append(v.all, i)
		for _, feed := range st.Feeds {
			v.sources[feed] = append(v.sources[feed], i)
		}
	}
	return v
}

// feeding gives the UPSes that feed a node, each once, in order.
func (v *sight) feeding(node string) []int {
	feeds := v.Supply[node]
	switch len(feeds) {
	case 0:
		return v.all
	case 1:
		return v.sources[feeds[0]]
	}
	var list []int
	for _, feed := range feeds {
		list = append(list, v.sources[feed]...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// hangs says whether a node hangs on batteries that are being emptied: one of its
// UPSes at least, and, unless the policy is for single feeds, no feed that is
// healthy. A UPS that is lost while the mains were there is taken for healthy: that
// its daemon is restarted must not shut a room down.
func (v *sight) hangs(node string) bool {
	emptying := func(i int) bool { s := v.Standings[i].State; return s == OnBattery || s == Low }
	out := func(i int) bool { return v.Standings[i].State.Out() }
	all := v.feeding(node)
	if !slices.ContainsFunc(all, emptying) {
		return false
	}
	if v.policy.Single {
		return true
	}
	if len(v.Supply[node]) == 0 {
		return every(all, out)
	}
	for _, feed := range v.Supply[node] {
		sources := v.sources[feed]
		switch {
		case len(sources) == 0 && v.policy.TrustUnwatched:
			return false
		case len(sources) > 0 && !every(sources, out): // UPSes in parallel: one is enough
			return false
		}
	}
	return true
}

func every(list []int, f func(int) bool) bool {
	return !slices.ContainsFunc(list, func(i int) bool { return !f(i) })
}

// concerned gives the nodes of a stage that hang on batteries and were not taken down:
// those whose mains seem to be back only if all of them do.
func (v *sight) concerned(stage Stage) []string {
	prog := v.Progress[stage.Name]
	if begun(prog) && len(prog.Nodes) == 0 {
		return nil
	}
	var list, waiting []string
	for _, n := range stage.Nodes {
		switch taken := begun(prog) && slices.Contains(prog.Nodes, n); {
		case taken || !v.hangs(n):
		case v.settling([]string{n}):
			waiting = append(waiting, n)
		default:
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		list = waiting
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// emptying gives the UPSes of these nodes that run on battery.
func (v *sight) emptying(nodes []string) []*Standing {
	feeds := make([]bool, len(v.Standings))
	for _, n := range nodes {
		for _, i := range v.feeding(n) {
			feeds[i] = true
		}
	}
	var list []*Standing
	for i, s := range v.Standings {
		if feeds[i] && (s.State == OnBattery || s.State == Low) {
			list = append(list, &v.Standings[i])
		}
	}
	return list
}

// worst is how long the first of these nodes' UPSes lasts; nil if none says it.
// When one of two is empty the other has to carry all, so the longer life of the
// other is no comfort.
func (v *sight) worst(nodes []string) *time.Duration {
	var worst *time.Duration
	for _, s := range v.emptying(nodes) {
		if s.Runtime != nil && (worst == nil || *s.Runtime < *worst) {
			worst = s.Runtime
		}
	}
	return worst
}

// settling says whether, for all UPSes on battery that feed these nodes, the mains
// seem to be back.
func (v *sight) settling(nodes []string) bool {
	list := v.emptying(nodes)
	return len(list) > 0 && !slices.ContainsFunc(list, func(s *Standing) bool { return !s.Settling })
}

// called says why a stage is due by what was set for it; "" if it is not.
func (v *sight) called(w When, nodes []string) string {
	for _, s := range v.emptying(nodes) {
		on := v.Now.Sub(s.Battery)
		switch {
		case s.Settling:
		case w.AtOnce:
			return s.Source + " is on battery"
		case w.After > 0 && on >= w.After:
			return s.Source + " is on battery for " + length(on)
		case w.Charge > 0 && s.Charge != nil && *s.Charge < w.Charge:
			return fmt.Sprintf("%s has %.0f %% charge", s.Source, *s.Charge)
		case w.Runtime > 0 && s.Runtime != nil && *s.Runtime < w.Runtime:
			return s.Source + " lasts " + length(*s.Runtime)
		case w.Low && s.State == Low:
			return s.Source + " is low"
		}
	}
	return ""
}
