-- name: AddSampleSeries :exec
INSERT INTO sample_series (id, labels, sealed, last_at, last_value)
VALUES (sqlc.arg(id), sqlc.arg(labels), sqlc.arg(sealed), sqlc.arg(last_at), sqlc.arg(last_value));

-- name: SealSampleSeries :exec
UPDATE sample_series SET sealed = sqlc.arg(sealed), last_at = sqlc.arg(last_at), last_value = sqlc.arg(last_value)
WHERE id = sqlc.arg(id);

-- name: SampleSeries :many
SELECT * FROM sample_series WHERE id > sqlc.arg(after) ORDER BY id LIMIT sqlc.arg(page);

-- name: PutSampleChunk :exec
INSERT INTO sample_chunks (level, series, first_at, number, last_at, data)
VALUES (sqlc.arg(level), sqlc.arg(series), sqlc.arg(first_at), sqlc.arg(number), sqlc.arg(last_at), sqlc.arg(data))
ON CONFLICT (level, series, first_at, number) DO UPDATE SET last_at = excluded.last_at, data = excluded.data;

-- name: SampleChunk :one
SELECT data FROM sample_chunks
WHERE level = sqlc.arg(level) AND series = sqlc.arg(series) AND first_at = sqlc.arg(first_at) AND number = sqlc.arg(number);

-- The slice comes last, because sqlc numbers the other parameters and not its own.
-- name: SampleChunks :many
SELECT series, first_at, last_at, data FROM sample_chunks
WHERE level = sqlc.arg(level) AND first_at >= sqlc.arg(lowest) AND first_at <= sqlc.arg(until) AND last_at >= sqlc.arg(since)
  AND series IN (sqlc.slice(ids))
ORDER BY series, first_at, number;

-- name: SampleChunkPage :many
SELECT first_at, number, last_at, data FROM sample_chunks
WHERE level = sqlc.arg(level) AND series = sqlc.arg(series)
  AND (first_at > sqlc.arg(after) OR (first_at = sqlc.arg(after) AND number > sqlc.arg(after_number)))
  AND first_at <= sqlc.arg(until)
ORDER BY first_at, number LIMIT sqlc.arg(page);

-- name: PruneSampleChunks :execrows
DELETE FROM sample_chunks
WHERE level = sqlc.arg(level) AND series = sqlc.arg(series) AND first_at < sqlc.arg(before) AND last_at < sqlc.arg(before);

-- name: AppendSampleJournal :exec
INSERT INTO sample_journal (number, data) VALUES (sqlc.arg(number), sqlc.arg(data));

-- name: TrimSampleJournal :exec
DELETE FROM sample_journal WHERE number < sqlc.arg(before);

-- name: SampleJournal :many
SELECT * FROM sample_journal WHERE number > sqlc.arg(after) ORDER BY number LIMIT sqlc.arg(page);

-- name: SampleImport :one
SELECT upto FROM sample_imports WHERE source = sqlc.arg(source);

-- name: SetSampleImport :exec
INSERT INTO sample_imports (source, upto) VALUES (sqlc.arg(source), sqlc.arg(upto))
ON CONFLICT (source) DO UPDATE SET upto = excluded.upto;
