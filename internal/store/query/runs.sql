-- name: LastRunSeq :one
SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM runs;

-- name: InsertRun :exec
INSERT INTO runs (seq, id, status, goal, actor, door, remote, note, asked, concerned, plan, owner, epoch, beat, control, began, ended, report)
VALUES (sqlc.arg(seq), sqlc.arg(id), sqlc.arg(status), sqlc.arg(goal), sqlc.arg(actor), sqlc.arg(door), sqlc.arg(remote),
        sqlc.arg(note), sqlc.arg(asked), sqlc.arg(concerned), sqlc.arg(plan), sqlc.arg(owner), sqlc.arg(epoch), sqlc.arg(beat),
        sqlc.arg(control), sqlc.arg(began), 0, sqlc.arg(report));

-- name: TouchRun :execrows
UPDATE runs SET beat = sqlc.arg(beat), status = sqlc.arg(status) WHERE id = sqlc.arg(id) AND epoch = sqlc.arg(epoch) AND ended = 0;

-- name: PlanRun :execrows
UPDATE runs SET plan = sqlc.arg(plan), concerned = sqlc.arg(concerned) WHERE id = sqlc.arg(id) AND epoch = sqlc.arg(epoch) AND ended = 0;

-- name: TakeRun :execrows
UPDATE runs SET epoch = sqlc.arg(next), owner = sqlc.arg(owner), beat = sqlc.arg(beat)
WHERE id = sqlc.arg(id) AND epoch = sqlc.arg(epoch) AND ended = 0;

-- name: ControlRun :execrows
UPDATE runs SET control = sqlc.arg(control) WHERE id = sqlc.arg(id) AND ended = 0;

-- name: EndRun :execrows
UPDATE runs SET status = sqlc.arg(status), ended = sqlc.arg(ended), report = sqlc.arg(report)
WHERE id = sqlc.arg(id) AND epoch = sqlc.arg(epoch) AND ended = 0;

-- name: AppendRunSteps :exec
INSERT INTO run_steps (run, n, epoch, at, body)
VALUES (sqlc.arg(run), sqlc.arg(n), sqlc.arg(epoch), sqlc.arg(at), sqlc.arg(body));

-- name: OpenRuns :many
SELECT * FROM runs WHERE ended = 0 ORDER BY seq;

-- name: RunByID :one
SELECT * FROM runs WHERE id = sqlc.arg(id);

-- name: RunsDown :many
SELECT seq, id, ended, concerned, report FROM runs
WHERE seq < sqlc.arg(before) AND ended > 0
ORDER BY seq DESC
LIMIT sqlc.arg(page);

-- name: RunSteps :many
SELECT n, body FROM run_steps WHERE run = sqlc.arg(run) ORDER BY n;

-- name: PruneRunSteps :exec
DELETE FROM run_steps
WHERE run_steps.run IN (SELECT runs.id FROM runs WHERE runs.ended > 0 AND (runs.ended < sqlc.arg(before) OR runs.seq <= sqlc.arg(through)));

-- name: PruneRuns :execrows
DELETE FROM runs
WHERE runs.ended > 0 AND (runs.ended < sqlc.arg(before) OR runs.seq <= sqlc.arg(through))
  AND runs.seq < (SELECT MAX(r.seq) FROM runs AS r);
