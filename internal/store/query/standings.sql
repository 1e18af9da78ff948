-- name: PutStanding :exec
INSERT INTO standings (node, kind, object, state, reason, since, starts, stops, drift)
VALUES (sqlc.arg(node), sqlc.arg(kind), sqlc.arg(object), sqlc.arg(state), sqlc.arg(reason), sqlc.arg(since), sqlc.arg(starts), sqlc.arg(stops), sqlc.arg(drift))
ON CONFLICT (node, kind, object) DO UPDATE SET state = excluded.state, reason = excluded.reason, since = excluded.since,
    starts = excluded.starts, stops = excluded.stops, drift = excluded.drift;

-- name: DeleteStandings :exec
DELETE FROM standings WHERE node = sqlc.arg(node);

-- name: Standings :many
SELECT * FROM standings ORDER BY node, kind, object;

-- name: PutHold :exec
INSERT INTO holds (node, kind, author, reason, since, until)
VALUES (sqlc.arg(node), sqlc.arg(kind), sqlc.arg(author), sqlc.arg(reason), sqlc.arg(since), sqlc.arg(until))
ON CONFLICT (node, kind) DO UPDATE SET author = excluded.author, reason = excluded.reason, since = excluded.since, until = excluded.until;

-- name: DeleteHold :execrows
DELETE FROM holds WHERE node = sqlc.arg(node) AND kind = sqlc.arg(kind);

-- name: Holds :many
SELECT * FROM holds ORDER BY node, kind;
