-- name: LastRevisionNumber :one
SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM revisions;

-- name: InsertRevision :exec
INSERT INTO revisions (number, parent, time, author, note, origin)
VALUES (sqlc.arg(number), sqlc.arg(parent), sqlc.arg(time), sqlc.arg(author), sqlc.arg(note), sqlc.arg(origin));

-- name: InsertContent :exec
INSERT INTO contents (digest, size, packed) VALUES (sqlc.arg(digest), sqlc.arg(size), sqlc.arg(packed))
ON CONFLICT (digest) DO NOTHING;

-- name: InsertRevisionFile :exec
INSERT INTO revision_files (revision, name, digest) VALUES (sqlc.arg(revision), sqlc.arg(name), sqlc.arg(digest));

-- name: Revision :one
SELECT * FROM revisions WHERE number = sqlc.arg(number);

-- name: RevisionsDown :many
SELECT * FROM revisions WHERE number < sqlc.arg(before) ORDER BY number DESC LIMIT sqlc.arg(page);

-- name: RevisionFiles :many
SELECT revision_files.name, contents.size, contents.packed
FROM revision_files JOIN contents ON contents.digest = revision_files.digest
WHERE revision_files.revision = sqlc.arg(revision)
ORDER BY revision_files.name;
