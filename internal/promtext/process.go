package promtext

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Runtime writes what Go's runtime tells of itself, under the names by which boards know it.
func Runtime(w *Writer) {
	w.One("go_info", Gauge, "Always 1; the version of Go is in the label.", 1, "version", runtime.Version())
	for _, m := range []struct {
		name string
		kind Kind
		help string
		of   string
	}{
		{"go_goroutines", Gauge, "Goroutines that there are.", "/sched/goroutines:goroutines"},
		{"go_sched_gomaxprocs_threads", Gauge, "Threads that run Go code at a time.", "/sched/gomaxprocs:threads"},
		{"go_memstats_heap_alloc_bytes", Gauge, "Bytes of objects on the heap, dead ones that were not freed yet included.", "/memory/classes/heap/objects:bytes"},
		{"go_memstats_heap_idle_bytes", Gauge, "Bytes of the heap that are free, and the system's if it wants them.", "/memory/classes/heap/free:bytes"},
		{"go_memstats_heap_released_bytes", Gauge, "Bytes of the heap that were given back to the system.", "/memory/classes/heap/released:bytes"},
		{"go_memstats_stack_inuse_bytes", Gauge, "Bytes of stacks.", "/memory/classes/heap/stacks:bytes"},
		{"go_memstats_sys_bytes", Gauge, "Bytes that the runtime has mapped.", "/memory/classes/total:bytes"},
		{"go_memstats_next_gc_bytes", Gauge, "Size of the heap at which it is cleaned next.", "/gc/heap/goal:bytes"},
		{"go_memstats_alloc_bytes_total", Counter, "Bytes that were ever allocated on the heap.", "/gc/heap/allocs:bytes"},
		{"go_memstats_heap_objects", Gauge, "Objects on the heap.", "/gc/heap/objects:objects"},
		{"go_gc_cycles_total", Counter, "How often the heap was cleaned.", "/gc/cycles/total:gc-cycles"},
	} {
		sample := []metrics.Sample{{Name: m.of}}
		if metrics.Read(sample); sample[0].Value.Kind() == metrics.KindUint64 {
			w.One(m.name, m.kind, m.help, float64(sample[0].Value.Uint64()))
		}
	}
}

// Process writes what the system tells of this process; nothing of what it does not tell.
func Process(w *Writer) {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) == nil {
		seconds := time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
		w.One("process_cpu_seconds_total", Counter, "Processor time of the process, in seconds.", seconds)
	}
	var most unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &most) == nil {
		w.One("process_max_fds", Gauge, "Files that it may have open.", float64(most.Cur))
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		w.One("process_open_fds", Gauge, "Files that it has open.", float64(len(open)-1)) // one is that of the folder
	}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		words := strings.Fields(string(text))
		for i, m := range [][2]string{{"process_virtual_memory_bytes", "Its address space."}, {"process_resident_memory_bytes", "Its memory."}} {
			if i < len(words) {
				pages, _ := strconv.ParseFloat(words[i], 64)
				w.One(m[0], Gauge, m[1], pages*float64(os.Getpagesize()))
			}
		}
	}
}
