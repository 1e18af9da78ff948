package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"

	"github.com/go-sql-driver/mysql"
)

// askMySQL asks a MySQL or MariaDB server.
func askMySQL(ctx context.Context, t *target) (value string, found bool, err error) {
	var raw net.Conn
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName, config.TLS = t.user, t.password, t.database, t.tls
	config.Net, config.Addr = "tcp", net.JoinHostPort(t.host, strconv.Itoa(t.port))
	config.Logger, config.MaxAllowedPacket = &mysql.NopLogger{}, maxMessage
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := t.dial(ctx, network, address)
		raw = conn
		return conn, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return "", false, &refusal{err.Error()}
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return "", false, mysqlError(err)
	}
	if t.query == "" {
		return "", false, conn.Close()
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY", nil); err != nil {
		return "", false, mysqlError(err)
	}
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, t.query, nil)
	if err != nil {
		return "", false, mysqlError(err)
	}
	// One row is enough, and there may be millions: so nothing is read to its end.
	defer func() { _ = raw.Close() }()
	row := make([]driver.Value, len(rows.Columns()))
	switch err := rows.Next(row); {
	case errors.Is(err, io.EOF), err == nil && len(row) == 0:
		return "", false, nil
	case err != nil:
		return "", false, mysqlError(err)
	}
	switch v := row[0].(type) {
	case nil:
	case []byte:
		value = string(v)
	default:
		value = fmt.Sprint(v)
	}
	return value, true, nil
}

// mysqlError tells what the server turns down from what it cannot do at the moment.
func mysqlError(err error) error {
	var said *mysql.MySQLError
	switch {
	case errors.As(err, &said):
	case errors.Is(err, mysql.ErrCleartextPassword), errors.Is(err, mysql.ErrOldPassword), errors.Is(err, mysql.ErrUnknownPlugin):
		return &refusal{err.Error()}
	default:
		return err
	}
	text := fmt.Sprintf("%s (error %d)", said.Message, said.Number)
	// MySQL 8.0 and MariaDB, server error reference: access denied, no such database,
	// table or column, syntax, only reading.
	if slices.Contains([]uint16{1044, 1045, 1046, 1049, 1051, 1054, 1064, 1109, 1142, 1143, 1146, 1149, 1227, 1290, 1305, 1370, 1698, 1792}, said.Number) {
		return &refusal{text}
	}
	return errors.New(text)
}
