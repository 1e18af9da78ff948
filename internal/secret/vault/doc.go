// Package vault keeps secrets in an encrypted file, so that a room can name them
// (secret:NAME) and neither a copy of the room nor a backup of the state folder
// shows them.
//
// The file holds one JSON object a line: first a header, then a record for each
// secret. A record's text is sealed with AES-256-GCM under a nonce of its own; its
// name, its key's id and its time are sealed in as well, so that no record can
// pass for another. The keys are in a key file beside it, or the file's only key
// is in the header, wrapped to an age identity.
//
// The file is replaced as a whole, never changed in place, and [Vault.Rotate]
// brings a new key into the world before anything needs it: at every moment, what
// is on the disk can be read. Writers lock each other out, so the command line may
// change a store that a daemon uses; the daemon looks at each use whether the file
// is another one by now.
//
// What it does not guard against: who can read both the file and the key (root,
// the daemon's user) can read the secrets, and who can write to the folder can
// remove records or bring old ones back.
//
// Start at [New] and [Vault.Get].
package vault
