package store

import "entente"

// postgresCatalogue lists tables, their columns, kinds and places in the primary key. It asks
// the tables of the system: the views of information_schema join them so often that the
// answer takes seconds where there are some dozen tables. indkey counts from 0.
const postgresCatalogue = `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)::text,
		COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
	WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.relname, a.attnum`

// postgresStage is the database itself: its transaction is all the staging it needs.
func postgresStage(url string) (*staging, error) {
	p, err := postgresOpen(url)
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the database cannot be opened: "+err.Error())
	}
	return &staging{p.write, p.close, func() { p.close() }}, nil
}
