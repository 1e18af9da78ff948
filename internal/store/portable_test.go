package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestStatementsArePortable keeps out what SQLite has and PostgreSQL has not:
// the day the store moves, only the placeholders may differ.
func TestStatementsArePortable(t *testing.T) {
	foreign := regexp.MustCompile(`(?i)\b(AUTOINCREMENT|INSERT\s+OR|REPLACE\s+INTO|WITHOUT\s+ROWID|STRICT|ROWID|PRAGMA|IFNULL|DATETIME|STRFTIME|JULIANDAY|UNIXEPOCH|GLOB|JSON_EXTRACT|RANDOMBLOB|LAST_INSERT_ROWID|BLOB|GROUP_CONCAT|INSTR|TOTAL_CHANGES|VACUUM|ATTACH)\b|LIMIT\s+\S+\s*,|[` + "`" + `]|==`)
	comment := regexp.MustCompile(`--.*`)
	var files []string
	for _, pattern := range []string{"migrations/*.sql", "migrations/*/*.sql", "query/*.sql"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range foreign.FindAllString(comment.ReplaceAllString(string(text), ""), -1) {
			t.Errorf("%s: %q is not portable SQL", file, bad)
		}
	}
}
