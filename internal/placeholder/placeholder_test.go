package placeholder_test

import (
	"testing"

	"millwright.dev/millwright/internal/placeholder"
)

func TestFill(t *testing.T) {
	for _, c := range []struct {
		node                    placeholder.Node
		text, plain, url, shell string
	}{
		{placeholder.Node{Name: "web1", Address: "10.0.0.1"}, "{address}/{node}", "10.0.0.1/web1", "10.0.0.1/web1", "10.0.0.1/web1"},
		{placeholder.Node{Name: "a;b", Address: "fe80::1%eth0"}, "{address} {node}", "fe80::1%eth0 a;b", "[fe80::1%25eth0] a%3Bb", "'fe80::1%eth0' 'a;b'"},
		{placeholder.Node{Name: "{address}", Address: "it's"}, "{node} {address}", "{address} it's", "%7Baddress%7D it%27s", `'{address}' 'it'\''s'`},
		{placeholder.Node{Name: "n"}, "nothing {here}", "nothing {here}", "nothing {here}", "nothing {here}"},
	} {
		if got := c.node.Fill(c.text); got != c.plain {
			t.Errorf("%s: %s, want %s", c.text, got, c.plain)
		}
		if got := c.node.URL(c.text); got != c.url {
			t.Errorf("%s: %s, want %s", c.text, got, c.url)
		}
		if got := c.node.Shell(c.text); got != c.shell {
			t.Errorf("%s: %s, want %s", c.text, got, c.shell)
		}
	}
}
