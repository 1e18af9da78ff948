// Package bmccli is millwright bmc: what people do with service processors from a
// shell, without a daemon, for one machine or for many at a time.
//
// A call is a list of hosts and a verb. What the verb is becomes a [job]; the job is done
// with all hosts at once ([run]), each of which logs in when it is first needed ([peer]),
// and what they say ([answer]) is shown once for those who say the same.
//
// To add a verb, write a function that makes its command (power.go is an example) and put
// it into the list in command.go. Streams, tables and questions are the calling program's,
// which hands them in as a [Frame].
//
// Start at [New].
package bmccli
