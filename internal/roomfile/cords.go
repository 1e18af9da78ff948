package roomfile

import "millwright.dev/millwright/internal/room"

// cords opens an entry's cords for its n nodes: first all of the first node.
func (l *loader) cords(e *nodeEntry, n int) []room.DraftCord {
	items := e.part.Cords
	if n == 0 || len(items) == 0 {
		return nil
	}
	const most = 64
	v := e.value.get("cords")
	if len(items) > most {
		l.fail(v.at, "a node has at most %d cords", most)
		return nil
	}
	all := make([]room.DraftCord, n*len(items))
	for i, item := range items {
		walk := l.cordWalk(v.item(i), item, n, len(items) > 1)
		if walk == nil {
			return nil
		}
		for node, cord := range walk {
			all[node*len(items)+i] = cord
		}
	}
	return all
}

// bmcs opens the plugs of the service processors of an entry's n nodes; none is an
// empty one for each.
func (l *loader) bmcs(e *nodeEntry, n int) []room.DraftCord {
	if n > 0 && e.part.BMC != "" {
		if walk := l.cordWalk(e.value.get("bmc").at, e.part.BMC, n, false); walk != nil {
			return walk
		}
	}
	return make([]room.DraftCord, n)
}

// cordWalk opens one text, such as "pdu[1-5]:[1-8]", into n cords.
func (l *loader) cordWalk(at place, text string, n int, several bool) []room.DraftCord {
	var cords []room.DraftCord
	parts := words(text)
	for _, w := range parts {
		devices, plugs, ok := l.cordWord(at, w)
		if !ok {
			return nil
		}
		switch {
		case int64(len(devices))*int64(len(plugs)) > room.MaxNodes:
			l.fail(at, "%q makes more than %d plugs", w, room.MaxNodes)
			return nil
		case plugs == nil && len(parts) == 1 && n%len(devices) == 0:
			// As many nodes on each device, in order.
			for i := range n {
				cords = append(cords, room.DraftCord{Device: devices[i/(n/len(devices))]})
			}
			continue
		case plugs == nil:
			plugs = []string{""}
		}
		for _, d := range devices {
			for _, p := range plugs {
				cords = append(cords, room.DraftCord{Device: d, Plug: p})
			}
		}
	}
	if len(cords) == n {
		return cords
	}
	hint := ""
	if n == 1 && !several && len(cords) > 1 {
		hint = "; several cords of one node are written as a list"
	}
	l.fail(at, "%q makes %d plugs for %d %s%s", text, len(cords), n, map[bool]string{true: "node", false: "nodes"}[n == 1], hint)
	return nil
}

// cordWord opens one "devices:plugs"; plugs is nil if none are named.
func (l *loader) cordWord(at place, w string) (devices, plugs []string, ok bool) {
	left, right, named := cutColon(w)
	d, err := limits.Parse(left)
	if err != nil {
		l.fail(at, "%s", listError(left, err))
		return nil, nil, false
	}
	if left == "" || named && right == "" {
		l.fail(at, "%q is not of the form device:plug", w)
		return nil, nil, false
	}
	devices = d.Names()
	if !named {
		return devices, nil, true
	}
	p, err := limits.Parse(right)
	if err != nil {
		l.fail(at, "%s", listError(right, err))
		return nil, nil, false
	}
	return devices, p.Names(), true
}

// cutColon cuts at the first colon that is not inside brackets.
func cutColon(w string) (left, right string, found bool) {
	depth := 0
	for i := range len(w) {
		switch w[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ':':
			if depth == 0 {
				return w[:i], w[i+1:], true
			}
		}
	}
	return w, "", false
}
