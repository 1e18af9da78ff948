// Package lan sets how a BMC lies on its network: addresses, gateways, VLAN, who is
// alerted, and how its serial console is carried. IPMI knows these as numbered parameters;
// [Get] and [Set] move their bytes, the types of this package say what is in them, and
// [GetNetwork], [SetNetwork] and [SetDestination] do whole jobs with them.
//
// Each message can be both appended to bytes and parsed from bytes, so a client and a
// BMC use the same code. Start at [GetNetwork].
package lan
