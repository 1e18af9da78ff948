// Package secret keeps passwords and keys out of files, logs and traces.
//
// Configuration names a secret by a [Ref] ("env:PDU_PASSWORD",
// "file:keys/pdu", "secret:pdu" in the encrypted store of package vault); the text is fetched when it is needed ([Ref.Resolve]) and
// travels as a [Value], which prints as "****" however it is printed: only
// [Value.Reveal] gives the text. A [Credential] is what one log-in needs. A
// [Masker] hides known secrets in the trace of a conversation.
// Start at [Ref] and [Value].
package secret
