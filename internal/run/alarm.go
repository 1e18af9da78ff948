package run

import (
	"container/heap"
	"time"
)

// alarm is something that is to be done to a step at some time.
type alarm struct {
	at     time.Time
	step   int32
	settle bool // its node has settled; else it is tried again
}

// alarms is a heap, the earliest on top.
type alarms []alarm

func (a alarms) Len() int { return len(a) }
func (a alarms) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].step < a[j].step
	}
	return a[i].at.Before(a[j].at)
}
func (a alarms) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)   { *a = append(*a, x.(alarm)) } //nolint:forcetypeassert // ours alone
func (a *alarms) Pop() any {
	old := *a
	last := old[len(old)-1]
	*a = old[:len(old)-1]
	return last
}

func (a *alarms) set(x alarm) { heap.Push(a, x) }

func (a alarms) next() (time.Time, bool) {
	if len(a) == 0 {
		return time.Time{}, false
	}
	return a[0].at, true
}

// due takes out what is due.
func (a *alarms) due(now time.Time) []alarm {
	var list []alarm
	for len(*a) > 0 && !(*a)[0].at.After(now) {
		list = append(list, heap.Pop(a).(alarm)) //nolint:forcetypeassert // ours alone
	}
	return list
}
