-- name: Users :many
SELECT * FROM users ORDER BY name;

-- name: PutUser :exec
INSERT INTO users (name, password, disabled, created)
VALUES (sqlc.arg(name), sqlc.arg(password), sqlc.arg(disabled), sqlc.arg(created))
ON CONFLICT (name) DO UPDATE SET password = excluded.password, disabled = excluded.disabled;

-- name: DeleteUser :execrows
DELETE FROM users WHERE name = sqlc.arg(name);

-- name: Memberships :many
SELECT * FROM memberships ORDER BY member, groupname;

-- name: PutMembership :exec
INSERT INTO memberships (member, groupname) VALUES (sqlc.arg(member), sqlc.arg(groupname))
ON CONFLICT (member, groupname) DO NOTHING;

-- name: DeleteMemberships :exec
DELETE FROM memberships WHERE member = sqlc.arg(member);

-- name: Tokens :many
SELECT * FROM tokens ORDER BY id;

-- name: InsertToken :exec
INSERT INTO tokens (id, owner, digest, note, created, expires, used)
VALUES (sqlc.arg(id), sqlc.arg(owner), sqlc.arg(digest), sqlc.arg(note), sqlc.arg(created), sqlc.arg(expires), sqlc.arg(used));

-- name: UseToken :exec
UPDATE tokens SET used = sqlc.arg(used) WHERE id = sqlc.arg(id);

-- name: DeleteToken :execrows
DELETE FROM tokens WHERE id = sqlc.arg(id);

-- name: Grants :many
SELECT * FROM grants ORDER BY principal, nodes;

-- name: PutGrant :exec
INSERT INTO grants (principal, nodes, role, created, author)
VALUES (sqlc.arg(principal), sqlc.arg(nodes), sqlc.arg(role), sqlc.arg(created), sqlc.arg(author))
ON CONFLICT (principal, nodes) DO UPDATE SET role = excluded.role, created = excluded.created, author = excluded.author;

-- name: DeleteGrant :execrows
DELETE FROM grants WHERE principal = sqlc.arg(principal) AND nodes = sqlc.arg(nodes);

-- name: DeleteGrantsOf :execrows
DELETE FROM grants WHERE principal = sqlc.arg(principal);
