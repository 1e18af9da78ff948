-- The first schema: what happened, which configuration ran, and what was cut
-- off in the act. Every statement here is also right on PostgreSQL: times are
-- nanoseconds since 1970 UTC in BIGINT, numbers are given out by the writer,
-- and BYTEA columns hold plain bytes on both.

-- +goose Up
CREATE TABLE events (
    seq     BIGINT  NOT NULL PRIMARY KEY,
    time    BIGINT  NOT NULL,
    kind    TEXT    NOT NULL,
    request TEXT    NOT NULL,
    actor   TEXT    NOT NULL,
    door    TEXT    NOT NULL,
    remote  TEXT    NOT NULL,
    op      TEXT    NOT NULL,
    targets TEXT    NOT NULL,
    count   INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    data    BYTEA
);

CREATE INDEX events_time ON events (time, seq);

CREATE INDEX events_request ON events (request) WHERE request <> '';

-- Intents that have no result yet. Kept beside the events so that finding them
-- after a crash costs what is open, not what ever happened.
CREATE TABLE open_intents (
    request TEXT   NOT NULL PRIMARY KEY,
    seq     BIGINT NOT NULL REFERENCES events (seq)
);

CREATE TABLE revisions (
    number BIGINT NOT NULL PRIMARY KEY,
    parent BIGINT REFERENCES revisions (number),
    time   BIGINT NOT NULL,
    author TEXT   NOT NULL,
    note   TEXT   NOT NULL,
    origin TEXT   NOT NULL
);

-- File contents by SHA-256, compressed with DEFLATE: revisions that differ in
-- one file of fifty share the other forty-nine.
CREATE TABLE contents (
    digest TEXT   NOT NULL PRIMARY KEY,
    size   BIGINT NOT NULL,
    packed BYTEA  NOT NULL
);

CREATE TABLE revision_files (
    revision BIGINT NOT NULL REFERENCES revisions (number),
    name     TEXT   NOT NULL,
    digest   TEXT   NOT NULL REFERENCES contents (digest),
    PRIMARY KEY (revision, name)
);

-- Nodes whose cycle or reset was cut off in the act: their state is unknown
-- until someone or a check decides.
CREATE TABLE interruptions (
    node    TEXT   NOT NULL PRIMARY KEY,
    op      TEXT   NOT NULL,
    request TEXT   NOT NULL,
    time    BIGINT NOT NULL
);

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- +goose Down
DROP TABLE meta;

DROP TABLE interruptions;

DROP TABLE revision_files;

DROP TABLE contents;

DROP TABLE revisions;

DROP TABLE open_intents;

DROP TABLE events;
