package hostlist_test

import (
	"errors"
	"fmt"

	"millwright.dev/millwright/hostlist"
)

func ExampleParse() {
	l, err := hostlist.Parse("n[08-11],rabbit")
	if err != nil {
		fmt.Println(err)
		return
	}
	for name := range l.All() {
		fmt.Println(name)
	}
	// Output:
	// n08
	// n09
	// n10
	// n11
	// rabbit
}

func ExampleParse_error() {
	_, err := hostlist.Parse("t1,t[9-2]")
	fmt.Println(err)

	var bad *hostlist.SyntaxError
	if errors.As(err, &bad) {
		fmt.Println("205 Hostlist error: invalid range")
	}
	// Output:
	// host list: invalid range at byte 5, "9-2": the range runs backwards
	// 205 Hostlist error: invalid range
}

func ExampleLimits() {
	l, err := hostlist.Limits{Range: 10_000_000, Names: 10_000_000}.Parse("n[0-9999999]")
	fmt.Println(l.Len(), l, err)
	_, err = hostlist.Parse("n[0-9999999]")
	fmt.Println(err)
	// Output:
	// 10000000 n[0-9999999] <nil>
	// host list: too many hosts at byte 2, "0-9999999": more than 16384 hosts in one range
}

func ExampleFold() {
	fmt.Println(hostlist.Fold([]string{"t7", "rabbit", "t2", "t0", "t1", "t3"}))
	// Output: rabbit,t[0-3,7]
}

func ExampleExpand() {
	fmt.Println(hostlist.Expand("[00-02]p,x9"))
	// Output: [00p 01p 02p x9] <nil>
}

func ExampleList_Append() {
	var l hostlist.List
	for _, name := range []string{"t1", "t2", "t3", "t10", "u"} {
		l.Append(name)
	}
	fmt.Println(l)
	// Output: t[1-3,10],u
}

func ExampleSubtract() {
	all, _ := hostlist.Parse("web[1-40]")
	not, _ := hostlist.Parse("web7,web[20-29]")
	fmt.Println(hostlist.Subtract(all, not))
	// Output: web[1-6,8-19,30-40]
}

func ExampleParseHost() {
	h := hostlist.ParseHost("t007")
	fmt.Printf("%q %d %d\n", h.Prefix, h.Num, h.Width)
	// Output: "t" 7 3
}
