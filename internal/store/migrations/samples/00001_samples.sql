-- Samples over time: their own database, samples.db, beside the room's. A chunk
-- holds many samples of one series, packed by internal/series, which also says
-- what its bytes mean. Times are milliseconds since 1970.

-- +goose Up
CREATE TABLE sample_series (
    id         BIGINT           NOT NULL PRIMARY KEY,
    labels     TEXT             NOT NULL,
    sealed     BIGINT           NOT NULL,
    last_at    BIGINT           NOT NULL,
    last_value DOUBLE PRECISION NOT NULL
);

-- level: 0 samples as they came, 1 minutes, 2 hours, 3 days. number tells chunks
-- apart that begin at the same time, as they may when a clock was set back.
CREATE TABLE sample_chunks (
    level    BIGINT NOT NULL,
    series   BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    number   BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    data     BYTEA  NOT NULL,
    PRIMARY KEY (level, series, first_at, number)
);

-- What has come since the chunks of its series were written.
CREATE TABLE sample_journal (
    number BIGINT NOT NULL PRIMARY KEY,
    data   BYTEA  NOT NULL
);

-- How far something foreign has been taken over.
CREATE TABLE sample_imports (
    source TEXT   NOT NULL PRIMARY KEY,
    upto   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE sample_imports;

DROP TABLE sample_journal;

DROP TABLE sample_chunks;

DROP TABLE sample_series;
