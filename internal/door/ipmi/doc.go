// Package ipmidoor shows nodes of the room as BMCs: whatever a node hangs on, programs
// that know nothing but IPMI over LAN can switch it, read its sensors and its log and open
// its console.
//
// The door translates and decides nothing. Its users are its own, since IPMI needs the
// passwords themselves; each stands for a user of the room, whose rights the desk looks at
// with every command. The privilege of IPMI bounds these rights further, and never widens
// them. What belongs to the room, such as users and addresses, cannot be changed here.
//
// The protocol is package ipmi/bmc; [Door] makes one of its machines for each node,
// and node.go is what that asks for, word by word. Start at [New] and [Door.Apply].
package ipmidoor
