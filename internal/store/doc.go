// Package store keeps what must outlive the daemon: events, configuration
// revisions, interrupted actions and a few facts about the room itself. It is
// the only package that knows SQL.
//
// A [Store] is one SQLite file in the state folder, held by one process. Every
// change goes through [Store.Write], a group-committing writer: whatever queued
// while the last commit ran goes into the next transaction, and Write returns
// when that transaction is on the disk. So five hundred callers share a few
// commits, and a lone caller waits for no timer. Reads never wait for writes.
//
// Start at [Open], then [Store.Write] and [Tx]. The statements are in query/,
// the schema in migrations/; `sqlc generate` (v1.31) in this folder turns both
// into internal/db. The SQL is kept to what PostgreSQL accepts too.
package store

//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.0 generate
