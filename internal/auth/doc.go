// Package auth knows who may do what: users, their groups and tokens, and the
// grants that give a role on a set of nodes. Two questions are answered here.
//
// Who is it? An [Authenticator] takes what a client brings (a password, an API
// token, an issuer's ID token, a certificate) and gives an [Identity], or a
// [Denied] that says no more than it must. Failures are counted, and who fails
// too often waits.
//
// What may they? [Book.Rights] gives the [Rights] of a [Subject] in one room.
// Rights are worked out once for a subject, a room and a state of the book, and
// are then a look-up: requests for ten thousand nodes do not notice them.
//
// Doors ask the first question and package desk the second, once, for all of
// them. Nothing here knows a protocol. Start at [Book], [Book.Rights] and
// [Authenticator].
package auth
