-- name: InsertEvent :exec
INSERT INTO events (seq, time, kind, request, actor, door, remote, op, targets, count, outcome, detail, data)
VALUES (sqlc.arg(seq), sqlc.arg(time), sqlc.arg(kind), sqlc.arg(request), sqlc.arg(actor), sqlc.arg(door),
        sqlc.arg(remote), sqlc.arg(op), sqlc.arg(targets), sqlc.arg(count), sqlc.arg(outcome), sqlc.arg(detail),
        sqlc.arg(data));

-- name: LastSeq :one
SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM events;

-- name: FirstSeqSince :one
SELECT CAST(COALESCE(MIN(seq), 0) AS BIGINT) FROM events WHERE time >= sqlc.arg(time);

-- name: EventsUp :many
SELECT * FROM events
WHERE seq >= sqlc.arg(low) AND seq <= sqlc.arg(high)
ORDER BY seq
LIMIT sqlc.arg(page);

-- name: EventsDown :many
SELECT * FROM events
WHERE seq >= sqlc.arg(low) AND seq <= sqlc.arg(high)
ORDER BY seq DESC
LIMIT sqlc.arg(page);

-- name: EventsOfRequest :many
SELECT * FROM events
WHERE request = sqlc.arg(request) AND request <> '' AND seq >= sqlc.arg(low) AND seq <= sqlc.arg(high)
ORDER BY seq
LIMIT sqlc.arg(page);

-- name: OpenIntent :exec
INSERT INTO open_intents (request, seq) VALUES (sqlc.arg(request), sqlc.arg(seq));

-- name: CloseIntent :exec
DELETE FROM open_intents WHERE request = sqlc.arg(request);

-- name: OpenIntents :many
SELECT events.* FROM events JOIN open_intents ON open_intents.seq = events.seq ORDER BY events.seq;

-- name: PruneEvents :execrows
DELETE FROM events
WHERE events.time < sqlc.arg(before)
  AND events.seq < (SELECT MAX(seq) FROM events)
  AND events.seq NOT IN (SELECT open_intents.seq FROM open_intents);

-- name: PruneEventsThrough :execrows
DELETE FROM events
WHERE events.seq <= sqlc.arg(through)
  AND events.seq < (SELECT MAX(seq) FROM events)
  AND events.seq NOT IN (SELECT open_intents.seq FROM open_intents);
