package ups

import (
	"slices"

	"millwright.dev/millwright/internal/room"
)

// Supply gives the feeds of each node as a [Situation] wants them: for each of its
// cords the nearest feed, on the way up from the cord's device, that one of the
// sources feeds; where there is none, the outermost feed. A cord whose device has no
// feed counts as a feed without a name, unless nothing is known of the others either.
// The ways into a machine's service processor are no cords here.
func Supply(r *room.Room, sources []Source) map[string][]string {
	fed := map[string]bool{}
	for _, s := range sources {
		for _, feed := range s.Feeds {
			fed[feed] = true
		}
	}
	from := make(map[string]string, len(r.Feeds))
	for _, f := range r.Feeds {
		from[f.Name] = f.From
	}
	nearest := func(feed string) string {
		for range r.Feeds { // a snapshot has no loops
			if fed[feed] || from[feed] == "" {
				break
			}
			feed = from[feed]
		}
		return feed
	}
	supply := make(map[string][]string, len(r.Nodes))
	for i := range r.Nodes {
		n := &r.Nodes[i]
		var feeds []string
		for _, c := range n.Cords {
			if feed := nearest(r.Devices[c.Device].Feed); !slices.Contains(n.BMC, c) {
				feeds = append(feeds, feed)
			}
		}
		slices.Sort(feeds)
		feeds = slices.Compact(feeds)
		if len(feeds) > 1 || len(feeds) == 1 && feeds[0] != "" {
			supply[n.Name] = feeds
		}
	}
	return supply
}
