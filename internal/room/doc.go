// Package room holds the nouns of Millwright and the graph they form: nodes,
// devices, plugs, cords, feeds, groups, aliases and what needs what.
//
// A [Room] is an immutable, validated snapshot. Everything above it (fleet,
// plan, desk, doors) takes a *Room and refers to its parts by the small integer
// ids [NodeID] and [DeviceID], which mean something only together with the Room
// they came from. Reading a new configuration makes a new Room; nobody changes
// an old one, so a request that began under one snapshot ends under it.
//
// The package does no I/O and knows no clock. Start at [New], which turns a
// [Draft] (names, as people write them) into a Room or into the list of all
// that is wrong with it, and at [Room.Resolve], which turns what somebody typed
// into nodes.
package room
