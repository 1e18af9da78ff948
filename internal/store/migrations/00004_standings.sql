-- How each thing of the room stands with what was asked of it, and what people have
-- decided about nodes: holds and maintenance.

-- +goose Up
CREATE TABLE standings (
    node   TEXT   NOT NULL,
    kind   TEXT   NOT NULL,
    object TEXT   NOT NULL,
    state  TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    since  BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    stops  BIGINT NOT NULL,
    drift  BIGINT NOT NULL,
    PRIMARY KEY (node, kind, object)
);

CREATE TABLE holds (
    node   TEXT   NOT NULL,
    kind   TEXT   NOT NULL,
    author TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    since  BIGINT NOT NULL,
    until  BIGINT NOT NULL,
    PRIMARY KEY (node, kind)
);

-- +goose Down
DROP TABLE holds;

DROP TABLE standings;
