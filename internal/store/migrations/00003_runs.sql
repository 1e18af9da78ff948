-- Runs of plans, and what each has told: the truth about what was done. The log of a
-- run is its updates, several to a row: what was written together.

-- +goose Up
CREATE TABLE runs (
    seq       BIGINT NOT NULL PRIMARY KEY,
    id        TEXT   NOT NULL UNIQUE,
    status    TEXT   NOT NULL,
    goal      TEXT   NOT NULL,
    actor     TEXT   NOT NULL,
    door      TEXT   NOT NULL,
    remote    TEXT   NOT NULL,
    note      TEXT   NOT NULL,
    asked     TEXT   NOT NULL,
    concerned TEXT   NOT NULL,
    plan      BYTEA  NOT NULL,
    owner     TEXT   NOT NULL,
    epoch     BIGINT NOT NULL,
    beat      BIGINT NOT NULL,
    control   TEXT   NOT NULL,
    began     BIGINT NOT NULL,
    ended     BIGINT NOT NULL,
    report    BYTEA  NOT NULL
);

CREATE INDEX runs_open ON runs (seq) WHERE ended = 0;

CREATE TABLE run_steps (
    run    TEXT   NOT NULL REFERENCES runs (id),
    n      BIGINT NOT NULL,
    epoch  BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    body   BYTEA  NOT NULL,
    PRIMARY KEY (run, n)
);

-- +goose Down
DROP TABLE run_steps;

DROP TABLE runs;
