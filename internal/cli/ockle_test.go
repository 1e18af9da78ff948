package cli_test

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// ocklelog FILE: a log as Ockle's Logger writes it, of an hour ago.
func cmdOckleLog(ts *testscript.TestScript, _ bool, args []string) {
	d, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer d.Close()
	_, err = d.Exec("CREATE TABLE log (id INTEGER PRIMARY KEY, server TEXT, dataDict TEXT, time TEXT)")
	ts.Check(err)
	begin := time.Now().Add(-time.Hour).Unix()
	for i := range 100 {
		_, err = d.Exec("INSERT INTO log VALUES (NULL, 'web', ?, ?)", `{"outletoutlet1": {"current": 420, "name": "outlet1"}}`, fmt.Sprintf("%d.5", begin+int64(i)*10))
		ts.Check(err)
	}
}
