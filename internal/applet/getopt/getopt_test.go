package getopt

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	table := []Option{
		{Short: 'q', Long: "query"},
		{Short: 'x', Long: "exprange"},
		{Short: 'h', Long: "server-host", Arg: true},
		{Long: "state", Arg: true},
		{Long: "stdio"},
		{Short: 'Q'},
	}
	for args, want := range map[string]string{
		"-qx t1 --exprange t2": "query= exprange= exprange= | t1 t2",
		"-qh host t1":          "query= server-host=host | t1",
		"-hhost -h x=y":        "server-host=host server-host=x=y |",
		"--serv=a --server b":  "server-host=a server-host=b |",
		"--st":                 "| unknown",
		"--std --sta=1":        "stdio= state=1 |",
		"--state= t":           "state= | t",
		"t1 -- -q --query":     "| t1 -q --query",
		"- -q":                 "query= | -",
		"-Q":                   "Q= |",
		"-qZx":                 "query= | unknown",
		"--query=1":            "| no value",
		"-h":                   "| value",
		"--state":              "| value",
		"--=":                  "| unknown",
		"--stop":               "| unknown",
		"":                     "|",
	} {
		var got []string
		words, err := Parse(strings.Fields(args), table, func(o Option, value string) error {
			name := o.Long
			if name == "" {
				name = string(o.Short)
			}
			got = append(got, name+"="+value)
			return nil
		})
		got = append(append(got, "|"), words...)
		for text, e := range map[string]error{"unknown": ErrUnknown, "value": ErrValue, "no value": ErrNoValue} {
			if errors.Is(err, e) {
				got = append(got, text)
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
	stop := fmt.Errorf("stop")
	n := 0
	if _, err := Parse([]string{"-qx", "-q"}, table, func(Option, string) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("after an error of the caller's: %v, called %d times", err, n)
	}
}
