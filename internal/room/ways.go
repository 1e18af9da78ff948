package room

import "iter"

// Ways gives the plugs by which an operation reaches the node. Power goes by the
// cords; what happens inside the machine goes by its service processor, if it has one.
func (n *Node) Ways(op Op) []Cord {
	if len(n.BMC) > 0 {
		switch op {
		case Reset, StatusSoft, SoftOff, Diag, Temp, Beacon, BeaconOn, BeaconOff:
			return n.BMC
		}
	}
	return n.Cords
}

// Links gives each plug that has to do with the node once: its cords, and that of its
// service processor.
func (n *Node) Links() iter.Seq[Cord] {
	return func(yield func(Cord) bool) {
		for _, c := range n.Cords {
			if !yield(c) {
				return
			}
		}
		if len(n.BMC) > 0 && (len(n.Cords) != 1 || n.Cords[0] != n.BMC[0]) {
			yield(n.BMC[0])
		}
	}
}
