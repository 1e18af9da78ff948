package auth

import (
	"fmt"
	"testing"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// BenchmarkRights is what a request for 10,000 nodes pays for access control.
func BenchmarkRights(b *testing.B) {
	d := room.Draft{Name: "large"}
	for i := range 10_000 {
		d.Nodes = append(d.Nodes, room.DraftNode{Name: fmt.Sprintf("n%d", i)})
	}
	r, problems := room.New(d)
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	all := r.All()
	for name, nodes := range map[string]string{"everything": All, "list": "n[0-9999]"} {
		b.Run(name, func(b *testing.B) {
			book := &Book{}
			to := Principal{KindUser, "ann"}
			book.now.Store(&ledger{users: map[string]store.User{}, grants: map[Principal][]Grant{to: {{To: to, Role: Operate, Nodes: nodes}}}})
			for b.Loop() {
				if err := book.Rights(r, Subject{Standing: Known, User: "ann"}).Need(Operate, "on", "@all", all); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
