package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// figure is one line of the table.
type figure struct {
	name    string
	measure func(b *bench, name string) error
}

var figures = []figure{
	{"status of all, 1,008 plugs on 63 devices", asked(shape{63, 16, 0}, "-q")},
	{"status of all, 10,000 plugs on 625 devices", asked(shape{625, 16, 0}, "-q")},
	{"on of all, 10,000 plugs on 625 devices (ours with two durable events)", asked(shape{625, 16, 0}, "-1", "t[0-9999]")},
	{"status of all, 10,000 plugs on one device", asked(shape{1, 10000, 0}, "-q")},
	{"status of one node among 1,000 idle devices", asked(shape{1000, 16, 0}, "-q", "t8000")},
	{"status of one node while all others are being switched", whileBusy},
	{"256 devices, one in ten hangs (3 s): time to the other 90 % (ours with --follow)", oneInTenHangs},
	{"one connection, status of one node again and again", repeated},
	{"memory, 1,000 devices × 16 plugs, after use", memory},
	{"idle daemon, 100 nodes: memory, CPU in 10 s", idle},
	{"start to all of 1,000 devices connected", started},
	{"snmp: status of all, 1,000 PDUs × 24 outlets (theirs: snmpwalk, 64 at a time)", snmpStatus},
	{"validate 100,000 nodes, written as 2,000 ranges", validated(true)},
	{"validate 100,000 nodes, written one by one", validated(false)},
	{"API: what is known of one node among 10,000, 8 clients", withAPI(oneNode)},
	{"API: list of 10,000 nodes", withAPI(allNodes)},
	{"API: change of a state to 500 readers, half of them stalled", withAPI(fanOut)},
}

// pair runs both daemons on the same devices.
func (b *bench) pair(s shape, do func(theirs, ours *daemon) error) error {
	d, err := b.simulate(s, 10*time.Second)
	if err != nil {
		return err
	}
	defer d.stop()
	theirs, err := b.start("powermand", d)
	if err != nil {
		return err
	}
	defer theirs.stop()
	ours, err := b.start("millwright", d)
	if err != nil {
		return err
	}
	defer ours.stop()
	return do(theirs, ours)
}

// asked is a figure that the real client makes with these arguments.
func asked(s shape, args ...string) func(*bench, string) error {
	return func(b *bench, name string) error {
		return b.pair(s, func(theirs, ours *daemon) error { return b.compare(name, theirs, ours, args...) })
	}
}

// compare asks both in turn and prints the medians.
func (b *bench) compare(name string, theirs, ours *daemon, args ...string) error {
	var t, o []time.Duration
	for i := range b.runs + 2 {
		a, err := theirs.ask(b.ctx, args...)
		if err != nil {
			return err
		}
		c, err := ours.ask(b.ctx, args...)
		if err != nil {
			return err
		}
		if i >= 2 { // after a warm-up
			t, o = append(t, a), append(o, c)
		}
	}
	mt, mo := median(t), median(o)
	row(name, ms(mt), ms(mo), fmt.Sprintf("%.2f", float64(mo)/float64(mt)))
	return nil
}

func median[T time.Duration | float64](list []T) T {
	slices.Sort(list)
	return list[len(list)/2]
}

// whileBusy asks for one node while another client switches all the others.
func whileBusy(b *bench, name string) error {
	return b.pair(shape{1000, 16, 0}, func(theirs, ours *daemon) error {
		var medians []time.Duration
		for _, p := range []*daemon{theirs, ours} {
			ctx, stop := context.WithCancel(b.ctx)
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					_, _ = p.ask(ctx, []string{"-0", "-1"}[i%2], "t[0-7983,8000-15999]")
				}
			})
			var times []time.Duration
			for range 3 * b.runs {
				d, err := p.ask(b.ctx, "-q", "t7990")
				if err != nil {
					stop()
					return err
				}
				times = append(times, d)
			}
			stop()
			wg.Wait()
			medians = append(medians, median(times))
		}
		row(name, ms(medians[0]), ms(medians[1]), fmt.Sprintf("%.2f", float64(medians[1])/float64(medians[0])))
		return nil
	})
}

// repeated counts answers on one connection.
func repeated(b *bench, name string) error {
	return b.pair(shape{63, 16, 0}, func(theirs, ours *daemon) error {
		var rates []float64
		for _, p := range []*daemon{theirs, ours} {
			var list []float64
			for range 3 {
				r, err := rate(p.addr, 2*time.Second)
				if err != nil {
					return err
				}
				list = append(list, r)
			}
			rates = append(rates, median(list))
		}
		row(name, fmt.Sprintf("%.0f/s", rates[0]), fmt.Sprintf("%.0f/s", rates[1]), fmt.Sprintf("%.1f×", rates[1]/rates[0]))
		return nil
	})
}

func rate(addr string, during time.Duration) (float64, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	if err := untilPrompt(in); err != nil {
		return 0, err
	}
	begin, n := time.Now(), 0
	for ; time.Since(begin) < during; n++ {
		if _, err := fmt.Fprint(conn, "status t7\r\n"); err != nil {
			return 0, err
		}
		if err := untilPrompt(in); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(begin).Seconds(), nil
}

func untilPrompt(in *bufio.Reader) error {
	for text := ""; !strings.HasSuffix(text, "powerman> "); {
		part, err := in.ReadString(' ')
		if err != nil {
			return err
		}
		text += part
	}
	return nil
}

func memory(b *bench, name string) error {
	return b.pair(shape{1000, 16, 0}, func(theirs, ours *daemon) error {
		var mb []float64
		for _, p := range []*daemon{theirs, ours} {
			for range 10 {
				for _, args := range [][]string{{"-q"}, {"-1", "t[0-15999]"}, {"-0", "t[0-15999]"}} {
					if _, err := p.ask(b.ctx, args...); err != nil {
						return err
					}
				}
			}
			m, err := p.rss()
			if err != nil {
				return err
			}
			mb = append(mb, m)
		}
		row(name, fmt.Sprintf("%.0f MB", mb[0]), fmt.Sprintf("%.0f MB", mb[1]), fmt.Sprintf("%.2f", mb[1]/mb[0]))
		return nil
	})
}

func idle(b *bench, name string) error {
	return b.pair(shape{7, 16, 0}, func(theirs, ours *daemon) error {
		var said []string
		for _, p := range []*daemon{theirs, ours} {
			if _, err := p.ask(b.ctx, "-q"); err != nil {
				return err
			}
		}
		before := make(map[*daemon]time.Duration)
		for _, p := range []*daemon{theirs, ours} {
			before[p], _ = p.cpu()
		}
		select {
		case <-time.After(10 * time.Second):
		case <-b.ctx.Done():
		}
		for _, p := range []*daemon{theirs, ours} {
			m, err := p.rss()
			if err != nil {
				return err
			}
			after, _ := p.cpu()
			said = append(said, fmt.Sprintf("%.0f MB, %v", m, after-before[p]))
		}
		row(name, said[0], said[1], "")
		return nil
	})
}

func started(b *bench, name string) error {
	d, err := b.simulate(shape{1000, 16, 0}, 10*time.Second)
	if err != nil {
		return err
	}
	defer d.stop()
	var medians []time.Duration
	for _, who := range []string{"powermand", "millwright"} {
		var times []time.Duration
		for range 5 {
			p, err := b.start(who, d)
			if err != nil {
				return err
			}
			p.stop()
			times = append(times, p.up)
		}
		medians = append(medians, median(times))
	}
	row(name, ms(medians[0]), ms(medians[1]), fmt.Sprintf("%.2f", float64(medians[1])/float64(medians[0])))
	return nil
}
