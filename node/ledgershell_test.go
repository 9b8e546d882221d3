package node

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// database is a database behind the store's back, as somebody with a shell has it.
type database struct {
	testing.TB
	db *sql.DB
}

func shell(t testing.TB, url string) database {
	driver := "sqlite"
	if strings.HasPrefix(url, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return database{t, db}
}

func (d database) exec(text string, args ...any) {
	d.Helper()
	if _, err := d.db.Exec(text, args...); err != nil {
		d.Fatalf("%s %v: %v", text, args, err)
	}
}

// rows reads all rows of a table.
func (d database) rows(table string, columns []string) (all [][]any) {
	d.Helper()
	rows, err := d.db.Query("SELECT " + strings.Join(columns, ", ") + " FROM " + table + " ORDER BY 1, 2")
	if err != nil {
		d.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		row, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			d.Fatal(err)
		}
		for i, v := range row {
			if b, ok := v.([]byte); v == nil || ok && b == nil {
				row[i] = []byte{} // an empty blob, in the hands of a driver
			}
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		d.Fatalf("table %s has %d rows: %v", table, len(all), err)
	}
	return all
}

// set makes one row out of another; the first keys columns name it.
func (d database) set(table string, columns []string, keys int, from, to []any) {
	d.Helper()
	var sets, where []string
	for i, c := range columns {
		sets = append(sets, fmt.Sprintf("%s = $%d", c, i+1))
	}
	for i, c := range columns[:keys] {
		where = append(where, fmt.Sprintf("%s = $%d", c, len(columns)+i+1))
	}
	d.exec("UPDATE "+table+" SET "+strings.Join(sets, ", ")+" WHERE "+strings.Join(where, " AND "), append(append([]any{}, to...), from[:keys]...)...)
}

func (d database) drop(table string, columns []string, keys int, row []any) {
	d.Helper()
	var where []string
	for i, c := range columns[:keys] {
		where = append(where, fmt.Sprintf("%s = $%d", c, i+1))
	}
	d.exec("DELETE FROM "+table+" WHERE "+strings.Join(where, " AND "), row[:keys]...)
}

func (d database) add(table string, columns []string, row []any) {
	d.Helper()
	var marks []string
	for i := range columns {
		marks = append(marks, fmt.Sprintf("$%d", i+1))
	}
	d.exec("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", row...)
}
