// Package pki makes and keeps the certificates of the daemon's network doors.
//
// A daemon that is given no certificate makes an authority of its own when it
// first starts, and with it a certificate for the names under which it is
// reached. Clients then trust the authority, by its file or its [Fingerprint],
// and not each certificate: those are renewed in time, and made anew when the
// names change, without a restart. The same authority signs certificates for
// clients ([Authority.Client]). A daemon that is given files reads them again
// when they change.
//
// [Authority] is the first, [Files] the second, and both give a [Source] for
// tls.Config.GetCertificate. Start at [Open] and [Config].
package pki
