// Package oidc takes an OpenID Connect issuer's word for who somebody is: by an ID
// token that a program brings along ([Provider.Verify]), and by logging in with a
// browser ([Provider.Begin] and [Provider.Finish]: the authorization code flow
// with state, nonce and PKCE).
//
// The issuer is asked for its keys when they are first needed, and not when the
// daemon starts: an issuer that is down keeps nobody from the machine room who
// comes another way. Tokens are taken only if they are signed by the issuer, made
// for us, and not over.
//
// Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (PKCE).
// Start at [New].
package oidc
