-- name: SetInterruption :exec
INSERT INTO interruptions (node, op, request, time)
VALUES (sqlc.arg(node), sqlc.arg(op), sqlc.arg(request), sqlc.arg(time))
ON CONFLICT (node) DO UPDATE SET op = excluded.op, request = excluded.request, time = excluded.time;

-- name: ClearInterruption :execrows
DELETE FROM interruptions WHERE node = sqlc.arg(node);

-- name: Interruptions :many
SELECT * FROM interruptions ORDER BY node;

-- name: Meta :one
SELECT value FROM meta WHERE name = sqlc.arg(name);

-- name: SetMeta :exec
INSERT INTO meta (name, value) VALUES (sqlc.arg(name), sqlc.arg(value))
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
