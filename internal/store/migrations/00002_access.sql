-- Who may do what: users and the groups that they are in, tokens, and grants of
-- a role on a set of nodes. Small tables, read as a whole when the daemon starts.

-- +goose Up
CREATE TABLE users (
    name     TEXT    NOT NULL PRIMARY KEY,
    password TEXT    NOT NULL,
    disabled INTEGER NOT NULL,
    created  BIGINT  NOT NULL
);

CREATE TABLE memberships (
    member    TEXT NOT NULL REFERENCES users (name),
    groupname TEXT NOT NULL,
    PRIMARY KEY (member, groupname)
);

-- Of a token only a digest is kept; whoever reads this table cannot use it.
CREATE TABLE tokens (
    id      TEXT   NOT NULL PRIMARY KEY,
    owner   TEXT   NOT NULL REFERENCES users (name),
    digest  TEXT   NOT NULL,
    note    TEXT   NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used    BIGINT NOT NULL
);

-- A principal is user:NAME, group:NAME, token:ID or door:NAME. One that is not in
-- the tables above may be known to the system or to an issuer of identities.
CREATE TABLE grants (
    principal TEXT   NOT NULL,
    nodes     TEXT   NOT NULL,
    role      TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    author    TEXT   NOT NULL,
    PRIMARY KEY (principal, nodes)
);

-- +goose Down
DROP TABLE grants;

DROP TABLE tokens;

DROP TABLE memberships;

DROP TABLE users;
