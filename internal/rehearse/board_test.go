package rehearse

import (
	"bufio"
	"fmt"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

// The example board switches all its relays at once, as its device file asks for
// when a room uses all of them.
func TestBoardSwitchesAll(t *testing.T) {
	room, err := sim.Start(t.Context(), sim.Config{
		InMemory: true, Styles: []sim.Style{board{}},
		PDUs: []sim.PDU{{Name: "pdu1", Style: board{}.Name(), Outlets: sim.Numbered(1, 8)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer room.Close()
	conn, err := room.Dial(t.Context(), "tcp", "pdu1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, on := range []bool{true, false} {
		command := map[bool]string{true: "on all\r\n", false: "off all\r\n"}[on]
		if _, err := fmt.Fprint(conn, command); err != nil {
			t.Fatal(err)
		}
		if _, err := in.ReadString('>'); err != nil { // of its prompt
			t.Fatal(err)
		}
		for _, plug := range sim.Numbered(1, 8) {
			if o, _ := room.Outlet("pdu1", plug); o.On != on {
				t.Errorf("outlet %s is on: %v, want %v", plug, o.On, on)
			}
		}
	}
}
