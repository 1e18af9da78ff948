// Package tcpwrap decides by /etc/hosts.allow and /etc/hosts.deny whether a client
// may come in: the tables of "TCP wrappers", which a powerman.conf can ask for with
// `tcpwrappers yes`.
//
// It exists because such a line must be honoured or refused, never ignored: a site
// that locks its power daemon that way would stand open without anybody noticing.
// The language is that of hosts_access(5). What this package does not understand, in
// a rule that concerns the daemon, is an error and not a rule that never matches;
// rules for other daemons may say what they like.
//
// Not understood are: shell commands and all options of hosts_options(5) but allow
// and deny, NIS netgroups, client user names (no ident query is ever made), and
// server endpoints (daemon@address).
//
// Start with [Open], which gives a [Guard]; [Guard.Allow] answers for one client.
//
//	tables.go   text → rules
//	pattern.go  one pattern, and what it matches
//	guard.go    the two tables together, read again when they change
package tcpwrap
