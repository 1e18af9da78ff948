package series

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/promtext"
)

// aRoom has two feeds with two nodes each and a check, and is read every ten seconds
// for ten minutes; web3 is silent in the middle.
func aRoom(t *testing.T) (*Book, time.Time) {
	t.Helper()
	b := open(t, files(t, ""), Options{Flush: time.Hour})
	t.Cleanup(func() { shut(t, b) })
	begin := time.Now().Add(-time.Hour).Truncate(time.Hour)
	for i := range 60 {
		at := begin.Add(time.Duration(i) * 10 * time.Second)
		for n := range 4 {
			if n == 3 && i >= 12 && i < 54 {
				continue
			}
			node := fmt.Sprint("web", n)
			b.Append(at, Key{Node: node, Feed: fmt.Sprint("f", n/2), Quantity: Power}, float64(100*(n+1)))
			b.Append(at, Key{Node: node, Feed: fmt.Sprint("f", n/2), Quantity: Temperature}, float64(20+n))
		}
		b.Append(at, Key{Check: "ping", Quantity: Latency}, 0.25)
	}
	return b, begin
}

// shown writes an answer in short: a line for each line.
func shown(a *Answer) string {
	var s strings.Builder
	for _, l := range a.Lines {
		fmt.Fprintf(&s, "%s%s %s ×%d:", l.Labels[LabelFeed], l.Labels[LabelNode], l.Unit, l.Series)
		for i, v := range l.Values {
			if math.IsNaN(v) {
				s.WriteString(" -")
				continue
			}
			fmt.Fprintf(&s, " %.5g", v)
			if l.Min[i] != v || l.Max[i] != v {
				fmt.Fprintf(&s, "(%g-%g)", l.Min[i], l.Max[i])
			}
		}
		s.WriteString("\n")
	}
	return s.String()
}

func TestQuestions(t *testing.T) {
	b, begin := aRoom(t)
	power, temperature := []string{"power"}, []string{"temperature"}
	ten := begin.Add(10 * time.Minute)
	for name, tt := range map[string]struct {
		q    Query
		want string
	}{
		"a node with a gap": {
			Query{Match: Matcher{LabelNode: {"web3"}, LabelQuantity: power}, Points: 10},
			"f1web3 W ×1: 400 400 - - - - - - - 400\n",
		},
		"a feed's sum has no dent at first": {
			Query{Match: Matcher{LabelQuantity: power}, Points: 10, GroupBy: LabelFeed},
			"f0 W ×2: 300 300 300 300 300 300 300 300 300 300\nf1 W ×2: 700 700 700 700 700 700 700 300 300 700\n",
		},
		"what does not add up is averaged": {
			Query{Match: Matcher{LabelQuantity: temperature}, Points: 2, GroupBy: LabelFeed},
			" °C ×2: 20.5(20-21) 20.5(20-21)\n °C ×2: 22.5(22-23) 22.5(22-23)\n",
		},
		"the largest of all": {
			Query{Match: Matcher{LabelQuantity: temperature}, Points: 1, GroupBy: GroupAll, Across: Max},
			" °C ×4: 23(20-23)\n",
		},
		"energy by power": {
			Query{Match: Matcher{LabelNode: {"web0", "web1"}, LabelQuantity: power}, Points: 1, Aggregate: Sum, GroupBy: GroupAll},
			" Wh ×2: 49.167\n",
		},
		"without a label": {
			Query{Match: Matcher{LabelNode: {""}}, Points: 1},
			" s ×1: 0.25\n",
		},
		"nothing": {Query{Match: Matcher{LabelNode: {"web9"}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.q.From, tt.q.To = begin, ten
			got := shown(ask(t, b, tt.q))
			// The order of lines is that of their labels; feeds are told by their values here.
			if tt.q.GroupBy == LabelFeed && strings.Contains(tt.want, "°C") {
				got = strings.NewReplacer("f0", "", "f1", "").Replace(got)
			}
			if got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestBadQuestions(t *testing.T) {
	b, begin := aRoom(t)
	end := begin.Add(time.Hour)
	for name, q := range map[string]Query{
		"no time":      {},
		"backwards":    {From: end, To: begin},
		"before time":  {From: time.UnixMilli(-5), To: end},
		"points":       {From: begin, To: end, Points: 1 << 30},
		"aggregate":    {From: begin, To: end, Aggregate: "median"},
		"across":       {From: begin, To: end, Across: Last},
		"group":        {From: begin, To: end, GroupBy: "colour"},
		"label":        {From: begin, To: end, Match: Matcher{"colour": {"red"}}},
		"after time":   {From: begin, To: time.UnixMilli(latest + 1)},
		"all at zeros": {From: time.Time{}, To: time.Time{}},
	} {
		if _, err := b.Ask(t.Context(), q); err == nil {
			t.Errorf("%s: was answered", name)
		}
	}
	// The longest that can be asked is answered, with little.
	a := ask(t, b, Query{From: time.UnixMilli(earliest), To: time.UnixMilli(latest), Points: 1})
	if a.Level != "days" || len(a.Lines[0].Values) > 400 {
		t.Errorf("level %s, %d values", a.Level, len(a.Lines[0].Values))
	}
}

// TestNothingTwice has a strip that measures its plugs, its phases and the whole.
func TestNothingTwice(t *testing.T) {
	b := open(t, files(t, ""), Options{Flush: time.Hour})
	t.Cleanup(func() { shut(t, b) })
	begin := time.Now().Add(-time.Hour).Truncate(time.Hour)
	for _, k := range []Key{
		{Device: "pdu", Plug: "1", Node: "web1"},
		{Device: "pdu", Plug: "2", Node: "web2"},
		{Device: "strip", Plug: "1", Node: "web3"},
		{Device: "pdu", Feed: "f"},
		{Device: "pdu", Feed: "f", Part: "L1"},
		{Device: "pdu", Feed: "f", Part: "L2"},
	} {
		k.Quantity = Power
		b.Append(begin, k, map[bool]float64{true: 100, false: 210}[k.Plug != ""])
	}
	for by, want := range map[Label]string{
		LabelNode: "web1 W ×1: 100\nweb2 W ×1: 100\nweb3 W ×1: 100\n", LabelFeed: "f W ×1: 210\n",
		LabelDevice: " W ×1: 210\n W ×1: 100\n", LabelPart: " W ×1: 210\n W ×1: 210\n", GroupAll: " W ×2: 310\n",
	} {
		q := Query{Match: Matcher{LabelQuantity: {"power"}}, From: begin, To: begin.Add(time.Minute), Points: 1, GroupBy: by}
		if got := shown(ask(t, b, q)); got != want {
			t.Errorf("by %s:\n%swant\n%s", by, got, want)
		}
	}
}

func TestAnswersInJSON(t *testing.T) {
	b, begin := aRoom(t)
	a := ask(t, b, Query{Match: Matcher{LabelNode: {"web3"}, LabelQuantity: {"power"}}, From: begin, To: begin.Add(4 * time.Minute), Points: 4})
	got, err := json.Marshal(a)
	if want := `"step":60,"level":"minutes","lines":[{"labels":{"feed":"f1","node":"web3","quantity":"power"},"unit":"W","series":1,"values":[400,400,null,null],`; err != nil || !strings.Contains(string(got), want) {
		t.Errorf("%s, %v", got, err)
	}
}

// TestAskingWhileItComesToRest asks again and again while segments go from memory into
// the file: each sample is there once all the time.
func TestAskingWhileItComesToRest(t *testing.T) {
	b := open(t, files(t, t.TempDir()), Options{Flush: time.Hour})
	defer shut(t, b)
	begin := time.Now().Add(-5 * time.Hour).Truncate(time.Hour)
	const n = 3000
	for i := range n {
		b.Append(begin.Add(time.Duration(i)*time.Second), Key{Node: "a", Quantity: Energy}, float64(i))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range slots + 2 {
			if err := b.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 60 {
		a := ask(t, b, Query{From: begin, To: begin.Add(time.Hour), Points: []int{3600, 60, 1}[i%3], Aggregate: Sum})
		if _, sum := total(a.Lines[0].Values); math.Abs(sum-(n-1)) > 0.01 {
			t.Fatalf("%s: the sum is %v", a.Level, sum)
		}
	}
	wg.Wait()
}

func TestExport(t *testing.T) {
	b, begin := aRoom(t)
	b.Append(begin, Key{Node: "=cmd()", Part: `a "b", c`, Quantity: "odd"}, 1e-9)
	all := Selection{From: begin, To: begin.Add(time.Hour)}
	var text bytes.Buffer
	if err := CSV(&text, b.Export(t.Context(), all)); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(records) != 1+3*120+2*18+60+1 || strings.Join(records[0], ",") != "time,node,device,plug,feed,ups,check,part,quantity,unit,value,count,min,max,last,increase" {
		t.Fatalf("%d records, %v, %v", len(records), records[0], err)
	}
	if last := records[len(records)-1]; last[1] != "'=cmd()" || last[7] != `a "b", c` || last[10] != "1e-09" {
		t.Errorf("%q", last)
	}
	all.Level, all.Match = "minutes", Matcher{LabelNode: {"web0"}, LabelQuantity: {"power"}}
	text.Reset()
	if err := JSON(&text, b.Export(t.Context(), all)); err != nil {
		t.Fatal(err)
	}
	var rows []jsonRow
	if err := json.Unmarshal(text.Bytes(), &rows); err != nil || len(rows) != 10 || rows[1].Count != 6 || rows[1].Value != 100 || math.Abs(rows[1].Increase-100./60) > 0.001 {
		t.Errorf("%v\n%s", err, text.String())
	}
	for _, bad := range []Selection{{Level: "weeks"}, {From: time.UnixMilli(-1)}, {Match: Matcher{"colour": nil}}} {
		if rows, err := rowsOf(t, b, bad); err == nil || len(rows) > 0 {
			t.Errorf("%+v was exported", bad)
		}
	}
	text.Reset()
	if err := JSON(&text, b.Export(t.Context(), Selection{Match: Matcher{LabelNode: {"none"}}, From: begin, To: begin.Add(1)})); err != nil || json.Unmarshal(text.Bytes(), &rows) != nil || len(rows) != 0 {
		t.Errorf("nothing is %q, %v", text.String(), err)
	}
}

func TestMetrics(t *testing.T) {
	b := open(t, files(t, ""), Options{})
	defer shut(t, b)
	now := time.Now()
	b.Append(now, watts("web1"), 12.5)
	b.Append(now, Key{Node: "web1", Quantity: Energy}, 77)
	b.Append(now, Key{Node: "web1", Quantity: "Odd One"}, 1)
	b.Append(now.Add(-time.Hour), watts("web2"), 99)
	var text bytes.Buffer
	w := promtext.NewWriter(&text)
	b.WriteMetrics(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# TYPE millwright_power_watts gauge\nmillwright_power_watts{node=\"web1\",device=\"pdu\",plug=\"web1\"} 12.5\n",
		"# TYPE millwright_energy_watthours_total counter\nmillwright_energy_watthours_total{node=\"web1\"} 77\n",
		"millwright_sample_odd_one{node=\"web1\"} 1\n", "millwright_samples_series 4\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "web2") {
		t.Error("an old value is shown as new")
	}
}
